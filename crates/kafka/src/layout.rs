//! The layout pinned in `meta`, and whether the topics are as it says.

use std::time::{Duration, Instant};

use aerogram_wire::{Layout, Message as _, SCHEMA, Topic, v1};
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Message as _, Offset, TopicPartitionList};

use crate::client::{Clients, Consumer, Context, Served, is_transient};
use crate::cluster::ConnectError;

/// The key of the layout in `meta`.
pub(crate) const LAYOUT_KEY: &[u8] = b"layout";
/// How long one question may take.
const ASK: Duration = Duration::from_secs(3);
/// How long reading `meta` to its end may take.
const READ_MAX: Duration = Duration::from_secs(10);
/// Waits between tries, and between log lines about them.
const PAUSE: Duration = Duration::from_millis(250);
const SAY_AGAIN: Duration = Duration::from_secs(5);

/// Why the topics can't be worked with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    #[error(
        "there is no layout under the prefix {prefix:?}: run `aerogram topics create` (or correct kafka.topic_prefix)"
    )]
    NotCreated { prefix: String },
    #[error(
        "topics are missing: {}. Run `aerogram topics create`; if they existed before, what they held is lost",
        .topics.join(", ")
    )]
    Missing { topics: Vec<String> },
    #[error(
        "partition counts differ from the layout: {}. Records would be looked for in the wrong partitions, so nothing \
         starts. Counts never change under a prefix: to grow, run `aerogram topics create` with a new \
         kafka.topic_prefix, move the publishers there and let the old prefix drain",
        .differences.join(", ")
    )]
    PartitionsDiffer { differences: Vec<String> },
    #[error("the layout in {topic} cannot be read: {reason}")]
    Unreadable { topic: String, reason: String },
}

/// Asks brokers about topics.
pub(crate) struct Broker {
    clients: Clients,
    asking: Served,
}

/// A try that failed.
enum Trouble {
    Passing(String),
    Final(ConnectError),
}

impl From<KafkaError> for Trouble {
    fn from(error: KafkaError) -> Self {
        // What is not known to pass, such as a wrong password, still may be put right while we wait.
        Self::Passing(error.to_string())
    }
}

/// Waits for Kafka and returns the layout, if the topics are as it says.
pub(crate) async fn load(clients: &Clients) -> Result<Layout, ConnectError> {
    let prefix = clients.kafka().topic_prefix.clone();
    patiently(clients, move |broker| {
        let Some(layout) = broker.layout()? else {
            return Err(Trouble::Final(LayoutError::NotCreated { prefix: prefix.clone() }.into()));
        };
        let counts = broker.counts()?;
        verify(&layout, &counts).map_err(|error| Trouble::Final(error.into()))?;
        Ok(layout)
    })
    .await
}

/// What there is under the prefix: the layout, and the partition count of each topic that exists.
pub(crate) struct Found {
    pub layout: Option<Layout>,
    pub counts: Counts,
}

pub(crate) type Counts = Vec<(Topic, String, Option<i32>)>;

/// Waits for Kafka and looks.
pub(crate) async fn look(clients: &Clients) -> Result<Found, ConnectError> {
    patiently(clients, |broker| Ok(Found { layout: broker.layout()?, counts: broker.counts()? })).await
}

/// Tries until it works, at most for the time a start may wait; says what it waits for.
async fn patiently<T: Send + 'static>(
    clients: &Clients,
    attempt: impl Fn(&Broker) -> Result<T, Trouble> + Clone + Send + 'static,
) -> Result<T, ConnectError> {
    let brokers = &clients.kafka().brokers;
    let limit = Duration::from_millis(clients.kafka().startup_timeout_ms);
    let asking = Served::start(&clients.asking("read_committed"), "connecting")?;
    let broker = std::sync::Arc::new(Broker { clients: clients.clone(), asking });
    let begun = Instant::now();
    let mut said: Option<Instant> = None;
    loop {
        let (broker, attempt) = (std::sync::Arc::clone(&broker), attempt.clone());
        let tried = tokio::task::spawn_blocking(move || attempt(&broker)).await;
        let reason = match tried {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(Trouble::Final(error))) => return Err(error),
            Ok(Err(Trouble::Passing(reason))) => reason,
            Err(error) => error.to_string(),
        };
        if begun.elapsed() >= limit {
            let waited_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            return Err(ConnectError::Unreachable { brokers: brokers.clone(), waited_ms, reason });
        }
        if said.is_none_or(|said| said.elapsed() >= SAY_AGAIN) {
            said = Some(Instant::now());
            let left_s = limit.saturating_sub(begun.elapsed()).as_secs();
            tracing::warn!("waiting for Kafka at {brokers}: {reason} (for {left_s} s more)");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether the topics have the partitions the layout says.
pub(crate) fn verify(layout: &Layout, counts: &Counts) -> Result<(), LayoutError> {
    let topics: Vec<_> =
        counts.iter().filter(|(.., n)| n.is_none()).map(|(_, name, _)| name.clone()).collect();
    let differences: Vec<_> = counts
        .iter()
        .filter_map(|(topic, name, count)| {
            let (there, pinned) = ((*count)?, layout.partitions_of(*topic));
            (there != pinned).then(|| format!("{name} has {there} and should have {pinned}"))
        })
        .collect();
    if !differences.is_empty() {
        return Err(LayoutError::PartitionsDiffer { differences });
    }
    if topics.is_empty() { Ok(()) } else { Err(LayoutError::Missing { topics }) }
}

impl Broker {
    /// The partition count of each topic; `None` where it does not exist.
    fn counts(&self) -> Result<Counts, Trouble> {
        let prefix = &self.clients.kafka().topic_prefix;
        Topic::ALL
            .into_iter()
            .map(|topic| {
                let name = topic.full_name(prefix);
                let count = self.count(&name)?;
                Ok((topic, name, count))
            })
            .collect()
    }

    fn count(&self, topic: &str) -> Result<Option<i32>, Trouble> {
        let Some(consumer) = self.asking.consumer() else { return Err(KafkaError::Canceled.into()) };
        let metadata = consumer.fetch_metadata(Some(topic), ASK)?;
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
            return Ok(None);
        };
        match found.error() {
            None if found.partitions().is_empty() => Ok(None),
            None => Ok(i32::try_from(found.partitions().len()).ok()),
            Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) => Ok(None),
            Some(error) => Err(KafkaError::MetadataFetch(error.into()).into()),
        }
    }

    /// The last layout in `meta`; `None` without a layout or without the topic.
    fn layout(&self) -> Result<Option<Layout>, Trouble> {
        let topic = Topic::Meta.full_name(&self.clients.kafka().topic_prefix);
        if self.count(&topic)?.is_none() {
            return Ok(None);
        }
        let Some(payload) = read_last(&self.clients, &topic)? else { return Ok(None) };
        decode(&topic, &payload).map(Some).map_err(|error| Trouble::Final(error.into()))
    }
}

fn decode(topic: &str, payload: &[u8]) -> Result<Layout, LayoutError> {
    let unreadable = |reason: String| LayoutError::Unreadable { topic: topic.to_owned(), reason };
    let layout = v1::Layout::decode(payload).map_err(|error| unreadable(error.to_string()))?;
    if layout.schema != SCHEMA {
        let reason = format!("it has schema {}, this program knows {SCHEMA}; use a newer one", layout.schema);
        return Err(unreadable(reason));
    }
    let v1::Layout { layout_id, partitions, event_partitions, .. } = layout;
    if layout_id.is_empty() || partitions < 1 || event_partitions < 1 {
        return Err(unreadable("it is incomplete".to_owned()));
    }
    Ok(Layout { layout_id, partitions, event_partitions })
}

/// The last value of the layout's key.
fn read_last(clients: &Clients, topic: &str) -> KafkaResult<Option<Vec<u8>>> {
    let consumer: Consumer = clients.reading().create_with_context(Context::new("meta"))?;
    consumer.context().begin_closing();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Beginning)?;
    // Without knowing the leader, the first look for the beginning fails, and the next comes half a second later.
    consumer.fetch_metadata(Some(topic), ASK)?;
    consumer.assign(&list)?;
    let begun = Instant::now();
    let mut last = None;
    while begun.elapsed() < READ_MAX {
        match consumer.poll(PAUSE) {
            Some(Ok(message)) if message.key() == Some(LAYOUT_KEY) => {
                last = message.payload().map(<[u8]>::to_vec);
            }
            Some(Err(KafkaError::PartitionEOF(_))) => return Ok(last),
            Some(Err(error)) if !is_transient(&error) => return Err(error),
            Some(_) | None => {}
        }
    }
    Err(KafkaError::NoMessageReceived)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        Layout { layout_id: "l".into(), partitions: 12, event_partitions: 6 }
    }

    fn counts(change: impl Fn(Topic) -> Option<i32>) -> Counts {
        Topic::ALL.into_iter().map(|topic| (topic, topic.full_name("p"), change(topic))).collect()
    }

    #[test]
    fn right_counts_pass() {
        assert_eq!(verify(&layout(), &counts(|topic| Some(layout().partitions_of(topic)))), Ok(()));
    }

    #[test]
    fn every_difference_is_named_with_both_counts() {
        let wrong = counts(|topic| match topic {
            Topic::Events => Some(3),
            Topic::Attempts => None,
            topic => Some(layout().partitions_of(topic)),
        });
        let error = verify(&layout(), &wrong).unwrap_err();
        assert_eq!(
            error,
            LayoutError::PartitionsDiffer {
                differences: vec!["p.events has 3 and should have 6".to_owned()]
            }
        );
        let text = error.to_string();
        assert!(text.contains("new kafka.topic_prefix"), "{text}");
    }

    #[test]
    fn a_layout_of_another_schema_is_refused() {
        let record = v1::Layout {
            schema: 2,
            layout_id: "l".into(),
            partitions: 1,
            event_partitions: 1,
            ..Default::default()
        };
        assert!(decode("p.meta", &record.encode_to_vec()).is_err());
        assert!(decode("p.meta", b"\xff\xff").is_err());
    }
}
