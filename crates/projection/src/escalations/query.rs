//! Questions.

use std::fmt;
use std::str::FromStr;

use aerogram_domain::escalations::{Fault, State};
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::Reason;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};

use super::Row;
use crate::Counted;

/// Rows of a subscription that are looked at for those that are open.
const LOOKED_AT_MAX: u64 = 50_000;

/// What somebody wants to see; what is `None` does not matter.
#[derive(Clone, Default, Debug)]
pub struct Query {
    pub partner: Option<String>,
    pub operator: Option<String>,
    pub state: Option<State>,
    pub subscription_id: Option<String>,
    pub event_type: Option<String>,
    pub reason: Option<Reason>,
    pub fault: Option<Fault>,
    /// Given up then or later, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Given up before.
    pub until_ms: Option<i64>,
    /// Only what comes after this one in the list.
    pub after: Option<Cursor>,
    /// Rows of a page, at most.
    pub limit: usize,
}

/// What was found, newest first.
#[derive(Clone, PartialEq, Debug)]
pub struct Page {
    pub rows: Vec<Row>,
    /// What to ask for after this page; `None`: there is nothing more.
    pub next: Option<Cursor>,
}

/// A place in the list: right after this row, whether it is still there or not. What comes in later moves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cursor {
    escalated_at_ms: i64,
    key: RunKey,
}

impl Cursor {
    fn of(row: &Row) -> Self {
        Self { escalated_at_ms: row.escalated_at_ms, key: row.key }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunKey { delivery_id, run } = self.key;
        write!(f, "{:016x}{:032x}{run:016x}", self.escalated_at_ms, u128::from_be_bytes(delivery_id))
    }
}

/// It is no cursor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("is not what a list said")]
pub struct NoCursor;

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let part = |range| text.get(range).ok_or(NoCursor);
        let number = |range| u64::from_str_radix(part(range)?, 16).map_err(|_| NoCursor);
        let delivery_id = u128::from_str_radix(part(16..48)?, 16).map_err(|_| NoCursor)?.to_be_bytes();
        let key = RunKey { delivery_id, run: number(48..64)? };
        let cursor = Self { escalated_at_ms: number(0..16)?.cast_signed(), key };
        if cursor.to_string() == text { Ok(cursor) } else { Err(NoCursor) }
    }
}

/// How a state stands in the table.
pub fn code(state: State) -> i64 {
    match state {
        State::Open => 0,
        State::Dismissed => 1,
        State::Redelivered => 2,
        State::Redelivering => 3,
    }
}

pub fn find(connection: &Connection, key: RunKey) -> rusqlite::Result<Option<Row>> {
    connection
        .prepare_cached("SELECT * FROM escalations WHERE delivery_id = ?1 AND run = ?2")?
        .query_row(params![key.delivery_id, key.run.cast_signed()], Row::read)
        .optional()
}

pub fn list(connection: &Connection, query: &Query) -> rusqlite::Result<Page> {
    let (conditions, mut values) = conditions(query);
    // One more tells whether there is a next page.
    values.push(Value::Integer(i64::try_from(query.limit).unwrap_or(i64::MAX).saturating_add(1)));
    let text = format!(
        "SELECT * FROM escalations WHERE {conditions} ORDER BY escalated_at_ms DESC, delivery_id DESC, run DESC LIMIT ?"
    );
    let mut statement = connection.prepare_cached(&text)?;
    let rows = statement.query_map(params_from_iter(values), Row::read)?;
    let mut rows = rows.collect::<rusqlite::Result<Vec<Row>>>()?;
    let more = rows.len() > query.limit;
    rows.truncate(query.limit);
    let next = rows.last().filter(|_| more).map(Cursor::of);
    Ok(Page { rows, next })
}

/// How many there are, counted no further than `at_most`; wherever the page begins.
pub fn count(connection: &Connection, query: &Query, at_most: u64) -> rusqlite::Result<Counted> {
    let (conditions, mut values) = conditions(&Query { after: None, ..query.clone() });
    values.push(limit(at_most.saturating_add(1)));
    let text = format!("SELECT count(*) FROM (SELECT 1 FROM escalations WHERE {conditions} LIMIT ?)");
    let rows: i64 =
        connection.prepare_cached(&text)?.query_row(params_from_iter(values), |row| row.get(0))?;
    Ok(counted(rows, at_most))
}

/// How many of a subscription nobody has dealt with, counted no further than `at_most`.
pub fn count_open(connection: &Connection, subscription_id: &str, at_most: u64) -> rusqlite::Result<Counted> {
    let (rows, looked_at): (i64, i64) = connection
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE state = ?2), count(*) FROM
             (SELECT state FROM escalations INDEXED BY escalations_by_subscription WHERE subscription_id = ?1
              ORDER BY escalated_at_ms DESC, delivery_id DESC, run DESC LIMIT ?3)",
        )?
        .query_row(params![subscription_id, code(State::Open), limit(LOOKED_AT_MAX)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let open = counted(rows, at_most);
    Ok(Counted { is_at_least: open.is_at_least || looked_at.max(0).cast_unsigned() >= LOOKED_AT_MAX, ..open })
}

fn counted(rows: i64, at_most: u64) -> Counted {
    let rows = rows.max(0).cast_unsigned();
    Counted { rows: rows.min(at_most), is_at_least: rows > at_most }
}

fn limit(rows: u64) -> Value {
    Value::Integer(i64::try_from(rows).unwrap_or(i64::MAX))
}

/// A `+` keeps SQLite from choosing an index by that column: a subscription has few rows, its owner may have many.
fn conditions(query: &Query) -> (String, Vec<Value>) {
    let (mut conditions, mut values) = (vec!["TRUE".to_owned()], Vec::new());
    let mut must = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            conditions.push(condition.to_owned());
            values.push(value);
        }
    };
    let text = |text: &Option<String>| text.clone().map(Value::Text);
    let unless_narrower = if query.subscription_id.is_some() { "+" } else { "" };
    must("subscription_id = ?", text(&query.subscription_id));
    must(&format!("{unless_narrower}partner = ?"), text(&query.partner));
    must(&format!("{unless_narrower}operator = ?"), text(&query.operator));
    must(&format!("{unless_narrower}state = ?"), query.state.map(|state| Value::Integer(code(state))));
    must("event_type = ?", text(&query.event_type));
    must("reason = ?", query.reason.map(|reason| Value::Integer(i32::from(reason).into())));
    must("ours = ?", query.fault.map(|fault| Value::Integer((fault == Fault::Platform).into())));
    must("escalated_at_ms >= ?", query.since_ms.map(Value::Integer));
    must("escalated_at_ms < ?", query.until_ms.map(Value::Integer));
    if let Some(Cursor { escalated_at_ms, key }) = query.after {
        conditions.push("(escalated_at_ms, delivery_id, run) < (?, ?, ?)".to_owned());
        values.push(Value::Integer(escalated_at_ms));
        values.push(Value::Blob(key.delivery_id.to_vec()));
        values.push(Value::Integer(key.run.cast_signed()));
    }
    (conditions.join(" AND "), values)
}
