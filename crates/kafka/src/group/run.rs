//! The async side of a group: it starts the tasks and watches them.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::Duration;

use aerogram_telemetry::Condition;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::commit::Membership;
use super::driver::{Driver, Signal};
use super::hooks::Key;
use super::owned::Given;
use super::places::Places;
use super::{Assignment, GroupConfig, GroupError, Hooks, Stop, Stopping, TaskEnd};
use crate::client::{Consumer, Context};
use crate::cluster::Cluster;

/// What an abandoned task may still take before it is cut off.
const ABANDONED_GRACE: Duration = Duration::from_secs(1);
/// What leaving the group may take beyond draining.
const LEAVING_MAX: Duration = Duration::from_secs(10);
/// Without a partition for so long, a member is left with none: those that others are to give up for it come after a
/// heartbeat or two.
const WITHOUT: Duration = Duration::from_secs(3);
/// Signals the driver may be ahead.
const SIGNALS: usize = 16;

/// How a task ended, seen from outside.
struct Ended {
    key: Key,
    stopping: Stopping,
    result: Result<TaskEnd, JoinError>,
}

/// Tells the driver to leave also when the future of `run_group` is dropped.
struct Leave(Arc<AtomicBool>);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Runs a member of the group until shutdown. `start` is called on the runtime for each assigned partition and must
/// spawn its task quickly. Returns when all tasks have drained and the group was left.
///
/// # Errors
/// When the group can't be joined, an internal partition has no commit, or a task failed; the other tasks drain first.
pub async fn run_group<F>(
    cluster: &Cluster,
    config: GroupConfig,
    shutdown: CancellationToken,
    mut start: F,
) -> Result<(), GroupError>
where
    F: FnMut(Assignment) -> JoinHandle<TaskEnd> + Send + 'static,
{
    let (group, assigned) = (config.group.clone(), config.assigned.clone());
    say(assigned.as_ref(), false, || waiting_for(&config));
    let leave = Leave(Arc::new(AtomicBool::new(false)));
    let drain = drain_time(cluster, &config);
    let mut signals = join(cluster, config, drain, Arc::clone(&leave.0))?;
    let mut tasks = FuturesUnordered::new();
    let mut places = Places::new();
    let mut without_since = None;
    let mut failure = None;
    let mut leaving_since = None;
    loop {
        let leaving_ends = leaving_since.map(|since: Instant| since + drain + LEAVING_MAX);
        let settled_without = without_since.map(|since: Instant| since + WITHOUT);
        tokio::select! {
            signal = signals.recv() => match signal {
                Some(Signal::Assigned(given)) => {
                    without_since = given.is_empty().then(Instant::now);
                    for given in given {
                        let key = (given.assignment.topic.clone(), given.assignment.partition);
                        let may_start = places.enter(key, given);
                        tasks.extend(may_start.map(|given| begin(given, &mut start)));
                    }
                    if without_since.is_none() {
                        say(assigned.as_ref(), true, || format!("has {}", places.names().join(", ")));
                    }
                }
                Some(Signal::Failed(error)) => note(&mut failure, error),
                None if leaving_since.is_some() || failure.is_some() => break,
                None => {
                    let reason = "its thread ended".to_owned();
                    note(&mut failure, GroupError::Driver { group: group.clone(), reason });
                    break;
                }
            },
            Some(ended) = tasks.next() => {
                let came_back = places.leave(&ended.key);
                tasks.extend(came_back.map(|given| begin(given, &mut start)));
                say(assigned.as_ref(), true, || match places.names() {
                    names if names.is_empty() => "no partitions now".to_owned(),
                    names => format!("has {}", names.join(", ")),
                });
                if let Some(error) = judge(ended) {
                    note(&mut failure, error);
                }
            }
            () = sleep_until(settled_without) => {
                without_since = None;
                say(assigned.as_ref(), true, || "no partitions: others have them".to_owned());
            }
            () = shutdown.cancelled(), if leaving_since.is_none() => {
                tracing::info!(group, "leaving the group");
                leaving_since = Some(Instant::now());
                leave.0.store(true, Ordering::SeqCst);
            }
            () = sleep_until(leaving_ends) => {
                tracing::warn!(group, "leaving the group takes too long; going on without");
                break;
            }
        }
        if failure.is_some() && leaving_since.is_none() {
            leaving_since = Some(Instant::now());
            leave.0.store(true, Ordering::SeqCst);
        }
    }
    failure.map_or(Ok(()), Err)
}

fn say(assigned: Option<&Condition>, holds: bool, text: impl FnOnce() -> String) {
    if let Some(assigned) = assigned {
        assigned.set(holds, text());
    }
}

fn waiting_for(config: &GroupConfig) -> String {
    let may_lack = if config.external { "; a topic that does not exist is waited for" } else { "" };
    format!("waiting for partitions of {}{may_lack}", config.topics.join(", "))
}

/// Starts the task of a partition.
fn begin<F>(given: Given, start: &mut F) -> impl Future<Output = Ended> + use<F>
where
    F: FnMut(Assignment) -> JoinHandle<TaskEnd>,
{
    let Given { assignment, ended } = given;
    let key = (assignment.topic.clone(), assignment.partition);
    let stop = assignment.stop.clone();
    watch(key, stop, ended, start(assignment))
}

fn drain_time(cluster: &Cluster, config: &GroupConfig) -> Duration {
    let poll_ms = cluster.clients().kafka().max_poll_interval_ms;
    config.drain.min(Duration::from_millis(poll_ms / 3))
}

/// Starts the thread of the group.
fn join(
    cluster: &Cluster,
    config: GroupConfig,
    drain: Duration,
    leave: Arc<AtomicBool>,
) -> Result<mpsc::Receiver<Signal>, GroupError> {
    let clients = cluster.clients();
    let hooks = Arc::new(Hooks::new(&clients.kafka().topic_prefix));
    let context = Context::of_member(&config.group, Arc::clone(&hooks));
    let client = |source: KafkaError| GroupError::Client { group: config.group.clone(), source };
    let consumer: Consumer =
        clients.member(&config.group, config.external).create_with_context(context).map_err(client)?;
    let consumer = Arc::new(consumer);
    let topics: Vec<&str> = config.topics.iter().map(String::as_str).collect();
    consumer.subscribe(&topics).map_err(client)?;
    let membership = Arc::new(Membership {
        consumer: RwLock::new(Some(Arc::clone(&consumer))),
        answer_timeout: clients.session_timeout(),
        runtime: Handle::current(),
    });
    let (sender, signals) = mpsc::channel(SIGNALS);
    let group = config.group.clone();
    let driver = Driver {
        group: config.group,
        topics: config.topics.clone(),
        external: config.external,
        drain,
        consumer,
        membership,
        hooks,
        signals: sender,
        leave,
        owned: HashMap::new(),
        waiting: VecDeque::new(),
        said: None,
    };
    thread::Builder::new()
        .name(format!("kafka-{group}"))
        .spawn(move || driver.run())
        .map_err(|error| GroupError::Driver { group, reason: format!("no thread: {error}") })?;
    Ok(signals)
}

/// Waits for a task; one that was told to return at once and does not is cut off.
async fn watch(key: Key, stop: Stop, ended: Arc<AtomicBool>, mut task: JoinHandle<TaskEnd>) -> Ended {
    let mut abandoned = false;
    let result = tokio::select! {
        result = &mut task => result,
        () = stop.clone().abandoned() => {
            abandoned = true;
            match tokio::time::timeout(ABANDONED_GRACE, &mut task).await {
                Ok(result) => result,
                Err(_) => {
                    task.abort();
                    task.await
                }
            }
        }
    };
    // Looked at first: when the driver sees that the task has ended it takes the partition away.
    let stopping = if abandoned { Stopping::Abandon } else { stop.now() };
    ended.store(true, Ordering::SeqCst);
    Ended { key, stopping, result }
}

/// What the end of a task means for the process.
fn judge(ended: Ended) -> Option<GroupError> {
    let Ended { key: (topic, partition), stopping, result } = ended;
    let error = match result {
        Ok(TaskEnd::Stopped) if stopping == Stopping::No => GroupError::Unasked { topic, partition },
        Ok(TaskEnd::Stopped) => return None,
        Ok(TaskEnd::Failed(source)) => GroupError::Task { topic, partition, source },
        Err(error) if error.is_cancelled() => {
            tracing::warn!(topic, partition, "the task did not return in time and was cut off");
            return None;
        }
        Err(error) => {
            GroupError::Panicked { topic, partition, reason: panic_text(error.into_panic().as_ref()) }
        }
    };
    if stopping == Stopping::Abandon {
        // Its partition is another's already, and errors are expected of what was taken away.
        tracing::warn!("after the partition was lost: {error}");
        return None;
    }
    Some(error)
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

fn note(failure: &mut Option<GroupError>, error: GroupError) {
    tracing::error!("{error}");
    // The first is the cause.
    failure.get_or_insert(error);
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
