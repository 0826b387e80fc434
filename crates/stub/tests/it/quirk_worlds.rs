//! The quirks that one request to a router cannot show: messages that are signed, files that break, a Redis that comes
//! and goes, connections. Each probe tells in words what a stub with these repairs does.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use stub::redis::Condition;
use stub::{A2aSettings, AuthMode, Quirk, RedisSettings, Repairs, Secret, Settings, Stub, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use wire::token::{Budget, Capability, Envelope, KeyPair, PrivateKey, key_pair, utc_iso};
use wire::{Clock, Seed};

use crate::common::{Reply, ask, one_agent, request, send, settings, stub};
use crate::redis_server::RedisServer;
use crate::server::answer;

/// The quirks that are shown here.
pub(crate) const SHOWN: [Quirk; 10] = [
    Quirk::EscapedPem,
    Quirk::SilentClose,
    Quirk::RedisUrl,
    Quirk::NonceOrder,
    Quirk::NaiveTime,
    Quirk::DeafRouter,
    Quirk::PolicyReload,
    Quirk::Docs,
    Quirk::RedisHang,
    Quirk::TrailingBlanks,
];
const INSTANT: &str = "concurrency = 9\ndelay = { fixed = \"0s\" }";

/// What `probe` tells of the real server, of one with this quirk repaired, and of one with all of them.
async fn check<F: Future<Output = String>>(
    quirk: Quirk,
    probe: impl Fn(Repairs) -> F,
    faithful: &str,
    repaired: &str,
) {
    assert!(SHOWN.contains(&quirk), "{quirk:?} is not in the list");
    for (repairs, expected) in
        [(Repairs::NONE, faithful), (Repairs::NONE.with(quirk), repaired), (Repairs::ALL, repaired)]
    {
        assert_eq!(probe(repairs).await, expected, "{quirk:?}, {repairs:?}");
    }
}

/// Status and the beginning of the body.
fn told(reply: &Reply) -> String {
    format!("{} {:.80}", reply.status.as_u16(), reply.body)
}

#[tokio::test(start_paused = true)]
async fn an_escaped_pem() {
    let pair = key_pair().expect("a pair");
    let probe = |repairs| {
        let key = PrivateKey::rsa(&pair.private_pem).expect("a key");
        let token = key.sign(&BTreeMap::from([("sub", "ann")])).expect("a token");
        let pem = Secret(pair.public_pem.replace('\n', "\\n"));
        async move {
            let settings = Settings { auth_mode: AuthMode::Jwt, jwt_key: Some(pem), repairs, ..settings() };
            let (stub, _) = stub(settings, one_agent(INSTANT));
            let reply = send(&stub, request(&format!("GET /whoami|authorization:Bearer {token}"), "")).await;
            told(&reply)
        }
    };
    let ann = r#"200 {"tenant_id":null,"user_id":"ann","roles":[],"scopes":[]}"#;
    check(Quirk::EscapedPem, probe, "500 Internal Server Error", ann).await;
}

/// A stub to which `ann` may send messages with these keys.
fn with_sender(pair: &KeyPair, redis: RedisSettings, repairs: Repairs) -> (Stub, Clock) {
    let senders = BTreeMap::from([("ann".to_owned(), pair.public_pem.clone())]);
    let a2a = A2aSettings { public_key: None, senders };
    stub(Settings { a2a, redis, repairs, ..settings() }, one_agent(INSTANT))
}

/// A message of `ann` to the agent `a`, with the time that `created_at` makes of the right one.
fn message(pair: &KeyPair, clock: Clock, nonce: &str, created_at: impl Fn(String) -> String) -> String {
    let envelope = Envelope {
        request_id: format!("r-{nonce}"),
        sender_id: "ann".into(),
        receiver_id: "x".into(),
        created_at: created_at(utc_iso(clock.unix_ns())),
        nonce: nonce.into(),
        capabilities: vec![Capability { name: "a".into(), version: "1".into(), scopes: vec![] }],
        budget: Budget::new(1, 300, 3),
        payload: "{}".into(),
    };
    envelope.signed(&PrivateKey::rsa(&pair.private_pem).expect("a key")).expect("a message")
}

async fn deliver(stub: &Stub, message: &str) -> Reply {
    send(stub, request("POST /a2a/message|content-type:application/json", message)).await
}

#[tokio::test(start_paused = true)]
async fn a_nonce_of_a_forged_message() {
    let (ours, theirs) = (key_pair().expect("a pair"), key_pair().expect("a pair"));
    let probe = async |repairs| {
        let (stub, clock) = with_sender(&ours, RedisSettings::Memory { up: true }, repairs);
        let forged = deliver(&stub, &message(&theirs, clock, "n", |time| time)).await;
        assert_eq!(told(&forged), r#"401 {"detail":"Invalid message signature"}"#);
        let right = message(&ours, clock, "n", |time| time);
        let first = deliver(&stub, &right).await.status.as_u16();
        let again = deliver(&stub, &right).await.status.as_u16();
        format!("{first}, again {again}")
    };
    check(Quirk::NonceOrder, probe, "401, again 401", "200, again 401").await;
}

#[tokio::test(start_paused = true)]
async fn a_time_without_a_zone() {
    let pair = key_pair().expect("a pair");
    let probe = async |repairs| {
        let (stub, clock) = with_sender(&pair, RedisSettings::Memory { up: true }, repairs);
        let naive = |time: String| time.trim_end_matches("+00:00").to_owned();
        deliver(&stub, &message(&pair, clock, "n", naive)).await.status.as_u16().to_string()
    };
    check(Quirk::NaiveTime, probe, "500", "200").await;
}

#[tokio::test(start_paused = true)]
async fn a_router_that_started_without_redis() {
    let pair = key_pair().expect("a pair");
    let probe = async |repairs| {
        let (stub, clock) = with_sender(&pair, RedisSettings::Memory { up: false }, repairs);
        let before = deliver(&stub, &message(&pair, clock, "before", |time| time)).await.status.as_u16();
        stub.embedded_redis().expect("one").set(Condition::Up);
        clock.sleep(Duration::from_secs(5)).await;
        let after = deliver(&stub, &message(&pair, clock, "after", |time| time)).await;
        format!("{before}, then {}", if after.status == 200 { "200".into() } else { told(&after) })
    };
    let deaf = r#"500, then 500 {"detail":"Routing failed: Agent did not respond within 0.3s timeout"}"#;
    check(Quirk::DeafRouter, probe, deaf, "500, then 200").await;
}

#[tokio::test(start_paused = true)]
async fn a_redis_that_hangs() {
    let probe = async |repairs| {
        let redis = RedisSettings::Memory { up: true };
        let (stub, clock) = stub(Settings { redis, repairs, ..settings() }, one_agent(INSTANT));
        stub.embedded_redis().expect("one").set(Condition::Frozen);
        let before_ns = clock.now_ns();
        let reply = send(&stub, request("GET /health", "")).await;
        let took_ms = (clock.now_ns() - before_ns) / 1_000_000;
        let took = match took_ms {
            0..=252 => "within 0.25 s",
            10_000.. => "after 10 s",
            _ => "in between",
        };
        format!("{} {took}", reply.status.as_u16())
    };
    check(Quirk::RedisHang, probe, "200 after 10 s", "200 within 0.25 s").await;
}

#[tokio::test(start_paused = true)]
async fn rules_that_break() {
    let probe = async |repairs| {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |text: &str| std::fs::write(folder.path().join("guardrails.yaml"), text).expect("a file");
        write("deny_patterns: [zebra]\n");
        let policies = Some(folder.path().to_owned());
        let (stub, clock) = stub(Settings { policies, repairs, ..settings() }, one_agent(INSTANT));
        let mut told = vec![];
        for text in ["deny_patterns: [zebra]\n", "deny_patterns: [\n", "deny_patterns: [lion, tiger]\n"] {
            write(text);
            clock.sleep(Duration::from_secs(2)).await;
            for query in ["a zebra", "a lion"] {
                told.push(send(&stub, ask("r", query)).await.status.as_u16().to_string());
            }
        }
        told.join(" ")
    };
    check(Quirk::PolicyReload, probe, "400 200 500 500 200 400", "400 200 400 200 200 400").await;
}

#[tokio::test(start_paused = true)]
async fn pages_of_the_interface() {
    let probe = async |repairs| {
        let (stub, _) = stub(Settings { repairs, ..settings() }, one_agent(INSTANT));
        let page = send(&stub, request("GET /docs", "")).await;
        let runs = !page.header("content-security-policy").contains("script-src 'none'");
        let elsewhere = page.body.contains("src=\"https://") || page.body.contains("src=\"//");
        let document = send(&stub, request("GET /openapi.json", "")).await;
        let is_whole = document.body.len() > 4_197;
        format!("scripts run: {runs}, from elsewhere: {elsewhere}, a whole document: {is_whole}")
    };
    let faithful = "scripts run: false, from elsewhere: false, a whole document: false";
    let repaired = "scripts run: true, from elsewhere: false, a whole document: true";
    check(Quirk::Docs, probe, faithful, repaired).await;
}

/// A connection to a stub that serves while the sender lives, on which these bytes were sent.
async fn connection(settings: Settings, clock: Clock, bytes: &[u8]) -> (TcpStream, oneshot::Sender<()>) {
    let stub = Stub::new(settings, one_agent(INSTANT), clock, Seed(1));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(serve(listener, stub, stopped));
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(bytes).await.expect("it is open");
    (stream, stop)
}

#[tokio::test]
async fn blanks_behind_values() {
    let probe = async |repairs| {
        let mut told = vec![];
        for (auth_mode, headers) in [
            (AuthMode::ApiKey, "X-API-Key: key \t"),
            (AuthMode::ApiKey, "X-API-Key: calc\r\nX-User-Id: bob "),
            (AuthMode::Jwt, "Authorization: Bearer "),
        ] {
            let settings = Settings { repairs, auth_mode, ..settings() };
            let request = format!("GET /whoami HTTP/1.1\r\n{headers}\r\n\r\n");
            let (mut stream, _stop) = connection(settings, Clock::system(), request.as_bytes()).await;
            let text = answer(&mut stream).await;
            told.push(text.rsplit(['{', '}']).nth(1).unwrap_or_default().to_owned());
        }
        told.join("; ")
    };
    let user = |name: &str, roles: &str| {
        format!(r#""tenant_id":null,"user_id":"{name}","roles":[{roles}],"scopes":[]"#)
    };
    let faithful = r#""detail":"Invalid API key"; "detail":"User ID does not match API key authorization"; "detail":"Missing token""#;
    let format = r#""detail":"Invalid authorization header format""#;
    let repaired = format!("{}; {}; {format}", user("anonymous", ""), user("bob", "\"user\""));
    check(Quirk::TrailingBlanks, probe, faithful, &repaired).await;
}

#[tokio::test]
async fn a_crash_on_a_connection() {
    let probe = async |repairs| {
        let clock = Clock::system();
        let crash = b"POST /ask HTTP/1.1\r\nX-API-Key: calc\r\nContent-Length: 31\r\n\r\n{\"user_id\":\"u\",\"query\":\"2 + 2\"}";
        let (mut stream, _stop) = connection(Settings { repairs, ..settings() }, clock, crash).await;
        let first = answer(&mut stream).await;
        let rest = clock.timeout(Duration::from_millis(300), stream.read_to_end(&mut vec![])).await;
        assert!(!first.contains("connection: "), "{first}");
        format!("{}, {}", &first[9..12], if rest.is_ok() { "closed" } else { "open" })
    };
    for (repairs, expected) in [
        (Repairs::NONE, "500, closed"),
        (Repairs::NONE.with(Quirk::SilentClose), "500, open"),
        (Repairs::ALL, "200, open"),
    ] {
        assert_eq!(probe(repairs).await, expected, "{repairs:?}");
    }
}

#[tokio::test]
async fn a_redis_by_its_url() {
    let probe = async |repairs: Repairs| {
        let redis = RedisServer::start();
        let repair: Vec<_> = repairs.names().collect();
        let variables = [
            ("REDIS_URL", redis.url()),
            ("WEAVER_ALLOWED_API_KEYS", "key".to_owned()),
            ("WEAVER_STUB_REPAIR", repair.join(",")),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        let settings = Settings::from_variables(variables).expect("settings");
        let stub = Stub::connect(settings, one_agent(INSTANT), Clock::system(), Seed(1)).await;
        let stub = stub.expect("a right URL");
        send(&stub, request("GET /whoami|x-api-key:key", "")).await;
        let kept = redis.ask("EVAL return(#redis.call([[keys]],[[weaver:http:*]])) 0") == ":1\r\n";
        let metrics = send(&stub, request("GET /metrics", "")).await;
        format!("cached there: {kept}, a pool: {}", metrics.body.contains("\"pool_info\""))
    };
    let (faithful, repaired) = ("cached there: false, a pool: false", "cached there: true, a pool: true");
    check(Quirk::RedisUrl, probe, faithful, repaired).await;
}
