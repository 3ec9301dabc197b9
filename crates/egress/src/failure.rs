//! Why there is no response.

use std::error::Error;
use std::io;

use crate::connect::DialError;

/// An attempt that ended without a response; the text says what happened, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No TCP connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// No TLS session, such as for a certificate that is not trusted.
    #[error("TLS failed: {0}")]
    Tls(String),
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
        }
    }

    /// Classifies what the client says.
    pub(crate) fn of_request(error: &hyper_util::client::legacy::Error) -> Self {
        for cause in causes(error) {
            if let Some(dial) = cause.downcast_ref::<DialError>() {
                return dial.into();
            }
            if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
                return Self::Tls(tls.to_string());
            }
        }
        // All that can fail while connecting and is not ours above is the handshake.
        if error.is_connect() { Self::Tls(text_of(error)) } else { Self::BadResponse(text_of(error)) }
    }

    /// Classifies what broke a response's body.
    pub(crate) fn of_body(error: &hyper::Error) -> Self {
        Self::BadResponse(text_of(error))
    }
}

impl From<&DialError> for Failure {
    fn from(error: &DialError) -> Self {
        let text = error.to_string();
        match error {
            DialError::BadHost { .. } | DialError::Blocked { .. } => Self::Blocked(text),
            DialError::Lookup { .. } | DialError::NoAddress { .. } => Self::Dns(text),
            DialError::Refused { .. } => Self::Connect(text),
            DialError::Timeout { .. } => Self::Timeout(text),
        }
    }
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
