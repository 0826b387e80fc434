//! A way to Redis that can be cut: it stands in front of a server and breaks its connections on command.
//!
//! It runs in a thread and a runtime of its own, so that it adds nothing to what a test counts in its own runtime.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The way to one server.
pub(crate) struct Proxy {
    port: u16,
    /// Cuts so far; a change breaks what is open.
    cuts: watch::Sender<u64>,
}

impl Proxy {
    /// A way to the server at `port` of this machine.
    pub(crate) fn to(port: u16) -> Self {
        let (cuts, cut) = watch::channel(0);
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(serve(
                SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
                cut,
                tell,
            ));
        });
        Self { port: told.recv().expect("it listens"), cuts }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Breaks all open connections.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn serve(target: SocketAddr, mut cut: watch::Receiver<u64>, tell: mpsc::Sender<u16>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
    tell.send(listener.local_addr().expect("it has an address").port()).expect("the test waits");
    loop {
        tokio::select! {
            biased;
            changed = cut.changed() => if changed.is_err() { return },
            accepted = listener.accept() => {
                let (client, _) = accepted.expect("a connection");
                tokio::spawn(carry(client, target, cut.clone()));
            }
        }
    }
}

async fn carry(mut client: TcpStream, target: SocketAddr, mut cut: watch::Receiver<u64>) {
    cut.mark_unchanged();
    let Ok(mut server) = TcpStream::connect(target).await else { return };
    tokio::select! {
        biased;
        _ = cut.changed() => {}
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
    }
}
