//! Which events have a receipt already, and from where the next owner must look for them.

use aerogram_wire::v1::Receipt;
use std::collections::BTreeMap;

/// Where the next owner begins to fold `matches`; stands in the metadata of the commit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommitMetadata {
    /// Offset in `matches`: no receipt of an event at or after the committed offset stands before it.
    pub fold_from: i64,
}

impl CommitMetadata {
    /// `f1:OFFSET`; the digit is for a later format.
    pub fn encode(self) -> String {
        format!("f1:{}", self.fold_from)
    }

    /// `None`: there is none, or it is of another format. Folding from the beginning is then right, only longer.
    pub fn decode(text: &str) -> Option<Self> {
        let fold_from = text.strip_prefix("f1:")?.parse().ok()?;
        (fold_from >= 0).then_some(Self { fold_from })
    }
}

/// The events at or after the committed offset that former owners wrote a receipt for.
#[derive(Debug)]
pub struct ReceiptFold {
    committed: i64,
    /// By offset of the event: where its first receipt stands.
    receipts: BTreeMap<i64, i64>,
}

impl ReceiptFold {
    /// `committed`: the first offset of `events` that is not settled.
    pub const fn new(committed: i64) -> Self {
        Self { committed, receipts: BTreeMap::new() }
    }

    /// Applies the receipt at `offset` of `matches`. The first receipt of an event counts: a later one is of an owner
    /// that did not know of the first, and its deliveries have the same ids.
    pub fn apply(&mut self, offset: i64, receipt: &Receipt) {
        for event in receipt.events.iter().filter(|event| event.offset >= self.committed) {
            self.receipts.entry(event.offset).or_insert(offset);
        }
    }

    /// Where the receipt of this event stands, if it has one; it need not be asked for again.
    pub fn take(&mut self, event_offset: i64) -> Option<i64> {
        self.receipts.remove(&event_offset)
    }

    /// Receipts of events that were not read yet.
    pub fn len(&self) -> usize {
        self.receipts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.receipts.is_empty()
    }

    /// The offset after the last event with a receipt, or the committed one.
    pub fn end(&self) -> i64 {
        self.receipts.last_key_value().map_or(self.committed, |(last, _)| last + 1)
    }

    fn first(&self) -> Option<i64> {
        self.receipts.values().copied().min()
    }
}

/// From where the next owner must fold `matches`.
///
/// It is the least of three: where the receipts stand of what is settled beyond the committed prefix; for what is being
/// worked on, the end of what was acknowledged when that work began; and that end today, for everything to come. A record
/// that is written after another was acknowledged lands behind it, so none of these is too late.
#[derive(Debug)]
pub struct FoldStart {
    end: i64,
}

impl FoldStart {
    /// `end`: the first offset of `matches` the fold at the assignment did not read.
    pub const fn new(end: i64) -> Self {
        Self { end }
    }

    /// Nothing that is written to `matches` from now on stands before this offset.
    pub const fn floor(&self) -> i64 {
        self.end
    }

    /// A receipt was acknowledged at this offset.
    pub fn acknowledged(&mut self, offset: i64) {
        self.end = self.end.max(offset + 1);
    }

    /// For a commit: `open` are the floors, or the places, of the receipts of everything at or after the offset that is
    /// committed.
    pub fn metadata(&self, open: impl Iterator<Item = i64>, inherited: &ReceiptFold) -> CommitMetadata {
        let fold_from = open.chain(inherited.first()).fold(self.end, i64::min);
        CommitMetadata { fold_from }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefix::Prefix;
    use aerogram_wire::v1::EventReceipt;
    use proptest::prelude::*;

    fn receipt(offsets: impl IntoIterator<Item = i64>) -> Receipt {
        let events =
            offsets.into_iter().map(|offset| EventReceipt { offset, matches: 1, ..EventReceipt::default() });
        Receipt { schema: 1, table_positions: Vec::new(), events: events.collect() }
    }

    #[test]
    fn the_first_receipt_counts_and_the_past_does_not() {
        let mut fold = ReceiptFold::new(10);
        fold.apply(3, &receipt([8, 9, 10, 11]));
        fold.apply(4, &receipt([11, 12]));
        assert_eq!((fold.len(), fold.end()), (3, 13));
        assert_eq!(
            (fold.take(9), fold.take(10), fold.take(11), fold.take(12)),
            (None, Some(3), Some(3), Some(4))
        );
        assert_eq!(fold.take(11), None);
        assert_eq!(fold.end(), 10, "nothing is known but the commit");
    }

    #[test]
    fn metadata_survives_its_text() {
        let metadata = CommitMetadata { fold_from: 77 };
        assert_eq!(CommitMetadata::decode(&metadata.encode()), Some(metadata));
        for other in ["", "f1:", "f1:-1", "f2:7", "7"] {
            assert_eq!(CommitMetadata::decode(other), None, "{other:?}");
        }
    }

    /// A step of an owner: it writes the receipt of a batch, or one of its writes is acknowledged, or it commits.
    #[derive(Clone, Debug)]
    enum Step {
        Read,
        Write(prop::sample::Index),
        Acknowledge(prop::sample::Index),
        Commit,
        /// The owner is gone; another one begins at the last commit.
        Crash,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => Just(Step::Read),
            3 => any::<prop::sample::Index>().prop_map(Step::Write),
            3 => any::<prop::sample::Index>().prop_map(Step::Acknowledge),
            2 => Just(Step::Commit),
            1 => Just(Step::Crash),
        ];
        prop::collection::vec(step, 0..150)
    }

    /// An owner as the shell drives it: one event a batch.
    struct Owner {
        prefix: Prefix<i64>,
        inherited: ReceiptFold,
        start: FoldStart,
        unwritten: Vec<i64>,
        /// (event, place in `matches`)
        unacknowledged: Vec<(i64, i64)>,
    }

    impl Owner {
        fn assigned(committed: i64, metadata: CommitMetadata, matches: &[i64]) -> Self {
            let mut inherited = ReceiptFold::new(committed);
            for (place, event) in (0..).zip(matches).skip(usize::try_from(metadata.fold_from).unwrap()) {
                inherited.apply(place, &receipt([*event]));
            }
            let start = FoldStart::new(i64::try_from(matches.len()).unwrap());
            Self {
                prefix: Prefix::new(committed),
                inherited,
                start,
                unwritten: Vec::new(),
                unacknowledged: Vec::new(),
            }
        }
    }

    proptest! {
        /// No event gets a second receipt, however writes, acknowledgements, commits and crashes fall, and nothing is
        /// committed without one.
        #[test]
        fn one_receipt_for_each_event(steps in steps()) {
            let mut matches: Vec<i64> = Vec::new();
            let (mut committed, mut metadata) = (0, CommitMetadata { fold_from: 0 });
            let mut owner = Owner::assigned(committed, metadata, &matches);
            for step in steps {
                match step {
                    Step::Read => {
                        let event = owner.prefix.next_offset();
                        if let Some(place) = owner.inherited.take(event) {
                            prop_assert!(owner.prefix.begin(event, place));
                            owner.prefix.settle(event);
                        } else {
                            prop_assert!(owner.prefix.begin(event, owner.start.floor()));
                            owner.unwritten.push(event);
                        }
                    }
                    Step::Write(pick) if !owner.unwritten.is_empty() => {
                        let event = owner.unwritten.swap_remove(pick.index(owner.unwritten.len()));
                        owner.unacknowledged.push((event, i64::try_from(matches.len()).unwrap()));
                        matches.push(event);
                    }
                    Step::Acknowledge(pick) if !owner.unacknowledged.is_empty() => {
                        let (event, place) = owner.unacknowledged.swap_remove(pick.index(owner.unacknowledged.len()));
                        owner.start.acknowledged(place);
                        owner.prefix.settle(event);
                    }
                    Step::Commit => {
                        committed = owner.prefix.committable();
                        metadata = owner.start.metadata(owner.prefix.values().copied(), &owner.inherited);
                        let with_receipt = matches.iter().filter(|event| **event < committed).count();
                        prop_assert_eq!(with_receipt, usize::try_from(committed).unwrap());
                    }
                    Step::Crash => owner = Owner::assigned(committed, metadata, &matches),
                    Step::Write(_) | Step::Acknowledge(_) => {}
                }
            }
            let mut once = matches.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), matches.len());
        }
    }
}
