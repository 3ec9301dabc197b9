//! Certificates of an authority of the test's own, and servers that use them.

use std::sync::Arc;

use aerogram_settings::DelivererSettings;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::EgressClient;

pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    ca: tempfile::NamedTempFile,
}

impl Authority {
    pub fn new() -> Self {
        let ca = tempfile::NamedTempFile::new().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Authorities of the same name would be taken for one with another key.
        params.distinguished_name.push(DnType::CommonName, format!("authority {}", ca.path().display()));
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(ca.path(), issuer.pem()).unwrap();
        Self { issuer, ca }
    }

    /// A server with a certificate of these contents.
    pub fn server(
        &self,
        params: &CertificateParams,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let certificate = self.certificate(params, &key);
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap()
    }

    /// A certificate of these contents for this key.
    pub fn certificate(&self, params: &CertificateParams, key: &KeyPair) -> CertificateDer<'static> {
        params.signed_by(key, &self.issuer).unwrap().der().clone()
    }

    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        roots
    }

    /// Settings that trust this authority and may call 127.0.0.0/8.
    pub fn settings(&self) -> DelivererSettings {
        DelivererSettings {
            ca_files: vec![self.ca.path().to_owned()],
            allow_cidrs: vec!["127.0.0.0/8".parse().unwrap()],
            response_max_bytes: 1_000,
            ..DelivererSettings::default()
        }
    }

    pub fn client(&self) -> EgressClient {
        EgressClient::new(&self.settings()).unwrap()
    }
}

/// Certificate contents for these names.
pub fn names(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap()
}
