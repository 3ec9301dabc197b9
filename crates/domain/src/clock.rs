//! Time as an argument: no decision reads a clock.

/// The two clocks a decision may look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// Milliseconds since the Unix epoch; may jump. Due times and records are told in it.
    pub wall_ms: i64,
    /// Milliseconds of a clock that only goes forward; leases and waits are counted in it.
    pub mono_ms: i64,
}
