//! The newest delivery of each of many subscriptions: of each a look at the ends of a few stretches of one index, however many
//! deliveries it had.

use std::sync::LazyLock;

use aerogram_domain::history::Status;
use aerogram_wire::key::RunKey;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::kept::{FINAL_FROM, code};
use crate::{Projection, ProjectionError};

/// A run of a delivery, in short.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LastDelivery {
    pub key: RunKey,
    pub status: Status,
    /// In milliseconds since 1970.
    pub issued_at_ms: i64,
}

/// Whose deliveries are asked for.
#[derive(Clone, Debug)]
pub struct LastQuery {
    pub partner: String,
    pub operator: String,
    pub subscription_ids: Vec<String>,
    /// What has ended and was issued before is not shown, whether it is still there or not: now less the retention.
    pub not_before_ms: i64,
}

impl Projection {
    /// The newest delivery of each subscription, in their order; `None`: there is none (any more).
    ///
    /// # Errors
    /// It is not open, or the file can't be read.
    pub async fn last_deliveries(
        &self,
        query: LastQuery,
    ) -> Result<Vec<Option<LastDelivery>>, ProjectionError> {
        self.read_runs("looking up the last deliveries", move |view| last(view, &query)).await
    }
}

fn last(view: &Connection, query: &LastQuery) -> rusqlite::Result<Vec<Option<LastDelivery>>> {
    let LastQuery { partner, operator, subscription_ids, not_before_ms } = query;
    let owner: Option<i64> = view
        .prepare_cached("SELECT id FROM owners WHERE partner = ?1 AND operator = ?2")?
        .query_row([partner, operator], |row| row.get(0))
        .optional()?;
    let Some(owner) = owner else { return Ok(vec![None; subscription_ids.len()]) };
    let mut number = view.prepare_cached("SELECT id FROM subscriptions WHERE name = ?1 AND owner = ?2")?;
    let mut newest = view.prepare_cached(&NEWEST)?;
    let one = |subscription_id: &String| {
        let number: Option<i64> =
            number.query_row(params![subscription_id, owner], |row| row.get(0)).optional()?;
        match number {
            Some(number) => newest.query_row(params![number, not_before_ms], read).optional(),
            None => Ok(None),
        }
    };
    subscription_ids.iter().map(one).collect()
}

/// Of a subscription (`?1`), the newest of the newest of each status.
static NEWEST: LazyLock<String> = LazyLock::new(|| {
    let of_status = |status| {
        let code = code(status);
        let kept = if code < FINAL_FROM { "" } else { "AND issued_at_ms >= ?2" };
        format!(
            "SELECT * FROM (SELECT id, issued_at_ms, tie FROM deliveries INDEXED BY deliveries_by_subscription
             WHERE subscription = ?1 AND status = {code} {kept} ORDER BY issued_at_ms DESC, tie DESC LIMIT 1)"
        )
    };
    let each = Status::ALL.map(of_status).join(" UNION ALL ");
    format!(
        "SELECT delivery_id, run, status, issued_at_ms FROM deliveries
         WHERE id = (SELECT id FROM ({each}) ORDER BY issued_at_ms DESC, tie DESC LIMIT 1)"
    )
});

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<LastDelivery> {
    let number: i64 = row.get(2)?;
    let status = Status::ALL.into_iter().find(|status| code(*status) == number);
    Ok(LastDelivery {
        key: RunKey { delivery_id: row.get(0)?, run: row.get::<_, i64>(1)?.cast_unsigned() },
        status: status.ok_or(rusqlite::Error::IntegralValueOutOfRange(2, number))?,
        issued_at_ms: row.get(3)?,
    })
}
