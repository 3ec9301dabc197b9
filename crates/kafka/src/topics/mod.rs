//! Making and checking the internal topics; only `aerogram topics create` does the first.

mod admin;
mod groups;
mod report;
mod wanted;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aerogram_settings::Settings;
use aerogram_wire::{Layout, Message as _, SCHEMA, Topic, v1};
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};

pub use report::{GroupLine, Report, TopicLine, TopicState};

use crate::client::{Clients, Context};
use crate::cluster::ConnectError;
use crate::layout::{self, Found, LAYOUT_KEY, LayoutError};
use wanted::Wanted;

/// How long the layout's transaction may take.
const PIN_MAX: Duration = Duration::from_secs(30);
/// How long new topics may take to show.
const APPEAR_MAX: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);

/// Why topics could not be made or checked.
#[derive(Debug, thiserror::Error)]
pub enum TopicsError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(
        "the layout {layout_id} under the prefix {prefix:?} is pinned to other counts: {}. Counts never change under a \
         prefix: set them back, or to grow choose a new kafka.topic_prefix, run `aerogram topics create`, move the \
         publishers there and let the old prefix drain. Nothing was changed",
        .differences.join(", ")
    )]
    Pinned { prefix: String, layout_id: String, differences: Vec<String> },
    #[error(
        "topics exist with other partition counts: {}. Delete them if nobody uses them, set topics.partitions and \
         topics.event_partitions to what is there, or choose a new kafka.topic_prefix. Nothing was changed",
        .differences.join(", ")
    )]
    InTheWay { differences: Vec<String> },
    #[error("{what} failed: {reason}")]
    Broker { what: String, reason: String },
    #[error("topics were made and do not show after {} s; run it again", APPEAR_MAX.as_secs())]
    NotShowing,
    #[error(
        "group {group} runs, but has no committed offset for {topic} partitions {partitions:?}: stop its members and run \
         this again"
    )]
    GroupRuns { group: String, topic: String, partitions: Vec<i32> },
}

impl TopicsError {
    fn broker(what: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Broker { what: what.into(), reason: reason.to_string() }
    }
}

/// Makes what is missing: topics, the layout, the first offsets of the groups. Running it again changes nothing.
///
/// # Errors
/// When Kafka does not answer, refuses, or partition counts differ from the pinned or wanted ones.
pub async fn create(settings: &Settings) -> Result<Report, TopicsError> {
    let clients = Clients::new(settings);
    let wanted = wanted::topics(settings);
    let found = layout::look(&clients).await?;
    refuse_other_counts(settings, &found, &wanted)?;
    let missing: Vec<&Wanted> = wanted.iter().filter(|w| count_of(&found, w.topic).is_none()).collect();
    admin::create_topics(&clients, &missing).await?;
    let made: Vec<Topic> = missing.iter().map(|wanted| wanted.topic).collect();
    let found = appear(&clients).await?;
    let pinned_now = found.layout.is_none();
    let layout = match found.layout {
        Some(layout) => layout,
        None => pin(&clients, settings).await?,
    };
    let groups = groups::first_offsets(&clients, settings, &layout, true).await?;
    let mut report = examine(&clients, &wanted, Some(layout)).await?;
    report.layout_made = pinned_now;
    report.groups = groups;
    report.mark_made(&made);
    Ok(report)
}

/// Makes topics that belong to publishers, where a broker of our own has to have them; those that exist are left alone.
///
/// # Errors
/// When Kafka does not answer or refuses.
pub async fn create_upstream(
    settings: &Settings,
    names: &[String],
    partitions: i32,
) -> Result<(), TopicsError> {
    let clients = Clients::new(settings);
    admin::create_plain(&clients, names, partitions, settings.topics.retention_ms).await
}

/// Looks at everything `create` makes; the report says what is wrong.
///
/// # Errors
/// When Kafka does not answer or refuses.
pub async fn check(settings: &Settings) -> Result<Report, TopicsError> {
    let clients = Clients::new(settings);
    let wanted = wanted::topics(settings);
    let found = layout::look(&clients).await?;
    let layout = found.layout.clone();
    let mut report = examine(&clients, &wanted, layout.clone()).await?;
    if let Some(layout) = layout {
        report.notes = differences(settings, &layout);
        let complete = found.counts.iter().all(|(.., count)| count.is_some());
        if complete {
            report.groups = groups::first_offsets(&clients, settings, &layout, false).await?;
        }
    }
    Ok(report)
}

fn count_of(found: &Found, topic: Topic) -> Option<i32> {
    found.counts.iter().find(|(other, ..)| *other == topic).and_then(|(.., count)| *count)
}

/// What the settings want otherwise than the layout has it.
fn differences(settings: &Settings, layout: &Layout) -> Vec<String> {
    let wants = [
        ("topics.partitions", settings.topics.partitions, layout.partitions),
        ("topics.event_partitions", settings.topics.event_partitions, layout.event_partitions),
    ];
    let differ = wants.into_iter().filter(|(_, wanted, pinned)| wanted != pinned);
    differ.map(|(key, wanted, pinned)| format!("{key} is {wanted}, pinned is {pinned}")).collect()
}

fn refuse_other_counts(settings: &Settings, found: &Found, wanted: &[Wanted]) -> Result<(), TopicsError> {
    if let Some(layout) = &found.layout {
        let differences = differences(settings, layout);
        if !differences.is_empty() {
            let (prefix, layout_id) = (settings.kafka.topic_prefix.clone(), layout.layout_id.clone());
            return Err(TopicsError::Pinned { prefix, layout_id, differences });
        }
    }
    let differences: Vec<String> = wanted
        .iter()
        .filter_map(|wanted| {
            let there = count_of(found, wanted.topic)?;
            let Wanted { name, partitions, .. } = wanted;
            (there != *partitions).then(|| format!("{name} has {there} and should have {partitions}"))
        })
        .collect();
    match (differences.is_empty(), &found.layout) {
        (true, _) => Ok(()),
        (false, Some(_)) => Err(ConnectError::from(LayoutError::PartitionsDiffer { differences }).into()),
        (false, None) => Err(TopicsError::InTheWay { differences }),
    }
}

/// Waits until every topic shows.
async fn appear(clients: &Clients) -> Result<Found, TopicsError> {
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < APPEAR_MAX {
        let found = layout::look(clients).await?;
        if found.counts.iter().all(|(.., count)| count.is_some()) {
            return Ok(found);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(TopicsError::NotShowing)
}

/// Writes the layout, unless somebody else just did: the transactional id lets only one at a time go on from here.
async fn pin(clients: &Clients, settings: &Settings) -> Result<Layout, TopicsError> {
    let failed = |error: KafkaError| TopicsError::broker("pinning the layout in meta", error);
    let prefix = &settings.kafka.topic_prefix;
    let config = clients.transacting(&format!("{prefix}-topics-create"), PIN_MAX);
    let producer: FutureProducer<Context> =
        config.create_with_context(Context::new("layout")).map_err(failed)?;
    call(&producer, |producer| producer.init_transactions(PIN_MAX)).await.map_err(failed)?;
    if let Some(layout) = layout::look(clients).await?.layout {
        return Ok(layout);
    }
    let layout = Layout {
        layout_id: uuid::Uuid::new_v4().to_string(),
        partitions: settings.topics.partitions,
        event_partitions: settings.topics.event_partitions,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let record = v1::Layout {
        schema: SCHEMA,
        layout_id: layout.layout_id.clone(),
        partitions: layout.partitions,
        event_partitions: layout.event_partitions,
        created_at_ms: i64::try_from(now.as_millis()).unwrap_or(i64::MAX),
    }
    .encode_to_vec();
    call(&producer, |producer| producer.begin_transaction()).await.map_err(failed)?;
    let topic = Topic::Meta.full_name(prefix);
    let record = FutureRecord::to(&topic).partition(0).key(LAYOUT_KEY).payload(&record);
    producer.send(record, PIN_MAX).await.map_err(|(error, _)| failed(error))?;
    call(&producer, |producer| producer.commit_transaction(PIN_MAX)).await.map_err(failed)?;
    Ok(layout)
}

/// Transactional calls block.
async fn call(
    producer: &FutureProducer<Context>,
    call: impl FnOnce(&FutureProducer<Context>) -> Result<(), KafkaError> + Send + 'static,
) -> Result<(), KafkaError> {
    let producer = producer.clone();
    tokio::task::spawn_blocking(move || call(&producer)).await.unwrap_or(Err(KafkaError::Canceled))
}

/// The state of every topic.
async fn examine(
    clients: &Clients,
    wanted: &[Wanted],
    layout: Option<Layout>,
) -> Result<Report, TopicsError> {
    let found = layout::look(clients).await?;
    let there: Vec<&Wanted> = wanted.iter().filter(|w| count_of(&found, w.topic).is_some()).collect();
    let configs = admin::configs(clients, &there).await?;
    let lines = wanted.iter().map(|wanted| {
        let count = count_of(&found, wanted.topic);
        let pinned = layout.as_ref().map_or(wanted.partitions, |layout| layout.partitions_of(wanted.topic));
        report::line(wanted, pinned, count, configs.get(&wanted.name))
    });
    let topics = lines.collect();
    let prefix = clients.kafka().topic_prefix.clone();
    Ok(Report { prefix, layout, layout_made: false, topics, groups: Vec::new(), notes: Vec::new() })
}
