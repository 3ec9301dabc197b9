//! Header names on internal records.

/// W3C trace context of the upstream record.
pub const TRACEPARENT: &str = "traceparent";
/// On a tombstone of `pending`: how the fired record ended, as the number of a `LineKind`; "0" for a duplicate.
pub const OUTCOME: &str = "outcome";
