//! What is trusted in an encrypted connection.

use std::path::Path;
use std::sync::Arc;

use rumqttc::tokio_rustls::rustls::pki_types::CertificateDer;
use rumqttc::tokio_rustls::rustls::pki_types::pem::PemObject;
use rumqttc::tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Trusts the certificates in the PEM file `path`, or those of the system.
///
/// # Errors
/// A text for the user, where there are none.
pub fn config(path: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let mut trusted = RootCertStore::empty();
    let certificates: Vec<CertificateDer<'static>> = match path {
        Some(path) => CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect)
            .map_err(|why| format!("{}: {why}", path.display()))?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let (taken, _) = trusted.add_parsable_certificates(certificates);
    if taken == 0 {
        return Err(match path {
            Some(path) => format!("{}: no certificate in it", path.display()),
            None => "The system has no trusted certificates: name them by ca-file".to_owned(),
        });
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| why.to_string())?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
