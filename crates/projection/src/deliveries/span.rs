//! A stretch of a list.

use aerogram_domain::history::Status;
use rusqlite::types::Value;

use super::place::DeliveryCursor;
use super::query::DeliveryQuery;

/// From the first place on, before the second one.
#[derive(Clone, Copy)]
pub struct Span {
    pub from: DeliveryCursor,
    pub until: DeliveryCursor,
}

impl Span {
    /// What a question asks for.
    pub fn of(query: &DeliveryQuery) -> Self {
        let mut span = Self {
            from: DeliveryCursor::at(query.issued_from_ms.unwrap_or(i64::MIN)),
            until: DeliveryCursor::at(query.issued_until_ms.unwrap_or(i64::MAX)),
        };
        match query.after {
            Some(after) if query.ascending => span.from = span.from.max(after.next()),
            Some(after) => span.until = span.until.min(after),
            None => {}
        }
        span
    }

    /// What has ended is shown for a while only.
    pub fn of_status(self, status: Status, not_before_ms: i64) -> Self {
        let from = if status.is_final() { DeliveryCursor::at(not_before_ms) } else { self.from };
        Self { from: self.from.max(from), ..self }
    }

    /// Only what comes before the last one of those that are found already.
    pub fn before(self, last: DeliveryCursor, ascending: bool) -> Self {
        if ascending {
            Self { until: self.until.min(last), ..self }
        } else {
            Self { from: self.from.max(last.next()), ..self }
        }
    }

    /// Nothing after this place, which is in it.
    pub fn up_to(self, last: DeliveryCursor, ascending: bool) -> Self {
        if ascending {
            Self { until: self.until.min(last.next()), ..self }
        } else {
            Self { from: self.from.max(last), ..self }
        }
    }

    pub fn is_empty(self) -> bool {
        self.from >= self.until
    }

    /// What stands for the four marks of a condition.
    pub fn values(self) -> [Value; 4] {
        [self.from.issued_at_ms, self.from.tie, self.until.issued_at_ms, self.until.tie].map(Value::Integer)
    }
}
