//! What a process knows of the cluster.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aerogram_settings::Settings;
use aerogram_wire::partitioner::partition_of;
use aerogram_wire::{Layout, Topic};
use rdkafka::error::{KafkaError, KafkaResult};
use tokio_util::sync::CancellationToken;

use crate::client::Clients;
use crate::layout::{self, LayoutError};
use crate::sync::lock;
use crate::{Companions, Ends, GroupProgress, Writer};

/// Why a process can't begin to work with Kafka.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("stopped while waiting for Kafka")]
    Interrupted,
    #[error(
        "Kafka at {brokers} did not answer within {waited_ms} ms ({reason}): see that it runs and that kafka.brokers and \
         kafka.properties are right; kafka.startup_timeout_ms is how long a start waits"
    )]
    Unreachable { brokers: String, waited_ms: u64, reason: String },
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error("a client of Kafka cannot be made: {0}; see kafka.properties")]
    Client(#[from] KafkaError),
}

/// Settings and layout, shared by a process; so are the producers and what asks for ends.
#[derive(Clone)]
pub struct Cluster(Arc<Inner>);

struct Inner {
    clients: Clients,
    layout: Layout,
    durable: Mutex<Option<Writer>>,
    expiring: Mutex<Option<Writer>>,
    ends: Mutex<Option<Ends>>,
}

impl Cluster {
    /// Waits for Kafka up to `kafka.startup_timeout_ms`, reads the layout and compares it with the topics there are.
    ///
    /// # Errors
    /// What is wrong and what to do about it.
    pub async fn connect(settings: &Settings, shutdown: &CancellationToken) -> Result<Self, ConnectError> {
        let clients = Clients::new(settings);
        let layout = tokio::select! {
            layout = layout::load(&clients) => layout?,
            () = shutdown.cancelled() => return Err(ConnectError::Interrupted),
        };
        tracing::info!(
            brokers = settings.kafka.brokers,
            layout_id = layout.layout_id,
            partitions = layout.partitions,
            event_partitions = layout.event_partitions,
            "connected to Kafka"
        );
        Ok(Self(Arc::new(Inner {
            clients,
            layout,
            durable: Mutex::default(),
            expiring: Mutex::default(),
            ends: Mutex::default(),
        })))
    }

    pub fn layout(&self) -> &Layout {
        &self.0.layout
    }

    /// The full name of a topic.
    pub fn topic(&self, topic: Topic) -> String {
        topic.full_name(&self.0.clients.kafka().topic_prefix)
    }

    /// The partition of everything about this subscription.
    pub fn subscription_partition(&self, subscription_id: &str) -> i32 {
        partition_of(subscription_id.as_bytes(), self.0.layout.partitions)
    }

    /// The partition of events of this subject.
    pub fn event_partition(&self, subject: &[u8]) -> i32 {
        partition_of(subject, self.0.layout.event_partitions)
    }

    /// The writer whose records are tried for ever.
    ///
    /// # Errors
    /// When librdkafka refuses the properties.
    pub fn writer(&self) -> Result<Writer, ConnectError> {
        Ok(shared(&self.0.durable, || self.start_writer(None, "writer"))?)
    }

    /// The writer whose records are given up after `kafka.write_expiry_ms`.
    ///
    /// # Errors
    /// When librdkafka refuses the properties.
    pub fn expiring_writer(&self) -> Result<Writer, ConnectError> {
        let expiry = Duration::from_millis(self.0.clients.kafka().write_expiry_ms);
        Ok(shared(&self.0.expiring, || self.start_writer(Some(expiry), "expiring-writer"))?)
    }

    /// A consumer of its own for partitions read by hand.
    ///
    /// # Errors
    /// When librdkafka refuses the properties.
    pub fn companions(&self) -> Result<Companions, ConnectError> {
        Ok(Companions::start(&self.0.clients, self.ends()?)?)
    }

    /// What asks where partitions end.
    ///
    /// # Errors
    /// When librdkafka refuses the properties.
    pub fn ends(&self) -> Result<Ends, ConnectError> {
        Ok(shared(&self.0.ends, || Ends::start(&self.0.clients, &self.0.layout))?)
    }

    /// What asks how far a group is with a topic; each call makes a client of its own.
    ///
    /// # Errors
    /// When librdkafka refuses the properties.
    pub fn progress_of(&self, group: &str, topic: Topic) -> Result<GroupProgress, ConnectError> {
        Ok(GroupProgress::start(&self.0.clients, &self.0.layout, group, topic)?)
    }

    pub(crate) fn clients(&self) -> &Clients {
        &self.0.clients
    }

    fn start_writer(&self, expiry: Option<Duration>, name: &str) -> KafkaResult<Writer> {
        Writer::start(&self.0.clients.writing(expiry), name, &self.0.clients.kafka().topic_prefix)
    }
}

fn shared<T: Clone>(place: &Mutex<Option<T>>, make: impl FnOnce() -> KafkaResult<T>) -> KafkaResult<T> {
    let mut place = lock(place);
    if let Some(made) = place.as_ref() {
        return Ok(made.clone());
    }
    let made = make()?;
    *place = Some(made.clone());
    Ok(made)
}
