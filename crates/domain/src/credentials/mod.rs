//! Who may call, and for whom: the credentials file. Tokens stand in it as SHA-256 only.
//!
//! ```toml
//! [[operators]]
//! id = "acme-air"
//! contracts = ["C-1", "C-2"]
//!
//! [[tokens]]                      # of subscribers
//! name = "partner app, 2026"      # optional, for the log
//! sha256 = "…64 hex digits…"
//! operator = "acme-air"
//! clients = ["partner-app"]       # allowed values of X-Api-Client-Id; none begins with admin:
//! events = ["FLIGHT_*"]           # what they may subscribe to; default ["*"]
//! scopes = ["read"]               # GET; "write": all that changes something; default both
//! expires = "2027-01-31T00:00:00Z" # optional: from then on it is nobody's
//!
//! [[publishers]]                  # they have the scope publish
//! name = "flight-operations"      # the scope of the events it publishes
//! sha256 = "…"
//! operators = ["acme-air"]        # whom it may speak for; ["*"]: everyone
//! expires = "2027-01-31T00:00:00Z"
//!
//! [[admins]]                      # people who run the platform; they have the scope admin
//! name = "platform-team"          # stands in records of what was done with it
//! sha256 = "…"
//! scopes = ["read"]               # as of tokens
//! expires = "2027-01-31T00:00:00Z"
//! ```
//!
//! [`throttle`]: how many requests, and how many wrong ones.

mod blind;
mod callers;
mod changes;
mod expiry;
mod file;
mod listing;
mod patterns;
mod scopes;
#[cfg(test)]
mod tests;
pub mod throttle;

pub use crate::toml_reading::Problem;
pub use callers::{Administrator, NoPair, Operators, Publisher, Subscriber};
pub use changes::{Changes, Count};
pub use expiry::{EXPIRES_SOON_MS, Expiring, Reminders};
pub use listing::{Kind, Listed};
pub use scopes::{Scope, Scopes};

use crate::catalogue::Catalogue;
use blind::Blind;
use callers::Token;
use listing::Entry;
use sha2::{Digest, Sha256};
use std::{collections::HashMap, sync::Arc};

/// So begins who did something, in records, when it was an administrator; a client id never does.
pub const ADMIN_ACTOR: &str = "admin:";

/// Everyone who may call.
#[derive(Clone, Default, Debug)]
pub struct Credentials {
    /// By operator.
    contracts: HashMap<String, Arc<[String]>>,
    tokens: Blind<Token>,
    publishers: Blind<Publisher>,
    admins: Blind<Administrator>,
}

type TokenHash = [u8; 32];

/// Why nobody is let in; whose token it is is told as [`Listed`] shows it, for the log.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AuthError {
    /// No such token.
    #[error("the token is unknown")]
    Unknown,
    /// It was one once.
    #[error("the {0} has expired")]
    Expired(Box<str>),
    /// The token exists; this partner application may not use it.
    #[error("the {0} is not for this client id")]
    Client(Box<str>),
}

impl Credentials {
    /// Reads the credentials file; the event types in it are those of `catalogue`.
    ///
    /// # Errors
    /// Every mistake with its place, in the order of the file.
    pub fn parse(text: &str, catalogue: &Catalogue) -> Result<Self, Vec<Problem>> {
        file::parse(text, catalogue)
    }

    /// Whom `client_id` (`X-Api-Client-Id`) and `token` (`X-Auth-Token`) stand for at `now_ms` (wall clock).
    ///
    /// # Errors
    /// Nobody; all reasons are a 401, so that a guesser learns nothing.
    pub fn subscriber(&self, client_id: &str, token: &str, now_ms: i64) -> Result<Subscriber, AuthError> {
        let found = self.tokens.get(&hash(token)).ok_or(AuthError::Unknown)?;
        in_force(Entry::Token(found), now_ms)?;
        if !found.clients.contains(client_id) {
            return Err(AuthError::Client(Entry::Token(found).shown()));
        }
        Ok(Subscriber {
            partner: client_id.to_owned(),
            operator: Arc::clone(&found.operator),
            contracts: self.contracts.get(&*found.operator).cloned().unwrap_or_default(),
            scopes: found.scopes,
            token: found.name.clone(),
            events: Arc::clone(&found.events),
        })
    }

    /// The pair of a partner application and an operator, as an administrator acts for it: entitled to what any of its
    /// tokens is. Tokens that have expired count: what was made with them is still there to be looked after.
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
        Ok(Subscriber {
            partner: client_id.to_owned(),
            operator,
            contracts: Arc::clone(contracts),
            scopes: Scopes::ALL,
            token: None,
            events,
        })
    }

    /// Whose bearer token this is at `now_ms`.
    ///
    /// # Errors
    /// Nobody's, or not any more.
    pub fn publisher(&self, token: &str, now_ms: i64) -> Result<&Publisher, AuthError> {
        let found = self.publishers.get(&hash(token)).ok_or(AuthError::Unknown)?;
        in_force(Entry::Publisher(found), now_ms).map(|()| found)
    }

    /// The administrator whose bearer token this is at `now_ms`.
    ///
    /// # Errors
    /// Nobody's, or not any more.
    pub fn admin(&self, token: &str, now_ms: i64) -> Result<&Administrator, AuthError> {
        let found = self.admins.get(&hash(token)).ok_or(AuthError::Unknown)?;
        in_force(Entry::Admin(found), now_ms).map(|()| found)
    }
}

fn in_force(found: Entry<'_>, now_ms: i64) -> Result<(), AuthError> {
    if expiry::is_past(found.expires_at_ms(), now_ms) {
        return Err(AuthError::Expired(found.shown()));
    }
    Ok(())
}

/// The hash of a token as the credentials file has it.
pub fn token_sha256(token: &str) -> String {
    hash(token).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}
