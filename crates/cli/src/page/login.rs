//! Who may come in, with `--web-login`: a user with a password, or a bearer token. Compared in constant time, tries limited
//! by address, sessions bounded. It must not know what is behind the door.

use std::collections::HashMap;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION, RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use subtle::{Choice, ConstantTimeEq};
use wire::{Clock, Mistakes};

use super::args::PageArgs;
use super::params::Params;
use super::routes::Door;
use super::server::Peer;
use super::{answer, guard};

/// Longest user name, password or token.
const SECRET_BYTES_MAX: usize = 256;
/// Wrong tries of one address before it has to wait, and how long.
const TRIES_MAX: u32 = 5;
const WAIT_NS: u64 = 10_000_000_000;
/// Addresses that are remembered for their tries.
const ADDRESSES_MAX: usize = 1_024;
/// Sessions at once, and how long one lasts.
const SESSIONS_MAX: usize = 256;
const SESSION_NS: u64 = 24 * 3_600 * 1_000_000_000;
const COOKIE_NAME: &str = "weaver_bench_session";
const REMEDY: &str =
    "set WEAVER_WEB_USER and WEAVER_WEB_PASSWORD, or WEAVER_WEB_TOKEN, or give a file with such lines";

/// The lock.
pub(super) struct Login {
    secrets: Secrets,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Clone, Default)]
struct Secrets {
    user: Option<String>,
    password: Option<String>,
    token: Option<String>,
}

#[derive(Default)]
struct State {
    /// Until when each session lasts.
    sessions: HashMap<String, u64>,
    /// Wrong tries, and when the last was.
    tries: HashMap<IpAddr, (u32, u64)>,
}

/// Whether two texts are the same, in a time that does not depend on where they differ.
fn same(a: &str, b: &str) -> Choice {
    let padded = |text: &str| {
        let mut bytes = [0; SECRET_BYTES_MAX];
        let length = text.len().min(SECRET_BYTES_MAX);
        bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
        bytes
    };
    padded(a).ct_eq(&padded(b)) & (a.len() as u64).ct_eq(&(b.len() as u64))
}

impl Login {
    /// As `--web-login` says; `None` without it.
    pub(super) fn of(args: &PageArgs, clock: Clock) -> Result<Option<Self>, Mistakes> {
        let Some(file) = &args.web_login else { return Ok(None) };
        let lines = if file.as_os_str() == "-" { variables() } else { lines(file)? };
        let secrets = Secrets::of(&lines)?;
        Ok(Some(Self { secrets, clock, state: Mutex::default() }))
    }

    /// Why a request does not come in; `None` when it does.
    pub(super) fn refusal(&self, request: &Request) -> Option<Response> {
        let path = request.uri().path();
        if matches!(path, "/login" | "/favicon.ico") || path.starts_with("/assets/") {
            return None;
        }
        let (headers, peer) = (request.headers(), peer(request));
        if self.has_session(headers) {
            return None;
        }
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(token) = text(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer ")) {
            return self.tried(peer, |secrets| secrets.token_is(token));
        }
        let wants_page = request.method() == http::Method::GET
            && text(ACCEPT).is_some_and(|accept| accept.contains("text/html"));
        Some(match wants_page {
            true => (StatusCode::SEE_OTHER, [(LOCATION, "/login")]).into_response(),
            false => (StatusCode::UNAUTHORIZED, [("www-authenticate", "Bearer")], NOT_KNOWN).into_response(),
        })
    }

    fn has_session(&self, headers: &HeaderMap) -> bool {
        let now_ns = self.clock.now_ns();
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = |id: &str| state.sessions.get(id).is_some_and(|until_ns| now_ns < *until_ns);
        session_id(headers).is_some_and(alive)
    }

    /// Lets one try, unless the address has had too many; the refusal of a wrong one.
    fn tried(&self, peer: IpAddr, right: impl FnOnce(&Secrets) -> bool) -> Option<Response> {
        let now_ns = self.clock.now_ns();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (tries, last_ns) = state.tries.get(&peer).copied().unwrap_or((0, now_ns));
        let tries = if now_ns >= last_ns + WAIT_NS { 0 } else { tries };
        if tries >= TRIES_MAX {
            let text = "too many wrong tries; wait ten seconds\n";
            return Some((StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, "10")], text).into_response());
        }
        if right(&self.secrets) {
            state.tries.remove(&peer);
            return None;
        }
        if state.tries.len() >= ADDRESSES_MAX {
            state.tries.clear();
        }
        state.tries.insert(peer, (tries + 1, now_ns));
        tracing::warn!(target: "weaver_bench::page", "a wrong login from {peer}");
        Some((StatusCode::UNAUTHORIZED, NOT_KNOWN).into_response())
    }

    /// A new session's cookie.
    fn open(&self) -> Option<String> {
        let mut bytes = [0_u8; 32];
        std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).ok()?;
        let id: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let now_ns = self.clock.now_ns();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.sessions.retain(|_, until_ns| now_ns < *until_ns);
        if state.sessions.len() >= SESSIONS_MAX
            && let Some(oldest) = state.sessions.iter().min_by_key(|(_, until_ns)| **until_ns)
        {
            let oldest = oldest.0.clone();
            state.sessions.remove(&oldest);
        }
        state.sessions.insert(id.clone(), now_ns.saturating_add(SESSION_NS));
        Some(format!("{COOKIE_NAME}={id}; Path=/; HttpOnly; SameSite=Strict; Max-Age=86400"))
    }

    fn close(&self, headers: &HeaderMap) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = session_id(headers) {
            state.sessions.remove(id);
        }
    }
}

const NOT_KNOWN: &str = "who are you? log in at /login, or send a bearer token\n";

impl Secrets {
    fn of(lines: &[(String, String)]) -> Result<Self, Mistakes> {
        let get = |name: &str| {
            let found = lines.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
            found.filter(|value| !value.is_empty())
        };
        let secrets = Self {
            user: get("WEAVER_WEB_USER"),
            password: get("WEAVER_WEB_PASSWORD"),
            token: get("WEAVER_WEB_TOKEN"),
        };
        let mut mistakes = Mistakes::default();
        if secrets.user.is_some() != secrets.password.is_some() {
            mistakes.push("--web-login", "a user and a password belong together", REMEDY);
        }
        if secrets.user.is_none() && secrets.token.is_none() {
            mistakes.push("--web-login", "nobody could come in", REMEDY);
        }
        let all = [&secrets.user, &secrets.password, &secrets.token];
        if all.into_iter().flatten().any(|secret| secret.len() > SECRET_BYTES_MAX) {
            mistakes.push(
                "--web-login",
                format!("a secret is longer than {SECRET_BYTES_MAX} bytes"),
                "use a shorter one",
            );
        }
        mistakes.or(secrets)
    }

    fn token_is(&self, token: &str) -> bool {
        self.token.as_deref().is_some_and(|known| bool::from(same(known, token)))
    }

    fn person_is(&self, user: &str, password: &str) -> bool {
        let (Some(known), Some(secret)) = (&self.user, &self.password) else { return false };
        bool::from(same(known, user) & same(secret, password))
    }
}

fn variables() -> Vec<(String, String)> {
    #[expect(clippy::disallowed_methods, reason = "the environment enters in `cli`")]
    let value = |name: &str| std::env::var(name).unwrap_or_default();
    ["WEAVER_WEB_USER", "WEAVER_WEB_PASSWORD", "WEAVER_WEB_TOKEN"]
        .map(|name| (name.to_owned(), value(name)))
        .to_vec()
}

fn lines(path: &Path) -> Result<Vec<(String, String)>, Mistakes> {
    let file = crate::files::read_text(path)?;
    let pair = |line: &str| {
        let (name, value) = line.split_once('=')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    Ok(file.text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(pair).collect())
}

fn session_id(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, id)| id)
}

fn peer(request: &Request) -> IpAddr {
    request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip())
}

const PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
<meta name=\"viewport\" content=\"width=device-width\"><title>weaver-bench: log in</title>\
<link rel=\"stylesheet\" href=\"/assets/app.css\"><main><h1>weaver-bench</h1><form method=\"post\" action=\"/login\">\
<p><label>User <input name=\"username\" autocomplete=\"username\" required autofocus></label></p>\
<p><label>Password <input name=\"password\" type=\"password\" autocomplete=\"current-password\" required></label></p>\
<p><button>Log in</button></p></form></main></html>\n";

/// `GET` and `POST /login`, `POST /logout`.
pub(super) fn routes(door: Arc<Door>) -> Router {
    Router::new()
        .route("/login", get(async || ([(CONTENT_TYPE, "text/html; charset=utf-8")], PAGE)).post(log_in))
        .route("/logout", post(log_out))
        .with_state(door)
}

async fn log_in(axum::extract::State(door): axum::extract::State<Arc<Door>>, request: Request) -> Response {
    let Some(login) = &door.login else { return answer::missing("a login") };
    let peer = peer(&request);
    let body = match answer::read(request.into_body(), login.clock).await {
        Ok(body) => body,
        Err(failure) => return answer::refused(&failure),
    };
    let params = Params::parse(&String::from_utf8_lossy(&body));
    let given = |name: &str| params.get(name).unwrap_or_default().to_owned();
    let (user, password) = (given("username"), given("password"));
    if let Some(refusal) = login.tried(peer, |secrets| secrets.person_is(&user, &password)) {
        return refusal;
    }
    match login.open() {
        Some(cookie) => {
            (StatusCode::SEE_OTHER, [(LOCATION, "/".to_owned()), (SET_COOKIE, cookie)]).into_response()
        }
        None => (StatusCode::INTERNAL_SERVER_ERROR, "this machine gives no random numbers\n").into_response(),
    }
}

async fn log_out(
    axum::extract::State(door): axum::extract::State<Arc<Door>>,
    headers: HeaderMap,
) -> Response {
    let Some(login) = &door.login else { return answer::missing("a login") };
    login.close(&headers);
    let gone = format!("{COOKIE_NAME}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    let mut response =
        (StatusCode::SEE_OTHER, [(LOCATION, "/login".to_owned()), (SET_COOKIE, gone)]).into_response();
    guard::mark(response.headers_mut());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(pairs: &[(&str, &str)]) -> Result<Secrets, Mistakes> {
        Secrets::of(&pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>())
    }

    #[test]
    fn secrets_are_whole_or_refused() {
        let (user, password, token) = ("WEAVER_WEB_USER", "WEAVER_WEB_PASSWORD", "WEAVER_WEB_TOKEN");
        for (pairs, problem) in [
            (vec![], Some("nobody could come in")),
            (vec![(user, "a")], Some("belong together")),
            (vec![(user, ""), (token, "")], Some("nobody could come in")),
            (vec![(user, "a"), (password, "b")], None),
            (vec![(token, "t")], None),
        ] {
            let found = secrets(&pairs).err().map(|mistakes| mistakes.to_string());
            assert_eq!(found.is_some(), problem.is_some(), "{pairs:?}");
            assert!(found.is_none_or(|text| text.contains(problem.unwrap_or_default())));
        }
        let known = secrets(&[(user, "ann"), (password, "öl"), (token, "t0")]).expect("whole");
        assert!(known.person_is("ann", "öl") && known.token_is("t0"));
        let long = "x".repeat(300);
        for (name, word) in
            [("ann", "o"), ("ann", ""), ("", "öl"), ("ann\0", "öl"), ("ann", "öl\0"), ("ann", &long)]
        {
            assert!(!known.person_is(name, word), "{name} {word}");
        }
        assert!(!known.token_is("") && !known.token_is("t") && !known.token_is("t0\0"));
        let without = secrets(&[(user, "ann"), (password, "öl")]).expect("whole");
        assert!(!without.token_is(""));
    }

    #[tokio::test(start_paused = true)]
    async fn tries_are_limited_by_address() {
        let clock = Clock::at(0);
        let secrets = secrets(&[("WEAVER_WEB_TOKEN", "t")]).expect("whole");
        let login = Login { secrets, clock, state: Mutex::default() };
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let status =
            |peer, right: bool| login.tried(peer, |_| right).map(|refusal| refusal.status().as_u16());
        for _ in 0..TRIES_MAX {
            assert_eq!(status(one, false), Some(401));
        }
        assert_eq!((status(one, true), status(other, true)), (Some(429), None));
        clock.sleep(std::time::Duration::from_secs(11)).await;
        assert_eq!(status(one, true), None);
        for number in 0..=ADDRESSES_MAX as u32 {
            let _ = status(IpAddr::V4(Ipv4Addr::from(number)), false);
        }
        assert!(login.state.lock().expect("sound").tries.len() <= ADDRESSES_MAX);
        for _ in 0..SESSIONS_MAX + 3 {
            assert!(login.open().is_some_and(|cookie| cookie.contains("HttpOnly; SameSite=Strict")));
        }
        assert_eq!(login.state.lock().expect("sound").sessions.len(), SESSIONS_MAX);
    }
}
