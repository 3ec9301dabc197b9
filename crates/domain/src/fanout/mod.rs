//! What becomes of a batch of events: which are new, whom they are for, and the receipt that says so.

mod name;
mod plan;
mod receipts;

pub use name::event_name;
pub use plan::{Fresh, MATCHES_MAX, Planned, PlannedDelivery, RECEIPT_BYTES_MAX, plan};
pub use receipts::{CommitMetadata, FoldStart, ReceiptFold};

use crate::identity::Position;

/// What the store of duplicates knows of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sighting {
    /// Here for the first time, or again by a refetch: its deliveries are to be written.
    First,
    /// The same event stands elsewhere, and is or was delivered from there.
    Duplicate(Position),
}

/// Reads the answer of the store: the position that was kept for this identity before, if any. `found` being the
/// event's own position means that it was fetched before and not committed, so it goes on; nothing (also: the store
/// could not be asked) lets it through, because an event too many is better than one too few.
///
/// Another position that is later in the same partition is a duplicate as well: whoever set it goes through with it.
pub fn judge(own: Position, found: Option<Position>) -> Sighting {
    match found {
        Some(other) if other != own => Sighting::Duplicate(other),
        Some(_) | None => Sighting::First,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_another_position_is_a_duplicate() {
        let own = Position { partition: 1, offset: 9 };
        assert_eq!(judge(own, None), Sighting::First);
        assert_eq!(judge(own, Some(own)), Sighting::First);
        for other in [Position { partition: 1, offset: 8 }, Position { partition: 2, offset: 9 }] {
            assert_eq!(judge(own, Some(other)), Sighting::Duplicate(other));
        }
    }
}
