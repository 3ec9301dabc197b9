//! Everyone in the file, for people to look at; nothing of a token but its name.

use super::{Administrator, Credentials, Operators, Publisher, Token, TokenHash};
use std::fmt;

/// In which table somebody stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    Token,
    Publisher,
    Admin,
}

impl Kind {
    /// One of them in words.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Token => "token",
            Kind::Publisher => "publisher",
            Kind::Admin => "admin",
        }
    }
}

/// One credential.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listed {
    pub kind: Kind,
    pub name: Option<String>,
    /// On whose behalf: one, several, or `*`.
    pub operators: Vec<String>,
    /// Of tokens only.
    pub clients: Vec<String>,
    /// Of tokens only: names and beginnings of event types.
    pub events: Vec<String>,
    /// By name: `read`, `write`, `publish`, `admin`.
    pub scopes: Vec<&'static str>,
    /// Wall clock.
    pub expires_at_ms: Option<i64>,
}

impl Credentials {
    /// Everyone: tokens, publishers, administrators, each by operator and name.
    pub fn everyone(&self) -> Vec<Listed> {
        let mut all: Vec<Listed> = self.each().map(|(_, entry)| entry.listed()).collect();
        let order = |listed: &Listed| {
            (listed.kind, listed.operators.clone(), listed.name.clone(), listed.clients.clone())
        };
        all.sort_by_cached_key(|listed| (order(listed), listed.expires_at_ms));
        all
    }

    pub(super) fn each(&self) -> impl Iterator<Item = (&TokenHash, Entry<'_>)> {
        let tokens = self.tokens.iter().map(|(sha256, token)| (sha256, Entry::Token(token)));
        let publishers =
            self.publishers.iter().map(|(sha256, publisher)| (sha256, Entry::Publisher(publisher)));
        let admins = self.admins.iter().map(|(sha256, admin)| (sha256, Entry::Admin(admin)));
        tokens.chain(publishers).chain(admins)
    }
}

/// One credential as it is kept: what is asked of all of them often is not written out for people first.
#[derive(Clone, Copy)]
pub(super) enum Entry<'a> {
    Token(&'a Token),
    Publisher(&'a Publisher),
    Admin(&'a Administrator),
}

impl Entry<'_> {
    pub const fn expires_at_ms(self) -> Option<i64> {
        match self {
            Entry::Token(token) => token.expires_at_ms,
            Entry::Publisher(publisher) => publisher.expires_at_ms,
            Entry::Admin(admin) => admin.expires_at_ms,
        }
    }

    /// Which one it is, for the log.
    pub fn shown(self) -> Box<str> {
        self.listed().to_string().into()
    }

    pub fn listed(self) -> Listed {
        match self {
            Entry::Token(token) => Listed {
                kind: Kind::Token,
                name: token.name.as_deref().map(str::to_owned),
                operators: vec![(*token.operator).to_owned()],
                clients: token.clients.iter().cloned().collect(),
                events: token.events.iter().map(ToString::to_string).collect(),
                scopes: token.scopes.names(),
                expires_at_ms: token.expires_at_ms,
            },
            Entry::Publisher(publisher) => {
                let operators = match &publisher.operators {
                    Operators::All => vec!["*".to_owned()],
                    Operators::Only(ids) => ids.iter().cloned().collect(),
                };
                named(Kind::Publisher, &publisher.scope, operators, vec!["publish"], publisher.expires_at_ms)
            }
            Entry::Admin(admin) => {
                let scopes = std::iter::once("admin").chain(admin.scopes.names()).collect();
                named(Kind::Admin, &admin.name, vec!["*".to_owned()], scopes, admin.expires_at_ms)
            }
        }
    }
}

fn named(
    kind: Kind,
    name: &str,
    operators: Vec<String>,
    scopes: Vec<&'static str>,
    expires_at_ms: Option<i64>,
) -> Listed {
    let (clients, events) = (Vec::new(), Vec::new());
    Listed { kind, name: Some(name.to_owned()), operators, clients, events, scopes, expires_at_ms }
}

/// Which one it is, for the log.
impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if let Some(name) = &self.name {
            write!(f, " {name:?}")?;
        }
        if self.kind == Kind::Token {
            write!(f, " of operator {} for {}", self.operators.join(", "), self.clients.join(", "))?;
        }
        Ok(())
    }
}
