//! Who calls, once that is known.

use super::patterns::EventPattern;
use super::scopes::Scopes;
use std::{collections::BTreeSet, sync::Arc};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Token {
    pub name: Option<Arc<str>>,
    pub operator: Arc<str>,
    pub clients: BTreeSet<String>,
    pub events: Arc<[EventPattern]>,
    pub scopes: Scopes,
    pub expires_at_ms: Option<i64>,
}

/// A partner application on behalf of an operator.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// The `X-Api-Client-Id` it called with.
    pub partner: String,
    pub operator: Arc<str>,
    /// The operator's contracts.
    pub contracts: Arc<[String]>,
    /// What its token is for.
    pub scopes: Scopes,
    /// What its token is called in the credentials file.
    pub token: Option<Arc<str>>,
    pub(super) events: Arc<[EventPattern]>,
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
    /// Wall clock.
    pub expires_at_ms: Option<i64>,
}

/// Who runs the platform.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Administrator {
    /// Stands in records of what was done.
    pub name: Arc<str>,
    /// Without `write` it only looks.
    pub scopes: Scopes,
    /// Wall clock.
    pub expires_at_ms: Option<i64>,
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

/// Why nobody can act for a pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoPair {
    #[error("the credentials file has no such operator")]
    Operator,
    #[error("no token of the operator in the credentials file names this client id")]
    Client,
}
