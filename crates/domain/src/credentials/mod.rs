//! Who may call, and for whom: the credentials file. Tokens stand in it as SHA-256 only.
//!
//! ```toml
//! [[operators]]
//! id = "acme-air"
//! contracts = ["C-1", "C-2"]
//!
//! [[tokens]]                      # of subscribers
//! sha256 = "…64 hex digits…"
//! operator = "acme-air"
//! clients = ["partner-app"]       # allowed values of X-Api-Client-Id; none begins with admin:
//! events = ["FLIGHT_*"]           # what they may subscribe to; default ["*"]
//!
//! [[publishers]]
//! name = "flight-operations"      # the scope of the events it publishes
//! sha256 = "…"
//! operators = ["acme-air"]        # whom it may speak for; ["*"]: everyone
//!
//! [[admins]]                      # people who run the platform
//! name = "platform-team"          # stands in records of what was done with it
//! sha256 = "…"
//! ```

mod file;
#[cfg(test)]
mod tests;

pub use crate::toml_reading::Problem;

use crate::catalogue::Catalogue;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// So begins who did something, in records, when it was an administrator; a client id never does.
pub const ADMIN_ACTOR: &str = "admin:";

/// Everyone who may call.
#[derive(Clone, Default, Debug)]
pub struct Credentials {
    /// By operator.
    contracts: HashMap<String, Arc<[String]>>,
    tokens: HashMap<TokenHash, Token>,
    publishers: HashMap<TokenHash, Publisher>,
    /// Names by token.
    admins: HashMap<TokenHash, Arc<str>>,
}

type TokenHash = [u8; 32];

#[derive(Clone, Debug)]
struct Token {
    operator: Arc<str>,
    clients: BTreeSet<String>,
    events: Arc<[EventPattern]>,
}

/// A partner application on behalf of an operator.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// The `X-Api-Client-Id` it called with.
    pub partner: String,
    pub operator: Arc<str>,
    /// The operator's contracts.
    pub contracts: Arc<[String]>,
    events: Arc<[EventPattern]>,
}

impl Subscriber {
    /// Whether it is entitled to this event type.
    pub fn may_subscribe(&self, event_type: &str) -> bool {
        self.events.iter().any(|pattern| pattern.matches(event_type))
    }

    /// Whether the contract is one of the operator's.
    pub fn has_contract(&self, contract: &str) -> bool {
        self.contracts.iter().any(|c| c == contract)
    }
}

/// Who publishes over HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Publisher {
    /// Part of the identity of every event it publishes.
    pub scope: Arc<str>,
    /// Whom it may speak for.
    pub operators: Operators,
}

/// Whom a publisher may speak for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Operators {
    All,
    Only(Arc<BTreeSet<String>>),
}

impl Operators {
    /// From a list of operator ids, in which `*` stands for everyone.
    pub fn from_list<S: AsRef<str>>(list: &[S]) -> Self {
        if list.iter().any(|id| id.as_ref() == "*") {
            return Operators::All;
        }
        Operators::Only(Arc::new(list.iter().map(|id| id.as_ref().to_owned()).collect()))
    }

    pub fn include(&self, operator: &str) -> bool {
        match self {
            Operators::All => true,
            Operators::Only(ids) => ids.contains(operator),
        }
    }
}

/// An event type, or the beginning of some: `FLIGHT_*`.
#[derive(Clone, PartialEq, Eq, Debug)]
enum EventPattern {
    Exactly(String),
    Beginning(String),
}

impl EventPattern {
    /// `None` unless it means at least one type of the catalogue.
    fn parse(text: &str, catalogue: &Catalogue) -> Option<Self> {
        let Some(beginning) = text.strip_suffix('*') else {
            return catalogue.lookup(text).map(|t| EventPattern::Exactly(t.wire_name.as_ref().to_owned()));
        };
        let means_some = catalogue.types().any(|t| t.wire_name.starts_with(beginning));
        means_some.then(|| EventPattern::Beginning(beginning.to_owned()))
    }

    fn matches(&self, event_type: &str) -> bool {
        match self {
            EventPattern::Exactly(name) => name == event_type,
            EventPattern::Beginning(beginning) => event_type.starts_with(beginning),
        }
    }
}

/// Why nobody is let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AuthError {
    /// No such token.
    #[error("the token is unknown")]
    Unknown,
    /// The token exists; this partner application may not use it.
    #[error("the token does not belong to this client id")]
    Client,
}

/// Why nobody can act for a pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoPair {
    #[error("the credentials file has no such operator")]
    Operator,
    #[error("no token of the operator in the credentials file names this client id")]
    Client,
}

impl Credentials {
    /// Reads the credentials file; the event types in it are those of `catalogue`.
    ///
    /// # Errors
    /// Every mistake with its place, in the order of the file.
    pub fn parse(text: &str, catalogue: &Catalogue) -> Result<Self, Vec<Problem>> {
        file::parse(text, catalogue)
    }

    /// Whom `client_id` (`X-Api-Client-Id`) and `token` (`X-Auth-Token`) stand for.
    ///
    /// # Errors
    /// Nobody; both reasons are a 401, so that a guesser learns nothing.
    pub fn subscriber(&self, client_id: &str, token: &str) -> Result<Subscriber, AuthError> {
        let found = self.tokens.get(&hash(token)).ok_or(AuthError::Unknown)?;
        if !found.clients.contains(client_id) {
            return Err(AuthError::Client);
        }
        Ok(Subscriber {
            partner: client_id.to_owned(),
            operator: Arc::clone(&found.operator),
            contracts: self.contracts.get(&*found.operator).cloned().unwrap_or_default(),
            events: Arc::clone(&found.events),
        })
    }

    /// The pair of a partner application and an operator, as an administrator acts for it: entitled to what any of its
    /// tokens is.
    ///
    /// # Errors
    /// There is no such operator, or none of its tokens names this client id.
    pub fn pair(&self, client_id: &str, operator: &str) -> Result<Subscriber, NoPair> {
        let contracts = self.contracts.get(operator).ok_or(NoPair::Operator)?;
        let theirs = |token: &&Token| &*token.operator == operator && token.clients.contains(client_id);
        let mut tokens = self.tokens.values().filter(theirs).peekable();
        let first = tokens.peek().ok_or(NoPair::Client)?;
        let operator = Arc::clone(&first.operator);
        let events = tokens.flat_map(|token| token.events.iter().cloned()).collect();
        Ok(Subscriber { partner: client_id.to_owned(), operator, contracts: Arc::clone(contracts), events })
    }

    /// Whose bearer token this is.
    pub fn publisher(&self, token: &str) -> Option<&Publisher> {
        self.publishers.get(&hash(token))
    }

    /// The name of the administrator whose bearer token this is.
    pub fn admin(&self, token: &str) -> Option<&Arc<str>> {
        self.admins.get(&hash(token))
    }
}

/// The hash of a token as the credentials file has it.
pub fn token_sha256(token: &str) -> String {
    hash(token).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Tokens are looked up by their hash: how long that takes tells nothing of the tokens themselves.
fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}
