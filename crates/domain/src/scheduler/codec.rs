//! Records of `pending` as changes of the store, and entries of the store as records of `deliveries`.

use crate::ended::Ended;
use crate::store::{Change, Entry, Payload, Picked};
use aerogram_wire::key::PendingKey;
use aerogram_wire::v1::{Delivery, PendingEntry, PendingKind};
use aerogram_wire::{LaterSchema, Message as _, Versioned as _};
use bytes::Bytes;

/// A record of `pending` that no version of ours wrote. The partition stops: skipping it could lose a delivery.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    #[error("its key is not a pending key of {} bytes", PendingKey::LEN_BYTES)]
    Key,
    #[error("its value is not a PendingEntry: {0}")]
    Value(#[from] prost::DecodeError),
    #[error(transparent)]
    Schema(#[from] LaterSchema),
    #[error("its value has no delivery, or another one than its key says")]
    Delivery,
}

/// A record of `pending`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Read {
    pub offset: i64,
    /// When it was appended, by the broker's clock.
    pub appended_ms: i64,
    /// Whether an entry was fired before is not known to the record: `first` is not said here.
    pub change: Change,
    /// Of a tombstone: how the fired record ended.
    pub ended: Ended,
}

/// The change that a record makes; no value: a tombstone, whose header says how the fired record ended.
pub fn read(
    offset: i64,
    appended_ms: i64,
    key: Bytes,
    value: Option<Bytes>,
    outcome: Option<&[u8]>,
) -> Result<Read, Malformed> {
    let decoded = PendingKey::decode(&key).ok_or(Malformed::Key)?;
    let Some(value) = value else {
        let ended = outcome.map(Ended::parse).unwrap_or_default();
        return Ok(Read { offset, appended_ms, change: Change::Remove { key }, ended });
    };
    let pending = PendingEntry::decode(value.clone())?;
    pending.known()?;
    let parked = pending.kind() == PendingKind::Parked;
    let delivery = pending.delivery.ok_or(Malformed::Delivery)?;
    if delivery.delivery_id != decoded.run.delivery_id.as_slice()
        || delivery.run != decoded.run.run
        || delivery.seq != decoded.seq
    {
        return Err(Malformed::Delivery);
    }
    let lane = parked.then(|| Bytes::from(delivery.subscription_id));
    let (due_at_ms, payload) = (pending.due_at_ms, Payload::Here(value));
    let entry = Entry { due_at_ms, offset, payload, lane, first: false };
    Ok(Read { offset, appended_ms, change: Change::Put { key, entry }, ended: Ended::default() })
}

/// An entry as the store gave it out.
pub(super) struct Fired {
    pub key: PendingKey,
    /// Its subscription.
    pub lane: Bytes,
    pub kind: PendingKind,
    pub window_max: usize,
    pub delivery: Delivery,
}

/// The record to be fired; it carries its pending key in (delivery id, run, seq). `None`: its payload is not here, or
/// nothing of ours, which was found when it was read.
pub(super) fn fired(picked: &Picked) -> Option<Fired> {
    let Payload::Here(value) = &picked.entry.payload else { return None };
    let key = PendingKey::decode(&picked.key)?;
    let pending = PendingEntry::decode(value.clone()).ok()?;
    let (kind, window_max) = (pending.kind(), pending.window_max as usize);
    let delivery = pending.delivery?;
    let lane = Bytes::copy_from_slice(delivery.subscription_id.as_bytes());
    let delivery = Delivery { from_pending: true, due_at_ms: picked.entry.due_at_ms, ..delivery };
    Some(Fired { key, lane, kind, window_max, delivery })
}
