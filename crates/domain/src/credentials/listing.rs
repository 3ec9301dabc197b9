//! Everyone in the file, for people to look at; nothing of a token but its name.

use super::{Credentials, Operators, Scopes, TokenHash};
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
        let mut all: Vec<Listed> = self.each().map(|(_, listed)| listed).collect();
        let order = |listed: &Listed| {
            (listed.kind, listed.operators.clone(), listed.name.clone(), listed.clients.clone())
        };
        all.sort_by_cached_key(|listed| (order(listed), listed.expires_at_ms));
        all
    }

    pub(super) fn each(&self) -> impl Iterator<Item = (&TokenHash, Listed)> {
        let tokens = self.tokens.iter().map(|(sha256, token)| {
            let listed = Listed {
                kind: Kind::Token,
                name: token.name.as_deref().map(str::to_owned),
                operators: vec![(*token.operator).to_owned()],
                clients: token.clients.iter().cloned().collect(),
                events: token.events.iter().map(ToString::to_string).collect(),
                scopes: token.scopes.names(),
                expires_at_ms: token.expires_at_ms,
            };
            (sha256, listed)
        });
        let publishers = self.publishers.iter().map(|(sha256, publisher)| {
            let operators = match &publisher.operators {
                Operators::All => vec!["*".to_owned()],
                Operators::Only(ids) => ids.iter().cloned().collect(),
            };
            (sha256, named(Kind::Publisher, &publisher.scope, operators, "publish", publisher.expires_at_ms))
        });
        let admins = self.admins.iter().map(|(sha256, admin)| {
            let everybody = vec!["*".to_owned()];
            let listed = named(Kind::Admin, &admin.name, everybody, "admin", admin.expires_at_ms);
            (sha256, Listed { scopes: scopes(admin.scopes), ..listed })
        });
        tokens.chain(publishers).chain(admins)
    }
}

fn scopes(of_admin: Scopes) -> Vec<&'static str> {
    std::iter::once("admin").chain(of_admin.names()).collect()
}

fn named(
    kind: Kind,
    name: &str,
    operators: Vec<String>,
    scope: &'static str,
    expires_at_ms: Option<i64>,
) -> Listed {
    let (clients, events, scopes) = (Vec::new(), Vec::new(), vec![scope]);
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
