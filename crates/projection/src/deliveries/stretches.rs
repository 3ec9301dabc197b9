//! Which index answers a question, and which stretches of it.

use aerogram_domain::history::Status;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::kept::{FINAL_FROM, code};
use super::query::DeliveryQuery;
use super::span::Span;
use super::tries;

/// A stretch of an index.
pub struct Stretch {
    pub index: &'static str,
    /// What it begins with.
    pub beginning: String,
    pub beginning_values: Vec<Value>,
    /// What else must hold; each begins with `AND`.
    pub rest: String,
    pub rest_values: Vec<Value>,
    pub span: Span,
}

/// By the narrowest thing that is asked for; the rest is looked at row by row.
pub fn stretches(connection: &Connection, query: &DeliveryQuery) -> rusqlite::Result<Vec<Stretch>> {
    if query.event_id.is_some() {
        return Ok(vec![of_event(query)]);
    }
    let (mut beginning, mut rest) = (Conditions::default(), Conditions::default());
    // A subscription has one owner, so what is not the caller's is not looked at.
    let (index, column, table, which) = if query.subject.is_some() {
        beginning.spelled("subject", &query.subject);
        rest.of_kind_and_subscription(query);
        ("deliveries_by_subject", "owner", "owners", owners(query))
    } else if query.subscription_id.is_some() {
        if query.event_type.is_some() {
            rest.among("kind", "kinds", kinds(query));
        }
        ("deliveries_by_subscription", "subscription", "subscriptions", subscriptions(query))
    } else if query.event_type.is_some() {
        ("deliveries_by_kind", "kind", "kinds", kinds(query))
    } else {
        ("deliveries_by_owner", "owner", "owners", owners(query))
    };
    rest.of_tries(query);
    let mut numbers =
        connection.prepare_cached(&format!("SELECT id FROM {table} WHERE TRUE{}", which.text))?;
    let numbers: rusqlite::Result<Vec<i64>> =
        numbers.query_map(params_from_iter(which.values), |row| row.get(0))?.collect();
    let statuses = wanted(query);
    let whole = Span::of(query);
    let each = |number: i64, status: Status| Stretch {
        index,
        beginning: format!("{column} = ? AND status = ?{}", beginning.text),
        beginning_values: [number, code(status)]
            .map(Value::Integer)
            .into_iter()
            .chain(beginning.values.clone())
            .collect(),
        rest: rest.text.clone(),
        rest_values: rest.values.clone(),
        span: whole.of_status(status, query.not_before_ms),
    };
    let stretches =
        numbers?.into_iter().flat_map(|number| statuses.iter().map(move |status| (number, *status)));
    Ok(stretches.map(|(number, status)| each(number, status)).collect())
}

/// There are few of one event.
fn of_event(query: &DeliveryQuery) -> Stretch {
    let mut all = Conditions::default();
    all.spelled("event_id", &query.event_id);
    all.spelled("subject", &query.subject);
    if query.partner.is_some() || query.operator.is_some() {
        all.among("owner", "owners", owners(query));
    }
    all.of_kind_and_subscription(query);
    if !query.statuses.is_empty() {
        let codes: Vec<_> = wanted(query).into_iter().map(|status| code(status).to_string()).collect();
        all.must(&format!("status IN ({})", codes.join(", ")), []);
    }
    let of_what_ended = [FINAL_FROM, query.not_before_ms].map(Value::Integer);
    all.must("(status < ? OR issued_at_ms >= ?)", of_what_ended);
    all.of_tries(query);
    Stretch {
        index: "deliveries_by_event",
        beginning: "event_id IS NOT NULL".to_owned(),
        beginning_values: Vec::new(),
        rest: all.text,
        rest_values: all.values,
        span: Span::of(query),
    }
}

/// Each of them begins with `AND`.
#[derive(Default)]
struct Conditions {
    text: String,
    values: Vec<Value>,
}

impl Conditions {
    fn must(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.text.push_str(" AND ");
        self.text.push_str(condition);
        self.values.extend(values);
    }

    /// The same where the index has no regard to case.
    fn spelled(&mut self, column: &str, value: &Option<String>) {
        if let Some(value) = value {
            let both = [value, value].map(|value| Value::Text(value.clone()));
            self.must(&format!("{column} = ? COLLATE NOCASE AND {column} = ?"), both);
        }
    }

    fn equals(&mut self, column: &str, value: &Option<String>) {
        if let Some(value) = value {
            self.must(&format!("{column} = ?"), [Value::Text(value.clone())]);
        }
    }

    fn among(&mut self, column: &str, table: &str, which: Conditions) {
        self.must(&format!("{column} IN (SELECT id FROM {table} WHERE TRUE{})", which.text), which.values);
    }

    fn of_tries(&mut self, query: &DeliveryQuery) {
        for (condition, values) in tries::conditions(query) {
            self.must(&condition, values);
        }
    }

    fn of_kind_and_subscription(&mut self, query: &DeliveryQuery) {
        if query.event_type.is_some() {
            self.among("kind", "kinds", kinds(query));
        }
        if query.subscription_id.is_some() {
            self.among("subscription", "subscriptions", subscriptions(query));
        }
    }
}

fn owners(query: &DeliveryQuery) -> Conditions {
    let mut which = Conditions::default();
    which.equals("partner", &query.partner);
    which.equals("operator", &query.operator);
    which
}

fn kinds(query: &DeliveryQuery) -> Conditions {
    of_owners("event_type", &query.event_type, query)
}

fn subscriptions(query: &DeliveryQuery) -> Conditions {
    of_owners("name", &query.subscription_id, query)
}

fn of_owners(column: &str, value: &Option<String>, query: &DeliveryQuery) -> Conditions {
    let mut which = Conditions::default();
    which.equals(column, value);
    if query.partner.is_some() || query.operator.is_some() {
        which.among("owner", "owners", owners(query));
    }
    which
}

/// Each of them once.
fn wanted(query: &DeliveryQuery) -> Vec<Status> {
    let is_wanted = |status: &Status| {
        (query.statuses.is_empty() || query.statuses.contains(status)) && tries::may_be(query, *status)
    };
    Status::ALL.into_iter().filter(is_wanted).collect()
}
