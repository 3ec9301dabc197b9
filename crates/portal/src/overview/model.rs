//! What REST answers about how a webhook does.

use jiff::Timestamp;
use serde::Deserialize;

/// `GET /subscriptions/{id}/overview`. What is missing is not known, and not shown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Overview {
    /// Oldest first; the last one is not over.
    pub hours: Vec<Hour>,
    pub waiting: Waiting,
    pub ended24h: Ended,
    pub next_attempt_at_date_time: Option<Timestamp>,
    pub last_success: Option<Success>,
    pub last_failure: Option<Failure>,
    pub receiver: Receiver,
    /// There may be more of everything.
    pub counts_are_at_least: bool,
}

/// A whole hour of UTC.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hour {
    pub since: Timestamp,
    #[serde(default)]
    pub delivered: u64,
    #[serde(default)]
    pub failed_attempts: u64,
    #[serde(default)]
    pub escalated: u64,
    pub answer_ms_median: Option<u64>,
    pub answer_ms_p95: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Waiting {
    pub pending: u64,
    pub retrying: u64,
    pub parked: u64,
    pub escalated_open: u64,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Ended {
    pub delivered: u64,
    pub escalated: u64,
    pub other: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Success {
    pub id: String,
    pub at_date_time: Timestamp,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    pub id: String,
    pub at_date_time: Timestamp,
    pub outcome: String,
    pub status: Option<u32>,
    pub excerpt: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Receiver {
    /// A word of `aerogram top`.
    pub state: Option<String>,
    pub failing_since: Option<Timestamp>,
    pub next_probe_at_date_time: Option<Timestamp>,
    pub becomes_inactive_at_date_time: Option<Timestamp>,
}
