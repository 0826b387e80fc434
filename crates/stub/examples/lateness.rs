//! How late delays are in real time, with 1, 50 and 500 requests waiting at once: the stub on a loopback socket, clients
//! in the same process, and the stub's own audit.
//!
//! `cargo run --release -p stub --example lateness`. It must not know how the audit is made.

use std::time::Duration;

use stub::{ApiKeys, Limits, Profile, Settings, Stub, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use wire::{Clock, Seed};

/// How long each number of clients asks.
const LASTING: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() {
    println!("waiting  delay         delays  late p50  late p99  ok");
    for (waiting, delay) in [(1, ("1ms", "10ms")), (50, ("10ms", "100ms")), (500, ("100ms", "400ms"))] {
        measure(waiting, delay).await;
    }
}

async fn measure(waiting: u64, (least, most): (&str, &str)) {
    let text = format!(
        "[agent.a]\nconcurrency = 1000\ndelay = {{ uniform = [\"{least}\", \"{most}\"] }}\n[[workflow]]\nname = \"all\"\nstages = [\"a\"]\n"
    );
    let profile = Profile::parse("lateness.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}"));
    let keys = ApiKeys::parse(r#"["key"]"#).expect("keys");
    let settings = Settings { api_keys: keys, limits: Limits::OFF, ..Settings::default() };
    let clock = Clock::system();
    let stub = Stub::new(settings, profile, clock, Seed(1));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, stub.clone(), stopped));
    let clients: Vec<_> = (0..waiting)
        .map(|_| {
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.expect("a connection");
                let until_ns = clock.now_ns() + LASTING.as_nanos() as u64;
                while clock.now_ns() < until_ns {
                    ask(&mut stream).await;
                }
            })
        })
        .collect();
    for client in clients {
        client.await.expect("a client does not panic");
    }
    drop(stop);
    serving.await.expect("no panic").expect("it drains");
    let audit = stub.audit();
    let agent = &audit.agents[0];
    let ms = |ns: u64| ns as f64 / 1e6;
    println!(
        "{waiting:>7}  {:12}  {:>6}  {:>5.3} ms  {:>5.3} ms  {}",
        format!("{least}-{most}"),
        agent.count,
        ms(agent.lateness_ns_p50),
        ms(agent.lateness_ns_p99),
        audit.ok
    );
}

/// One question and its answer.
async fn ask(stream: &mut TcpStream) {
    const ASK: &[u8] = b"POST /ask HTTP/1.1\r\nhost: x\r\nx-api-key: key\r\ncontent-length: 29\r\n\r\n{\"user_id\":\"u\",\"query\":\"hi!\"}";
    stream.write_all(ASK).await.expect("a request");
    let (mut answer, mut filled) = ([0; 4_096], 0);
    // Its body is JSON that ends with the metrics.
    while !answer[..filled].ends_with(b"}}") {
        filled += stream.read(&mut answer[filled..]).await.expect("an answer");
    }
}
