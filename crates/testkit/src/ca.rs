//! A certificate authority of the test's own, as a receiver inside a company network would have one.

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The names every receiver answers to unless told otherwise.
pub const LOCAL_NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// A certificate authority; its certificate lies in a file that roles are told to trust.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    pem_path: PathBuf,
}

impl Ca {
    /// Makes a new authority and writes its certificate to `ca.pem` in `dir`.
    ///
    /// # Errors
    /// The key cannot be made or the file not be written.
    pub fn new(dir: &Path) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Aerogram test CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let pem_path = dir.join("ca.pem");
        fs::write(&pem_path, certificate.pem()).with_context(|| format!("writing {}", pem_path.display()))?;
        Ok(Self { root: certificate.der().clone(), issuer: Issuer::new(params, key), pem_path })
    }

    /// The file with the authority's certificate, PEM.
    pub fn pem_path(&self) -> &Path {
        &self.pem_path
    }

    /// A server's TLS settings with a certificate for `names` (host names or addresses) signed by this authority.
    ///
    /// # Errors
    /// A name is neither a host name nor an address.
    pub fn server_config(&self, names: &[&str]) -> Result<ServerConfig> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names)?;
        // Certificates with one name and serial but other keys confuse a client that remembers what it has seen.
        params.distinguished_name.push(DnType::CommonName, format!("receiver {:08x}", fastrand::u32(..)));
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Ok(ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())?)
    }

    /// A client's TLS settings that trust this authority and no other.
    ///
    /// # Errors
    /// None in practice; the TLS library refuses its own defaults.
    pub fn client_config(&self) -> Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone())?;
        Ok(ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth())
    }
}

// Named rather than taken from the process: a second provider among the features of all crates would make that ambiguous.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
