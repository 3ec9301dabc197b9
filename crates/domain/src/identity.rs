//! Who an event is, and which delivery comes of it.

use aerogram_wire::key::DeliveryId;
use sha2::{Digest, Sha256};

/// A place in `events`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Position {
    pub partition: i32,
    pub offset: i64,
}

impl Position {
    /// As it is kept in the store of duplicates: `partition:offset`.
    pub fn encode(self) -> String {
        format!("{}:{}", self.partition, self.offset)
    }

    /// `None` when it is not such a text.
    pub fn decode(text: &str) -> Option<Self> {
        let (partition, offset) = text.split_once(':')?;
        Some(Self { partition: partition.parse().ok()?, offset: offset.parse().ok()? })
    }
}

impl From<Position> for aerogram_wire::v1::Position {
    fn from(position: Position) -> Self {
        Self { partition: position.partition, offset: position.offset }
    }
}

/// What makes two events the same event: (publisher scope, source, id).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventIdentity<'a> {
    pub scope: &'a str,
    pub source: &'a str,
    pub id: &'a str,
}

/// An identity within one layout, as the store of duplicates is keyed.
pub type IdentityHash = [u8; 16];

impl EventIdentity<'_> {
    /// The layout is part of the hash because the positions kept under it mean nothing in another layout.
    pub fn hash(&self, layout_id: &str) -> IdentityHash {
        let mut hasher = Sha256::new();
        for part in ["identity", layout_id, self.scope, self.source, self.id] {
            update(&mut hasher, part.as_bytes());
        }
        first_16(hasher)
    }

    /// The deliveries of this event, first seen at `first`.
    pub fn deliveries(&self, first: Position) -> DeliveryIds {
        let mut hasher = Sha256::new();
        for part in ["delivery", self.scope, self.source, self.id] {
            update(&mut hasher, part.as_bytes());
        }
        hasher.update(first.partition.to_be_bytes());
        hasher.update(first.offset.to_be_bytes());
        DeliveryIds(hasher)
    }
}

/// Gives the delivery ids of one event; what they have in common is hashed once.
#[derive(Clone)]
pub struct DeliveryIds(Sha256);

impl DeliveryIds {
    /// The same for all attempts, runs and replays: the event at its first position, to this subscription.
    pub fn of(&self, subscription_id: &str) -> DeliveryId {
        let mut hasher = self.0.clone();
        update(&mut hasher, subscription_id.as_bytes());
        first_16(hasher)
    }
}

/// With its length in front, so that ("ab", "c") and ("a", "bc") stay apart.
fn update(hasher: &mut Sha256, part: &[u8]) {
    hasher.update((part.len() as u64).to_be_bytes());
    hasher.update(part);
}

fn first_16(hasher: Sha256) -> [u8; 16] {
    let digest: [u8; 32] = hasher.finalize().into();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AT: Position = Position { partition: 3, offset: 41 };

    #[test]
    fn parts_do_not_run_into_each_other() {
        let a = EventIdentity { scope: "s", source: "ab", id: "c" };
        let b = EventIdentity { scope: "s", source: "a", id: "bc" };
        assert_ne!(a.hash("l"), b.hash("l"));
        assert_ne!(a.deliveries(AT).of("x"), b.deliveries(AT).of("x"));
    }

    #[test]
    fn a_delivery_id_is_pinned() {
        // Ids stand in the log: an encoding that changes would deliver again what was delivered before an upgrade.
        let id = EventIdentity { scope: "ops", source: "/flights", id: "e-1" }.deliveries(AT).of("sub-1");
        assert_eq!(hex(&id), "4c34587b23f57089177c70060086660a");
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    proptest! {
        #[test]
        fn another_position_layout_or_subscription_is_another_id(
            source in ".{0,20}", id in ".{0,20}", partition in 0..100_i32, offset in 0..i64::MAX
        ) {
            let identity = EventIdentity { scope: "s", source: &source, id: &id };
            let at = Position { partition, offset };
            let here = identity.deliveries(at).of("x");
            prop_assert_eq!(here, identity.deliveries(at).of("x"));
            prop_assert_ne!(here, identity.deliveries(at).of("y"));
            prop_assert_ne!(here, identity.deliveries(Position { partition: partition + 1, offset }).of("x"));
            prop_assert_ne!(here, identity.deliveries(Position { partition, offset: offset - 1 }).of("x"));
            prop_assert_ne!(identity.hash("l"), identity.hash("m"));
            prop_assert_eq!(Position::decode(&at.encode()), Some(at));
        }
    }
}
