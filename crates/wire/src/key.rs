//! Binary keys and ids.

use bytes::{BufMut, Bytes, BytesMut};

/// Hash of (identity, first position, subscription id): the same for all attempts and runs of a delivery.
pub type DeliveryId = [u8; 16];

/// One run of a delivery. Run 0 is the live one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RunKey {
    pub delivery_id: DeliveryId,
    pub run: u64,
}

impl RunKey {
    /// `None` when `delivery_id` is not 16 bytes long.
    pub fn new(delivery_id: &[u8], run: u64) -> Option<Self> {
        Some(Self { delivery_id: delivery_id.try_into().ok()?, run })
    }

    /// The key of an `escalations` record.
    pub fn encode(&self) -> Bytes {
        let mut key = BytesMut::with_capacity(24);
        key.put_slice(&self.delivery_id);
        key.put_u64(self.run);
        key.freeze()
    }
}

/// The key of a `pending` record: a run, and the seq of the record to be fired.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct PendingKey {
    pub run: RunKey,
    pub seq: u32,
}

impl PendingKey {
    pub const LEN_BYTES: usize = 28;

    pub fn encode(&self) -> Bytes {
        let mut key = BytesMut::with_capacity(Self::LEN_BYTES);
        key.put_slice(&self.run.delivery_id);
        key.put_u64(self.run.run);
        key.put_u32(self.seq);
        key.freeze()
    }

    /// `None` when it is not such a key.
    pub fn decode(key: &[u8]) -> Option<Self> {
        let (id, rest) = key.split_first_chunk::<16>()?;
        let (run, rest) = rest.split_first_chunk::<8>()?;
        let (seq, rest) = rest.split_first_chunk::<4>()?;
        rest.is_empty().then(|| Self {
            run: RunKey { delivery_id: *id, run: u64::from_be_bytes(*run) },
            seq: u32::from_be_bytes(*seq),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pending_key_survives_encoding() {
        let key = PendingKey { run: RunKey { delivery_id: [7; 16], run: u64::MAX - 1 }, seq: 3 };
        assert_eq!(key.encode().len(), PendingKey::LEN_BYTES);
        assert_eq!(PendingKey::decode(&key.encode()), Some(key));
        assert_eq!(PendingKey::decode(b"short"), None);
        assert_eq!(PendingKey::decode(&[0; 29]), None);
    }
}
