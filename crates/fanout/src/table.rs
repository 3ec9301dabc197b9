//! The fold of all partitions of `subscriptions` into the one table of the process.

use aerogram_domain::matching::Table;
use aerogram_kafka::{Companions, From, Item, PartitionReader, ReadError, Record};
use aerogram_telemetry::{Condition, names};
use aerogram_wire::{SCHEMA, Topic, v1::SubscriptionRecord};
use prost::Message as _;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::{sync::mpsc, task::JoinSet};

/// Shared by the fold, which writes, and the partitions, which match. Both hold it for microseconds.
#[derive(Clone)]
pub struct SharedTable(Arc<RwLock<Table>>);

impl SharedTable {
    pub fn new(partitions: i32) -> Self {
        Self(Arc::new(RwLock::new(Table::new(partitions))))
    }

    pub fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The table cannot be trusted any more.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(
        "subscriptions partition {partition} offset {offset} is unreadable: {detail}. It is not skipped, because \
         events would miss a subscription; run a version that knows it"
    )]
    Record { partition: i32, offset: i64, detail: String },
    #[error("the fold of subscriptions ended: {0}")]
    Ended(String),
}

/// The fold, at the end of the log and going on.
pub struct Fold {
    tasks: JoinSet<Result<(), TableError>>,
}

impl Fold {
    /// Reads every partition from its beginning; returns when each was at its end once.
    ///
    /// # Errors
    /// A partition cannot be read, or a record of it.
    pub async fn start(
        companions: &Companions,
        table: &SharedTable,
        partitions: i32,
        folded: &Condition,
    ) -> Result<Self, TableError> {
        folded.set(false, format!("0 of {partitions} partitions"));
        let mut tasks = JoinSet::new();
        let (at_end, mut ends) = mpsc::channel(1);
        for partition in 0..partitions {
            let reader = companions.read(Topic::Subscriptions, partition, From::Beginning).await?;
            tasks.spawn(follow(reader, table.clone(), at_end.clone()));
        }
        drop(at_end);
        let mut fold = Self { tasks };
        for done in 1..=partitions {
            tokio::select! {
                Some(()) = ends.recv() => {}
                error = fold.failed() => return Err(error),
            }
            folded.set(false, format!("{done} of {partitions} partitions"));
        }
        folded.set(true, format!("{} active subscriptions at the start", table.read().len()));
        Ok(fold)
    }

    /// Waits for what ends it: never good news.
    pub async fn failed(&mut self) -> TableError {
        match self.tasks.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(Ok(Ok(()))) | None => TableError::Ended("a partition is no longer read".to_owned()),
            Some(Err(error)) => TableError::Ended(error.to_string()),
        }
    }
}

/// Applies one partition for ever; says once that its end was reached.
async fn follow(
    mut reader: PartitionReader,
    table: SharedTable,
    at_end: mpsc::Sender<()>,
) -> Result<(), TableError> {
    let partition = reader.partition();
    let mut at_end = Some(at_end);
    loop {
        match reader.next().await? {
            Item::Record(record) => apply(&table, partition, &record)?,
            Item::End => {
                metrics::gauge!(names::SUBSCRIPTIONS, "status" => "active").set(table.read().len() as f64);
                if let Some(at_end) = at_end.take() {
                    // Nobody listens any more when the start failed elsewhere.
                    let _ = at_end.send(()).await;
                }
            }
        }
    }
}

fn apply(table: &SharedTable, partition: i32, record: &Record) -> Result<(), TableError> {
    let unreadable = |detail: String| TableError::Record { partition, offset: record.offset, detail };
    let key = record.key.as_deref().ok_or_else(|| unreadable("it has no key".to_owned()))?;
    let id = std::str::from_utf8(key).map_err(|error| unreadable(error.to_string()))?;
    let state = match &record.payload {
        None => None,
        Some(payload) => {
            let decoded =
                SubscriptionRecord::decode(payload.clone()).map_err(|error| unreadable(error.to_string()))?;
            if decoded.schema > SCHEMA {
                return Err(unreadable(format!("it has schema {}, {SCHEMA} is known", decoded.schema)));
            }
            Some(decoded.subscription.ok_or_else(|| unreadable("it holds no subscription".to_owned()))?)
        }
    };
    table.write().apply(partition, record.offset, id, state.as_ref());
    Ok(())
}
