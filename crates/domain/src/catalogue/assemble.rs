//! From files to one catalogue.

use super::{
    Catalogue, CatalogueProblem, EventType, Family, Field,
    read::{self, Earlier},
};
use std::{collections::HashMap, sync::Arc};

/// Event types of all files together, at most.
pub const TYPES_MAX: usize = 1_000;

/// The files every installation has.
pub(super) const BUILTIN: [(&str, &str); 3] = [
    ("flight.toml", include_str!("../../catalogue/flight.toml")),
    ("order.toml", include_str!("../../catalogue/order.toml")),
    ("product.toml", include_str!("../../catalogue/product.toml")),
];

/// A catalogue in the making.
#[derive(Default)]
pub(super) struct Assembly {
    types: Vec<EventType>,
    /// Where the type is defined, by name.
    places: HashMap<Arc<str>, String>,
    definitions: HashMap<Family, Vec<Field>>,
    problems: Vec<CatalogueProblem>,
}

impl Assembly {
    /// The built-in types; that they have no problems is proven by a test.
    pub fn builtin() -> Self {
        let mut assembly = Self::default();
        for (file, text) in BUILTIN {
            let definitions = assembly.read(file, "the built-in catalogue", text);
            assembly.definitions.extend(definitions);
        }
        assembly
    }

    /// Adds a platform team's own file.
    pub fn add(&mut self, file: &str, text: &str) {
        self.read(file, file, text);
        if self.types.len() > TYPES_MAX {
            let count = self.types.len();
            self.problem(file, format!("makes it {count} event types, at most {TYPES_MAX} are allowed"));
            self.types.truncate(TYPES_MAX);
        }
    }

    pub fn problem(&mut self, file: &str, detail: String) {
        self.problems.push(CatalogueProblem {
            file: file.to_owned(),
            line: None,
            place: String::new(),
            detail,
        });
    }

    /// # Errors
    /// Everything that was wrong in any file.
    pub fn finish(self) -> Result<Catalogue, Vec<CatalogueProblem>> {
        match self.problems.is_empty() {
            true => Ok(Catalogue::of(self.types)),
            false => Err(self.problems),
        }
    }

    /// The types, whatever was wrong.
    pub fn into_types(self) -> Vec<EventType> {
        self.types
    }

    fn read(&mut self, file: &str, shown: &str, text: &str) -> Option<(Family, Vec<Field>)> {
        let places = &self.places;
        let defined_in = |name: &str| places.get(name).cloned();
        let earlier = Earlier { definitions: &self.definitions, defined_in: &defined_in };
        let (contents, problems) = read::read(text, &earlier);
        self.problems.extend(problems.into_iter().map(|problem| CatalogueProblem {
            file: file.to_owned(),
            line: Some(problem.line),
            place: problem.place,
            detail: problem.detail,
        }));
        for event_type in contents.types {
            self.places.entry(Arc::clone(&event_type.wire_name)).or_insert_with(|| shown.to_owned());
            self.types.push(event_type);
        }
        Some((contents.family?, contents.definitions))
    }
}
