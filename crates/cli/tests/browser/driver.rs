//! A browser that is driven through chromedriver: opens, clicks, types, waits with a deadline, takes pictures.
//!
//! The protocol is small enough to speak by hand; the clients that exist bring licences or libraries that the project
//! does not take. It must not know any page.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Nothing that is waited for takes longer, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long a page may take to become as it is waited for.
const WAIT_MS: u32 = 20_000;
/// What an element is called in the protocol.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

pub(crate) const TAB: &str = "\u{e004}";
pub(crate) const END: &str = "\u{e010}";
pub(crate) const HOME: &str = "\u{e011}";
pub(crate) const LEFT: &str = "\u{e012}";
pub(crate) const RIGHT: &str = "\u{e014}";
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const ESCAPE: &str = "\u{e00c}";

/// One browser with one window; both it and its driver end with this.
pub(crate) struct Browser {
    driver: Child,
    address: String,
    session: String,
}

impl Browser {
    /// A window of this size in pixels.
    pub(crate) fn start(width: u32, height: u32) -> Self {
        let hint = "chromedriver starts; on Debian and Ubuntu `.ci/test` installs it";
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect(hint);
        let mut lines = BufReader::new(driver.stdout.take().expect("is piped"));
        let mut line = String::new();
        let port = loop {
            line.clear();
            assert!(lines.read_line(&mut line).expect("is UTF-8") > 0, "chromedriver ended without a port");
            if let Some((_, port)) = line.trim().trim_end_matches('.').rsplit_once("successfully on port ") {
                break port.to_owned();
            }
        };
        let mut browser = Self { driver, address: format!("127.0.0.1:{port}"), session: String::new() };
        let window = format!("--window-size={width},{height}");
        let args =
            ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", &window];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "args": args },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "timeouts": { "script": 30_000, "pageLoad": 30_000 },
        } } });
        let session = browser.talk("POST", "/session", Some(&wanted));
        browser.session = session["sessionId"].as_str().expect("a session has an id").to_owned();
        browser.device(width, height);
        browser
    }

    /// The size of what is shown, whatever the window's frame takes; the narrowest window is wider than a phone.
    pub(crate) fn device(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Features of media, such as `prefers-color-scheme`.
    pub(crate) fn media(&self, media: &str, features: &[(&str, &str)]) {
        let features: Vec<_> =
            features.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        self.devtools("Emulation.setEmulatedMedia", &json!({ "media": media, "features": features }));
    }

    /// One command of the developers' tools.
    pub(crate) fn devtools(&self, command: &str, params: &Value) -> Value {
        self.ask("POST", "/goog/cdp/execute", Some(&json!({ "cmd": command, "params": params })))
    }

    pub(crate) fn open(&self, url: &str) {
        self.ask("POST", "/url", Some(&json!({ "url": url })));
    }

    /// What the body of a function gives.
    #[track_caller]
    pub(crate) fn js(&self, body: &str) -> Value {
        self.ask("POST", "/execute/sync", Some(&json!({ "script": body, "args": [] })))
    }

    /// The same as text.
    #[track_caller]
    pub(crate) fn text(&self, body: &str) -> String {
        match self.js(body) {
            Value::String(text) => text,
            other => panic!("`{body}` gives no text but {other}"),
        }
    }

    /// Asks the page again and again until the expression is true, and gives its value.
    #[track_caller]
    pub(crate) fn wait(&self, expression: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; const end = performance.now() + {WAIT_MS}; let last = '';
            (function look() {{
              let value = null;
              try {{ value = ({expression}); }} catch (error) {{ last = String(error); }}
              if (value) done([true, value]);
              else if (performance.now() > end) done([false, last]);
              else setTimeout(look, 20);
            }})();"
        );
        let answer = self.ask("POST", "/execute/async", Some(&json!({ "script": script, "args": [] })));
        if answer[0] == true {
            return answer[1].clone();
        }
        let shot = self.shot("failed");
        let said = self.js("return document.body.innerText.slice(0, 2000)");
        panic!(
            "never `{expression}`; {}; see {}\n{said}\n{:?}",
            answer[1],
            shot.display(),
            self.complaints()
        );
    }

    /// Looks at something outside of the page again and again until it is there.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut there: impl FnMut() -> bool) {
        for _ in 0..WAIT_MS / 20 {
            if there() {
                return;
            }
            let script = "setTimeout(arguments[0], 20)";
            self.ask("POST", "/execute/async", Some(&json!({ "script": script, "args": [] })));
        }
        panic!("never {what}");
    }

    /// Rests the pointer at a place of the window.
    pub(crate) fn point(&self, x: i64, y: i64) {
        let moved = json!({ "type": "pointerMove", "duration": 0, "origin": "viewport", "x": x, "y": y });
        let pointer = json!({ "type": "pointer", "id": "mouse", "actions": [moved] });
        self.ask("POST", "/actions", Some(&json!({ "actions": [pointer] })));
    }

    #[track_caller]
    fn element(&self, css: &str) -> String {
        let found = self.ask("POST", "/element", Some(&json!({ "using": "css selector", "value": css })));
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("no `{css}`: {found}")).to_owned()
    }

    /// A click as a person's: refused on what is hidden, covered or out of reach.
    #[track_caller]
    pub(crate) fn click(&self, css: &str) {
        let element = self.element(css);
        self.ask("POST", &format!("/element/{element}/click"), Some(&json!({})));
    }

    /// Types `text` over what a field holds.
    #[track_caller]
    pub(crate) fn fill(&self, css: &str, text: &str) {
        let element = self.element(css);
        self.ask("POST", &format!("/element/{element}/clear"), Some(&json!({})));
        self.ask("POST", &format!("/element/{element}/value"), Some(&json!({ "text": text })));
    }

    /// Presses keys one after the other, wherever the focus is.
    pub(crate) fn keys(&self, keys: &[&str]) {
        let strokes: Vec<_> = keys
            .iter()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })))
            .collect();
        let actions = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": strokes }] });
        self.ask("POST", "/actions", Some(&actions));
    }

    /// Rests the pointer over the middle of an element.
    #[track_caller]
    pub(crate) fn hover(&self, css: &str) {
        let origin = json!({ ELEMENT: self.element(css) });
        let moved = json!({ "type": "pointerMove", "duration": 0, "origin": origin, "x": 0, "y": 0 });
        let pointer = json!({ "type": "pointer", "id": "mouse", "actions": [moved] });
        self.ask("POST", "/actions", Some(&json!({ "actions": [pointer] })));
    }

    /// What the console said that is worse than a note, since it was last asked.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let lines = self.ask("POST", "/se/log", Some(&json!({ "type": "browser" })));
        let bad = |line: &&Value| matches!(line["level"].as_str(), Some("SEVERE" | "WARNING"));
        let all = lines.as_array().into_iter().flatten();
        all.filter(bad).map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Every address that was asked for since the last question.
    pub(crate) fn requests(&self) -> Vec<String> {
        let lines = self.ask("POST", "/se/log", Some(&json!({ "type": "performance" })));
        let sent = |line: &Value| {
            let event: Value = serde_json::from_str(line["message"].as_str()?).ok()?;
            let event = &event["message"];
            let asked = event["method"] == "Network.requestWillBeSent";
            asked.then(|| event["params"]["request"]["url"].as_str().map(str::to_owned))?
        };
        lines.as_array().into_iter().flatten().filter_map(sent).collect()
    }

    /// Nothing was asked of another host than `home` since the last question, and the console said nothing bad.
    #[track_caller]
    pub(crate) fn is_content_with(&self, home: &str) {
        let mut asked = self.requests();
        asked.retain(|url| !url.starts_with(home) && !url.starts_with("data:"));
        assert_eq!(asked, Vec::<String>::new());
        assert_eq!(self.complaints(), Vec::<String>::new());
    }

    /// A picture among the tests' output.
    pub(crate) fn shot(&self, name: &str) -> PathBuf {
        let picture = self.ask("GET", "/screenshot", None);
        let bytes = STANDARD.decode(picture.as_str().unwrap_or_default()).expect("a picture is base64");
        let folder = screenshots();
        let path = folder.join(format!("{name}.png"));
        fs::write(&path, bytes).expect("a picture can be kept");
        path
    }

    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        self.talk(method, &format!("/session/{}{path}", self.session), body)
    }

    #[track_caller]
    fn talk(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut stream = TcpStream::connect(&self.address).expect("chromedriver listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a time limit can be set");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).expect("chromedriver reads");
        let answer = answer(stream);
        let value: Value =
            serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"));
        let value = value["value"].clone();
        let failed = value.get("error").is_some() && value.get("stacktrace").is_some();
        assert!(!failed, "{method} {path} {body}: {}: {}", value["error"], value["message"]);
        value
    }
}

/// The body of an answer whose length its head tells.
fn answer(stream: TcpStream) -> String {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).expect("a head comes in time");
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().expect("a length is a number");
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a body comes in time");
    String::from_utf8(body).expect("is UTF-8")
}

/// Where pictures are kept: beside what was built.
pub(crate) fn screenshots() -> PathBuf {
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("lies in the target folder");
    let folder = built.join("screenshots");
    fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked kindly, so that the browser goes with its driver; a failed test must not panic again here.
        let path =
            format!("DELETE /session/{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", self.session);
        if let Ok(mut stream) = TcpStream::connect(&self.address) {
            let _ = stream.set_read_timeout(Some(DEADLINE));
            let _ = stream.write_all(path.as_bytes());
            let _ = stream.read(&mut [0; 256]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
