//! The page against those who should have no say: hostile pages, wrong hosts, wrong logins, slow readers, slow heads.
//! It must not know how the page looks.

use std::io::{Read, Write};

use serde_json::json;

use crate::browser::Page;
use crate::common::{Server, asker, folder, profile};

const CHANGES: [(&str, &str); 9] = [
    ("POST", "/swarm"),
    ("GET", "/stop"),
    ("POST", "/stop"),
    ("GET", "/stats/reset"),
    ("POST", "/api/start"),
    ("POST", "/api/baseline"),
    ("POST", "/api/edit"),
    ("POST", "/api/stop"),
    ("POST", "/api/reset"),
];

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

#[test]
fn foreign_pages_and_hosts_change_nothing() {
    let place = folder(&[("s.toml", &asker("50ms", ""))]);
    let page = Page::start(place.path(), "-f s.toml", &[]);
    let own = format!("Origin: http://{}", page.address);
    for (method, path) in CHANGES {
        for foreign in [
            &["Origin: http://evil.example"][..],
            &["Origin: null"],
            &["Origin: http://localhost:1"],
            &["Sec-Fetch-Site: cross-site"],
            &["Sec-Fetch-Site: same-site"],
            &["Sec-Fetch-Site: cross-site", &own],
            &["Referer: http://evil.example/"],
        ] {
            let answer =
                page.send(method, path, &lines(foreign), "user_count=1&spawn_rate=1&host=http://127.0.0.1:1");
            assert_eq!(answer.status, 403, "{method} {path} {foreign:?}: {}", answer.body);
        }
    }
    for host in ["evil.example", "evil.example:8089", "10.0.0.1", "localhost.evil.example", ""] {
        for path in ["/", "/stop", "/api/state", "/stats/requests"] {
            assert_eq!(
                page.send("GET", path, &lines(&[&format!("Host: {host}")]), "").status,
                421,
                "{host} {path}"
            );
        }
    }
    let answer = page.get("/");
    assert_eq!(answer.status, 200);
    for part in
        ["default-src 'none'", "frame-ancestors 'none'", "nosniff", "referrer-policy", "x-frame-options"]
    {
        assert!(answer.head.contains(part), "{part} in {}", answer.head);
    }
    assert!(!answer.head.contains("unsafe-inline") && !answer.head.contains("access-control"));
    for path in [
        "/docs",
        "/openapi.json",
        "/assets/app.js",
        "/assets/plotly.min.js",
        "/docs/swagger-ui.css",
        "/api/form",
    ] {
        assert_eq!(page.get(path).status, 200, "{path}");
    }
    assert_eq!(page.get("/api/state").json()["state"], "ready", "nothing was started");
    // Bodies and heads have their limits.
    assert_eq!(page.post("/api/start", &json!({"host": "x".repeat(70_000)})).status, 422);
    let long = format!("X: {}", "y".repeat(100_000));
    let status = page.send("GET", "/", &[long], "").status;
    assert!(matches!(status, 400 | 431), "{status}");
}

#[test]
fn every_address_of_the_interface_is_there() {
    let place = folder(&[("s.toml", &asker("50ms", ""))]);
    let page = Page::start(place.path(), "-f s.toml", &[]);
    let document = page.get("/openapi.json").json();
    let paths = document["paths"].as_object().expect("an object");
    assert!(paths.len() > 30);
    for (path, methods) in paths {
        for method in methods.as_object().expect("an object").keys().filter(|_| path != "/api/events") {
            let asked = path.replace("{name}", "none").replace("{file}", "none");
            let method = method.to_uppercase();
            if asked == "/api/baseline" {
                continue;
            }
            let answer = page.send(&method, &asked, &[], "");
            let is_missing = answer.body.contains("this address");
            assert!(
                answer.status != 405 && !is_missing,
                "{method} {path}: {} {}",
                answer.status,
                answer.body
            );
        }
    }
}

#[test]
fn with_a_login_nobody_else_comes_in() {
    let place = folder(&[("s.toml", &asker("50ms", ""))]);
    let variables =
        [("WEAVER_WEB_USER", "ann"), ("WEAVER_WEB_PASSWORD", "s3cret"), ("WEAVER_WEB_TOKEN", "t0ken")];
    let page = Page::start(place.path(), "-f s.toml --web-login", &variables);
    for path in ["/", "/api/state", "/api/events", "/stats/requests", "/stop", "/docs", "/stats/report"] {
        assert_eq!(page.get(path).status, 401, "{path}");
    }
    let browser = page.send("GET", "/", &lines(&["Accept: text/html"]), "");
    assert!(browser.status == 303 && browser.head.contains("location: /login"), "{browser:?}");
    let bearer = |token: &str| {
        page.send("GET", "/api/state", &lines(&[&format!("Authorization: Bearer {token}")]), "")
    };
    assert_eq!(bearer("t0ken").status, 200);
    let wrong = page.send("POST", "/login", &[], "username=ann&password=wrong");
    assert_eq!(wrong.status, 401);
    let right = page.send("POST", "/login", &[], "username=ann&password=s3cret");
    assert_eq!(right.status, 303);
    let cookie = right.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    assert!(cookie.contains("httponly") && cookie.contains("samesite=strict"), "{cookie}");
    let cookie = format!("Cookie: {}", cookie.split(';').next().expect("a pair"));
    assert_eq!(page.send("GET", "/api/state", std::slice::from_ref(&cookie), "").status, 200);
    assert_eq!(page.send("POST", "/logout", std::slice::from_ref(&cookie), "").status, 303);
    assert_eq!(page.send("GET", "/api/state", &[cookie], "").status, 401);
    let tries: Vec<u16> = (0..7).map(|_| bearer("wrong").status).collect();
    assert_eq!((tries[0], tries[6]), (401, 429), "{tries:?}");
    assert_eq!(bearer("t0ken").status, 429, "also the right one has to wait");
    let nobody = crate::common::run(place.path(), "run -P 0 -f s.toml --web-login");
    nobody.exits(2).says(&["--web-login", "WEAVER_WEB_TOKEN"]);
}

#[test]
fn a_slow_reader_slows_nobody() {
    let server = Server::start("--no-ratelimit --profile p.toml", &[("p.toml", &profile("10ms"))]);
    let place = folder(&[("s.toml", &asker("50ms", "name = \"/ask\""))]);
    let flags = format!("-f s.toml -H {} -u 4 -r 100 -t 4s --autostart", server.url());
    let page = Page::start(place.path(), &flags, &[]);
    // One reads nothing at all, one sends half a head; the others go on.
    let mut slow = page.connect();
    let head = format!("GET /api/events HTTP/1.1\r\nHost: {}\r\n\r\n", page.address);
    slow.write_all(head.as_bytes()).expect("it reads");
    let mut half = page.connect();
    half.write_all(b"GET / HTTP/1.1\r\nHost:").expect("it reads");
    let mut views = page.events();
    views.until(|view| view["state"] == "running");
    let last = views.until(|view| view["state"] == "stopped");
    assert!(last["total"]["requests"].as_u64().is_some_and(|count| count > 50), "{}", last["total"]);
    assert!(last["dropped_views"].is_u64());
    // There is room for so many readers, and the next is told.
    let mut readers: Vec<_> = (0..70).map(|_| page.events()).collect();
    let refused = readers.iter_mut().map(|reader| reader.status()).filter(|status| *status == 503).count();
    assert!(refused >= 6, "{refused}");
    let mut rest = [0; 1];
    drop(half.read(&mut rest).map(|_| ()));
}
