//! What lists may be asked of the attempts of a run, and where that is looked for no further.

use aerogram_domain::history::{Progress, Status};
use aerogram_wire::v1::Outcome;
use rusqlite::types::Value;

use super::query::DeliveryQuery;

/// As it stands in the indexes of lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tries {
    /// Those that were made, whether they count or not.
    pub made: u32,
    pub last_outcome: i32,
}

/// There was no attempt.
const NONE: i32 = -1;

impl Tries {
    pub fn of(progress: &Progress) -> Self {
        let last = progress.attempts.last().map(|last| i32::from(last.outcome()));
        Self { made: made(progress), last_outcome: last.unwrap_or(NONE) }
    }
}

/// Past the cap of what is kept of them those that count are more.
pub fn made(progress: &Progress) -> u32 {
    progress.attempts_made.max(u32::try_from(progress.attempts.len()).unwrap_or(u32::MAX))
}

/// Whether something is asked that most rows may not fit, and no index is in order of.
pub fn are_asked(query: &DeliveryQuery) -> bool {
    !query.last_outcomes.is_empty() || query.attempts_min.is_some() || query.attempts_max.is_some()
}

/// Whether a run that stands so may be one of those that are asked for: what was delivered ended with that.
pub fn may_be(query: &DeliveryQuery, status: Status) -> bool {
    let wanted = &query.last_outcomes;
    status != Status::Delivered || wanted.is_empty() || wanted.contains(&Some(Outcome::Delivered))
}

/// Conditions of what is asked, and their values.
pub fn conditions(query: &DeliveryQuery) -> Vec<(String, Vec<Value>)> {
    let mut all = Vec::new();
    if !query.last_outcomes.is_empty() {
        let mut codes: Vec<i32> =
            query.last_outcomes.iter().map(|outcome| outcome.map_or(NONE, i32::from)).collect();
        // What a later version wrote is told as our own fault.
        if codes.contains(&Outcome::PlatformError.into()) {
            codes.push(Outcome::Unspecified.into());
        }
        let codes: Vec<String> = codes.iter().map(i32::to_string).collect();
        all.push((format!("last_outcome IN ({})", codes.join(", ")), Vec::new()));
    }
    let mut bound = |condition: &str, attempts: Option<u32>| {
        if let Some(attempts) = attempts {
            all.push((condition.to_owned(), vec![Value::Integer(attempts.into())]));
        }
    };
    bound("tries >= ?", query.attempts_min);
    bound("tries <= ?", query.attempts_max);
    all
}
