//! The answer to `GET /top`.

use serde::{Deserialize, Serialize};

use super::rows::{Parked, Sending, Totals};

/// What one process says. Fields that are not known are ignored, and those that are missing empty, so that processes of
/// another version can be asked too.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TopPage {
    /// Tells this process from others: it may be asked at several addresses.
    pub process: String,
    /// Partitions that this process sends for.
    pub sending_partitions: usize,
    /// Partitions of what waits that this process holds.
    pub parked_partitions: usize,
    /// What is not as it should be with the process itself: conditions of `/readyz` that do not hold.
    pub troubles: Vec<String>,
    /// How many there are, whatever the length of the two lists.
    pub totals: Totals,
    /// As the deliverer sees it, the most urgent first.
    pub sending: Vec<Sending>,
    /// As the scheduler sees it, the longest first.
    pub parked: Vec<Parked>,
}
