//! Entries and lanes as the scripts know them; `lua/keys.lua` says what is where.

use aerogram_domain::store::Entry;
use bytes::Bytes;

const DUE_BYTES: usize = 8;
const HEAD_BYTES: usize = DUE_BYTES + 1;
const FIRST: u8 = 1;
const HAS_LANE: u8 = 2;
/// A zero byte in a lane is followed by this one.
const ESCAPED: u8 = 0xff;
const LANE_END: [u8; 2] = [0, 0];

/// Zero bytes escaped and two of them at the end: it sorts as the lane does, and is the beginning of no other.
pub(super) fn pack_lane(lane: &[u8]) -> Vec<u8> {
    let escape = |&byte: &u8| std::iter::once(byte).chain((byte == 0).then_some(ESCAPED));
    lane.iter().flat_map(escape).chain(LANE_END).collect()
}

/// `None`: it is not a packed lane.
pub(super) fn unpack_lane(packed: &[u8]) -> Option<Bytes> {
    let mut rest = packed.strip_suffix(&LANE_END)?.iter();
    let mut lane = Vec::with_capacity(packed.len());
    while let Some(&byte) = rest.next() {
        if byte == 0 && rest.next() != Some(&ESCAPED) {
            return None;
        }
        lane.push(byte);
    }
    Some(lane.into())
}

pub(super) fn pack(entry: &Entry) -> Vec<u8> {
    let lane = entry.lane.as_deref().map(pack_lane);
    let flags = u8::from(entry.first) * FIRST + u8::from(lane.is_some()) * HAS_LANE;
    // With the sign turned over, negative ones sort before the others.
    let due = (entry.due_at_ms ^ i64::MIN).to_be_bytes();
    [&due[..], &[flags], &lane.unwrap_or_default(), &entry.value].concat()
}

/// `None`: it is not a packed entry.
pub(super) fn unpack(packed: &Bytes) -> Option<Entry> {
    let (due, rest) = packed.split_first_chunk::<DUE_BYTES>()?;
    let (flags, rest) = rest.split_first()?;
    let lane_bytes = match flags & HAS_LANE {
        0 => None,
        _ => Some(rest.windows(LANE_END.len()).position(|two| two == LANE_END)? + LANE_END.len()),
    };
    Some(Entry {
        due_at_ms: i64::from_be_bytes(*due) ^ i64::MIN,
        value: packed.slice(HEAD_BYTES + lane_bytes.unwrap_or(0)..),
        lane: match lane_bytes {
            Some(bytes) => Some(unpack_lane(&rest[..bytes])?),
            None => None,
        },
        first: flags & FIRST != 0,
    })
}
