//! Attempts, as the api tells of them.

use serde::Deserialize;

use crate::table::{Table, cut};

/// Longest text of a receiver that is shown, in characters.
const TEXT_CHARS_MAX: usize = 500;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    number: u32,
    started_at: String,
    duration_ms: u64,
    outcome: String,
    status: Option<u32>,
    problem: Option<String>,
    tls_problem: Option<String>,
    excerpt: Option<String>,
}

/// For people.
pub fn table(all: &[Attempt]) -> String {
    let mut table = Table::new(&["NO", "STARTED", "TOOK", "OUTCOME", "STATUS", "TLS"]);
    for attempt in all {
        let below = [&attempt.problem, &attempt.excerpt];
        table.push(
            vec![
                attempt.number.to_string(),
                cut(&attempt.started_at, 30),
                format!("{} ms", attempt.duration_ms),
                cut(&attempt.outcome, 30),
                attempt.status.map(|status| status.to_string()).unwrap_or_default(),
                cut(attempt.tls_problem.as_deref().unwrap_or_default(), 40),
            ],
            below.into_iter().flatten().map(|text| cut(text, TEXT_CHARS_MAX)).collect(),
        );
    }
    table.render()
}
