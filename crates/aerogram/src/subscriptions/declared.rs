//! What a file wants.

use std::fmt;
use std::path::PathBuf;

use aerogram_domain::toml_reading::Problem;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// Whose subscriptions: a partner application on behalf of an operator.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Pair {
    pub partner: String,
    pub operator: String,
}

/// A place of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// For example `subscriptions[2].signingKey`.
    pub path: String,
}

impl Place {
    pub fn problem(&self, detail: impl Into<String>) -> Problem {
        Problem { line: self.line, place: self.path.clone(), detail: detail.into() }
    }
}

/// One subscription as it should be.
#[derive(Clone, Debug)]
pub struct Declared {
    pub place: Place,
    pub pair: Pair,
    /// What it is found by, unless there is an id.
    pub name: Option<String>,
    /// There is one of the two at least.
    pub id: Option<String>,
    pub event: String,
    /// As the api stores it.
    pub callback_url: String,
    /// `None`: that of the event type.
    pub profile: Option<String>,
    pub environment: String,
    pub contract: Option<String>,
    /// `None`: the profile's.
    pub policy: Option<String>,
    /// `None`: as it is, and active when it is created.
    pub status: Option<String>,
    /// `None`: the default body, and no headers.
    pub http_request: Option<Target>,
    pub all_text: bool,
    pub authentication: Option<Credential>,
    /// `None`: none of its own.
    pub limits: Option<Json>,
    pub signing_key: Option<Secret>,
    /// One is required to create it.
    pub needs_signing_key: bool,
}

impl Declared {
    /// What people call it.
    pub fn label(&self) -> &str {
        self.name.as_deref().or(self.id.as_deref()).unwrap_or_default()
    }
}

/// A body and headers of its own.
#[derive(Clone, Debug)]
pub struct Target {
    /// `None`: as they are.
    pub header: Option<Vec<(String, Secret)>>,
    /// `None`: the default body.
    pub body: Option<Json>,
}

/// What proves to the receiver who calls.
#[derive(Clone, Debug)]
pub struct Credential {
    pub kind: String,
    pub members: Vec<(String, Secret)>,
    /// Names of members that were left out.
    pub missing: Vec<&'static str>,
    pub place: Place,
}

/// JSON as it was written; what means the same is equal.
#[derive(Clone)]
pub struct Json {
    pub text: Box<RawValue>,
    pub value: Value,
}

impl Json {
    /// # Errors
    /// It is not JSON.
    pub fn parse(text: String) -> Result<Self, serde_json::Error> {
        Ok(Self { value: serde_json::from_str(&text)?, text: RawValue::from_string(text)? })
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text.get())
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let value = serde_json::from_str(text.get()).map_err(serde::de::Error::custom)?;
        Ok(Self { text, value })
    }
}

/// A secret, or where it is.
#[derive(Clone, Debug)]
pub struct Secret {
    pub source: Source,
    pub place: Place,
}

#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    Given(String),
    /// A variable of the environment.
    Env(String),
    File(PathBuf),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Given(_) => f.write_str("Given(…)"),
            Source::Env(name) => write!(f, "Env({name})"),
            Source::File(path) => write!(f, "File({})", path.display()),
        }
    }
}
