//! The types of single settings.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;
use std::path::PathBuf;

use ipnet::IpNet;
use secrecy::SecretString;

use crate::leaf::{Scalar, quote, scalar_leaf};

pub(crate) const REDACTED: &str = "\"[redacted]\"";

macro_rules! numbers {
    ($($ty:ty),*) => {
        $(impl Scalar for $ty {
            const KIND: &'static str = "a whole number";
            fn parse(text: &str) -> Result<Self, String> {
                text.trim().parse().map_err(|_| format!("is not a whole number from {} to {}", <$ty>::MIN, <$ty>::MAX))
            }
            fn show(&self) -> String {
                self.to_string()
            }
        })*
        scalar_leaf!($($ty),*);
    };
}
numbers!(i32, u32, u64, usize);
scalar_leaf!(
    String,
    PathBuf,
    bool,
    SecretString,
    IpAddr,
    IpNet,
    StatusMatch,
    Store,
    LogFormat,
    SourceFormat,
    SchemaCheck
);

impl Scalar for String {
    const KIND: &'static str = "text";
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
    fn show(&self) -> String {
        quote(self)
    }
}

impl Scalar for PathBuf {
    const KIND: &'static str = "a path";
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("is not a path".to_owned()) } else { Ok(Self::from(text)) }
    }
    fn show(&self) -> String {
        quote(&self.to_string_lossy())
    }
}

impl Scalar for bool {
    const KIND: &'static str = "true or false";
    fn parse(text: &str) -> Result<Self, String> {
        text.trim().parse().map_err(|_| "is neither true nor false".to_owned())
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Scalar for SecretString {
    const KIND: &'static str = "text (secret)";
    const SECRET: bool = true;
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(Self::from(text)) }
    }
    fn show(&self) -> String {
        REDACTED.to_owned()
    }
}

impl Scalar for IpAddr {
    const KIND: &'static str = "an address";
    fn parse(text: &str) -> Result<Self, String> {
        text.trim().parse().map_err(|_| "is not an IP address".to_owned())
    }
    fn show(&self) -> String {
        quote(&self.to_string())
    }
}

impl Scalar for IpNet {
    const KIND: &'static str = "a network";
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let network = text.parse::<Self>().ok().or_else(|| text.parse::<IpAddr>().ok().map(Self::from));
        network.ok_or_else(|| "is not a network like 10.0.0.0/8 or an address".to_owned())
    }
    fn show(&self) -> String {
        quote(&self.to_string())
    }
}

/// Which response statuses of a receiver a policy counts as success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusMatch {
    /// Exactly this status, 100 to 599.
    Code(u16),
    /// Every status of this hundred: 2 for `2xx`.
    Class(u16),
}

impl StatusMatch {
    /// Whether this HTTP status is meant.
    #[must_use]
    pub fn matches(self, status: u16) -> bool {
        match self {
            Self::Code(code) => status == code,
            Self::Class(class) => status / 100 == class,
        }
    }
}

impl Scalar for StatusMatch {
    const KIND: &'static str = "a status";
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let read = match text.strip_suffix("xx") {
            Some(class) => class.parse().ok().filter(|c| (1..=5).contains(c)).map(Self::Class),
            None => text.parse().ok().filter(|c| (100..=599).contains(c)).map(Self::Code),
        };
        read.ok_or_else(|| "is neither a status from 100 to 599 nor a class like \"2xx\"".to_owned())
    }
    fn show(&self) -> String {
        match self {
            Self::Code(code) => code.to_string(),
            Self::Class(class) => format!("\"{class}xx\""),
        }
    }
}

macro_rules! choice {
    ($(#[doc = $doc:literal])+ $name:ident, $kind:literal {
        $($(#[doc = $vdoc:literal])+ $variant:ident = $text:literal),+ $(,)?
    }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[doc = $vdoc])+ $variant),+ }

        impl $name {
            /// As it is written in the configuration.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl Scalar for $name {
            const KIND: &'static str = $kind;
            fn parse(text: &str) -> Result<Self, String> {
                match text.trim() {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(concat!("is not ", $kind).to_owned()),
                }
            }
            fn show(&self) -> String {
                quote(self.as_str())
            }
        }
    };
}

choice!(
    /// Where a projection of the log is kept.
    Store, "\"redis\" or \"memory\"" {
        /// In Redis, shared by all instances and kept over restarts.
        Redis = "redis",
        /// In the process, rebuilt from the log at start; for one instance.
        Memory = "memory",
    }
);
choice!(
    /// How log lines look.
    LogFormat, "\"json\" or \"text\"" {
        /// One JSON object a line.
        Json = "json",
        /// For people at a terminal.
        Text = "text",
    }
);
choice!(
    /// What an upstream topic holds.
    SourceFormat, "\"cloudevents\", \"protobuf\" or \"json\"" {
        /// CloudEvents 1.0, structured or binary mode, told apart by the content type of each record.
        CloudEvents = "cloudevents",
        /// The protobuf message `aerogram.v1.Event`.
        Protobuf = "protobuf",
        /// JSON of the publisher's own, read through a mapping.
        Json = "json",
    }
);
choice!(
    /// What becomes of an event whose data does not fit the JSON Schema of its type.
    SchemaCheck, "\"off\", \"warn\" or \"reject\"" {
        /// Nobody looks.
        Off = "off",
        /// It is accepted, counted and logged.
        Warn = "warn",
        /// It is refused.
        Reject = "reject",
    }
);

/// Names of event types at a publisher, and the wire names they stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeNames(pub BTreeMap<String, String>);

/// Client properties handed to librdkafka as they are. Values may be passwords, so `Debug` shows the names only.
#[derive(Clone, Default)]
pub struct Properties(pub BTreeMap<String, String>);

impl Deref for Properties {
    type Target = BTreeMap<String, String>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
