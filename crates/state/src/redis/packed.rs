//! Entries and lanes as the scripts know them; `lua/keys.lua` says what is where.

use aerogram_domain::store::{Entry, Payload};
use bytes::Bytes;

/// Due time, offset, bytes of the value, flags.
const HEAD_BYTES: usize = 8 + 8 + 4 + 1;
const FIRST: u8 = 1;
const HAS_VALUE: u8 = 2;
const HAS_LANE: u8 = 4;
/// How many wait, and how many name it.
const LANE_HEAD_BYTES: usize = 4 + 4;

/// Without the number of its lane, which the store gives.
pub(super) fn pack(entry: &Entry) -> Vec<u8> {
    let here = matches!(entry.payload, Payload::Here(_));
    let flags = [(entry.first, FIRST), (here, HAS_VALUE), (entry.lane.is_some(), HAS_LANE)];
    let flags = flags.into_iter().filter(|(set, _)| *set).fold(0, |all, (_, flag)| all | flag);
    // With the sign turned over, negative ones sort before the others.
    let due = (entry.due_at_ms ^ i64::MIN).to_be_bytes();
    let bytes = u32::try_from(entry.payload.bytes()).unwrap_or(u32::MAX).to_be_bytes();
    [&due[..], &entry.offset.to_be_bytes(), &bytes, &[flags]].concat()
}

/// `value`: if it is kept. `None`: it is not a packed entry.
pub(super) fn unpack(packed: &[u8], lane: Bytes, value: Option<Bytes>) -> Option<Entry> {
    let head: &[u8; HEAD_BYTES] = packed.first_chunk()?;
    let (due, rest) = head.split_first_chunk()?;
    let (offset, rest) = rest.split_first_chunk()?;
    let (bytes, flags) = rest.split_first_chunk()?;
    let flags = *flags.first()?;
    let in_log = Payload::InLog { bytes: u32::from_be_bytes(*bytes) };
    Some(Entry {
        due_at_ms: i64::from_be_bytes(*due) ^ i64::MIN,
        offset: i64::from_be_bytes(*offset),
        payload: value.map_or(in_log, Payload::Here),
        lane: (flags & HAS_LANE != 0).then_some(lane),
        first: flags & FIRST != 0,
    })
}

/// How many wait in a lane, and its name. `None`: it is not a packed lane.
pub(super) fn unpack_lane(packed: &Bytes) -> Option<(usize, Bytes)> {
    let waiting = u32::from_be_bytes(*packed.first_chunk()?);
    (packed.len() >= LANE_HEAD_BYTES).then(|| (waiting as usize, packed.slice(LANE_HEAD_BYTES..)))
}
