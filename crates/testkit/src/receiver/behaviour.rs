//! What a receiver answers.

use bytes::Bytes;
use http::HeaderMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The answer to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// A status without a body.
    Status(u16),
    /// A status with headers and a body.
    Full { status: u16, headers: Vec<(String, String)>, body: Bytes },
    /// The inner reply, later.
    After(Duration, Box<Reply>),
    /// Never an answer; the connection stays open until the client gives up.
    Hang,
    /// The connection is closed without an answer.
    Close,
    /// This status, and a body that comes as fast as it is read and never ends.
    Endless(u16),
    /// This status, and a body of which a byte comes now and then, for ever.
    Dripping(u16),
    /// This status, and a body that breaks off, with the connection, before the end that was announced.
    CutShort(u16),
}

impl Reply {
    /// A status with one header, such as `Retry-After`.
    pub fn with_header(status: u16, name: &str, value: &str) -> Self {
        Reply::Full { status, headers: vec![(name.to_owned(), value.to_owned())], body: Bytes::new() }
    }

    /// The status that is answered, if one is.
    pub fn status(&self) -> Option<u16> {
        match self {
            Reply::Status(status)
            | Reply::Full { status, .. }
            | Reply::Endless(status)
            | Reply::Dripping(status)
            | Reply::CutShort(status) => Some(*status),
            Reply::After(_, then) => then.status(),
            Reply::Hang | Reply::Close => None,
        }
    }
}

/// A request as a behaviour sees it.
pub struct Arrival<'a> {
    pub path: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a Bytes,
    /// 1 for the first request with this `webhook-id` on this path.
    pub nth: u32,
}

type Decide = dyn Fn(&Arrival<'_>) -> Reply + Send + Sync;

/// How a path answers; changeable while requests come in.
#[derive(Clone)]
pub enum Behaviour {
    /// The same for every request.
    Always(Reply),
    /// The first `times` requests of each `webhook-id` get `status`, later ones 200.
    FailFirst { times: u32, status: u16 },
    /// Whatever the function says.
    Custom(Arc<Decide>),
}

impl Behaviour {
    /// Always 200.
    pub fn ok() -> Self {
        Self::status(200)
    }

    /// Always this status.
    pub fn status(status: u16) -> Self {
        Behaviour::Always(Reply::Status(status))
    }

    /// The first `times` requests of each `webhook-id` get `status`, later ones 200.
    pub fn fail_first(times: u32, status: u16) -> Self {
        Behaviour::FailFirst { times, status }
    }

    /// 200 after `delay`.
    pub fn slow(delay: Duration) -> Self {
        Behaviour::Always(Reply::After(delay, Box::new(Reply::Status(200))))
    }

    /// Never an answer.
    pub fn hang() -> Self {
        Behaviour::Always(Reply::Hang)
    }

    /// The connection is closed without an answer.
    pub fn close() -> Self {
        Behaviour::Always(Reply::Close)
    }

    /// Whatever `decide` says; it is called without any lock held.
    pub fn custom(decide: impl Fn(&Arrival<'_>) -> Reply + Send + Sync + 'static) -> Self {
        Behaviour::Custom(Arc::new(decide))
    }

    pub(super) fn reply(&self, arrival: &Arrival<'_>) -> Reply {
        match self {
            Behaviour::Always(reply) => reply.clone(),
            Behaviour::FailFirst { times, status } if arrival.nth <= *times => Reply::Status(*status),
            Behaviour::FailFirst { .. } => Reply::Status(200),
            Behaviour::Custom(decide) => decide(arrival),
        }
    }
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Behaviour::Always(reply) => write!(f, "Always({reply:?})"),
            Behaviour::FailFirst { times, status } => write!(f, "FailFirst({times}, {status})"),
            Behaviour::Custom(_) => write!(f, "Custom"),
        }
    }
}
