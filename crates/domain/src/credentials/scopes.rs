//! What a credential is for.
//!
//! There are four: `read` and `write` are what tokens of subscribers and administrators may have, both unless the file says less;
//! `publish` is what a publisher is, `admin` what an administrator is. The last two stand nowhere in the file: they are the table
//! that a credential stands in.

use std::fmt;

/// One of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scope {
    /// Looking: every `GET`.
    Read,
    /// All that changes something, or has something sent.
    Write,
    /// `POST /v1/events`.
    Publish,
    /// Everybody's, and in everybody's place.
    Admin,
}

impl Scope {
    /// As the file and the answers have it.
    pub const fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Write => "write",
            Scope::Publish => "publish",
            Scope::Admin => "admin",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Scope::Read, Scope::Write, Scope::Publish, Scope::Admin].into_iter().find(|s| s.name() == text)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `read`, `write` or both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scopes {
    read: bool,
    write: bool,
}

impl Scopes {
    /// Both.
    pub const ALL: Self = Self { read: true, write: true };

    /// Whether it is one of them; `publish` and `admin` never are.
    pub const fn include(self, scope: Scope) -> bool {
        match scope {
            Scope::Read => self.read,
            Scope::Write => self.write,
            Scope::Publish | Scope::Admin => false,
        }
    }

    /// In the order of the documentation.
    pub fn names(self) -> Vec<&'static str> {
        [Scope::Read, Scope::Write].into_iter().filter(|s| self.include(*s)).map(Scope::name).collect()
    }

    /// None of them, to add to.
    pub(super) const fn none() -> Self {
        Self { read: false, write: false }
    }

    /// Adds one by its name.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn add(&mut self, name: &str) -> Result<(), String> {
        match Scope::parse(name) {
            Some(Scope::Read) => self.read = true,
            Some(Scope::Write) => self.write = true,
            Some(scope @ Scope::Publish) => {
                return Err(format!("{scope} is what [[publishers]] have; here it is read, write or both"));
            }
            Some(scope @ Scope::Admin) => {
                return Err(format!("{scope} is what [[admins]] have; here it is read, write or both"));
            }
            None => return Err(format!("there is no scope {name:?}; it is read, write or both")),
        }
        Ok(())
    }
}
