//! The order of events: by when they were accepted, and of one moment by where they stand in `events`.

use std::fmt;
use std::str::FromStr;

use aerogram_domain::identity::Position;

use crate::escalations::NoCursor;

/// A place among events: right at this one, whether it is still there or not. It means the same to every process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventCursor {
    /// In milliseconds since 1970.
    pub accepted_at_ms: i64,
    pub position: Position,
}

impl EventCursor {
    /// After all there are.
    pub(super) const END: Self =
        Self { accepted_at_ms: i64::MAX, position: Position { partition: i32::MAX, offset: i64::MAX } };
}

impl fmt::Display for EventCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { partition, offset } = self.position;
        write!(f, "{:016x}{partition:08x}{offset:016x}", self.accepted_at_ms)
    }
}

impl FromStr for EventCursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let part = |range| text.get(range).ok_or(NoCursor);
        let number = |range| u64::from_str_radix(part(range)?, 16).map_err(|_| NoCursor);
        let partition = u32::from_str_radix(part(16..24)?, 16).map_err(|_| NoCursor)?.cast_signed();
        let position = Position { partition, offset: number(24..40)?.cast_signed() };
        let cursor = Self { accepted_at_ms: number(0..16)?.cast_signed(), position };
        if cursor.to_string() == text { Ok(cursor) } else { Err(NoCursor) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text() {
        let at = |accepted_at_ms, partition, offset| EventCursor {
            accepted_at_ms,
            position: Position { partition, offset },
        };
        for cursor in [at(1_705_314_600_000, 11, 77), at(-1, -1, -1), EventCursor::END] {
            assert_eq!(cursor.to_string().parse::<EventCursor>().ok(), Some(cursor), "{cursor}");
        }
        for wrong in ["", "o7", "+", &"0".repeat(39), &"0".repeat(41), &"F".repeat(40), "ä"] {
            assert!(wrong.parse::<EventCursor>().is_err(), "{wrong}");
        }
    }
}
