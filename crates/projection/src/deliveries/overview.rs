//! How a subscription does: what became of its runs hour by hour, what waits, and how the last attempts went. However many runs
//! it has, few rows are looked at: the hours are counted when they are written, and what waits is counted in an index and no
//! further than [`COUNTED_MAX`].

use aerogram_domain::history::{Failure, Hour, Status, Success, hour_of};
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Attempt, Outcome};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::kept::code;
use super::query::{DeliveryQuery, find};
use super::row::{DeliveryRow, by_ids};
use super::{find as lists, hours};
use crate::escalations;
use crate::{Counted, Projection, ProjectionError};

/// Hours that are told of, the one under way among them.
const HOURS: i64 = 24;
/// Of what waits, so much of each sort is counted.
const COUNTED_MAX: u64 = 10_000;
/// Of the runs of a sort, so many that were issued last are looked at for when their next attempt is due.
const DUE_LOOKED_AT_MAX: i64 = 500;
/// And for the last attempt, where none was made in the hours told of.
const LAST_LOOKED_AT_MAX: usize = 100;

/// Of whose subscription, and when.
#[derive(Clone, Debug)]
pub struct OverviewQuery {
    pub partner: String,
    pub operator: String,
    pub subscription_id: String,
    /// In milliseconds since 1970.
    pub now_ms: i64,
    /// What has ended and was issued before is not shown.
    pub not_before_ms: i64,
}

/// How a subscription does.
#[derive(Clone, PartialEq, Debug)]
pub struct Overview {
    /// The last 24, each with the number of the hour since 1970; the last one is under way.
    pub hours: Vec<(i64, Hour)>,
    pub waiting: Waiting,
    /// The earliest that is known of, in milliseconds since 1970: where very much waits, of what was issued last. May be past.
    pub next_attempt_at_ms: Option<i64>,
    pub last_success: Option<Success>,
    /// With the beginning of what was answered, where that is kept.
    pub last_failure: Option<(Failure, String)>,
}

/// What has not ended, and what nobody has dealt with.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Waiting {
    pub pending: Counted,
    pub retrying: Counted,
    pub parked: Counted,
    pub escalated_open: Counted,
}

impl Waiting {
    /// There is more of something than was counted.
    pub fn is_at_least(&self) -> bool {
        [self.pending, self.retrying, self.parked, self.escalated_open]
            .iter()
            .any(|counted| counted.is_at_least)
    }
}

impl Projection {
    /// How a subscription does; of one that nothing is known of, nothing.
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn overview(&self, query: OverviewQuery) -> Result<Overview, ProjectionError> {
        self.read_runs("looking at a subscription", move |view| overview(view, &query)).await
    }
}

fn overview(view: &Connection, query: &OverviewQuery) -> rusqlite::Result<Overview> {
    let subscription = number_of(view, query)?;
    let now = hour_of(query.now_ms);
    let of_hour = |hour| {
        let found = subscription.map(|subscription| hours::find(view, subscription, hour)).transpose()?;
        Ok((hour, found.flatten().unwrap_or_default()))
    };
    let hours = (now - HOURS + 1..=now).map(of_hour).collect::<rusqlite::Result<Vec<_>>>()?;
    let mut of_all = Hour::default();
    hours.iter().for_each(|(_, hour)| of_all.add(hour));
    let waits = |status: Status| lists::count_all(view, &of_status(query, status), COUNTED_MAX);
    let waiting = Waiting {
        pending: waits(Status::Pending)?,
        retrying: waits(Status::Retrying)?,
        parked: waits(Status::Parked)?,
        escalated_open: escalations::count_open(view, &query.subscription_id, COUNTED_MAX)?,
    };
    let next_attempt_at_ms = subscription.map(|subscription| next_attempt(view, subscription)).transpose()?;
    if of_all.success.is_none() || of_all.failure.is_none() {
        of_all = further_back(view, query, of_all)?;
    }
    let last_failure = match of_all.failure {
        Some(failure) => Some((failure, excerpt(view, query, failure)?)),
        None => None,
    };
    Ok(Overview {
        hours,
        waiting,
        next_attempt_at_ms: next_attempt_at_ms.flatten(),
        last_success: of_all.success,
        last_failure,
    })
}

fn number_of(view: &Connection, query: &OverviewQuery) -> rusqlite::Result<Option<i64>> {
    view.prepare_cached(
        "SELECT s.id FROM subscriptions s JOIN owners o ON o.id = s.owner WHERE s.name = ?1 AND o.partner = ?2 AND o.operator = ?3",
    )?
    .query_row(params![query.subscription_id, query.partner, query.operator], |row| row.get(0))
    .optional()
}

fn of_status(query: &OverviewQuery, status: Status) -> DeliveryQuery {
    DeliveryQuery {
        partner: Some(query.partner.clone()),
        operator: Some(query.operator.clone()),
        subscription_id: Some(query.subscription_id.clone()),
        statuses: vec![status],
        not_before_ms: query.not_before_ms,
        ..DeliveryQuery::default()
    }
}

fn next_attempt(view: &Connection, subscription: i64) -> rusqlite::Result<Option<i64>> {
    let mut earliest = view.prepare_cached(
        "SELECT min(due_at_ms) FROM (SELECT due_at_ms FROM deliveries INDEXED BY deliveries_by_subscription
         WHERE subscription = ?1 AND status = ?2 ORDER BY issued_at_ms DESC, tie DESC LIMIT ?3) WHERE due_at_ms > 0",
    )?;
    let mut of = |status| -> rusqlite::Result<Option<i64>> {
        earliest.query_row(params![subscription, code(status), DUE_LOOKED_AT_MAX], |row| row.get(0))
    };
    let due = [of(Status::Pending)?, of(Status::Retrying)?];
    Ok(due.into_iter().flatten().min())
}

/// The last attempts of the runs that were issued last, as far as nothing later is known.
fn further_back(view: &Connection, query: &OverviewQuery, known: Hour) -> rusqlite::Result<Hour> {
    let mut found = Hour::default();
    for status in [Status::Delivered, Status::Retrying, Status::Parked, Status::Escalated, Status::Expired] {
        let issued_last = lists::find_all(view, &of_status(query, status), LAST_LOOKED_AT_MAX)?;
        for row in by_ids(view, issued_last.into_iter().map(|found| found.id))? {
            row.attempts.iter().for_each(|attempt| found.attempt(row.key, attempt));
        }
    }
    Ok(Hour { success: known.success.or(found.success), failure: known.failure.or(found.failure), ..known })
}

fn excerpt(view: &Connection, query: &OverviewQuery, failure: Failure) -> rusqlite::Result<String> {
    let is_it =
        |attempt: &Attempt| attempt.started_at_ms == failure.at_ms && attempt.outcome() != Outcome::Delivered;
    let of = |row: DeliveryRow| row.attempts.into_iter().find(is_it).map(|attempt| attempt.excerpt);
    let key: RunKey = failure.key;
    Ok(find(view, key, query.not_before_ms)?.and_then(of).unwrap_or_default())
}
