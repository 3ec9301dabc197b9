//! CPU and memory of this process, read from `/proc` at each scrape.

use std::fmt::Write as _;

use crate::names::{PROCESS_CPU_SECONDS_TOTAL, PROCESS_RESIDENT_MEMORY_BYTES, TABLE};

/// Clock ticks a second in `/proc/self/stat`: the kernel's USER_HZ, 100 on every architecture Linux has today.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU seconds of this process in user and kernel mode; `None` where there is no `/proc`.
#[must_use]
pub(crate) fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the name in parentheses and may hold spaces; utime and stime are the 14th and 15th.
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some((f64::from(user) + f64::from(system)) / TICKS_PER_SECOND)
}

/// Resident memory in bytes; `None` where there is no `/proc`.
#[must_use]
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// Both in Prometheus's text format.
pub(crate) fn render(out: &mut String) {
    let cpu = cpu_seconds().map(|seconds| format!("{seconds:.2}"));
    let memory = resident_bytes().map(|bytes| bytes.to_string());
    for (name, kind, value) in
        [(PROCESS_CPU_SECONDS_TOTAL, "counter", cpu), (PROCESS_RESIDENT_MEMORY_BYTES, "gauge", memory)]
    {
        let Some(value) = value else { continue };
        let help = TABLE.iter().find(|metric| metric.name == name).map_or("", |metric| metric.help);
        // Writing to a String does not fail.
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n\n");
    }
}
