//! TLS at the door: certificate and key from files, read anew with every configuration.

use super::settings::TlsFiles;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::PathBuf;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Why the door cannot speak TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// The certificate cannot be read.
    #[error("certificate {0}: {1}")]
    Certificate(PathBuf, rustls::pki_types::pem::Error),
    /// The key cannot be read.
    #[error("private key {0}: {1}")]
    Key(PathBuf, rustls::pki_types::pem::Error),
    /// They do not fit together, or are of no use.
    #[error("certificate {0} and its key: {1}")]
    Unfit(PathBuf, rustls::Error),
}

/// Speaks TLS with this certificate: HTTP/2 or HTTP/1.1.
///
/// # Errors
/// The files cannot be read or do not fit.
pub fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, TlsFault> {
    let certificate = |error| TlsFault::Certificate(files.cert.clone(), error);
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&files.cert)
        .map_err(certificate)?
        .collect();
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| TlsFault::Key(files.key.clone(), error))?;
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain.map_err(certificate)?, key)
        .map_err(|error| TlsFault::Unfit(files.cert.clone(), error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
