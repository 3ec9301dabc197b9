//! Searching for events: of what may be one of those that are searched for, the newest are looked at until a page is full.

use std::fmt;
use std::sync::Arc;

use aerogram_domain::history::Status;
use aerogram_domain::identity::Position;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::candidates::{Candidate, Candidates};
use super::place::EventCursor;
use super::unmatched::{self, Unmatched};
use crate::deliveries::code;
use crate::{Projection, ProjectionError};

/// Events that are looked at for a page, at most.
const LOOKED_AT_MAX: usize = 2_000;
/// Deliveries of an event that are counted, at most.
const COUNTED_MAX: i64 = 1_000;

/// Who may see events of a type, whoever got them.
#[derive(Clone)]
pub struct Entitled(Arc<dyn Fn(&str) -> bool + Send + Sync>);

impl Entitled {
    pub fn new(is_entitled_to: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_entitled_to))
    }
}

impl fmt::Debug for Entitled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entitled")
    }
}

/// Which events somebody searches for.
#[derive(Clone, Debug)]
pub struct EventSearch {
    /// An id, a subject or a word of the data; letters of ASCII in either case.
    pub text: String,
    /// Only this one's; `None`: everybody's.
    pub operator: Option<String>,
    /// Only this one's deliveries are counted; `None`: all.
    pub partner: Option<String>,
    /// Other events are told only by id or subject, and only if the partner has a delivery of them.
    pub entitled: Entitled,
    /// Only what comes after this one in the list.
    pub after: Option<EventCursor>,
    /// Events of a page, at most.
    pub limit: usize,
    /// What was accepted before is not shown: now less the retention.
    pub not_before_ms: i64,
}

/// What was found.
#[derive(Clone, PartialEq, Debug)]
pub struct FoundEvents {
    /// Newest first. Before very many that may not be shown there may be fewer than fit on the page.
    pub events: Vec<FoundEvent>,
    /// What to ask for after this page; `None`: there is nothing more.
    pub next: Option<EventCursor>,
}

/// An event.
#[derive(Clone, PartialEq, Debug)]
pub struct FoundEvent {
    /// The publisher's.
    pub event_id: String,
    pub event_type: String,
    pub subject: String,
    pub operator: String,
    pub environment: String,
    /// Empty: none; `None`: that is not known here.
    pub contract: Option<String>,
    /// In milliseconds since 1970.
    pub accepted_at_ms: i64,
    /// Where the event stands that it repeats.
    pub repeats: Option<Position>,
    /// So many stand so.
    pub deliveries: Vec<(Status, u64)>,
    /// There are more than were counted.
    pub deliveries_are_at_least: bool,
}

impl Projection {
    /// A page of events. Tests of ours are none.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn search_events(&self, search: EventSearch) -> Result<FoundEvents, ProjectionError> {
        self.read_runs("searching for events", move |view| find(view, &search)).await
    }
}

fn find(view: &Connection, search: &EventSearch) -> rusqlite::Result<FoundEvents> {
    let candidates = Candidates::of(view, search)?;
    let own = Own::of(view, search)?;
    let (mut events, mut looked_at) = (Vec::new(), 0);
    let (mut at, mut shown_up_to) = (search.after.unwrap_or(EventCursor::END), None);
    let wanted = search.limit.saturating_add(1);
    while looked_at < LOOKED_AT_MAX {
        let some = candidates.before(view, at, wanted)?;
        for candidate in &some {
            at = candidate.at;
            let Some(event) = look_at(view, search, own, candidate)? else { continue };
            // One more tells whether there is a next page.
            if events.len() == search.limit {
                return Ok(FoundEvents { events, next: shown_up_to });
            }
            events.push(event);
            shown_up_to = Some(at);
        }
        if some.len() < wanted {
            return Ok(FoundEvents { events, next: None });
        }
        looked_at += some.len();
    }
    Ok(FoundEvents { events, next: Some(at) })
}

/// Whose deliveries are counted.
#[derive(Clone, Copy)]
enum Own {
    All,
    Of(i64),
    None,
}

impl Own {
    fn of(view: &Connection, EventSearch { partner, operator, .. }: &EventSearch) -> rusqlite::Result<Self> {
        let (Some(partner), Some(operator)) = (partner, operator) else { return Ok(Self::All) };
        let owner = view
            .prepare_cached("SELECT id FROM owners WHERE partner = ?1 AND operator = ?2")?
            .query_row([partner, operator], |row| row.get(0));
        Ok(owner.optional()?.map_or(Self::None, Self::Of))
    }
}

/// What there is of it; `None`: it is gone, not what it seemed to be, or not to be seen.
fn look_at(
    view: &Connection,
    search: &EventSearch,
    own: Own,
    candidate: &Candidate,
) -> rusqlite::Result<Option<FoundEvent>> {
    let unmatched = unmatched::at(view, candidate.at.position)?;
    // At its place there may stand another one, of a log that was made anew.
    let unmatched = unmatched.filter(|event| {
        (&event.event_id, event.accepted_at_ms) == (&candidate.event_id, candidate.at.accepted_at_ms)
    });
    let event = match unmatched {
        Some(unmatched) => Some(FoundEvent::of_unmatched(unmatched)),
        None => delivered(view, candidate)?,
    };
    let Some(mut event) = event else { return Ok(None) };
    if search.operator.as_ref().is_some_and(|operator| *operator != event.operator) {
        return Ok(None);
    }
    event.deliveries = deliveries(view, own, candidate)?;
    let counted: u64 = event.deliveries.iter().map(|(_, count)| count).sum();
    event.deliveries_are_at_least = counted > COUNTED_MAX.cast_unsigned();
    // Who was entitled when it got its deliveries knows what they are called, and does not learn what else the data holds.
    let has_some = counted > 0 && search.partner.is_some() && is_called(&event, search.text.trim());
    let may_be_seen = (search.entitled.0)(&event.event_type) || has_some;
    Ok(may_be_seen.then_some(event))
}

/// By its id or its subject, not by a word of its data.
fn is_called(event: &FoundEvent, text: &str) -> bool {
    [&event.event_id, &event.subject].into_iter().any(|name| name.eq_ignore_ascii_case(text))
}

impl FoundEvent {
    fn of_unmatched(event: Unmatched) -> Self {
        Self {
            event_id: event.event_id,
            event_type: event.event_type,
            subject: event.subject,
            operator: event.operator,
            environment: event.environment,
            contract: Some(event.contract),
            accepted_at_ms: event.accepted_at_ms,
            repeats: event.repeats,
            deliveries: Vec::new(),
            deliveries_are_at_least: false,
        }
    }
}

/// What the live runs say of it.
fn delivered(view: &Connection, candidate: &Candidate) -> rusqlite::Result<Option<FoundEvent>> {
    let Candidate { at: EventCursor { accepted_at_ms, position }, event_id } = candidate;
    view.prepare_cached(
        "SELECT k.event_type, d.subject, o.operator, k.environment FROM deliveries d INDEXED BY deliveries_by_event
         JOIN owners o ON o.id = d.owner JOIN kinds k ON k.id = d.kind
         WHERE d.event_id = ?1 COLLATE NOCASE AND d.event_id = ?1 AND d.event_partition = ?2 AND d.event_offset = ?3
         AND d.run = 0 AND d.once = 0 AND d.issued_at_ms = ?4 LIMIT 1",
    )?
    .query_row(params![event_id, position.partition, position.offset, accepted_at_ms], |row| {
        Ok(FoundEvent {
            event_id: event_id.clone(),
            event_type: row.get(0)?,
            subject: row.get(1)?,
            operator: row.get(2)?,
            environment: row.get(3)?,
            contract: None,
            accepted_at_ms: *accepted_at_ms,
            repeats: None,
            deliveries: Vec::new(),
            deliveries_are_at_least: false,
        })
    })
    .optional()
}

/// How many stand how; one more than are counted tells that there are more.
fn deliveries(view: &Connection, own: Own, candidate: &Candidate) -> rusqlite::Result<Vec<(Status, u64)>> {
    let owner = match own {
        Own::All => None,
        Own::Of(owner) => Some(owner),
        Own::None => return Ok(Vec::new()),
    };
    let Candidate { at: EventCursor { position, .. }, event_id } = candidate;
    let mut statement = view.prepare_cached(
        "SELECT status, count(*) FROM (SELECT status FROM deliveries INDEXED BY deliveries_by_event
         WHERE event_id = ?1 COLLATE NOCASE AND event_id = ?1 AND event_partition = ?2 AND event_offset = ?3
         AND once = 0 AND (?4 IS NULL OR owner = ?4) LIMIT ?5) GROUP BY status ORDER BY status",
    )?;
    let read = |row: &rusqlite::Row<'_>| {
        let stands: i64 = row.get(0)?;
        let status = Status::ALL.into_iter().find(|status| code(*status) == stands);
        let status = status.ok_or(rusqlite::Error::IntegralValueOutOfRange(0, stands))?;
        Ok((status, row.get::<_, i64>(1)?.cast_unsigned()))
    };
    let values = params![event_id, position.partition, position.offset, owner, COUNTED_MAX + 1];
    statement.query_map(values, read)?.collect()
}
