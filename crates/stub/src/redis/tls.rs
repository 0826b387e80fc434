//! TLS to Redis: the system's roots and those of a file, over the one crypto provider of this project.
//!
//! It must not know Redis. Roots are read once, when a place is named, never while connecting.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Whom to trust.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Tls(Vec<CertificateDer<'static>>);

impl Default for Tls {
    /// The system's roots; those that cannot be read are left out, as other programs do.
    fn default() -> Self {
        Self(rustls_native_certs::load_native_certs().certs)
    }
}

impl Tls {
    /// Trusts these certificates too.
    pub(super) fn trust(&mut self, pem: &[u8]) -> Result<(), String> {
        let before = self.0.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            self.0.push(certificate.map_err(|error| format!("no PEM: {error}"))?);
        }
        if self.0.len() == before { Err("holds no certificate".to_owned()) } else { Ok(()) }
    }

    /// What connects; made once for all connections to a place.
    pub(super) fn connector(&self) -> io::Result<TlsConnector> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.0.iter().cloned());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

/// TLS over `stream`; the certificate must be `host`'s.
pub(super) async fn wrap(
    connector: &TlsConnector,
    host: &str,
    stream: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    connector.connect(name, stream).await
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} roots", self.0.len())
    }
}
