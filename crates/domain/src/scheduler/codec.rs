//! Records of `pending` as changes of the store, and entries of the store as records of `deliveries`.

use crate::store::{Change, Picked};
use aerogram_wire::key::PendingKey;
use aerogram_wire::v1::{Delivery, PendingEntry};
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

/// The change that a record makes; no value: a tombstone.
pub fn change_of(key: Bytes, value: Option<Bytes>) -> Result<Change, Malformed> {
    let decoded = PendingKey::decode(&key).ok_or(Malformed::Key)?;
    let Some(value) = value else { return Ok(Change::Remove { key }) };
    let entry = PendingEntry::decode(value.clone())?;
    entry.known()?;
    let delivery = entry.delivery.ok_or(Malformed::Delivery)?;
    if delivery.delivery_id != decoded.run.delivery_id.as_slice()
        || delivery.run != decoded.run.run
        || delivery.seq != decoded.seq
    {
        return Err(Malformed::Delivery);
    }
    Ok(Change::Put { key, due_at_ms: entry.due_at_ms, value })
}

/// The record to be fired; it carries its pending key in (delivery id, run, seq).
pub fn fired_record(entry: &Picked) -> Result<(PendingKey, Delivery), Malformed> {
    let key = PendingKey::decode(&entry.key).ok_or(Malformed::Key)?;
    let delivery = PendingEntry::decode(entry.value.clone())?.delivery.ok_or(Malformed::Delivery)?;
    Ok((key, Delivery { from_pending: true, due_at_ms: entry.due_at_ms, ..delivery }))
}
