//! Pages about the interface: its OpenAPI document, and the document to browse. In their sizes and types those of
//! the real server, in words of our own; repaired, whole and without the internet.
//!
//! It must not know who asks, nor what the endpoints do.

mod viewer;

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::HeaderValue;
use http::{Method, StatusCode};

use crate::answer::Answer;
use crate::quirk::{Quirk, Repairs};
use crate::routes::Page;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// The real server's document is so long, and its pages are.
const OPENAPI_BYTES: usize = 4_197;
const DOCS_BYTES: usize = 1_012;
const REDOC_BYTES: usize = 894;
const REDIRECT_BYTES: usize = 3_012;

static OPENAPI: LazyLock<Bytes> = LazyLock::new(|| padded(include_str!("openapi.json"), OPENAPI_BYTES));
static DOCS: LazyLock<Bytes> = LazyLock::new(|| padded(include_str!("docs.html"), DOCS_BYTES));
static REDOC: LazyLock<Bytes> = LazyLock::new(|| padded(include_str!("docs.html"), REDOC_BYTES));
static REDIRECT: LazyLock<Bytes> = LazyLock::new(|| padded(include_str!("redirect.html"), REDIRECT_BYTES));
const OPENAPI_FULL: Bytes = Bytes::from_static(include_bytes!("openapi_full.json"));

/// The page as it is answered.
pub(crate) fn page(page: Page, repairs: Repairs) -> Answer {
    let is_repaired = repairs.has(Quirk::Docs);
    let html = |body| Answer::new(StatusCode::OK, HTML, body);
    match page {
        Page::OpenApi if is_repaired => Answer::json(OPENAPI_FULL),
        Page::OpenApi => Answer::json(OPENAPI.clone()),
        Page::Docs | Page::Redoc if is_repaired => viewer::page(),
        Page::Docs => html(DOCS.clone()),
        Page::Redoc => html(REDOC.clone()),
        Page::Redirect => html(REDIRECT.clone()),
    }
}

/// A file that the repaired pages want; nothing where they are not repaired.
pub(crate) fn file(method: &Method, path: &str, repairs: Repairs) -> Option<Answer> {
    let reads = *method == Method::GET || *method == Method::HEAD;
    (reads && repairs.has(Quirk::Docs)).then(|| viewer::file(path)).flatten()
}

/// The text with blanks behind it, which neither JSON nor HTML minds.
fn padded(text: &str, bytes: usize) -> Bytes {
    format!("{:<bytes$}", text.trim_end()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_as_long_as_the_real_ones() {
        for (at, bytes, content_type) in [
            (Page::OpenApi, 4_197, "application/json"),
            (Page::Docs, 1_012, "text/html; charset=utf-8"),
            (Page::Redoc, 894, "text/html; charset=utf-8"),
            (Page::Redirect, 3_012, "text/html; charset=utf-8"),
        ] {
            let answer = page(at, Repairs::NONE);
            assert_eq!(answer.body.len(), bytes, "{at:?}");
            let headers: Vec<_> = answer.headers.iter().map(|(_, value)| value.as_bytes()).collect();
            assert_eq!(headers, [bytes.to_string().as_bytes(), content_type.as_bytes()], "{at:?}");
            assert_eq!(answer.policy, None, "{at:?}");
        }
    }

    #[test]
    fn files_are_there_where_the_pages_want_them() {
        let repaired = Repairs::NONE.with(Quirk::Docs);
        for (method, path, repairs, is_there) in [
            (Method::GET, "/docs/swagger-ui.css", repaired, true),
            (Method::HEAD, "/docs/swagger-ui-bundle.js", repaired, true),
            (Method::GET, "/docs/start.js", repaired, true),
            (Method::POST, "/docs/start.js", repaired, false),
            (Method::GET, "/docs/start.js", Repairs::NONE, false),
            (Method::GET, "/docs/index.html", repaired, false),
            (Method::GET, "/docs/swagger-ui.js", repaired, false),
            (Method::GET, "/docs/", repaired, false),
        ] {
            assert_eq!(file(&method, path, repairs).is_some(), is_there, "{method} {path}");
        }
        let page = page(Page::Docs, repaired);
        let text = String::from_utf8_lossy(&page.body).into_owned();
        let wanted = text.split('"').filter(|part| part.starts_with("/docs/"));
        let missing: Vec<_> = wanted.filter(|path| file(&Method::GET, path, repaired).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(page.policy.is_some_and(|policy| !policy.to_str().expect("text").contains("unsafe")));
    }
}
