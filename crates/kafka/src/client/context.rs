//! What librdkafka calls back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Instant;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};

use crate::group::Hooks;

/// An outage makes librdkafka speak several times a second; once in this time is enough.
const SAME_TROUBLE_MS: i64 = 10_000;

/// Callbacks of a client. They run on the thread that polls it.
pub(crate) struct Context {
    name: String,
    hooks: Option<Arc<Hooks>>,
    closing: AtomicBool,
    started: Instant,
    trouble_said_ms: AtomicI64,
}

impl Context {
    /// Of a client without a group.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            hooks: None,
            closing: AtomicBool::new(false),
            started: Instant::now(),
            trouble_said_ms: AtomicI64::new(-SAME_TROUBLE_MS),
        }
    }

    /// Of a member of a group.
    pub fn of_member(name: impl Into<String>, hooks: Arc<Hooks>) -> Self {
        Self { hooks: Some(hooks), ..Self::new(name) }
    }

    /// From now on rebalances are answered at once: closing a consumer waits for the answer.
    pub fn begin_closing(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    fn may_speak(&self) -> bool {
        let now_ms = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        let said_ms = self.trouble_said_ms.load(Ordering::Relaxed);
        now_ms - said_ms >= SAME_TROUBLE_MS
            && self
                .trouble_said_ms
                .compare_exchange(said_ms, now_ms, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        let client = self.name.as_str();
        match level {
            // Failed connections come again through `error`.
            _ if matches!(facility, "FAIL" | "ERROR") => tracing::debug!(client, facility, "{text}"),
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::error!(client, facility, "{text}");
            }
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => tracing::warn!(client, facility, "{text}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => tracing::info!(client, facility, "{text}"),
            RDKafkaLogLevel::Debug => tracing::debug!(client, facility, "{text}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let client = self.name.as_str();
        match error.rdkafka_error_code() {
            // Not an error: the end of a partition, which its reader is told.
            Some(RDKafkaErrorCode::PartitionEOF) => {}
            Some(RDKafkaErrorCode::Fatal) => tracing::error!(client, "{reason}"),
            // Nobody needs it any more; brokers may leave before it has.
            _ if self.closing.load(Ordering::SeqCst) => tracing::debug!(client, "while closing: {reason}"),
            _ if self.may_speak() => tracing::warn!(client, "{reason}"),
            _ => tracing::debug!(client, "{reason}"),
        }
    }

    fn stats(&self, statistics: Statistics) {
        if let Some(hooks) = &self.hooks {
            hooks.measured(&statistics);
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let assign = kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        match &self.hooks {
            Some(hooks) if !self.closing.load(Ordering::SeqCst) => {
                hooks.rebalance(assign, consumer.assignment_lost(), partitions);
            }
            _ if assign => {
                // It leaves at once; the answer is owed nevertheless.
                if let Err(error) = consumer.incremental_assign(&TopicPartitionList::new()) {
                    tracing::debug!(client = self.name, "answering an assignment while closing: {error}");
                }
            }
            _ => release(consumer, partitions),
        }
    }
}

/// Gives partitions back. Every way is tried, because a rebalance that is never answered stops the member for ever.
pub(crate) fn release(consumer: &BaseConsumer<Context>, partitions: &TopicPartitionList) {
    let first = match consumer.rebalance_protocol() {
        RebalanceProtocol::Eager => consumer.unassign(),
        _ => consumer.incremental_unassign(partitions),
    };
    let Err(error) = first else { return };
    // Refused when one of them is not assigned, as after an assignment that was not taken.
    let held = consumer.assignment().and_then(|all| {
        let mut held = TopicPartitionList::new();
        for element in partitions.elements() {
            if all.find_partition(element.topic(), element.partition()).is_some() {
                held.add_partition(element.topic(), element.partition());
            }
        }
        consumer.incremental_unassign(&held)
    });
    if held.is_err()
        && let Err(again) = consumer.unassign()
    {
        tracing::warn!("giving partitions back: {error}, then {again}");
    }
}
