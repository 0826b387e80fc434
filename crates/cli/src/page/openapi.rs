//! The interface as a document, and a page to browse it: all of it from the binary. It must not know what it says.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use utoipa_swagger_ui::Config;

use super::answer;
use super::assets::content_type;

const DOCUMENT: &str = include_str!("openapi.json");
const START: &str = "window.onload = () => {\n  SwaggerUIBundle({ url: \"/openapi.json\", dom_id: \"#ui\", deepLinking: true });\n};\n";
const PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>weaver-bench: interface</title>\
<link rel=\"stylesheet\" href=\"/docs/swagger-ui.css\"><div id=\"ui\"></div>\
<script src=\"/docs/swagger-ui-bundle.js\"></script><script src=\"/docs/start.js\"></script></html>\n";

/// `GET /openapi.json`.
pub(super) async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

/// `GET /docs`.
pub(super) async fn page() -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], PAGE).into_response()
}

/// What the page wants.
pub(super) async fn file(Path(name): Path<String>) -> Response {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    if name == "start.js" {
        return ([(CONTENT_TYPE, content_type(ending))], START).into_response();
    }
    if !matches!(name.as_str(), "swagger-ui-bundle.js" | "swagger-ui.css") {
        return answer::missing(&name);
    }
    let found = utoipa_swagger_ui::serve(&name, Arc::new(Config::default())).ok().flatten();
    let Some(found) = found else { return answer::missing(&name) };
    let bytes = match found.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    ([(CONTENT_TYPE, content_type(ending))], bytes).into_response()
}
