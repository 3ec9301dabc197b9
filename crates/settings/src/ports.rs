//! Ports that may be called.

use crate::leaf::{Scalar, scalar_leaf};

/// A port, or all ports from one to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// The first port.
    pub first: u16,
    /// The last port, which is the first one when only one is meant.
    pub last: u16,
}

impl Ports {
    /// Only this port.
    #[must_use]
    pub const fn one(port: u16) -> Self {
        Self { first: port, last: port }
    }

    /// All ports from one to another, both included.
    #[must_use]
    pub const fn range(first: u16, last: u16) -> Self {
        Self { first, last }
    }

    /// Whether this port is among them.
    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }

    /// Whether a single port is named.
    #[must_use]
    pub const fn is_one(self) -> bool {
        self.first == self.last
    }
}

impl Scalar for Ports {
    const KIND: &'static str = "a port or a range of ports";
    fn parse(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
        let read = port(first).zip(port(last)).filter(|(first, last)| first <= last);
        let (first, last) =
            read.ok_or_else(|| "is neither a port from 1 to 65535 nor a range like 8000-8999".to_owned())?;
        Ok(Self { first, last })
    }
    fn show(&self) -> String {
        if self.is_one() { self.first.to_string() } else { format!("\"{}-{}\"", self.first, self.last) }
    }
}

scalar_leaf!(Ports);
