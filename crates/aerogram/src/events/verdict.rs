//! What becomes of an event, as people and programs read it.

use aerogram_domain::catalogue::{Catalogue, EventType};
use aerogram_domain::intake::{Accepted, FieldError, Refusal};
use aerogram_domain::time::iso_millis;
use serde::Serialize;

use crate::table::{Table, cut};

/// What would become of one event.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// File and line.
    pub place: String,
    pub accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Shown>,
    /// Why it would be rejected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Finding>,
    /// Where it does not fit the schema of its type, or is not for publishers, and is accepted nevertheless.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Finding>,
}

/// The event as it would be accepted.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    pub id: String,
    pub source: String,
    pub r#type: String,
    pub operator: String,
    pub contract: String,
    pub environment: String,
    pub subject: String,
    pub time: String,
}

/// Something wrong, and where.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    pub code: &'static str,
    /// JSON pointer, or the field of another form; empty: the whole.
    pub field: String,
    pub detail: String,
}

impl Verdict {
    pub fn new(place: String, decided: Result<&Accepted, &Refusal>, catalogue: &Catalogue) -> Self {
        match decided {
            Ok(accepted) => Self {
                place,
                accepted: true,
                event: accepted.envelope.event.as_ref().map(|event| Shown {
                    id: event.id.clone(),
                    source: event.source.clone(),
                    r#type: event.r#type.clone(),
                    operator: event.operator.clone(),
                    contract: event.contract.clone(),
                    environment: event.environment.clone(),
                    subject: event.subject.clone(),
                    time: iso_millis(event.time_ms),
                }),
                errors: Vec::new(),
                warnings: {
                    let name = accepted.envelope.event.as_ref().map(|event| event.r#type.as_str());
                    let found = name.and_then(|name| catalogue.lookup(name)).and_then(Finding::of_type);
                    accepted.warnings.iter().map(Finding::of).chain(found).collect()
                },
            },
            Err(refusal) => Self {
                place,
                accepted: false,
                event: None,
                errors: refusal.errors().iter().map(Finding::of).collect(),
                warnings: Vec::new(),
            },
        }
    }

    /// What is not even JSON.
    pub fn unreadable(place: String, detail: String) -> Self {
        let errors = vec![Finding { code: "malformed", field: String::new(), detail }];
        Self { place, accepted: false, event: None, errors, warnings: Vec::new() }
    }
}

impl Finding {
    /// What follows from the clock is accepted from publishers, but is not for them to send.
    fn of_type(found: &EventType) -> Option<Self> {
        let name = &found.wire_name;
        (!found.is_published()).then(|| Self {
            code: "not_for_publishers",
            field: "/type".to_owned(),
            detail: format!("{name} is to follow from the clock, not from publishers; do not send it"),
        })
    }

    fn of(error: &FieldError) -> Self {
        Self { code: error.code.as_str(), field: error.field.clone(), detail: error.detail.clone() }
    }

    fn line(&self, kind: &str) -> String {
        let field = if self.field.is_empty() { String::new() } else { format!("{}: ", self.field) };
        cut(&format!("{kind}{field}{} [{}]", self.detail, self.code), 400)
    }
}

/// All verdicts in columns, and a sum.
pub fn render(verdicts: &[Verdict]) -> String {
    let mut table = Table::new(&[
        "WHERE",
        "RESULT",
        "TYPE",
        "OPERATOR",
        "SUBJECT",
        "CONTRACT",
        "ENVIRONMENT",
        "TIME",
        "ID",
    ]);
    for verdict in verdicts {
        let result = if verdict.accepted { "accepted" } else { "rejected" };
        let mut cells = vec![cut(&verdict.place, 60), result.to_owned()];
        if let Some(event) = &verdict.event {
            let rest = [
                &event.r#type,
                &event.operator,
                &event.subject,
                &event.contract,
                &event.environment,
                &event.time,
                &event.id,
            ];
            cells.extend(rest.map(|text| cut(text, 60)));
        }
        let errors = verdict.errors.iter().map(|error| error.line(""));
        let below = errors.chain(verdict.warnings.iter().map(|warning| warning.line("warning: "))).collect();
        table.push(cells, below);
    }
    let rejected = verdicts.iter().filter(|verdict| !verdict.accepted).count();
    let accepted = verdicts.len() - rejected;
    format!(
        "{}\n{} events: {accepted} would be accepted, {rejected} rejected",
        table.render(),
        verdicts.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_the_clock_is_warned_of() {
        let catalogue = Catalogue::builtin();
        let warned: Vec<String> =
            catalogue.types().filter_map(Finding::of_type).map(|finding| finding.detail).collect();
        assert_eq!(warned.len(), 2, "{warned:?}");
        assert!(
            warned[0].starts_with("OrderStarted ") && warned[1].starts_with("OrderCompleted "),
            "{warned:?}"
        );
    }
}
