//! The order of lists: by issue date, and of one moment by a number that every instance computes alike.

use std::fmt;
use std::str::FromStr;

use aerogram_wire::key::RunKey;

use crate::escalations::NoCursor;

/// A place in a list: right after this row, whether it is still there or not. It means the same to every process, and whatever
/// comes in meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DeliveryCursor {
    pub(super) issued_at_ms: i64,
    pub(super) tie: i64,
}

impl DeliveryCursor {
    /// Of a run that was issued then.
    pub fn of(key: RunKey, issued_at_ms: i64) -> Self {
        Self { issued_at_ms, tie: tie(key) }
    }

    /// The first place of a moment.
    pub(super) const fn at(issued_at_ms: i64) -> Self {
        Self { issued_at_ms, tie: i64::MIN }
    }

    /// The place after it.
    pub(super) fn next(self) -> Self {
        match self.tie.checked_add(1) {
            Some(tie) => Self { tie, ..self },
            None => Self::at(self.issued_at_ms.saturating_add(1)),
        }
    }
}

/// Delivery ids are hashes already; runs of one delivery must not stand side by side.
pub(super) fn tie(key: RunKey) -> i64 {
    let [a, b, c, d, e, f, g, h, ..] = key.delivery_id;
    let id = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    (id ^ key.run.wrapping_mul(0x9e37_79b9_7f4a_7c15)).cast_signed()
}

impl fmt::Display for DeliveryCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.issued_at_ms, self.tie)
    }
}

impl FromStr for DeliveryCursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let number = |range| {
            let part = text.get(range).ok_or(NoCursor)?;
            u64::from_str_radix(part, 16).map(u64::cast_signed).map_err(|_| NoCursor)
        };
        let cursor = Self { issued_at_ms: number(0..16)?, tie: number(16..32)? };
        if cursor.to_string() == text { Ok(cursor) } else { Err(NoCursor) }
    }
}
