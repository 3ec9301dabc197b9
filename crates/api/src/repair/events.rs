//! Reading many events of `events`, by where they stand and by when they were appended.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use aerogram_domain::identity::Position;
use aerogram_domain::repair::Found;
use aerogram_kafka::{Cluster, Companions, Ends, From, Item, ReadError, Record};
use aerogram_wire::{Topic, headers};
use tokio::sync::{Mutex, OnceCell, Semaphore, SemaphorePermit};
use tokio::time::{timeout, timeout_at};

use crate::history::NotRead;
use crate::records;

/// What lies between two that are wanted is read over, up to so many offsets; beyond, the reader jumps.
const READ_OVER_MAX: i64 = 1_000;
/// The log's beginning is asked for as the first record of this time.
const BEGINNING_MS: i64 = 0;

/// Dry runs at once: each reads as much as a task, and whoever has something sent reads too.
const DRY_RUNS_MAX: usize = 1;

/// Reads with a client of its own, a partition by one at a time.
pub struct EventReader {
    cluster: Cluster,
    ends: Ends,
    client: OnceCell<Companions>,
    /// In the order of the partitions.
    turns: Vec<Mutex<()>>,
    dry_runs: Semaphore,
    patience: Duration,
}

/// How far a scan goes.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The offset where it ends.
    pub end: i64,
    /// It ends with the first event that was appended then or later, in milliseconds since 1970.
    pub until_ms: i64,
    /// So many are found, at most.
    pub found_max: usize,
    /// So many are looked at, at most.
    pub seen_max: usize,
    /// It stops then.
    pub deadline: Instant,
}

/// What a scan of a partition found.
#[derive(Default, Debug)]
pub struct Scanned {
    pub found: Vec<Found>,
    pub seen: usize,
    /// Where to go on: everything before this offset was looked at.
    pub next: i64,
    /// What comes next was appended too late to be in its bounds.
    pub is_past: bool,
}

impl EventReader {
    /// What is read at once may take as long as `patience`.
    pub fn new(cluster: Cluster, ends: Ends, patience: Duration) -> Self {
        let partitions = cluster.layout().partitions_of(Topic::Events);
        let turns = (0..partitions).map(|_| Mutex::default()).collect();
        let dry_runs = Semaphore::new(DRY_RUNS_MAX);
        Self { cluster, ends, client: OnceCell::new(), turns, dry_runs, patience }
    }

    /// A dry run, for as long as this is held; `None`: there is one already.
    pub fn dry_run(&self) -> Option<SemaphorePermit<'_>> {
        self.dry_runs.try_acquire().ok()
    }

    /// The events that stand there. Those that the log does not hold any more are missing.
    ///
    /// # Errors
    /// When it can't be read, or not in time.
    pub async fn at(
        &self,
        positions: impl IntoIterator<Item = Position>,
    ) -> Result<HashMap<Position, Found>, NotRead> {
        let mut by_partition: BTreeMap<i32, BTreeSet<i64>> = BTreeMap::new();
        for position in positions {
            by_partition.entry(position.partition).or_default().insert(position.offset);
        }
        let mut found = HashMap::new();
        for (partition, offsets) in by_partition {
            timeout(self.patience, self.those(partition, offsets, &mut found)).await??;
        }
        Ok(found)
    }

    /// Offset of the first event of the partition that was appended then or later, and the end.
    ///
    /// # Errors
    /// When Kafka can't say.
    pub async fn range(&self, partition: i32, from_ms: i64) -> Result<(i64, i64), NotRead> {
        let asked = async {
            let begin = self.ends.at_time(Topic::Events, partition, from_ms).await?;
            let end = self.ends.last_stable(Topic::Events, &[partition]).await?;
            Ok::<_, ReadError>((begin, end.first().copied().unwrap_or(begin)))
        };
        Ok(timeout(self.patience, asked).await??)
    }

    /// Offset of the first event of the partition that was appended then or later; the end, where there is none.
    ///
    /// # Errors
    /// When Kafka can't say.
    pub async fn first_since(&self, partition: i32, from_ms: i64) -> Result<i64, NotRead> {
        Ok(timeout(self.patience, self.ends.at_time(Topic::Events, partition, from_ms)).await??)
    }

    /// Looks at the events from an offset on. One that the log does not hold any more is passed over, with all before its
    /// beginning; the bounds must not end after what the log is known to hold. When others read the partition until the
    /// deadline, it has looked at none.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn scan(
        &self,
        partition: i32,
        from: i64,
        bounds: Bounds,
        is_wanted: impl Fn(&Found) -> bool,
    ) -> Result<Scanned, NotRead> {
        let Some(turn) = self.turn(partition) else {
            return Ok(Scanned { next: bounds.end, ..Scanned::default() });
        };
        let Ok(_turn) = timeout_at(bounds.deadline.into(), turn.lock()).await else {
            return Ok(Scanned { next: from, ..Scanned::default() });
        };
        let (begin, end) = self.range(partition, BEGINNING_MS).await?;
        let (from, end) = (from.max(begin), end.min(bounds.end));
        // Where the log ends before the bounds do, nothing else will come there.
        let all = Scanned { next: from.max(bounds.end), ..Scanned::default() };
        if from >= end {
            return Ok(all);
        }
        let mut scanned = Scanned { next: from, ..Scanned::default() };
        let mut reader = self.client().await?.read(Topic::Events, partition, From::Offset(from)).await?;
        while scanned.found.len() < bounds.found_max && scanned.seen < bounds.seen_max {
            // The first one comes when fetching has begun.
            let left = match scanned.seen {
                0 => self.patience,
                _ => bounds.deadline.saturating_duration_since(Instant::now()),
            };
            let Ok(item) = timeout(left, reader.next()).await else { break };
            let record = match item? {
                Item::Record(record) if record.offset < end => record,
                Item::Record(_) | Item::End => {
                    scanned.next = all.next;
                    break;
                }
            };
            // Where it ends otherwise is told by offsets: `events` must stay without transactions, for where there are markers the
            // end counts them, and what fanout has committed does not.
            if record.timestamp_ms >= bounds.until_ms {
                scanned.is_past = true;
                break;
            }
            scanned.next = record.offset + 1;
            scanned.seen += 1;
            let event = read(partition, &record)?;
            if is_wanted(&event) {
                scanned.found.push(event);
            }
        }
        Ok(scanned)
    }

    async fn those(
        &self,
        partition: i32,
        offsets: BTreeSet<i64>,
        found: &mut HashMap<Position, Found>,
    ) -> Result<(), NotRead> {
        // What stands in a partition that is not there any more is not in the log either, and test events stand nowhere.
        let Some(turn) = self.turn(partition) else { return Ok(()) };
        let _turn = turn.lock().await;
        let (begin, end) = self.range(partition, BEGINNING_MS).await?;
        let mut left: VecDeque<_> = offsets.into_iter().filter(|at| (begin..end).contains(at)).collect();
        let Some(first) = left.front().copied() else { return Ok(()) };
        let mut reader = self.client().await?.read(Topic::Events, partition, From::Offset(first)).await?;
        while let Some(wanted) = left.front().copied() {
            let Item::Record(record) = reader.next().await? else { break };
            if record.offset == wanted {
                found.insert(Position { partition, offset: wanted }, read(partition, &record)?);
            }
            while left.pop_front_if(|at| *at <= record.offset).is_some() {}
            if let Some(next) = left.front().filter(|next| **next - record.offset > READ_OVER_MAX) {
                reader.seek(*next).await?;
            }
        }
        Ok(())
    }

    fn turn(&self, partition: i32) -> Option<&Mutex<()>> {
        self.turns.get(usize::try_from(partition).ok()?)
    }

    async fn client(&self) -> Result<&Companions, NotRead> {
        Ok(self.client.get_or_try_init(async || self.cluster.companions()).await?)
    }
}

fn read(partition: i32, record: &Record) -> Result<Found, NotRead> {
    let envelope = records::envelope(partition, record)?;
    let traceparent = record.header(headers::TRACEPARENT).map(String::from_utf8_lossy);
    Ok(Found {
        position: Position { partition, offset: record.offset },
        appended_at_ms: record.timestamp_ms,
        envelope,
        traceparent: traceparent.unwrap_or_default().into_owned(),
    })
}
