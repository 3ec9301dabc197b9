//! What the shell shall do for a partition.

use crate::commands::partition::CommandId;
use crate::ended::Ended;
use crate::limits::Ask;
use crate::policy::Policy;
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::{Delivery, Escalation, LineBatch, LineKind, PendingEntry, Subscription};
use std::sync::Arc;

/// Names one consequence of one record, for its acknowledgement.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Ticket {
    /// Offset of the record in `deliveries`.
    pub offset: i64,
    pub consequence: Consequence,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Consequence {
    Pend,
    Tombstone,
    Escalate,
    Deactivate,
    Note,
}

/// Why an ownership starts again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// Somebody else claimed the partition later: prove the ownership by a commit, or give it up.
    ForeignClaim,
    /// A record may have lines older than what is remembered: fold `attempts` from this time on.
    OlderThanMemory { event_appended_at_ms: i64 },
    /// The table did not reach a delivery's position in time: fold `subscriptions` again.
    TableBehind,
}

#[derive(Debug)]
pub enum Action {
    /// Append to `attempts`; it comes back through the log.
    Claim { nonce: u64 },
    /// Append to `attempts` with the durable writer; they come back through the log.
    Lines(LineBatch),
    /// Write to `pending` with the expiring writer; answer [`super::Partition::on_written`] or `on_expired`.
    Pend { ticket: Ticket, key: PendingKey, entry: Box<PendingEntry> },
    /// Write a tombstone to `pending`, durably; answer with `on_written`.
    Tombstone { ticket: Ticket, key: PendingKey, ended: Ended },
    /// Write to `escalations`, durably; answer with `on_written`.
    Escalate { ticket: Ticket, key: RunKey, escalation: Box<Escalation> },
    /// Write a command that deactivates the subscription; answer with `on_written`. The command id is the run's.
    Deactivate { ticket: Ticket, key: RunKey, subscription_id: String, detail: String },
    /// Write a command that notes, durably, since when the receiver fails, by the brokers' clock; 0: it does well again.
    /// With a ticket, answer with `on_written`.
    NoteHealth {
        ticket: Option<Ticket>,
        command_id: CommandId,
        subscription_id: String,
        failing_since_ms: i64,
    },
    /// Write a command, durably, that deactivates the subscription because its receiver has failed since then. Nothing
    /// waits for it: the next failure asks for it again.
    GiveUp { command_id: CommandId, subscription_id: String, failing_since_ms: i64, detail: String },
    /// Make one HTTP request; answer with `on_response`, or with `on_unsent` if it may no longer be begun.
    Send {
        offset: i64,
        /// [`super::Partition::table_position`] when it was decided.
        as_of: i64,
        attempt: u32,
        /// For all of it: connecting, TLS, headers and body.
        timeout_ms: u32,
        delivery: Arc<Delivery>,
        subscription: Arc<Subscription>,
        policy: Arc<Policy>,
    },
    /// Lease tokens of a limit that all deliverers share; answer with `on_leased`.
    Lease(Ask),
    /// For the metrics: a limit of this kind began to hold a lane back.
    Limited { kind: &'static str },
    /// Commit; answer with `on_commit`.
    Commit { offset: i64, metadata: String },
    /// Ask for the end of `attempts`; answer with `on_attempts_end`.
    ProbeAttemptsEnd,
    /// Ask for the end of `subscriptions`; answer with `on_table_end`.
    ProbeTableEnd,
    /// Ask for the end of `deliveries`; answer with `on_deliveries_probe`.
    ProbeDeliveriesEnd,
    /// Read `subscriptions` again from here; when everything was read, answer `on_subscriptions_end` with `end`.
    ReadTableAgain { offset: i64, end: i64 },
    /// Forget this partition's memory; prove the ownership by repeating the last commit; then begin anew, or give up.
    StartAgain(Why),
    /// For the metrics: a record is settled for good or waits. `accepted_at_ms`: 0 where the time since tells nothing.
    Settled { kind: LineKind, accepted_at_ms: i64 },
}
