//! Topics of history as the other roles would have written them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aerogram_domain::escalations::run_name;
use aerogram_domain::history::search_words;
use aerogram_domain::identity::{EventIdentity, Position};
use aerogram_testkit::Rig;
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::partitioner::partition_of;
use aerogram_wire::v1::attempts_record::Body;
use aerogram_wire::v1::{
    Attempt, AttemptsRecord, Claim, Delivery, Envelope, Event, EventName, EventReceipt, Line, LineBatch,
    LineKind, Origin, Outcome, PendingEntry, PendingKind, Receipt, Rejected, Scope,
};
use aerogram_wire::{Message as _, SCHEMA, Topic};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};

const CALL: Duration = Duration::from_secs(20);
/// The publisher scope of all events.
const SCOPE: &str = "flights";

/// Writes what a test wants to have happened.
pub struct Logs {
    producer: FutureProducer,
    /// Full names of topics.
    names: Vec<(Topic, String)>,
    partitions: i32,
}

/// An event that was accepted, where it stands.
#[derive(Clone)]
pub struct Accepted {
    pub event: Event,
    pub position: Position,
    pub at_ms: i64,
}

pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// An id that no other test uses.
pub fn event_id(name: &str) -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("{name}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Of acme.
pub fn event(id: &str) -> Event {
    Event {
        schema: SCHEMA,
        id: id.to_owned(),
        source: "/ops".into(),
        r#type: "FLIGHT_CREATE".into(),
        operator: "acme".into(),
        environment: "production".into(),
        subject: "AB1".into(),
        time_ms: 1_705_314_600_000,
        data: br#"{"n":1.10}"#.to_vec().into(),
        ..Event::default()
    }
}

pub fn attempt(number: u32, status: u32, at_ms: i64) -> Attempt {
    let outcome = if status == 200 { Outcome::Delivered } else { Outcome::Http5xx };
    let excerpt = if status == 200 { "" } else { "oh no" };
    Attempt {
        number,
        started_at_ms: at_ms,
        duration_ms: 20,
        status,
        outcome: outcome.into(),
        excerpt: excerpt.into(),
        ..Attempt::default()
    }
}

impl Logs {
    pub fn new(rig: &Rig, partitions: i32) -> Self {
        let producer = ClientConfig::new().set("bootstrap.servers", rig.brokers()).create().unwrap();
        let names = Topic::ALL.map(|topic| (topic, rig.topic(topic.name())));
        Self { producer, names: names.to_vec(), partitions }
    }

    /// Appends a record; where it stands.
    pub async fn append(&self, topic: Topic, partition: i32, key: &[u8], payload: Option<Vec<u8>>) -> i64 {
        let (_, name) = self.names.iter().find(|(named, _)| *named == topic).unwrap();
        let mut record = FutureRecord::to(name).partition(partition).key(key);
        record = match &payload {
            Some(payload) => record.payload(payload),
            None => record,
        };
        self.producer.send(record, CALL).await.map_err(|(error, _)| error).unwrap().offset
    }

    /// Accepts an event, `ago_ms` milliseconds ago.
    pub async fn accept(&self, event: Event, ago_ms: i64) -> Accepted {
        let at_ms = now_ms() - ago_ms;
        let envelope = Envelope {
            schema: SCHEMA,
            event: Some(event.clone()),
            scope: SCOPE.into(),
            accepted_at_ms: at_ms,
            origin: Some(Origin { topic: "upstream".into(), partition: 4, offset: 77 }),
        };
        let (key, payload) = (event.subject.clone(), envelope.encode_to_vec());
        let offset = self.append(Topic::Events, 0, key.as_bytes(), Some(payload)).await;
        Accepted { event, position: Position { partition: 0, offset }, at_ms }
    }

    /// Delivers it to a subscription of this application and acme.
    pub async fn deliver(&self, accepted: &Accepted, partner: &str, subscription_id: &str) -> Delivery {
        let delivery = delivery(accepted, partner, subscription_id);
        self.write_delivery(&delivery).await;
        delivery
    }

    pub async fn write_delivery(&self, delivery: &Delivery) {
        let id = delivery.subscription_id.as_bytes();
        self.append(Topic::Deliveries, self.partition(delivery), id, Some(delivery.encode_to_vec())).await;
    }

    /// Claims the partition of a delivery; the epoch.
    pub async fn claim(&self, delivery: &Delivery) -> i64 {
        let nonce = u64::from_ne_bytes(*uuid::Uuid::new_v4().as_bytes().first_chunk().unwrap());
        let body = Body::Claim(Claim { nonce, owner: "a test".into() });
        let payload = AttemptsRecord { schema: SCHEMA, body: Some(body) }.encode_to_vec();
        self.append(Topic::Attempts, self.partition(delivery), b"", Some(payload)).await
    }

    /// Says this of a delivery, in the name of this epoch.
    pub async fn tell(&self, delivery: &Delivery, epoch: i64, kind: LineKind, attempt: Option<Attempt>) {
        let made = attempt.as_ref().map_or(0, |attempt| attempt.number);
        let line = Line {
            delivery_id: delivery.delivery_id.clone(),
            run: delivery.run,
            seq: delivery.seq,
            kind: kind.into(),
            attempt,
            due_at_ms: if kind == LineKind::Retry { now_ms() + 3_600_000 } else { 0 },
            attempts_made: made,
            ..Line::default()
        };
        let body = Body::Batch(LineBatch { epoch, lines: vec![line] });
        let payload = AttemptsRecord { schema: SCHEMA, body: Some(body) }.encode_to_vec();
        self.append(Topic::Attempts, self.partition(delivery), b"", Some(payload)).await;
    }

    /// Puts it into `pending`.
    pub async fn wait(&self, delivery: &Delivery, kind: PendingKind, due_at_ms: i64) {
        let entry = PendingEntry {
            schema: SCHEMA,
            kind: kind.into(),
            due_at_ms,
            delivery: Some(delivery.clone()),
            window_max: 0,
        };
        let key = PendingKey { run: run_key(delivery), seq: delivery.seq }.encode();
        self.append(Topic::Pending, self.partition(delivery), &key, Some(entry.encode_to_vec())).await;
    }

    /// Says that the event matched so many subscriptions, or repeats another one.
    pub async fn receipt(&self, accepted: &Accepted, matches: u32, repeats: Option<Position>) {
        let Accepted { event, position, at_ms } = accepted;
        let name = EventName {
            id: event.id.clone(),
            source: event.source.clone(),
            scope: SCOPE.into(),
            r#type: event.r#type.clone(),
            operator: event.operator.clone(),
            contract: event.contract.clone(),
            environment: event.environment.clone(),
            subject: event.subject.clone(),
            accepted_at_ms: *at_ms,
            words: search_words(&event.subject, &event.data),
        };
        let told = matches == 0 || repeats.is_some();
        let receipt = EventReceipt {
            offset: position.offset,
            matches,
            duplicate_of: repeats.map(Into::into),
            name: told.then_some(name),
        };
        let receipt = Receipt { schema: SCHEMA, table_positions: Vec::new(), events: vec![receipt] };
        self.append(Topic::Matches, position.partition, b"", Some(receipt.encode_to_vec())).await;
    }

    /// Rejects what said to be an event with this id; where that stands.
    pub async fn reject(&self, rejected: &Rejected) -> i64 {
        self.append(Topic::Rejected, 0, b"", Some(rejected.encode_to_vec())).await
    }

    fn partition(&self, delivery: &Delivery) -> i32 {
        partition_of(delivery.subscription_id.as_bytes(), self.partitions)
    }
}

/// The live run, as fanout writes it.
pub fn delivery(accepted: &Accepted, partner: &str, subscription_id: &str) -> Delivery {
    let Accepted { event, position, at_ms } = accepted;
    let identity = EventIdentity { scope: SCOPE, source: &event.source, id: &event.id };
    Delivery {
        schema: SCHEMA,
        delivery_id: identity.deliveries(*position).of(subscription_id).to_vec().into(),
        subscription_id: subscription_id.to_owned(),
        scope: Some(Scope { partner: partner.to_owned(), operator: event.operator.clone() }),
        event: Some(event.clone()),
        event_position: Some((*position).into()),
        event_appended_at_ms: *at_ms,
        accepted_at_ms: *at_ms,
        ..Delivery::default()
    }
}

pub fn run_key(delivery: &Delivery) -> RunKey {
    RunKey::new(&delivery.delivery_id, delivery.run).unwrap()
}

pub fn name(delivery: &Delivery) -> String {
    run_name(run_key(delivery))
}
