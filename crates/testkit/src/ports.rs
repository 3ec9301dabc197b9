//! Ports for servers that must be told theirs before they start.

use anyhow::{Result, bail};
use std::collections::HashSet;
use std::net::TcpListener;
use std::ops::Range;
use std::sync::{LazyLock, Mutex, PoisonError};

/// Below the range from which the system gives ports to outgoing connections, or such a connection could take one
/// between our look and the server's start; and beside the range of the run's own brokers.
const RANGE: Range<u16> = 12_000..19_900;

static GIVEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);

/// A port of 127.0.0.1 that nobody listens on and that this process was not given before.
///
/// # Errors
/// None was found.
pub fn free_port() -> Result<u16> {
    free_ports(1)
}

/// The first of `count` neighbouring free ports.
///
/// # Errors
/// None were found.
pub fn free_ports(count: u16) -> Result<u16> {
    for _ in 0..1000 {
        let first = fastrand::u16(RANGE);
        let wanted = first..first + count;
        let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.clone().all(|port| !given.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok())
        {
            given.extend(wanted);
            return Ok(first);
        }
    }
    bail!("found no {count} free ports in {RANGE:?}")
}
