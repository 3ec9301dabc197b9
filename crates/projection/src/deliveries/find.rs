//! Finding the rows of a page. A question is asked of one or more stretches of one index, each of which is in the order of the
//! list, and what they say is merged; a stretch is read no further than what was found in those before it allows. Where something is
//! asked that most rows may not fit, no more than [`LOOKED_AT_MAX`] are looked at.

use std::collections::BTreeSet;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};

use super::place::DeliveryCursor;
use super::query::{Counted, DeliveryQuery};
use super::span::Span;
use super::stretches::{Stretch, stretches};
use super::tries;

/// Entries of an index, by all stretches together.
const LOOKED_AT_MAX: usize = 100_000;
/// But so many by each of very many.
const LOOKED_AT_MIN: usize = 500;

/// A row, by its place in the list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    pub at: DeliveryCursor,
    pub id: i64,
}

/// The beginning of a list.
pub struct FoundPage {
    /// In its order.
    pub found: Vec<Found>,
    /// It was looked no further than this place, and there may be more after it.
    pub looked_up_to: Option<DeliveryCursor>,
}

/// The first rows, in the order of the list.
pub fn find_all(
    connection: &Connection,
    query: &DeliveryQuery,
    at_most: usize,
) -> rusqlite::Result<Vec<Found>> {
    Ok(find_page(connection, query, at_most)?.found)
}

/// The first rows, in the order of the list, and how far was looked.
pub fn find_page(
    connection: &Connection,
    query: &DeliveryQuery,
    at_most: usize,
) -> rusqlite::Result<FoundPage> {
    let mut found: BTreeSet<Found> = BTreeSet::new();
    let (stretches, looked_up_to) = within_reach(connection, query)?;
    for stretch in stretches {
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
    let found = if query.ascending { in_order } else { in_order.into_iter().rev().collect() };
    Ok(FoundPage { found, looked_up_to })
}

/// How many there are, counted no further than `at_most`.
pub fn count_all(connection: &Connection, query: &DeliveryQuery, at_most: u64) -> rusqlite::Result<Counted> {
    let (stretches, looked_up_to) = within_reach(connection, query)?;
    let mut rows = 0;
    for stretch in stretches.into_iter().filter(|stretch| !stretch.span.is_empty()) {
        // One more tells whether there are more.
        rows += stretch.count(connection, at_most.saturating_add(1) - rows)?;
        if rows > at_most {
            break;
        }
    }
    Ok(Counted { rows: rows.min(at_most), is_at_least: rows > at_most || looked_up_to.is_some() })
}

/// All stretches, or where that may be too much the beginning of each, up to one place of the list.
fn within_reach(
    connection: &Connection,
    query: &DeliveryQuery,
) -> rusqlite::Result<(Vec<Stretch>, Option<DeliveryCursor>)> {
    let mut stretches = stretches(connection, query)?;
    // Of one event there are few.
    if !tries::are_asked(query) || query.event_id.is_some() {
        return Ok((stretches, None));
    }
    let each = (LOOKED_AT_MAX / stretches.len().max(1)).max(LOOKED_AT_MIN);
    let mut nearest: Option<DeliveryCursor> = None;
    for stretch in &stretches {
        let Some(last) = stretch.place(connection, query.ascending, each)? else { continue };
        nearest = Some(match nearest {
            Some(nearest) if query.ascending => nearest.min(last),
            Some(nearest) => nearest.max(last),
            None => last,
        });
    }
    if let Some(nearest) = nearest {
        stretches.iter_mut().for_each(|stretch| stretch.span = stretch.span.up_to(nearest, query.ascending));
    }
    Ok((stretches, nearest))
}

impl Stretch {
    fn text(&self, what: &str, rest: &str) -> String {
        let Self { index, beginning, .. } = self;
        format!(
            "SELECT {what} FROM deliveries INDEXED BY {index} WHERE {beginning}{rest}
             AND (issued_at_ms, tie) >= (?, ?) AND (issued_at_ms, tie) < (?, ?)"
        )
    }

    fn values(&self, span: Span, at_most: u64) -> impl Iterator<Item = Value> {
        let beginning = self.beginning_values.iter().chain(&self.rest_values).cloned();
        beginning.chain(span.values()).chain([number(at_most)])
    }

    /// The place of the last one of so many, whatever else must hold; `None`: there are fewer.
    fn place(
        &self,
        connection: &Connection,
        ascending: bool,
        looked_at: usize,
    ) -> rusqlite::Result<Option<DeliveryCursor>> {
        if self.span.is_empty() {
            return Ok(None);
        }
        let text = self.text("issued_at_ms, tie", "");
        let text = format!("{text} ORDER BY {} LIMIT 1 OFFSET ?", order(ascending));
        let before = number(looked_at.saturating_sub(1) as u64);
        let values = self.beginning_values.iter().cloned().chain(self.span.values()).chain([before]);
        let read =
            |row: &rusqlite::Row<'_>| Ok(DeliveryCursor { issued_at_ms: row.get(0)?, tie: row.get(1)? });
        connection.prepare_cached(&text)?.query_row(params_from_iter(values), read).optional()
    }

    fn read(
        &self,
        connection: &Connection,
        span: Span,
        ascending: bool,
        at_most: usize,
    ) -> rusqlite::Result<Vec<Found>> {
        let text = self.text("issued_at_ms, tie, id", &self.rest);
        let text = format!("{text} ORDER BY {} LIMIT ?", order(ascending));
        let mut statement = connection.prepare_cached(&text)?;
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Found { at: DeliveryCursor { issued_at_ms: row.get(0)?, tie: row.get(1)? }, id: row.get(2)? })
        };
        statement.query_map(params_from_iter(self.values(span, at_most as u64)), read)?.collect()
    }

    fn count(&self, connection: &Connection, at_most: u64) -> rusqlite::Result<u64> {
        let text = format!("SELECT count(*) FROM ({} LIMIT ?)", self.text("1", &self.rest));
        let mut statement = connection.prepare_cached(&text)?;
        let values = params_from_iter(self.values(self.span, at_most));
        let counted: i64 = statement.query_row(values, |row| row.get(0))?;
        Ok(counted.max(0).cast_unsigned())
    }
}

fn order(ascending: bool) -> &'static str {
    if ascending { "issued_at_ms, tie" } else { "issued_at_ms DESC, tie DESC" }
}

fn number(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
