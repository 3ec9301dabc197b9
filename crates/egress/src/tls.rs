//! Whom we trust.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject as _};

/// One thing wrong with what the client was given.
#[derive(Debug, thiserror::Error)]
pub enum RootProblem {
    /// A file cannot be read as PEM.
    #[error("deliverer.ca_files: {} cannot be read: {error}; give a PEM file", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why not.
        error: pem::Error,
    },
    /// A file holds no certificate.
    #[error("deliverer.ca_files: {} holds no certificate; give a PEM file with at least one", .0.display())]
    Empty(PathBuf),
    /// A certificate cannot be used as an authority.
    #[error("deliverer.ca_files: a certificate of {} cannot be used: {error}", file.display())]
    Unusable {
        /// The file.
        file: PathBuf,
        /// Why not.
        error: rustls::Error,
    },
    /// There is nobody to trust.
    #[error("no certificate authorities: install the system's (ca-certificates) or set deliverer.ca_files")]
    NoRoots,
    /// The TLS library refuses its own defaults.
    #[error("TLS cannot be set up: {0}")]
    Protocol(rustls::Error),
    /// The proxy's URL cannot be used.
    #[error("deliverer.proxy {0}; it has the form http://[USER:PASSWORD@]HOST:PORT")]
    Proxy(&'static str),
    /// Connections cannot come from the address that is set.
    #[error("deliverer.bind_address {address} cannot be used: {error}; give an address of this host")]
    BindAddress {
        /// The address.
        address: IpAddr,
        /// Why not.
        error: io::Error,
    },
    /// The user agent cannot be sent.
    #[error("deliverer.user_agent holds characters that no header can carry")]
    UserAgent,
}

/// Everything wrong with what the client was given; shown one per line.
#[derive(Debug, thiserror::Error)]
pub struct EgressConfigError(pub Vec<RootProblem>);

impl fmt::Display for EgressConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the HTTPS client cannot be set up:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// TLS 1.2 and 1.3 with the system's authorities and those of the files.
pub(crate) fn client_config(ca_files: &[PathBuf], problems: &mut Vec<RootProblem>) -> Option<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::warn!(%error, "a system certificate cannot be read");
    }
    // Systems carry a few certificates that no library takes; the others serve.
    let (_, ignored) = roots.add_parsable_certificates(native.certs);
    if ignored > 0 {
        tracing::warn!(ignored, "system certificates that cannot be used");
    }
    for file in ca_files {
        add_file(&mut roots, file, problems);
    }
    if roots.is_empty() && problems.is_empty() {
        problems.push(RootProblem::NoRoots);
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    match builder.with_safe_default_protocol_versions() {
        Ok(builder) => {
            let mut config = builder.with_root_certificates(roots).with_no_client_auth();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Some(config)
        }
        Err(error) => {
            problems.push(RootProblem::Protocol(error));
            None
        }
    }
}

fn add_file(roots: &mut RootCertStore, file: &Path, problems: &mut Vec<RootProblem>) {
    let read: Result<Vec<CertificateDer<'_>>, pem::Error> =
        CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    match read {
        Err(error) => problems.push(RootProblem::Unreadable { file: file.to_owned(), error }),
        Ok(certificates) if certificates.is_empty() => problems.push(RootProblem::Empty(file.to_owned())),
        Ok(certificates) => {
            for certificate in certificates {
                if let Err(error) = roots.add(certificate) {
                    problems.push(RootProblem::Unusable { file: file.to_owned(), error });
                }
            }
        }
    }
}
