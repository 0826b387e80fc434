//! What pages of other origins may read, and their preflights. It must not know endpoints: a preflight of any path
//! is answered.

use http::StatusCode;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, VARY,
};

use crate::answer::Answer;
use crate::settings::CorsSettings;

const ALL_METHODS: &str = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY";
/// Always allowed, beside those that are set.
const SAFE_HEADERS: [&str; 4] = ["Accept", "Accept-Language", "Content-Language", "Content-Type"];
const PREFLIGHT_VARY: HeaderValue = HeaderValue::from_static(
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network",
);
const TRUE: HeaderValue = HeaderValue::from_static("true");

pub(super) struct Cors {
    origins: Vec<String>,
    all_origins: bool,
    credentials: bool,
    methods: String,
    /// `None` where every header is allowed.
    headers: Option<Vec<String>>,
    max_age: HeaderValue,
}

impl Cors {
    pub(super) fn new(settings: &CorsSettings) -> Self {
        let all = |list: &[String]| list.iter().any(|item| item == "*");
        let headers = (!all(&settings.headers)).then(|| {
            let mut headers: Vec<_> = SAFE_HEADERS.map(str::to_owned).into();
            headers.extend(settings.headers.iter().cloned());
            headers.sort();
            headers.dedup();
            headers
        });
        Self {
            all_origins: all(&settings.origins),
            origins: settings.origins.clone(),
            credentials: settings.credentials,
            methods: if all(&settings.methods) { ALL_METHODS.into() } else { settings.methods.join(", ") },
            headers,
            max_age: HeaderValue::from(settings.max_age_s),
        }
    }

    /// `access-control-allow-origin` for this origin, if it is allowed: compared with its case.
    fn allowed(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        if self.all_origins {
            return Some(if self.credentials { origin.clone() } else { HeaderValue::from_static("*") });
        }
        self.origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()).then(|| origin.clone())
    }

    /// The answer to a preflight; `None` if the request is none.
    pub(super) fn preflight(&self, request: &HeaderMap) -> Option<Answer> {
        let (origin, method) = (request.get(ORIGIN)?, request.get(ACCESS_CONTROL_REQUEST_METHOD)?);
        let asked = request.get(ACCESS_CONTROL_REQUEST_HEADERS);
        let allowed = self.allowed(origin);
        let mut refused = vec![];
        if allowed.is_none() {
            refused.push("origin");
        }
        if !self.methods.split(", ").any(|known| known.as_bytes() == method.as_bytes()) {
            refused.push("method");
        }
        if !asked.is_none_or(|asked| self.allow_headers(asked)) {
            refused.push("headers");
        }
        // Whatever it says.
        if request.contains_key("access-control-request-private-network") {
            refused.push("private-network");
        }
        let (status, text) = match &refused[..] {
            [] => (StatusCode::OK, "OK".to_owned()),
            refused => (StatusCode::BAD_REQUEST, format!("Disallowed CORS {}", refused.join(", "))),
        };
        let mut answer = Answer::text(status, &text);
        let length_and_type = std::mem::take(&mut answer.headers);
        self.preflight_headers(allowed, asked, &mut answer);
        answer.headers.extend(length_and_type);
        Some(answer)
    }

    fn preflight_headers(
        &self,
        allowed: Option<HeaderValue>,
        asked: Option<&HeaderValue>,
        answer: &mut Answer,
    ) {
        answer.push(VARY, PREFLIGHT_VARY);
        // The same for everyone, it comes first.
        let (for_all, allowed) =
            if self.all_origins && !self.credentials { (allowed, None) } else { (None, allowed) };
        if let Some(origin) = for_all {
            answer.push(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        if let Ok(methods) = HeaderValue::from_str(&self.methods) {
            answer.push(ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        answer.push(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        let listed =
            self.headers.as_ref().and_then(|headers| HeaderValue::from_str(&headers.join(", ")).ok());
        let echoed = if listed.is_none() { asked.cloned() } else { None };
        if let Some(listed) = listed {
            answer.push(ACCESS_CONTROL_ALLOW_HEADERS, listed);
        }
        if self.credentials {
            answer.push(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        if let Some(origin) = allowed {
            answer.push(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        if let Some(echoed) = echoed {
            answer.push(ACCESS_CONTROL_ALLOW_HEADERS, echoed);
        }
    }

    fn allow_headers(&self, asked: &HeaderValue) -> bool {
        let Some(allowed) = &self.headers else { return true };
        let asked = String::from_utf8_lossy(asked.as_bytes());
        let known = |name: &str| allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(name.trim()));
        asked.split(',').all(known)
    }

    /// Adds what an answer to another origin carries, and `vary` to every answer.
    pub(super) fn decorate(&self, request: &HeaderMap, answer: &mut Answer) {
        if let Some(origin) = request.get(ORIGIN) {
            let allowed = self.allowed(origin);
            let (first, last) = if self.all_origins { (allowed, None) } else { (None, allowed) };
            if let Some(origin) = first {
                answer.push(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            }
            if self.credentials {
                answer.push(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
            }
            answer.push(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("X-CSRF-Token"));
            if let Some(origin) = last {
                answer.push(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            }
        }
        answer.push(VARY, HeaderValue::from_static("Origin"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a preflight of `http://a` is told, in order: names without `access-control-`, and the body.
    #[track_caller]
    fn check(settings: CorsSettings, asked: &[(&'static str, &str)], names: &str, body: &str) {
        let asked = asked.iter().chain(&[("origin", "http://a")]);
        let asked =
            asked.map(|(name, value)| ((*name).try_into().expect("a name"), HeaderValue::from_str(value)));
        let request: HeaderMap = asked.map(|(name, value)| (name, value.expect("a value"))).collect();
        let answer = Cors::new(&settings).preflight(&request).expect("it is one");
        let told = answer.headers.iter().map(|(name, _)| name.as_str().trim_start_matches("access-control-"));
        assert_eq!(told.collect::<Vec<_>>().join(" "), names, "{settings:?}");
        assert_eq!(answer.body, body, "{settings:?}");
    }

    #[test]
    fn preflights_are_told_in_the_real_servers_order() {
        let of = |origins: &[&str], credentials, headers: &[&str]| CorsSettings {
            origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
            credentials,
            headers: headers.iter().map(|header| (*header).to_owned()).collect(),
            ..CorsSettings::default()
        };
        let get = ("access-control-request-method", "GET");
        let x_a = ("access-control-request-headers", "x-a, accept");
        let private = ("access-control-request-private-network", "no");
        let rest = "content-length content-type";
        for (settings, asked, names, body) in [
            (of(&[], false, &["*"]), &[get][..], "vary allow-methods max-age", "Disallowed CORS origin"),
            (
                of(&["*"], false, &["*"]),
                &[get, x_a],
                "vary allow-origin allow-methods max-age allow-headers",
                "OK",
            ),
            (
                of(&["*"], true, &["*"]),
                &[get, x_a],
                "vary allow-methods max-age allow-credentials allow-origin allow-headers",
                "OK",
            ),
            (
                of(&["http://a"], false, &["X-A"]),
                &[get, x_a],
                "vary allow-methods max-age allow-headers allow-origin",
                "OK",
            ),
            (
                of(&["http://a"], false, &[]),
                &[get, x_a],
                "vary allow-methods max-age allow-headers allow-origin",
                "Disallowed CORS headers",
            ),
            (
                of(&["http://a"], false, &["*"]),
                &[get, private],
                "vary allow-methods max-age allow-origin",
                "Disallowed CORS private-network",
            ),
        ] {
            check(settings, asked, &format!("{names} {rest}"), body);
        }
    }
}
