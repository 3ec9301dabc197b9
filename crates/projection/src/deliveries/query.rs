//! Questions.

use aerogram_domain::history::Status;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::Outcome;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::find::{count_all, find_page};
use super::kept::FINAL_FROM;
use super::place::DeliveryCursor;
use super::row::{DeliveryRow, by_ids, select};

/// What somebody wants to see; what is `None` does not matter.
#[derive(Clone, Default, Debug)]
pub struct DeliveryQuery {
    pub partner: Option<String>,
    pub operator: Option<String>,
    /// Any of these; empty: all.
    pub statuses: Vec<Status>,
    pub subscription_id: Option<String>,
    pub event_type: Option<String>,
    pub subject: Option<String>,
    pub event_id: Option<String>,
    /// Any of these is how the last attempt ended; `None` of them: none was made. Empty: that does not matter.
    pub last_outcomes: Vec<Option<Outcome>>,
    /// So many attempts were made, at least and at most.
    pub attempts_min: Option<u32>,
    pub attempts_max: Option<u32>,
    /// Issued then or later, in milliseconds since 1970.
    pub issued_from_ms: Option<i64>,
    /// Issued before.
    pub issued_until_ms: Option<i64>,
    /// Oldest first, instead of newest first.
    pub ascending: bool,
    /// Only what comes after this one in the list.
    pub after: Option<DeliveryCursor>,
    /// Rows of a page, at most.
    pub limit: usize,
    /// What has ended and was issued before is not shown, whether it is still there or not: now less the retention.
    pub not_before_ms: i64,
}

/// What was found.
#[derive(Clone, PartialEq, Debug)]
pub struct DeliveryPage {
    pub rows: Vec<DeliveryRow>,
    /// What to ask for after this page; `None`: there is nothing more. Where attempts are asked for a page may be short, even empty,
    /// and have a next one: it is looked no further than so far.
    pub next: Option<DeliveryCursor>,
}

/// How many there are.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counted {
    pub rows: u64,
    /// And perhaps more, for it was counted no further.
    pub is_at_least: bool,
}

/// A page, of the view of one transaction.
pub fn page(view: &Connection, query: &DeliveryQuery) -> rusqlite::Result<DeliveryPage> {
    // One more tells whether there is a next page.
    let page = find_page(view, query, query.limit.saturating_add(1))?;
    let rows = by_ids(view, page.found.iter().take(query.limit).map(|found| found.id))?;
    let last = rows.last().filter(|_| page.found.len() > query.limit).map(DeliveryRow::cursor);
    Ok(DeliveryPage { rows, next: last.or(page.looked_up_to) })
}

/// How many there are, counted no further than `at_most`; wherever the page begins.
pub fn count(view: &Connection, query: &DeliveryQuery, at_most: u64) -> rusqlite::Result<Counted> {
    count_all(view, &DeliveryQuery { after: None, ..query.clone() }, at_most)
}

pub fn find(
    connection: &Connection,
    key: RunKey,
    not_before_ms: i64,
) -> rusqlite::Result<Option<DeliveryRow>> {
    let text = select("d.delivery_id = ?1 AND d.run = ?2 AND (d.status < ?3 OR d.issued_at_ms >= ?4)");
    connection
        .prepare_cached(&text)?
        .query_row(
            params![key.delivery_id, key.run.cast_signed(), FINAL_FROM, not_before_ms],
            DeliveryRow::read,
        )
        .optional()
}
