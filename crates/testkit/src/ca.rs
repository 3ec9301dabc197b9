//! A certificate authority of the test's own, as a receiver inside a company network would have one.

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{ALL_VERSIONS, ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The names every receiver answers to unless told otherwise.
pub const LOCAL_NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// When a certificate is valid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Validity {
    Now,
    /// Until 3 February 2021.
    Over,
    /// From 6 May 4000 on.
    NotYet,
}

/// The versions of TLS that a server speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Versions {
    Both,
    Only12,
    Only13,
}

static ONLY_12: [&SupportedProtocolVersion; 1] = [&TLS12];
static ONLY_13: [&SupportedProtocolVersion; 1] = [&TLS13];

impl Versions {
    fn spoken(self) -> &'static [&'static SupportedProtocolVersion] {
        match self {
            Versions::Both => ALL_VERSIONS,
            Versions::Only12 => &ONLY_12,
            Versions::Only13 => &ONLY_13,
        }
    }
}

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
        // Two of one name are one to a client, of which the other has the wrong key.
        params
            .distinguished_name
            .push(DnType::CommonName, format!("Aerogram test CA {:08x}", fastrand::u32(..)));
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
        self.server_config_with(names, Validity::Now, Versions::Both)
    }

    /// As [`Ca::server_config`], with a certificate whose time is another, or with one version of TLS only.
    ///
    /// # Errors
    /// A name is neither a host name nor an address.
    pub fn server_config_with(
        &self,
        names: &[&str],
        validity: Validity,
        versions: Versions,
    ) -> Result<ServerConfig> {
        let (certificate, key) = self.certificate(names, validity)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Ok(ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions.spoken())?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())?)
    }

    /// Writes a certificate for `names` and its key as PEM into a file of `dir`, for a server that is another program.
    ///
    /// # Errors
    /// A name is neither a host name nor an address, or the file cannot be written.
    pub fn write_certificate(&self, dir: &Path, names: &[&str]) -> Result<PathBuf> {
        let (certificate, key) = self.certificate(names, Validity::Now)?;
        let file = dir.join("receiver.pem");
        fs::write(&file, certificate.pem() + &key.serialize_pem())
            .with_context(|| format!("writing {}", file.display()))?;
        Ok(file)
    }

    fn certificate(&self, names: &[&str], validity: Validity) -> Result<(Certificate, KeyPair)> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names)?;
        // Certificates with one name and serial but other keys confuse a client that remembers what it has seen.
        params.distinguished_name.push(DnType::CommonName, format!("receiver {:08x}", fastrand::u32(..)));
        let (from, until) = match validity {
            Validity::Now => (params.not_before, params.not_after),
            Validity::Over => (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 2, 3)),
            Validity::NotYet => (date_time_ymd(4000, 5, 6), date_time_ymd(4001, 1, 1)),
        };
        (params.not_before, params.not_after) = (from, until);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate, key))
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
