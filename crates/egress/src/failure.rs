//! Why there is no response.

use std::error::Error;
use std::io;

use rustix::io::Errno;

use crate::connect::DialError;
use crate::tls_problem::TlsProblem;
use crate::url_guard::RefusedUrl;

/// An attempt that ended without a response; the text says what happened, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No TCP connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// No TLS session, such as for a certificate that is not trusted.
    #[error("TLS failed: {0}")]
    Tls(TlsProblem),
    /// The host name has no address.
    #[error("name not resolved: {0}")]
    Dns(String),
    /// Not done within the time limit.
    #[error("timed out: {0}")]
    Timeout(String),
    /// Not allowed to be called; nothing was sent.
    #[error("blocked: {0}")]
    Blocked(String),
    /// The connection broke, or what came is not HTTP.
    #[error("no valid response: {0}")]
    BadResponse(String),
    /// This host or its proxy could not even try; it says nothing about the receiver.
    #[error("our own fault: {0}")]
    Local(String),
}

impl Failure {
    /// A word for metrics.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Connect(_) => "connect",
            Self::Tls(_) => "tls",
            Self::Dns(_) => "dns",
            Self::Timeout(_) => "timeout",
            Self::Blocked(_) => "blocked",
            Self::BadResponse(_) => "bad_response",
            Self::Local(_) => "local",
        }
    }

    /// Classifies what the client says.
    pub(crate) fn of_request(error: &hyper_util::client::legacy::Error) -> Self {
        if let Some(dial) = causes(error).find_map(|cause| cause.downcast_ref::<DialError>()) {
            return dial.into();
        }
        if let Some(tls) = tls_of(error) {
            return Self::Tls(tls);
        }
        // All that can fail while connecting and is not ours above is the handshake.
        if error.is_connect() {
            let innermost = causes(error).last().map(ToString::to_string).unwrap_or_default();
            Self::Tls(TlsProblem::handshake(&innermost))
        } else {
            Self::BadResponse(text_of(error))
        }
    }

    /// Classifies what broke a response's body.
    pub(crate) fn of_body(error: &hyper::Error) -> Self {
        tls_of(error).map_or_else(|| Self::BadResponse(text_of(error)), Self::Tls)
    }
}

fn tls_of(error: &(dyn Error + 'static)) -> Option<TlsProblem> {
    causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()).map(TlsProblem::from)
}

impl From<RefusedUrl> for Failure {
    fn from(error: RefusedUrl) -> Self {
        Self::Blocked(error.to_string())
    }
}

impl From<&DialError> for Failure {
    fn from(error: &DialError) -> Self {
        let text = error.to_string();
        match error {
            _ if error.is_ours() => Self::Local(text),
            DialError::Blocked(_) => Self::Blocked(text),
            DialError::Lookup { .. } | DialError::NoAddress { .. } => Self::Dns(text),
            DialError::Refused { .. } => Self::Connect(text),
            DialError::Timeout { .. } => Self::Timeout(text),
            DialError::NoResolver { .. }
            | DialError::Bind { .. }
            | DialError::OtherFamily { .. }
            | DialError::Proxy { .. } => Self::Local(text),
        }
    }
}

/// Whether a failed connection is this host's own fault, so that no receiver must pay for it with an attempt:
///
/// | error | means |
/// |---|---|
/// | `EMFILE`, `ENFILE` | no file descriptor left, in the process or in the system |
/// | `EADDRNOTAVAIL` | no local port left, or no local address of that family |
/// | `ENOBUFS`, `ENOMEM` | no memory for another socket |
/// | `ENETUNREACH`, `ENETDOWN` | no route from here: the network is down, or has no IPv6 |
/// | `EACCES`, `EPERM` | a rule of the local firewall |
///
/// A router far away may answer that it has no route to the receiver, which is `ENETUNREACH` as well; that it is told apart
/// by nothing is accepted, because the other way round an outage of ours would use up the attempts of all receivers.
/// `ECONNREFUSED`, `ECONNRESET`, `EHOSTUNREACH` and time-outs are the receiver's.
pub(crate) fn is_ours(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(
            Errno::MFILE
                | Errno::NFILE
                | Errno::ADDRNOTAVAIL
                | Errno::NOBUFS
                | Errno::NOMEM
                | Errno::NETUNREACH
                | Errno::NETDOWN
                | Errno::ACCESS
                | Errno::PERM
        )
    )
}

/// The error and everything behind it. An `io::Error` around another error does not name that one as its source.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

fn text_of(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = causes(error).map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(errno: Errno) -> DialError {
        let address = std::net::SocketAddr::from(([192, 0, 2, 1], 443));
        DialError::Refused { address, error: errno.into() }
    }

    #[test]
    fn what_this_host_lacks_is_not_the_receivers_fault() {
        for errno in
            [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL, Errno::NOBUFS, Errno::NETUNREACH, Errno::PERM]
        {
            assert!(matches!(Failure::from(&refused(errno)), Failure::Local(_)), "{errno}");
        }
        for errno in [Errno::CONNREFUSED, Errno::CONNRESET, Errno::HOSTUNREACH, Errno::TIMEDOUT] {
            assert!(matches!(Failure::from(&refused(errno)), Failure::Connect(_)), "{errno}");
        }
        let host = || "a.example".to_owned();
        let unasked = DialError::NoResolver { host: host(), reason: "try again".to_owned() };
        assert!(matches!(Failure::from(&unasked), Failure::Local(_)));
        let unknown = DialError::Lookup { host: host(), reason: "no such name".to_owned() };
        assert!(matches!(Failure::from(&unknown), Failure::Dns(_)));
    }
}
