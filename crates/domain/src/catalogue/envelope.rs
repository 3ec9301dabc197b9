//! What stands around an event's data: a CloudEvent, with extension attributes of ours.

use super::{Catalogue, Environment, EventType, Family, schema::DIALECT};
use serde_json::{Value, json};

/// Longest `id`, in characters.
pub const ID_CHARS_MAX: usize = 256;
/// Longest `source`, in characters.
pub const SOURCE_CHARS_MAX: usize = 1_024;
/// Longest `type`, `operator`, `contract` and `environment`, in characters.
pub const NAME_CHARS_MAX: usize = 128;
/// Longest `subject`, in characters.
pub const SUBJECT_CHARS_MAX: usize = 512;

/// Types that follow from the clock: publishers are not to send them, though intake takes them if they do.
const FROM_CLOCK: [&str; 2] = ["OrderStarted", "OrderCompleted"];

impl Catalogue {
    /// The JSON Schema (2020-12) of an event as a publisher sends it: CloudEvents 1.0 in structured mode. What it takes is
    /// accepted; beyond it `null` and empty texts stand for optional attributes that are left out, and the types are
    /// accepted that are not [`EventType::is_published`]. What `data` holds is said by [`EventType::schema`].
    pub fn envelope_schema(&self) -> Value {
        let names: Vec<&str> =
            self.types().filter(|t| t.is_published()).map(|t| t.wire_name.as_ref()).collect();
        let products: Vec<&str> =
            self.types().filter(|t| t.family == Family::Product).map(|t| t.wire_name.as_ref()).collect();
        json!({
            "$schema": DIALECT,
            "title": "Event",
            "description": "An event as a publisher sends it: a CloudEvent 1.0 in structured mode. Further attributes are \
                            allowed and ignored.",
            "type": "object",
            "required": ["specversion", "id", "source", "type", "operator", "data"],
            "properties": {
                "specversion": {"const": "1.0", "description": "Version of CloudEvents."},
                "id": required(
                    ID_CHARS_MAX,
                    "Id of the event, given once for each source. An event sent again keeps its id and is delivered once.",
                ),
                "source": required(SOURCE_CHARS_MAX, "What in the publisher's system the event comes from, as a URI reference."),
                "type": {"enum": names, "description": "What happened: a type of the catalogue. Names are case-sensitive."},
                "operator": required(
                    NAME_CHARS_MAX,
                    "Whose event it is: the flight operator, the agency, or the partner whose contract it is. One the \
                     publisher may speak for.",
                ),
                "contract": optional(NAME_CHARS_MAX, "The operator's contract. Product events must name it, others may."),
                "environment": {
                    "enum": Environment::ALL.map(Environment::as_str),
                    "default": Environment::default().as_str(),
                    "description": "Events of one never reach subscriptions of the other.",
                },
                "subject": optional(
                    SUBJECT_CHARS_MAX,
                    "What the event is about, such as the flight or order id. Order is kept among events of one subject. \
                     Left out, the event stands for itself.",
                ),
                "time": {
                    "type": "string",
                    "format": "date-time",
                    "description": "When it happened, with an offset. Left out, it happened when it was accepted.",
                },
                "data": {
                    "type": "object",
                    "description": "What happened; the schema of each type says which fields it holds.",
                },
                "data_base64": {"not": {}, "description": "Not accepted: data is a JSON object."},
            },
            "if": {"properties": {"type": {"enum": products}}, "required": ["type"]},
            "then": {"required": ["contract"], "properties": {"contract": {"minLength": 1}}},
            "examples": self.types().next().map(EventType::example_event).into_iter().collect::<Vec<_>>(),
        })
    }
}

impl EventType {
    /// Whether publishers send it; otherwise it follows from the clock.
    pub fn is_published(&self) -> bool {
        !FROM_CLOCK.contains(&self.wire_name.as_ref())
    }

    /// A whole event with [`EventType::example`] in it, as a publisher sends it.
    pub fn example_event(&self) -> Value {
        let (source, operator) = match self.family {
            Family::Flight => ("/flight-operations", "example-air"),
            Family::Order => ("/orders", "example-agency"),
            Family::Product => ("/products", "example-partner"),
        };
        let mut event = json!({
            "specversion": "1.0",
            "id": format!("{}-0001", self.wire_name),
            "source": source,
            "type": *self.wire_name,
            "operator": operator,
            "time": self.example_time,
            "data": self.example,
        });
        if let Some(subject) = self.subject.as_deref().and_then(|field| self.example.get(field)) {
            event["subject"] = subject.clone();
        }
        if self.family == Family::Product {
            event["contract"] = self.example.get("contractId").cloned().unwrap_or_else(|| "C-1001".into());
        }
        event
    }
}

fn required(chars_max: usize, description: &str) -> Value {
    let mut schema = optional(chars_max, description);
    schema["minLength"] = 1.into();
    schema
}

fn optional(chars_max: usize, description: &str) -> Value {
    json!({
        "type": "string",
        "maxLength": chars_max,
        // No control characters, neither those of ASCII nor the later ones.
        "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]*$",
        "description": description,
    })
}
