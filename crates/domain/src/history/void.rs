//! Which lines are void because of what was told of their run before.

use aerogram_wire::v1::{Line, LineKind};

/// Rule 2 of the protocol, but for the epoch. `settled`: the highest settled seq; `failed`: seq and number of the valid `failed`
/// lines of what is not settled.
pub(crate) fn is_void(
    line: &Line,
    ended: bool,
    settled: Option<u32>,
    mut failed: impl Iterator<Item = (u32, u32)>,
) -> bool {
    let is_settled = ended || settled.is_some_and(|settled| settled >= line.seq);
    is_settled
        || match line.kind() {
            // A kind of a later version; its records carry a later schema and are refused before they come here.
            LineKind::Unspecified => true,
            LineKind::Failed => failed.any(|told| told == (line.seq, number(line))),
            _ => false,
        }
}

/// Of the attempt that it tells of; 0: of none.
pub(crate) fn number(line: &Line) -> u32 {
    line.attempt.as_ref().map_or(0, |attempt| attempt.number)
}
