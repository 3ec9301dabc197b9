//! Finding the rows of a page. A question is asked of one or more stretches of one index, each of which is in the order of the
//! list, and what they say is merged; a stretch is read no further than what was found in those before it allows.

use std::collections::BTreeSet;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::place::DeliveryCursor;
use super::query::DeliveryQuery;
use super::span::Span;
use super::stretches::{Stretch, stretches};

/// A row, by its place in the list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub at: DeliveryCursor,
    pub id: i64,
}

/// The first rows, in the order of the list.
pub fn find_all(
    connection: &Connection,
    query: &DeliveryQuery,
    at_most: usize,
) -> rusqlite::Result<Vec<Found>> {
    let mut found: BTreeSet<Found> = BTreeSet::new();
    for stretch in stretches(connection, query)? {
        let worst = if query.ascending { found.last() } else { found.first() };
        let span = match worst {
            Some(worst) if found.len() >= at_most => stretch.span.before(worst.at, query.ascending),
            _ => stretch.span,
        };
        if span.is_empty() {
            continue;
        }
        found.extend(stretch.read(connection, span, query.ascending, at_most)?);
        while found.len() > at_most {
            if query.ascending {
                found.pop_last()
            } else {
                found.pop_first()
            };
        }
    }
    let in_order: Vec<Found> = found.into_iter().collect();
    Ok(if query.ascending { in_order } else { in_order.into_iter().rev().collect() })
}

/// How many there are, counted no further than `at_most`.
pub fn count_all(connection: &Connection, query: &DeliveryQuery, at_most: u64) -> rusqlite::Result<u64> {
    let mut counted = 0;
    for stretch in stretches(connection, query)?.into_iter().filter(|stretch| !stretch.span.is_empty()) {
        if counted >= at_most {
            break;
        }
        counted += stretch.count(connection, at_most - counted)?;
    }
    Ok(counted)
}

impl Stretch {
    fn text(&self, what: &str) -> String {
        let Self { index, conditions, .. } = self;
        format!(
            "SELECT {what} FROM deliveries INDEXED BY {index} WHERE {conditions}
             AND (issued_at_ms, tie) >= (?, ?) AND (issued_at_ms, tie) < (?, ?)"
        )
    }

    fn values(&self, span: Span, at_most: u64) -> impl Iterator<Item = Value> {
        let at_most = Value::Integer(i64::try_from(at_most).unwrap_or(i64::MAX));
        self.values.clone().into_iter().chain(span.values()).chain([at_most])
    }

    fn read(
        &self,
        connection: &Connection,
        span: Span,
        ascending: bool,
        at_most: usize,
    ) -> rusqlite::Result<Vec<Found>> {
        let order = if ascending { "issued_at_ms, tie" } else { "issued_at_ms DESC, tie DESC" };
        let text = format!("{} ORDER BY {order} LIMIT ?", self.text("issued_at_ms, tie, id"));
        let mut statement = connection.prepare_cached(&text)?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Found { at: DeliveryCursor { issued_at_ms: row.get(0)?, tie: row.get(1)? }, id: row.get(2)? })
        };
        statement.query_map(params_from_iter(self.values(span, at_most as u64)), read)?.collect()
    }

    fn count(&self, connection: &Connection, at_most: u64) -> rusqlite::Result<u64> {
        let text = format!("SELECT count(*) FROM ({} LIMIT ?)", self.text("1"));
        let mut statement = connection.prepare_cached(&text)?;
        let values = params_from_iter(self.values(self.span, at_most));
        let counted: i64 = statement.query_row(values, |row| row.get(0))?;
        Ok(counted.max(0).cast_unsigned())
    }
}
