//! Every event type there is: 24 of flights, 4 of products, 11 of orders and 20 notifications of order changes, and those a
//! platform team adds in files of its own. The names are contractual, odd spellings included: existing clients send and
//! parse them.

mod assemble;
mod envelope;
mod environment;
mod field;
mod pages;
mod problem;
mod read;
mod schema;
#[cfg(test)]
mod tests;

pub use assemble::TYPES_MAX;
pub use envelope::{ID_CHARS_MAX, NAME_CHARS_MAX, SOURCE_CHARS_MAX, SUBJECT_CHARS_MAX};
pub use environment::Environment;
pub use field::{Field, FieldType};
pub use pages::Page;
pub use problem::{CatalogueProblem, CatalogueProblems};

use assemble::Assembly;
use serde_json::Value;
use std::{
    collections::HashMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

/// Which of the source systems an event belongs to; decides the tenant's meaning and whether there is a contract.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Family {
    /// The tenant is the flight operator.
    Flight,
    /// The tenant is the agency.
    Order,
    /// The tenant is the partner whose contract it is.
    Product,
}

impl Family {
    pub const ALL: [Family; 3] = [Family::Flight, Family::Order, Family::Product];

    /// As it stands in files of event types.
    pub const fn name(self) -> &'static str {
        match self {
            Family::Flight => "flight",
            Family::Order => "order",
            Family::Product => "product",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }
}

/// Whether a newer event makes an older one of the same type and subject pointless.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// How something is now: the newest counts.
    State,
    /// Something that happened: each one counts.
    Fact,
}

impl Kind {
    pub const ALL: [Kind; 2] = [Kind::State, Kind::Fact];

    /// As it stands in files of event types.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::State => "state",
            Kind::Fact => "fact",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One entry of the catalogue.
#[derive(Clone, PartialEq, Debug)]
pub struct EventType {
    /// As it stands in events and subscriptions.
    pub wire_name: Arc<str>,
    pub family: Family,
    /// A few words for people.
    pub title: String,
    /// When it happens, in a sentence or two.
    pub when: String,
    pub kind: Kind,
    /// The field of the data that an event's subject repeats. `None`: each event stands for itself.
    pub subject: Option<String>,
    /// What `data` holds; there may always be more.
    pub fields: Vec<Field>,
    /// A realistic `data`.
    pub example: Value,
    /// RFC 3339: when the event of the example happened.
    pub example_time: String,
}

/// Event types by name.
#[derive(Clone)]
pub struct Catalogue {
    types: Vec<EventType>,
    by_name: HashMap<Arc<str>, usize>,
}

static BUILTIN: LazyLock<Arc<Catalogue>> =
    LazyLock::new(|| Arc::new(Catalogue::of(Assembly::builtin().into_types())));

impl Catalogue {
    /// The 59 types every installation knows.
    pub fn builtin() -> Arc<Self> {
        Arc::clone(&BUILTIN)
    }

    /// The built-in types and those of a platform team's files, each with the path that messages name.
    ///
    /// # Errors
    /// Everything that is wrong in any of them.
    pub fn with_files(files: &[(String, String)]) -> Result<Self, Vec<CatalogueProblem>> {
        let mut assembly = Assembly::builtin();
        for (file, text) in files {
            assembly.add(file, text);
        }
        assembly.finish()
    }

    /// As [`Self::with_files`], of files that `read` reads: `load(paths, |path| std::fs::read_to_string(path))`.
    ///
    /// # Errors
    /// Everything that is wrong in any of them, those included that cannot be read.
    pub fn load(
        paths: &[PathBuf],
        read: impl Fn(&Path) -> io::Result<String>,
    ) -> Result<Arc<Self>, CatalogueProblems> {
        if paths.is_empty() {
            return Ok(Self::builtin());
        }
        let mut assembly = Assembly::builtin();
        for path in paths {
            let file = path.display().to_string();
            match read(path) {
                Ok(text) => assembly.add(&file, &text),
                Err(error) => {
                    assembly.problem(&file, format!("cannot be read: {error}; name a readable file"));
                }
            }
        }
        assembly.finish().map(Arc::new).map_err(CatalogueProblems)
    }

    /// The type with exactly this wire name.
    pub fn lookup(&self, wire_name: &str) -> Option<&EventType> {
        self.types.get(*self.by_name.get(wire_name)?)
    }

    /// All types: the built-in ones family by family, then those of the files in their order.
    pub fn types(&self) -> impl Iterator<Item = &EventType> {
        self.types.iter()
    }

    fn of(types: Vec<EventType>) -> Self {
        let by_name = types.iter().enumerate().map(|(at, t)| (Arc::clone(&t.wire_name), at)).collect();
        Self { types, by_name }
    }
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Catalogue({} types)", self.types.len())
    }
}
