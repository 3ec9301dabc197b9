//! Starting and stopping the role.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aerogram_credentials::InForce;
use aerogram_domain::catalogue::Catalogue;
use aerogram_egress::UrlGuard;
use aerogram_kafka::{Cluster, Companions, From};
use aerogram_projection::Projection;
use aerogram_seal::Sealer;
use aerogram_settings::Settings;
use aerogram_telemetry::{Health, Shutdown};
use aerogram_wire::Topic;
use anyhow::{Context as _, anyhow};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::catch_up::CatchUp;
use crate::escalations::{self, Escalations, Originals, Settling};
use crate::fold::{Fold, FoldHandle};
use crate::following::{self, Ground, Pace};
use crate::history::{self, Events, History, ReadBack};
use crate::repair::{EventReader, FanoutProgress, Repair, Waiting, Writing};
use crate::rest::{self, Api, about};
use crate::results::Results;
use crate::submit::Submitter;
use crate::table::Table;
use crate::tasks as asked_for;
use crate::{command_handler, credentials, served};

/// What `--help` says.
pub const ABOUT: &str =
    "The control plane of Aerogram: subscriptions over REST, and the one writer of their states";

/// What leaving may take beyond what is configured for requests and draining.
const LEAVING_MAX: Duration = Duration::from_secs(15);
/// Name of the task that serves requests.
const HTTP: &str = "the HTTP server";
/// Name of the task that handles commands.
const HANDLER: &str = "the command handler";

/// Runs the role until shutdown.
///
/// # Errors
/// When the configuration can't be used, Kafka can't be reached or refuses, or a record can't be understood.
pub async fn run(settings: Settings, health: Health, shutdown: Shutdown) -> anyhow::Result<()> {
    match start(settings, health, shutdown.clone()).await {
        Ok(running) => running.ended().await,
        // A stop that was asked for while waiting for Kafka is no failure.
        Err(_) if shutdown.is_triggered() => Ok(()),
        Err(error) => Err(error),
    }
}

/// The role at work; stops at once when dropped.
pub struct Running {
    address: SocketAddr,
    tasks: Tasks,
    stop_http: CancellationToken,
    stop_handler: CancellationToken,
    shutdown: Shutdown,
    patience: Duration,
    projection: Projection,
}

type Tasks = JoinSet<(&'static str, anyhow::Result<()>)>;

/// Starts the role; requests are answered from now on, those that need what is still being read with a delay.
///
/// # Errors
/// See [`run`].
pub async fn start(settings: Settings, health: Health, shutdown: Shutdown) -> anyhow::Result<Running> {
    start_at(settings, health, shutdown, Pace::default()).await
}

/// The same at another pace, for tests.
///
/// # Errors
/// See [`run`].
pub async fn start_at(
    settings: Settings,
    health: Health,
    shutdown: Shutdown,
    pace: Pace,
) -> anyhow::Result<Running> {
    // Before anything holds, or a start would look ready that has not begun to wait for the rest.
    let connected = health.condition("kafka connected");
    let folded = health.condition("subscriptions folded");
    let followed = health.condition("results followed");
    let handling = health.condition("commands handled");
    let listening = health.condition("requests answered");
    let files = Files::read(&settings, &health).await?;
    connected.set(false, "waiting for the brokers and the topics");
    let cluster = Cluster::connect(&settings, shutdown.token()).await?;
    connected.set(true, "connected");
    let mut tasks = Tasks::new();

    let companions = cluster.companions()?;
    let table = Arc::new(Table::default());
    let (folds, first_ends) = start_folds(&cluster, &companions, &table, &mut tasks).await?;
    let (catch_up, prober) = CatchUp::new(Topic::Subscriptions, cluster.ends()?, folds);
    tasks.spawn(async move {
        prober.run().await;
        ("the asking for ends", Ok(()))
    });
    let catch_up = Arc::new(catch_up);
    let first = Arc::clone(&catch_up);
    tokio::spawn(async move {
        if first.reached(&first_ends).await.is_ok() {
            folded.set(true, "all partitions");
        }
    });

    let results = Results::default();
    start_tails(&cluster, &companions, &results, &mut tasks).await?;
    followed.set(true, "all partitions");

    let projection = Projection::new(projection_options(&settings, &cluster));
    // What is followed into the projection may be much, and must not delay subscriptions and results.
    let ground = Ground {
        cluster: &cluster,
        companions: &cluster.companions()?,
        projection: &projection,
        pace,
        log_retention_ms: settings.topics.retention_ms,
    };
    let followed = following::start(&ground, |name| health.notice(name), &mut tasks).await?;

    let (stop_http, stop_handler) = (CancellationToken::new(), CancellationToken::new());
    let patience = Duration::from_millis(settings.api.command_timeout_ms);
    let escalations = Escalations {
        projection: projection.clone(),
        catch_up: followed.escalations,
        originals: Originals::new(cluster.clone(), patience),
        settling: Settling::new(cluster.expiring_writer()?, patience),
    };
    let history = History {
        projection: projection.clone(),
        rows: followed.history,
        names: followed.events,
        events: Events::new(cluster.clone(), patience),
        rejected: ReadBack::new(cluster.clone(), Topic::Rejected, patience),
        retention_ms: history_retention_ms(&settings),
    };
    let (owns_first, owns) = watch::channel(false);
    let handler = (cluster.clone(), settings.clone(), owns_first, stop_handler.clone());
    tasks.spawn(async move {
        let (cluster, settings, owns_first, stop) = handler;
        let ended = Box::pin(command_handler::run(&cluster, &settings, handling, owns_first, stop)).await;
        (HANDLER, ended.map_err(anyhow::Error::from))
    });
    let asked_for = Arc::new(asked_for::Tasks::new(settings.api.tasks_max));
    let repair = Repair {
        caught_up: asked_for::follow(&cluster, &companions, &asked_for, &mut tasks).await?,
        tasks: asked_for,
        events: EventReader::new(cluster.clone(), cluster.ends()?, patience),
        writing: Writing::new(cluster.clone(), cluster.expiring_writer()?, patience),
        waiting: Waiting::default(),
        fanout: FanoutProgress::new(cluster.clone(), settings.fanout.group.clone(), patience),
    };
    let projected = (escalations, history, repair);
    let api = Arc::new(api(&settings, &cluster, files, table, catch_up, results, projected)?);
    let finishing = Arc::clone(&api);
    tasks.spawn(async move {
        match escalations::finish(&finishing.escalations, pace.finish_every, patience).await {}
    });
    let keeping = Arc::clone(&api);
    tasks.spawn(async move { match history::keep(&keeping.history).await {} });
    let carrying_out = asked_for::carry_out(Arc::clone(&api), owns);
    tasks.spawn(async move { match carrying_out.await {} });
    let address = start_http(&settings, api, stop_http.clone(), &mut tasks).await?;
    listening.set(true, format!("at {address}"));
    Ok(Running { address, tasks, stop_http, stop_handler, shutdown, patience, projection })
}

/// What is read once, before anything else is touched.
struct Files {
    catalogue: Arc<Catalogue>,
    credentials: InForce,
    sealer: Sealer,
}

impl Files {
    /// Which event types there are, who may call, and what seals; all that is wrong with the last two at once, but who may
    /// call speaks of event types, so mistakes in those come first.
    async fn read(settings: &Settings, health: &Health) -> anyhow::Result<Self> {
        let catalogue = Catalogue::load(&settings.catalogue.files, |path| std::fs::read_to_string(path))?;
        let credentials = credentials::open(&settings.credentials, &catalogue, health).await;
        match (credentials, Sealer::from_settings(&settings.seal)) {
            (Ok(credentials), Ok(sealer)) => Ok(Self { catalogue, credentials, sealer }),
            (Err(error), Ok(_)) => Err(error),
            (Ok(_), Err(error)) => Err(error.into()),
            (Err(first), Err(second)) => Err(anyhow!("{first:#}\n{second}")),
        }
    }
}

/// Not longer than its events are there to be read back.
fn history_retention_ms(settings: &Settings) -> u64 {
    settings.api.history_retention_ms.unwrap_or(settings.topics.retention_ms)
}

fn projection_options(settings: &Settings, cluster: &Cluster) -> aerogram_projection::Options {
    aerogram_projection::Options {
        path: settings.api.projection_path.clone(),
        layout_id: cluster.layout().layout_id.clone(),
        escalations_max: settings.api.escalations_max,
        history_bytes_max: settings.api.history_bytes_max,
        read_timeout_ms: settings.api.command_timeout_ms,
        history_retention_ms: history_retention_ms(settings),
        log_retention_ms: settings.topics.retention_ms,
    }
}

fn api(
    settings: &Settings,
    cluster: &Cluster,
    files: Files,
    table: Arc<Table>,
    catch_up: Arc<CatchUp>,
    results: Results,
    (escalations, history, repair): (Escalations, History, Repair),
) -> anyhow::Result<Api> {
    let policies = about::Policies::of(settings);
    let patience = Duration::from_millis(settings.api.command_timeout_ms);
    let submitter = Submitter::new(cluster.clone(), cluster.expiring_writer()?, results, patience);
    let urls = UrlGuard::new(&settings.deliverer);
    let user_agent = settings.deliverer.user_agent.clone();
    let give_up_after_ms = settings.deliverer.give_up_after_ms;
    let settings = settings.api.clone();
    let throttles = rest::throttle::Throttles::new(&settings);
    let Files { catalogue, credentials, sealer } = files;
    let event_types = about::EventTypes::of(&catalogue)?;
    Ok(Api {
        settings,
        catalogue,
        event_types,
        cluster: cluster.clone(),
        credentials,
        throttles,
        sealer,
        policies,
        urls,
        user_agent,
        give_up_after_ms,
        table,
        long_lists: rest::list::LongLists::new(),
        catch_up,
        submitter,
        escalations,
        history,
        repair,
    })
}

async fn start_http(
    settings: &Settings,
    api: Arc<Api>,
    stop: CancellationToken,
    tasks: &mut Tasks,
) -> anyhow::Result<SocketAddr> {
    let listen = &settings.api.listen;
    let listening = || format!("cannot listen at {listen}; stop what listens there or set api.listen");
    let listener = TcpListener::bind(listen).await.with_context(listening)?;
    let address = listener.local_addr().with_context(listening)?;
    tracing::info!(%address, "api listening");
    let router = served::router(api).context(
        "what there is to call cannot be described; look at the event types of catalogue.files, else this is a bug",
    )?;
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    tasks.spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await;
        (HTTP, served.map_err(anyhow::Error::from))
    });
    Ok(address)
}

/// The ends are asked for before the readers are made, so the first end a reader says proves that they were reached.
async fn start_folds(
    cluster: &Cluster,
    companions: &Companions,
    table: &Arc<Table>,
    tasks: &mut Tasks,
) -> anyhow::Result<(Vec<FoldHandle>, Vec<i64>)> {
    let ends = cluster.ends()?.all_last_stable(Topic::Subscriptions).await?;
    let mut folds = Vec::with_capacity(ends.len());
    for (partition, end) in (0..).zip(ends.iter().copied()) {
        let reader = companions.read(Topic::Subscriptions, partition, From::Beginning).await?;
        let (fold, handle) = Fold::new(reader, Arc::clone(table));
        tasks.spawn(async move {
            let Err(error) = fold.run(end).await;
            ("the fold of subscriptions", Err(error.into()))
        });
        folds.push(handle);
    }
    Ok((folds, ends))
}

async fn start_tails(
    cluster: &Cluster,
    companions: &Companions,
    results: &Results,
    tasks: &mut Tasks,
) -> anyhow::Result<()> {
    let ends = cluster.ends()?.all_last_stable(Topic::Commands).await?;
    for (partition, end) in (0..).zip(ends) {
        let reader = companions.read(Topic::Commands, partition, From::Offset(end)).await?;
        let results = results.clone();
        tasks.spawn(async move {
            let Err(error) = results.follow(reader).await;
            ("the following of results", Err(error.into()))
        });
    }
    Ok(())
}

impl Running {
    /// Where requests are answered.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for shutdown, then finishes what is under way: requests first, for which results are still needed.
    ///
    /// # Errors
    /// What ended the role otherwise.
    pub async fn ended(mut self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        tokio::select! {
            () = self.shutdown.wait() => {}
            ended = self.tasks.join_next() => outcome = Err(unasked(ended)),
        }
        self.stop_http.cancel();
        if timeout(self.patience + LEAVING_MAX, self.finished(HTTP)).await.is_err() {
            tracing::warn!("requests still under way are cut off");
        }
        self.stop_handler.cancel();
        if outcome.is_ok() {
            outcome = self.finished(HANDLER).await;
        }
        if timeout(LEAVING_MAX, self.tasks.shutdown()).await.is_err() {
            tracing::warn!("some tasks did not end in time and are cut off");
        }
        match timeout(LEAVING_MAX, self.projection.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("closing the projection: {error}"),
            Err(_) => {
                tracing::warn!("the projection is not closed in time; that is made up for at the next start");
            }
        }
        outcome
    }

    /// Waits for a task; others that end meanwhile are no longer needed.
    async fn finished(&mut self, name: &str) -> anyhow::Result<()> {
        while let Some(ended) = self.tasks.join_next().await {
            match ended {
                Ok((ended, result)) if ended == name => return result.with_context(|| name.to_owned()),
                Ok((ended, Err(error))) => tracing::warn!("while stopping: {ended}: {error:#}"),
                Ok((_, Ok(()))) => {}
                Err(error) => tracing::warn!("while stopping: {error}"),
            }
        }
        Ok(())
    }
}

fn unasked(ended: Option<Result<(&'static str, anyhow::Result<()>), JoinError>>) -> anyhow::Error {
    match ended {
        Some(Ok((name, Err(error)))) => error.context(name),
        Some(Ok((name, Ok(())))) => anyhow!("{name} ended without being asked to; this is a bug"),
        Some(Err(error)) => anyhow!("a task failed: {error}"),
        None => anyhow!("nothing runs; this is a bug"),
    }
}
