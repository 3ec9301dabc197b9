//! Whom the client trusts.

use std::path::Path;

use anyhow::{Context as _, ensure};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// TLS 1.2 and 1.3 with the system's authorities and those of the file.
pub(super) fn client_config(ca: Option<&Path>) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    // A machine without authorities of its own still talks plain HTTP, and to whom the file vouches for.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = ca {
        let shown = file.display();
        let found: Vec<CertificateDer<'_>> = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect)
            .with_context(|| format!("--ca {shown} cannot be read; give a PEM file"))?;
        ensure!(!found.is_empty(), "--ca {shown} holds no certificate; give a PEM file with at least one");
        for certificate in found {
            roots
                .add(certificate)
                .with_context(|| format!("a certificate of --ca {shown} cannot be used"))?;
        }
    }
    let builder =
        ClientConfig::builder_with_provider(super::provider()).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
