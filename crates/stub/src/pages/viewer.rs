//! The document to browse: Swagger UI, all of it from the stub itself.
//!
//! It must not know what the document says.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::HeaderValue;
use utoipa_swagger_ui::Config;

use super::HTML;
use crate::answer::Answer;

/// Scripts and styles come from here alone, and there are none within the page.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     frame-ancestors 'none'; form-action 'none'; base-uri 'none'",
);
const SCRIPT: HeaderValue = HeaderValue::from_static("text/javascript; charset=utf-8");

const PAGE: Bytes = Bytes::from_static(include_bytes!("viewer.html"));
const START: Bytes = Bytes::from_static(include_bytes!("start.js"));
const STYLE: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");

/// The page.
pub(super) fn page() -> Answer {
    let mut answer = Answer::new(StatusCode::OK, HTML, PAGE);
    answer.policy = Some(POLICY);
    answer
}

/// What the page wants: its start, and two files of Swagger UI.
pub(super) fn file(path: &str) -> Option<Answer> {
    let (name, content_type) = match path {
        "/docs/start.js" => return Some(Answer::new(StatusCode::OK, SCRIPT, START)),
        "/docs/swagger-ui-bundle.js" => ("swagger-ui-bundle.js", SCRIPT),
        "/docs/swagger-ui.css" => ("swagger-ui.css", STYLE),
        _ => return None,
    };
    let file = utoipa_swagger_ui::serve(name, Arc::new(Config::default())).ok().flatten()?;
    let bytes = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    Some(Answer::new(StatusCode::OK, content_type, bytes))
}
