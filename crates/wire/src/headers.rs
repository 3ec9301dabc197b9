//! Header names on internal records.

/// W3C trace context of the upstream record.
pub const TRACEPARENT: &str = "traceparent";
/// On a tombstone of `pending`: how the fired record ended, as the number of a `LineKind`; "0" where that says nothing of the
/// receiver. After an `@`: until when the receiver asked to be left alone, in milliseconds since 1970.
pub const OUTCOME: &str = "outcome";
