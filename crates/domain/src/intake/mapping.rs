//! Plain JSON of an upstream that knows no CloudEvents: JSON pointers say where the fields of an event stand.

mod read;
#[cfg(test)]
mod tests;

pub(super) use read::read;

use super::pointer::Pointer;
use crate::{catalogue::Catalogue, credentials::Operators};
use std::{collections::HashMap, fmt, sync::Arc};

/// Where the fields of an event stand in a document, as it was written down: JSON pointers (RFC 6901).
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct MappingConfig {
    /// A text or a whole number.
    pub id: String,
    /// A wire name of the catalogue, or a name in `types`.
    pub event_type: String,
    /// RFC 3339, or whole milliseconds since 1970. Without it an event happened when it was accepted.
    pub time: Option<String>,
    /// Without it each event stands for itself.
    pub subject: Option<String>,
    /// May be left out when the source speaks for exactly one operator.
    pub operator: Option<String>,
    pub contract: Option<String>,
    /// Without it: production.
    pub environment: Option<String>,
    /// Without it: the topic.
    pub source: Option<String>,
    /// An object; empty or left out: the whole document.
    pub data: Option<String>,
    /// From the upstream's names of event types to wire names.
    pub types: Vec<(String, String)>,
}

/// A field mapping that was checked.
#[derive(Debug)]
pub struct Mapping {
    id: Pointer,
    event_type: Pointer,
    time: Option<Pointer>,
    subject: Option<Pointer>,
    operator: Operator,
    contract: Option<Pointer>,
    environment: Option<Pointer>,
    source: Option<Pointer>,
    /// `None`: the whole document.
    data: Option<Pointer>,
    types: HashMap<String, Arc<str>>,
}

#[derive(Debug)]
enum Operator {
    At(Pointer),
    /// The only one the source speaks for.
    Always(String),
}

/// One mistake in a field mapping.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MappingProblem {
    /// The field of the mapping, such as `id` or `types."DEP"`.
    pub field: String,
    /// What is wrong and what is expected.
    pub detail: String,
}

impl fmt::Display for MappingProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.detail)
    }
}

impl Mapping {
    /// Checks a mapping of a source that speaks for `operators`.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn new(
        config: &MappingConfig,
        operators: &Operators,
        catalogue: &Catalogue,
    ) -> Result<Self, Vec<MappingProblem>> {
        let mut checking = Checking(Vec::new());
        let id = checking.required("id", &config.id);
        let event_type = checking.required("type", &config.event_type);
        let time = checking.optional("time", config.time.as_deref());
        let subject = checking.optional("subject", config.subject.as_deref());
        let operator = checking.operator(config.operator.as_deref(), operators);
        let contract = checking.optional("contract", config.contract.as_deref());
        let environment = checking.optional("environment", config.environment.as_deref());
        let source = checking.optional("source", config.source.as_deref());
        let data = checking.optional("data", config.data.as_deref().filter(|data| !data.is_empty()));
        let types = checking.types(&config.types, catalogue);
        match (id, event_type, operator) {
            (Some(id), Some(event_type), Some(operator)) if checking.0.is_empty() => Ok(Self {
                id,
                event_type,
                time,
                subject,
                operator,
                contract,
                environment,
                source,
                data,
                types,
            }),
            _ => Err(checking.0),
        }
    }

    /// Where the document has the field of an event; empty for the whole document, the field's own name when it has none.
    pub(super) fn place_of<'a>(&'a self, name: &'a str) -> &'a str {
        let pointer = match name {
            "id" => Some(&self.id),
            "type" => Some(&self.event_type),
            "time" => self.time.as_ref(),
            "subject" => self.subject.as_ref(),
            "operator" => match &self.operator {
                Operator::At(pointer) => Some(pointer),
                Operator::Always(_) => None,
            },
            "contract" => self.contract.as_ref(),
            "environment" => self.environment.as_ref(),
            "source" => self.source.as_ref(),
            "data" => return self.data.as_ref().map_or("", Pointer::as_str),
            _ => None,
        };
        pointer.map_or(name, Pointer::as_str)
    }
}

struct Checking(Vec<MappingProblem>);

impl Checking {
    fn wrong(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.0.push(MappingProblem { field: field.into(), detail: detail.into() });
    }

    fn required(&mut self, field: &str, pointer: &str) -> Option<Pointer> {
        if pointer.is_empty() {
            self.wrong(field, "is required; give a JSON pointer such as /flight/id");
            return None;
        }
        self.optional(field, Some(pointer))
    }

    fn optional(&mut self, field: &str, pointer: Option<&str>) -> Option<Pointer> {
        match Pointer::parse(pointer?) {
            Ok(pointer) => Some(pointer),
            Err(error) => {
                self.wrong(field, format!("{:?} {error}", pointer.unwrap_or_default()));
                None
            }
        }
    }

    fn operator(&mut self, pointer: Option<&str>, operators: &Operators) -> Option<Operator> {
        if pointer.is_some() {
            return self.optional("operator", pointer).map(Operator::At);
        }
        match operators {
            Operators::Only(ids) if ids.len() == 1 => ids.first().cloned().map(Operator::Always),
            Operators::Only(_) | Operators::All => {
                self.wrong("operator", "may be left out only when the source's operators are exactly one");
                None
            }
        }
    }

    fn types(&mut self, types: &[(String, String)], catalogue: &Catalogue) -> HashMap<String, Arc<str>> {
        let mut known = HashMap::with_capacity(types.len());
        for (name, wire_name) in types {
            match catalogue.lookup(wire_name) {
                Some(found) => {
                    known.insert(name.clone(), Arc::clone(&found.wire_name));
                }
                None => self.wrong(
                    format!("types.{name:?}"),
                    format!("{wire_name:?} is not in the catalogue of event types"),
                ),
            }
        }
        known
    }
}
