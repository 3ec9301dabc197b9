//! What is wrong with a receiver's TLS, in words of people.

use std::fmt;

use rustls::{AlertDescription, CertificateError, Error, OtherError};
use rustls_pki_types::UnixTime;

/// Names of a certificate that a message lists, at most.
const NAMES_MAX: usize = 5;
/// Length of such a name, at most; more is cut.
const NAME_MAX_CHARS: usize = 80;

/// What kind of problem there is; each calls for something else to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsKind {
    /// The certificate's time is over.
    Expired,
    /// The certificate's time has not begun.
    NotYetValid,
    /// The certificate is for other hosts.
    WrongName,
    /// No authority that is trusted here issued the certificate, or the receiver leaves out a certificate between.
    UnknownIssuer,
    /// The certificate was revoked.
    Revoked,
    /// The certificate is wrong in another way.
    BadCertificate,
    /// No version or cipher in common; TLS 1.2 and 1.3 are spoken here.
    Protocol,
    /// The handshake fails otherwise, such as when no TLS is spoken or a client certificate is asked for.
    Handshake,
}

impl TlsKind {
    /// All kinds, for documentation and metrics.
    pub const ALL: [Self; 8] = [
        Self::Expired,
        Self::NotYetValid,
        Self::WrongName,
        Self::UnknownIssuer,
        Self::Revoked,
        Self::BadCertificate,
        Self::Protocol,
        Self::Handshake,
    ];

    /// A word for records and metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Expired => "certificate_expired",
            Self::NotYetValid => "certificate_not_yet_valid",
            Self::WrongName => "certificate_wrong_name",
            Self::UnknownIssuer => "certificate_unknown_issuer",
            Self::Revoked => "certificate_revoked",
            Self::BadCertificate => "certificate_invalid",
            Self::Protocol => "protocol",
            Self::Handshake => "handshake",
        }
    }
}

/// Why there is no TLS session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsProblem {
    /// What kind of problem it is.
    pub kind: TlsKind,
    /// What is wrong, in one line for people.
    pub text: String,
}

impl fmt::Display for TlsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TlsProblem {
    /// A handshake that ended without a word of the TLS library.
    pub(crate) fn handshake(cause: &str) -> Self {
        Self { kind: TlsKind::Handshake, text: format!("the connection broke in the handshake: {cause}") }
    }
}

impl From<&Error> for TlsProblem {
    fn from(error: &Error) -> Self {
        let (kind, text) = match error {
            Error::InvalidCertificate(problem) => certificate(problem),
            Error::NoCertificatesPresented => {
                (TlsKind::BadCertificate, "the receiver shows no certificate".to_owned())
            }
            Error::PeerIncompatible(reason) => {
                (TlsKind::Protocol, format!("no TLS 1.2 or 1.3 in common with the receiver ({reason:?})"))
            }
            Error::AlertReceived(alert) => alerted(*alert),
            Error::InvalidMessage(_) => {
                (TlsKind::Handshake, "what the receiver answers is not TLS".to_owned())
            }
            other => (TlsKind::Handshake, format!("the handshake failed: {other}")),
        };
        Self { kind, text }
    }
}

fn certificate(problem: &CertificateError) -> (TlsKind, String) {
    match problem {
        CertificateError::ExpiredContext { not_after, .. } => {
            (TlsKind::Expired, format!("the certificate expired at {}", shown(*not_after)))
        }
        CertificateError::Expired => (TlsKind::Expired, "the certificate expired".to_owned()),
        CertificateError::NotValidYetContext { not_before, .. } => {
            (TlsKind::NotYetValid, format!("the certificate is not valid before {}", shown(*not_before)))
        }
        CertificateError::NotValidYet => {
            (TlsKind::NotYetValid, "the certificate is not valid yet".to_owned())
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let expected = expected.to_str();
            (TlsKind::WrongName, format!("the certificate is for {}, not for {expected}", names(presented)))
        }
        CertificateError::NotValidForName => {
            (TlsKind::WrongName, "the certificate is for another host".to_owned())
        }
        CertificateError::UnknownIssuer => (
            TlsKind::UnknownIssuer,
            "nobody who is trusted here issued the certificate, or the receiver does not send the certificates between"
                .to_owned(),
        ),
        CertificateError::Other(OtherError(inner))
            if matches!(inner.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity)) =>
        {
            let text = "the certificate is one of an authority, not of a server, as self-signed ones often are (CA:TRUE)";
            (TlsKind::BadCertificate, text.to_owned())
        }
        CertificateError::Revoked => (TlsKind::Revoked, "the certificate was revoked".to_owned()),
        other => (TlsKind::BadCertificate, format!("the certificate cannot be accepted: {other}")),
    }
}

fn alerted(alert: AlertDescription) -> (TlsKind, String) {
    match alert {
        AlertDescription::ProtocolVersion
        | AlertDescription::HandshakeFailure
        | AlertDescription::InsufficientSecurity => (
            TlsKind::Protocol,
            format!("the receiver accepts nothing of TLS 1.2 and 1.3 as spoken here (alert {alert:?})"),
        ),
        AlertDescription::CertificateRequired => {
            (TlsKind::Handshake, "the receiver asks for a client certificate, and there is none".to_owned())
        }
        AlertDescription::UnrecognisedName => {
            (TlsKind::Handshake, "the receiver does not know this host name".to_owned())
        }
        other => (TlsKind::Handshake, format!("the receiver ended the handshake (alert {other:?})")),
    }
}

fn shown(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).ok();
    let stamp = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    stamp.map_or_else(|| "a time out of range".to_owned(), |stamp| stamp.to_string())
}

/// The library shows names in its own notation, such as `DnsName("a.example")`; what stands in quotes or brackets is the name.
fn names(presented: &[String]) -> String {
    let plain = |name: &String| {
        let inner = name.split_once('(').map_or(name.as_str(), |(_, rest)| rest.trim_end_matches(')'));
        let harmless = |c: &char| !c.is_control() && *c != '"';
        inner.chars().filter(harmless).take(NAME_MAX_CHARS).collect::<String>()
    };
    let mut listed: Vec<String> = presented.iter().take(NAMES_MAX).map(plain).collect();
    match presented.len() {
        0 => return "no host".to_owned(),
        more if more > NAMES_MAX => listed.push(format!("{} more", more - NAMES_MAX)),
        _ => {}
    }
    listed.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::PeerIncompatible;

    #[test]
    fn what_servers_of_a_test_do_not_produce_is_named_as_well() {
        for (error, kind) in [
            (Error::InvalidCertificate(CertificateError::Revoked), TlsKind::Revoked),
            (Error::InvalidCertificate(CertificateError::Expired), TlsKind::Expired),
            (Error::InvalidCertificate(CertificateError::NotValidYet), TlsKind::NotYetValid),
            (Error::InvalidCertificate(CertificateError::NotValidForName), TlsKind::WrongName),
            (Error::InvalidCertificate(CertificateError::BadSignature), TlsKind::BadCertificate),
            (Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon), TlsKind::Protocol),
            (Error::AlertReceived(AlertDescription::HandshakeFailure), TlsKind::Protocol),
            (Error::AlertReceived(AlertDescription::UnrecognisedName), TlsKind::Handshake),
            (Error::DecryptError, TlsKind::Handshake),
        ] {
            let problem = TlsProblem::from(&error);
            assert_eq!(problem.kind, kind, "{error}");
            assert!(!problem.text.is_empty() && !problem.text.contains('\n'), "{problem}");
        }
    }

    #[test]
    fn a_certificate_of_many_names_makes_no_long_message() {
        let many: Vec<String> = (0..100).map(|n| format!("DnsName(\"{n}{}\")", "x".repeat(500))).collect();
        let text = names(&many);
        assert!(text.chars().count() < 600 && text.ends_with("95 more"), "{text}");
        assert_eq!(names(&["DnsName(\"a.example\")".to_owned()]), "a.example");
        assert_eq!(names(&["IpAddress(192.0.2.1)".to_owned()]), "192.0.2.1");
    }

    #[test]
    fn labels_are_all_different() {
        let labels: std::collections::BTreeSet<_> = TlsKind::ALL.iter().map(|kind| kind.label()).collect();
        assert_eq!(labels.len(), TlsKind::ALL.len());
    }
}
