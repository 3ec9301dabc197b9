//! Deliberate bugs: the tests of the seeded world take single rules of the delivery protocol away and assert that the
//! world goes red. Without the feature `sabotage`, which no product enables, every rule holds and nothing remains of this
//! in the compiled code.

/// A rule that can be taken away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// A line has consequences only when it was read back.
    ReadBack,
    /// A line whose epoch is older than the last claim is void.
    Epoch,
    /// A duplicate that was fired gets its tombstone again.
    DuplicateTombstone,
    /// The consequences of an inherited line are written again.
    Redo,
    /// A commit stops before the first unsettled record.
    UnsettledFront,
    /// Lines are remembered, and M held back, for as long as they may be asked for.
    Memory,
    /// A record that may have lines older than memory waits until the fold was extended.
    Extension,
    /// Requests are sent only under the lease.
    Lease,
    /// A delivery is decided about only when the table has reached its position.
    Freshness,
    /// Nothing is sent by a table that may lack a change for longer than a bound.
    TableAge,
    /// A change of the store compares the applied offset, not only the owner.
    StoreGuard,
    /// The mark "fired" waits for the acknowledgement.
    FiredAfterAcknowledgement,
    /// A command that was answered before changes nothing.
    CommandOnce,
    /// A deleted subscription changes no more.
    DeletedIsFinal,
    /// A command for another version is refused.
    ExpectedVersion,
    /// The key before the one in force signs only until its overlap ends.
    OverlapEnds,
    /// No key signs that was replaced before the last replacement.
    OneOldKey,
    /// A first record of a run that was asked for long ago may have been fired before.
    AskedLately,
    /// All repetitions of a redelivery have the due time of the first.
    RedeliveryTime,
    /// An escalation names the URL that was called and the policy that was judged by.
    JudgedBy,
    /// A request takes a token of each of its limits.
    Rate,
    /// Of a subscription no more requests are open than it allows.
    Concurrency,
    /// A success takes back what was noted of its receiver.
    SuccessRefutes,
    /// A receiver is given up only when it failed on several days.
    DaysOfFailing,
    /// A note that an owner neither found when it began nor asked for is taken back.
    ForeignNote,
    /// History takes no line for valid that a later claim precedes.
    HistoryEpoch,
    /// In history a run only gets further.
    HistoryForward,
}

#[cfg(feature = "sabotage")]
mod chosen {
    use super::Rule;
    use std::cell::Cell;

    thread_local! {
        static REMOVED: Cell<Option<Rule>> = const { Cell::new(None) };
    }

    /// Takes a rule away in this thread; `None` gives it back.
    pub fn remove(rule: Option<Rule>) {
        REMOVED.set(rule);
    }

    /// Whether the rule was taken away.
    pub fn removed(rule: Rule) -> bool {
        REMOVED.get() == Some(rule)
    }
}

#[cfg(feature = "sabotage")]
pub use chosen::{remove, removed};

/// Whether the rule was taken away.
#[cfg(not(feature = "sabotage"))]
pub const fn removed(_: Rule) -> bool {
    false
}
