//! How a fired record ended: what the tombstone of its entry tells the scheduler.

use aerogram_wire::v1::LineKind;
use std::fmt;

/// The header of a tombstone. Its text is the number of the kind, and after an `@` until when the receiver asked to be left
/// alone, in milliseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Ended {
    /// `None`: it says nothing of the receiver, as of a duplicate.
    pub kind: Option<LineKind>,
    pub paused_until_ms: Option<i64>,
}

impl Ended {
    /// Whatever is not understood, as of a later version, says nothing.
    pub fn parse(text: &[u8]) -> Self {
        let text = std::str::from_utf8(text).unwrap_or_default();
        let (kind, until) = text.split_once('@').unwrap_or((text, ""));
        let kind = kind.parse::<i32>().ok().and_then(|number| LineKind::try_from(number).ok());
        let kind = kind.filter(|kind| *kind != LineKind::Unspecified);
        Self { kind, paused_until_ms: until.parse().ok() }
    }
}

impl From<LineKind> for Ended {
    fn from(kind: LineKind) -> Self {
        Self { kind: Some(kind), paused_until_ms: None }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind.map_or(0, |kind| kind as i32))?;
        self.paused_until_ms.map_or(Ok(()), |until_ms| write!(f, "@{until_ms}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_not_understood_says_nothing() {
        for kind in [None, Some(LineKind::Retry), Some(LineKind::Delivered)] {
            for paused_until_ms in [None, Some(1_700_000_000_000)] {
                let ended = Ended { kind, paused_until_ms };
                assert_eq!(Ended::parse(ended.to_string().as_bytes()), ended);
            }
        }
        assert_eq!(Ended::from(LineKind::Retry).to_string(), "7", "as it was before there were pauses");
        for text in ["", "99", "x", "x@y", "\u{fffd}"] {
            assert_eq!(Ended::parse(text.as_bytes()), Ended::default(), "{text}");
        }
    }
}
