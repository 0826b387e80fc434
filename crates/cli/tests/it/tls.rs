//! https against a certificate that no root vouches for: trusted only when asked to.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::spawn;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::common::{csv, folder, read, run};

const HEALTH: &str = r#"
class = "Careful"
wait_time = { constant = "100ms" }
[[task]]
name = "look"
[[task.step]]
method = "GET"
path = "/health"
expect = { status = [200], json = [{ pointer = "/status", equals = "ok" }] }
"#;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"status\":\"ok\"}";

/// A server for `127.0.0.1` with a certificate of its own: its address, and the certificate as PEM.
fn start() -> (String, String) {
    let names = vec!["127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate can be made");
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        STANDARD.encode(made.cert.der())
    );
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("key and certificate fit");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("is bound");
    spawn(move || {
        for stream in listener.incoming() {
            let (stream, config) = (stream.expect("a connection"), config.clone());
            spawn(move || serve(stream, config));
        }
    });
    (format!("https://{address}"), pem)
}

/// Answers every request of a connection; whatever goes wrong ends it.
fn serve(stream: TcpStream, config: Arc<ServerConfig>) {
    let connection = ServerConnection::new(config).expect("the configuration is whole");
    let mut stream = StreamOwned::new(connection, stream);
    let mut bytes = [0; 4096];
    // A request of this test is small enough to come in one piece.
    while stream.read(&mut bytes).is_ok_and(|count| count > 0) && stream.write_all(ANSWER).is_ok() {}
}

/// `flags` may name `own.pem`, the server's certificate, and `other.pem`, another one.
fn check(flags: &str, error: Option<&str>) {
    let (url, own) = start();
    let (_, other) = start();
    let place = folder(&[("s.toml", HEALTH), ("own.pem", &own), ("other.pem", &other)]);
    let args = format!("run --headless -f s.toml -H {url} -t 600ms --csv p {flags}");
    run(place.path(), &args).exits(if error.is_some() { 1 } else { 0 });
    let failures = csv(&read(place.path().join("p_failures.csv")));
    let stats = csv(&read(place.path().join("p_stats.csv")));
    assert!(stats[1][2] != "0", "nothing was sent");
    match error {
        None => assert_eq!(failures.len(), 1, "{failures:?}"),
        Some(error) => {
            assert_eq!(stats[1][2], stats[1][3], "requests and failures");
            assert!(
                failures.len() > 1 && failures[1..].iter().all(|row| row[2].starts_with(error)),
                "{failures:?}"
            );
        }
    }
}

#[test]
fn an_unknown_certificate_is_refused() {
    check("", Some("SSLError('invalid peer certificate: "));
    check("--cacert other.pem", Some("SSLError('invalid peer certificate: "));
}

#[test]
fn it_is_trusted_when_asked_to() {
    check("-k", None);
    check("--cacert own.pem", None);
}

#[test]
fn what_is_no_certificate_is_refused_before_anything_is_sent() {
    let (url, _) = start();
    let place = folder(&[("s.toml", HEALTH), ("text.pem", "no certificate"), ("empty.pem", "")]);
    for file in ["text.pem", "empty.pem", "nowhere.pem"] {
        let done = run(place.path(), &format!("run --headless -f s.toml -H {url} -t 1s --cacert {file}"));
        done.exits(2).says(&[if file == "nowhere.pem" { file } else { "--cacert" }]);
    }
}

#[test]
fn plain_http_to_a_tls_port_is_a_named_failure() {
    let (url, _) = start();
    let place = folder(&[("s.toml", HEALTH)]);
    let args = format!("run --headless -f s.toml -H {} -t 600ms --csv p", url.replace("https", "http"));
    run(place.path(), &args).exits(1);
    let failures = csv(&read(place.path().join("p_failures.csv")));
    assert!(failures.len() > 1 && failures[1][2].contains("('"), "{failures:?}");
}
