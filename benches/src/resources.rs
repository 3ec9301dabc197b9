//! CPU time and memory by process.

use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[derive(Serialize, Clone, Copy, Debug, Default)]
pub struct Usage {
    /// In user and kernel mode, of all threads.
    pub cpu_s: f64,
    /// Resident, the most there was since the process began.
    pub peak_memory_bytes: u64,
}

/// By process: the roles, `receiver`, and, when the benchmark's script started them, `kafka` and `redis`.
#[derive(Serialize, Clone, Debug, Default)]
pub struct Resources(pub BTreeMap<String, Usage>);

impl Resources {
    /// Adds what is no child of ours: this very process, and the brokers whose process ids lie beside `dir`.
    pub fn with_others(mut used: BTreeMap<String, Usage>, dir: &Path) -> Result<Self> {
        used.extend(of_process("self").map(|usage| ("bench".to_owned(), usage)));
        for broker in ["kafka", "redis"] {
            used.extend(
                broker_pid(dir, broker).and_then(|pid| of_process(&pid)).map(|u| (broker.to_owned(), u)),
            );
        }
        Ok(Self(used))
    }

    /// CPU time since `before`; what was not there before is left out.
    pub fn cpu_since(&self, before: &Self) -> BTreeMap<String, f64> {
        let since = |(name, usage): (&String, &Usage)| {
            before.0.get(name).map(|earlier| (name.clone(), (usage.cpu_s - earlier.cpu_s).max(0.0)))
        };
        self.0.iter().filter_map(since).collect()
    }
}

/// The process id of a broker that scripts/bench.sh started: it lies in the run's directory.
pub fn broker_pid(dir: &Path, broker: &str) -> Option<String> {
    let file = format!("{broker}/{broker}.pid");
    dir.ancestors()
        .skip(1)
        .take(2)
        .find_map(|parent| fs::read_to_string(parent.join(&file)).ok())
        .map(|pid| pid.trim().to_owned())
}

/// The version in the names of Kafka's jars, on the command line of the broker.
pub fn kafka_version(dir: &Path) -> Option<String> {
    let line = fs::read_to_string(format!("/proc/{}/cmdline", broker_pid(dir, "kafka")?)).ok()?;
    let version = line.split("kafka-").find(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))?;
    Some(version.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect())
}

fn of_process(pid: &str) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    // After the name in brackets; utime and stime are the 14th and 15th of all fields. Linux counts in hundredths.
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = peak.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Usage { cpu_s: (ticks(11)? + ticks(12)?) / 100.0, peak_memory_bytes: kib * 1024 })
}
