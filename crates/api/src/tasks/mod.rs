//! Work on many deliveries that people asked for: known to every api process, carried out by one.
//!
//! A task is a record of `tasks`, and how far it is, is another one; each process folds them into memory. The process that owns
//! partition 0 of `commands` carries them out. A former owner that does not know yet that it is none any more writes what the new
//! one writes: runs follow from the task and from what they repeat, so it is the same.

mod asking;
mod carry_out;
mod redeliver;
mod replay;
mod table;

pub use carry_out::carry_out;
pub use redeliver::{query, waiting};
pub use replay::{Begun, appended_until_ms, begin, subscription_of, waits_for};
pub use table::Tasks;

use std::sync::Arc;

use aerogram_kafka::{Cluster, Companions, From};
use aerogram_wire::Topic;
use tokio::task::JoinSet;

use crate::catch_up::CatchUp;
use crate::fold::Fold;

/// There is one.
pub const PARTITION: i32 = 0;

/// Follows `tasks`, in tasks of their own; reads are brought up to date by what is returned.
///
/// # Errors
/// When Kafka can't be asked.
pub async fn follow(
    cluster: &Cluster,
    companions: &Companions,
    table: &Arc<Tasks>,
    tasks: &mut JoinSet<(&'static str, anyhow::Result<()>)>,
) -> anyhow::Result<CatchUp> {
    let ends = cluster.ends()?;
    let end = ends.all_last_stable(Topic::Tasks).await?.first().copied().unwrap_or(0);
    let reader = companions.read(Topic::Tasks, PARTITION, From::Beginning).await?;
    let (fold, handle) = Fold::new(reader, Arc::clone(table));
    tasks.spawn(async move {
        let Err(error) = fold.run(end).await;
        ("the fold of tasks", Err(error.into()))
    });
    let (catch_up, prober) = CatchUp::new(Topic::Tasks, ends, vec![handle]);
    tasks.spawn(async move {
        prober.run().await;
        ("the asking for ends", Ok(()))
    });
    Ok(catch_up)
}
