//! Following topics into the projection: a task for each partition, in groups that stand still together.

mod beginnings;
mod behind;
mod follower;
mod reading;
mod saying;
mod standing;

use std::convert::Infallible;

use aerogram_domain::history::Claims;
use aerogram_kafka::{Cluster, Companions, ConnectError, Ends, ReadError};
use aerogram_projection::{Projection, ProjectionError};
use aerogram_telemetry::Condition;
use aerogram_wire::Topic;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant};

use crate::catch_up::{CatchUp, CatchUpError};
use crate::fold::FoldHandle;
use follower::Follower;
use reading::Reading;
use saying::{MadeAnew, Progress};
use standing::{Part, Reasons, Retry, Standing};

/// How long things are left alone.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// What stands still tries again after this, and later and later, up to `retry_max`.
    pub retry_first: Duration,
    pub retry_max: Duration,
    /// How often it is asked where the log begins.
    pub begins_every: Duration,
    /// Where nothing changes, how far it is read is written down so often, at most.
    pub remembered_every: Duration,
    /// How often redeliveries are looked for that nobody has finished.
    pub finish_every: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            retry_first: Duration::from_millis(500),
            retry_max: Duration::from_secs(15),
            begins_every: Duration::from_secs(60),
            remembered_every: Duration::from_secs(60),
            finish_every: Duration::from_secs(2),
        }
    }
}

/// Topics that are followed together: when one of their partitions stands still, nothing is read of any of them.
#[derive(Clone, Copy, Debug)]
struct Group {
    /// For people; also the beginning of the name of the notice that tells how it is.
    name: &'static str,
    topics: &'static [(Topic, Reading)],
}

/// Deliveries that were given up.
const ESCALATIONS: Group =
    Group { name: "escalations", topics: &[(Topic::Escalations, Reading::Escalations)] };
/// Deliveries and what became of them.
const HISTORY: Group = Group {
    name: "history",
    topics: &[
        (Topic::Deliveries, Reading::Deliveries),
        (Topic::Attempts, Reading::Attempts(Claims { epoch: None, nonce: None })),
        (Topic::Pending, Reading::Pending),
    ],
};
/// Events of which no delivery tells.
const EVENTS: Group = Group {
    name: "events without deliveries",
    topics: &[(Topic::Matches, Reading::Matches), (Topic::Rejected, Reading::Rejected)],
};

/// What all followers need.
pub struct Ground<'a> {
    pub cluster: &'a Cluster,
    /// Of the followers alone: what they fetch when they begin at the beginning must not delay others.
    pub companions: &'a Companions,
    pub projection: &'a Projection,
    pub pace: Pace,
    /// How long the log holds what history is made of, in milliseconds.
    pub log_retention_ms: u64,
}

type Tasks = JoinSet<(&'static str, anyhow::Result<()>)>;

/// What brings reads up to date, by what is read.
pub struct Followed {
    pub escalations: Following,
    pub history: Following,
    pub events: Following,
}

/// Opens the projection and follows all partitions of all groups, in tasks; `notice` makes what tells how a group is.
///
/// # Errors
/// When Kafka can't be asked. A projection that is not ours to use ends its task.
pub async fn start(
    ground: &Ground<'_>,
    notice: impl Fn(&str) -> Condition,
    tasks: &mut Tasks,
) -> Result<Followed, StartError> {
    let groups = [ESCALATIONS, HISTORY, EVENTS].map(|group| {
        let told = notice(&format!("{} followed", group.name));
        (group, Standing::new(group.name), told)
    });
    let standings = groups.iter().map(|(_, standing, _)| standing.clone()).collect();
    let opening = open(ground.projection.clone(), standings, ground.pace);
    tasks.spawn(async move {
        let Err(error) = opening.await;
        ("the opening of the projection", Err(error.into()))
    });
    let [escalations, history, events] = groups;
    Ok(Followed {
        escalations: start_group(ground, escalations, tasks).await?,
        history: start_group(ground, history, tasks).await?,
        events: start_group(ground, events, tasks).await?,
    })
}

/// Why following was not begun.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

async fn start_group(
    ground: &Ground<'_>,
    (group, standing, told): (Group, Standing, Condition),
    tasks: &mut Tasks,
) -> Result<Following, StartError> {
    let ends = ground.cluster.ends()?;
    let (mut catch_ups, mut progress, mut measured) = (Vec::new(), Vec::new(), Vec::new());
    let (mut reached, mut remembered) = (Vec::new(), Vec::new());
    for (topic, reading) in group.topics.iter().copied() {
        let first_ends = ends.all_last_stable(topic).await?;
        let of = Of { topic, reading, partitions: first_ends.len() };
        let started = start_topic(ground, of, &ends, &standing, tasks);
        let Started { catch_up, positions, begun, .. } = started;
        reached.extend(positions.iter().cloned());
        remembered.extend(started.remembered);
        measured.push((topic, positions.clone()));
        progress.push(Progress { topic, positions, begun, first_ends });
        catch_ups.push(catch_up);
    }
    tokio::spawn(behind::measure(ends.clone(), measured, standing.watch()));
    let anew = MadeAnew { ends, projection: ground.projection.clone() };
    let anew = (group.name == HISTORY.name).then_some(anew);
    tokio::spawn(saying::say(told, progress, standing.watch(), anew));
    Ok(Following { catch_ups, standing: standing.watch(), reached, remembered })
}

/// What is followed.
#[derive(Clone, Copy)]
struct Of {
    topic: Topic,
    reading: Reading,
    partitions: usize,
}

/// A topic that is followed.
struct Started {
    catch_up: CatchUp,
    /// In the order of the partitions; as what follows.
    positions: Vec<watch::Receiver<i64>>,
    /// As they stand in the projection.
    remembered: Vec<watch::Receiver<i64>>,
    begun: Vec<watch::Receiver<u64>>,
}

fn start_topic(
    ground: &Ground<'_>,
    Of { topic, reading, partitions }: Of,
    ends: &Ends,
    standing: &Standing,
    tasks: &mut Tasks,
) -> Started {
    let (mut handles, mut positions, mut begins) = (Vec::new(), Vec::new(), Vec::new());
    let (mut all_begun, mut all_remembered) = (Vec::new(), Vec::new());
    for partition in (0..).take(partitions) {
        let (handle, marks) = FoldHandle::new();
        positions.push(handle.reached());
        handles.push(handle);
        let (begins_at, begin) = watch::channel(0);
        begins.push(begins_at);
        let (begun, follows) = watch::channel(0);
        all_begun.push(follows);
        let (remembered, known) = watch::channel(0);
        all_remembered.push(known);
        let follower = Follower {
            companions: ground.companions.clone(),
            ends: ends.clone(),
            projection: ground.projection.clone(),
            reading,
            topic,
            partition,
            marks,
            begin,
            standing: standing.clone(),
            pace: ground.pace,
            log_retention_ms: ground.log_retention_ms,
            made_anew: ground.projection.made_anew(),
            begun,
            remembered,
            remembered_at: Instant::now(),
        };
        tasks.spawn(async move {
            let Err(error) = follower.run().await;
            ("the following of a topic", Err(error.into()))
        });
    }
    // What there is of the other topics goes by its age.
    if topic == Topic::Escalations {
        let asking = beginnings::ask(ends.clone(), topic, begins, ground.pace.begins_every);
        tasks.spawn(async move {
            asking.await;
            ("the asking for beginnings", Ok(()))
        });
    }
    let (catch_up, prober) = CatchUp::new(topic, ends.clone(), handles);
    tasks.spawn(async move {
        prober.run().await;
        ("the asking for ends", Ok(()))
    });
    Started { catch_up, positions, remembered: all_remembered, begun: all_begun }
}

/// Until it is open, and then it stays so. Another one's file is a mistake that does not pass.
async fn open(
    projection: Projection,
    standings: Vec<Standing>,
    pace: Pace,
) -> Result<Infallible, ProjectionError> {
    let mut retry = Retry::new(pace);
    loop {
        match projection.start().await {
            Ok(()) => {
                standings.iter().for_each(|standing| standing.goes_on(Part::File));
                std::future::pending::<Infallible>().await;
            }
            Err(
                error @ (ProjectionError::InUse { .. }
                | ProjectionError::NotOurs { .. }
                | ProjectionError::Closed),
            ) => return Err(error),
            Err(error) => {
                let why = error.to_string();
                standings.iter().for_each(|standing| standing.stands(Part::File, "projection", &why));
                retry.pause().await;
            }
        }
    }
}

/// Brings reads up to date, unless something stands still.
pub struct Following {
    catch_ups: Vec<CatchUp>,
    standing: watch::Receiver<Reasons>,
    /// Of all partitions of all topics.
    reached: Vec<watch::Receiver<i64>>,
    remembered: Vec<watch::Receiver<i64>>,
}

impl Following {
    /// Up to where each partition is read.
    pub fn reached(&self) -> impl Iterator<Item = i64> {
        self.reached.iter().map(|reached| *reached.borrow())
    }

    /// The same as it stands in the projection, from where it would be read again.
    pub fn remembered(&self) -> impl Iterator<Item = i64> {
        self.remembered.iter().map(|remembered| *remembered.borrow())
    }

    /// Waits until everything that was in the topics when this was called is in the projection. The caller limits the time.
    ///
    /// # Errors
    /// When that can't be found out, and at once when something stands still.
    pub async fn all(&self) -> Result<(), CatchUpError> {
        tokio::select! {
            biased;
            () = self.something_stands() => Err(CatchUpError::StandsStill),
            caught_up = CatchUp::all_of(&self.catch_ups) => caught_up,
        }
    }

    async fn something_stands(&self) {
        // Without anybody to say it there is nobody who follows.
        let _ = self.standing.clone().wait_for(|reasons| !reasons.is_empty()).await;
    }
}
