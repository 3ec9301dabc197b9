//! What another reading of the file changed, in numbers.

use super::{Credentials, blind::Blind};
use std::collections::HashMap;
use std::fmt;

/// Those added, removed, and meaning something else than before.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Count {
    pub added: usize,
    pub removed: usize,
    pub changed: usize,
}

/// What is different.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Changes {
    /// Of subscribers, publishers and administrators together.
    pub tokens: Count,
    pub operators: Count,
}

impl Credentials {
    /// What is different from `before`.
    pub fn changes_since(&self, before: &Self) -> Changes {
        let tokens = [
            of_tokens(&before.tokens, &self.tokens),
            of_tokens(&before.publishers, &self.publishers),
            of_tokens(&before.admins, &self.admins),
        ];
        let mut operators = Count::default();
        for (id, contracts) in &self.contracts {
            match before.contracts.get(id) {
                None => operators.added += 1,
                Some(known) => operators.changed += usize::from(known != contracts),
            }
        }
        operators.removed = before.contracts.keys().filter(|id| !self.contracts.contains_key(*id)).count();
        Changes { tokens: tokens.into_iter().fold(Count::default(), Count::plus), operators }
    }
}

fn of_tokens<V: PartialEq>(before: &Blind<V>, now: &Blind<V>) -> Count {
    let mut gone: HashMap<_, _> = before.iter().collect();
    let mut count = Count::default();
    for (sha256, value) in now.iter() {
        match gone.remove(sha256) {
            None => count.added += 1,
            Some(known) => count.changed += usize::from(known != value),
        }
    }
    Count { removed: gone.len(), ..count }
}

impl Count {
    const fn plus(self, other: Self) -> Self {
        Self {
            added: self.added + other.added,
            removed: self.removed + other.removed,
            changed: self.changed + other.changed,
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} added, {} removed, {} changed", self.added, self.removed, self.changed)
    }
}
