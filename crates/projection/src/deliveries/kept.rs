//! How a run is written down.

use aerogram_domain::history::{Progress, Stage, Status};
use aerogram_wire::Message as _;
use aerogram_wire::v1::{Attempt, Delivery, Reason};
use rusqlite::types::{FromSql, Type};

/// Codes from here on are of statuses that are final.
pub const FINAL_FROM: i64 = 3;

/// How a status stands in the table.
pub const fn code(status: Status) -> i64 {
    match status {
        Status::Pending => 0,
        Status::Retrying => 1,
        Status::Parked => 2,
        Status::Delivered => 3,
        Status::Escalated => 4,
        Status::Cancelled => 5,
        Status::Superseded => 6,
        Status::Expired => 7,
    }
}

fn status(code: i64) -> Option<Status> {
    Status::ALL.into_iter().find(|status| self::code(*status) == code)
}

/// The columns of a row, one after the other: looking each up by its name takes longer than finding the row.
pub struct Columns<'a, 'b> {
    row: &'a rusqlite::Row<'b>,
    next: usize,
}

impl<'a, 'b> Columns<'a, 'b> {
    pub fn of(row: &'a rusqlite::Row<'b>) -> Self {
        Self { row, next: 0 }
    }

    pub fn take<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        let column = self.next;
        self.next += 1;
        self.row.get(column)
    }
}

/// What [`progress`] takes.
pub const PROGRESS: &str = "d.status, d.stage, d.settled, d.failed, d.attempts, d.attempts_made, d.due_at_ms, d.reason, d.changed_at_ms";

pub fn progress(columns: &mut Columns<'_, '_>) -> rusqlite::Result<Progress> {
    let code: i64 = columns.take()?;
    Ok(Progress {
        status: status(code).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, code))?,
        stage: Stage::from_number(columns.take()?),
        settled: columns.take()?,
        failed: columns.take::<Option<Vec<u8>>>()?.as_deref().map(decode_failed).unwrap_or_default(),
        attempts: columns.take::<Option<Vec<u8>>>()?.as_deref().map(decode).transpose()?.unwrap_or_default(),
        attempts_made: columns.take()?,
        due_at_ms: columns.take()?,
        reason: Reason::try_from(columns.take::<i32>()?).unwrap_or_default(),
        changed_at_ms: columns.take()?,
    })
}

/// As the history of a record has them; `None`: there are none.
pub fn encode(attempts: &[Attempt]) -> Option<Vec<u8>> {
    let history = || Delivery { history: attempts.to_vec(), ..Delivery::default() }.encode_to_vec();
    (!attempts.is_empty()).then(history)
}

fn decode(bytes: &[u8]) -> rusqlite::Result<Vec<Attempt>> {
    let decoded = Delivery::decode(bytes);
    let broken = |error| rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, Box::new(error));
    Ok(decoded.map_err(broken)?.history)
}

/// Pairs of numbers; `None`: there are none.
pub fn encode_failed(failed: &[(u32, u32)]) -> Option<Vec<u8>> {
    let bytes = failed.iter().flat_map(|(seq, number)| [seq.to_be_bytes(), number.to_be_bytes()]);
    (!failed.is_empty()).then(|| bytes.flatten().collect())
}

fn decode_failed(bytes: &[u8]) -> Vec<(u32, u32)> {
    let (numbers, _) = bytes.as_chunks::<4>();
    let (pairs, _) = numbers.as_chunks::<2>();
    pairs.iter().map(|[seq, number]| (u32::from_be_bytes(*seq), u32::from_be_bytes(*number))).collect()
}
