//! A consumer with the thread that serves its events.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaResult;

use super::{Consumer, Context};

/// Longest time between looks at the request to stop.
const POLL: Duration = Duration::from_millis(200);

/// Logs, errors and statistics of a consumer queue up without bound unless somebody polls it.
pub(crate) struct Served {
    consumer: Option<Arc<Consumer>>,
    stop: Arc<AtomicBool>,
}

impl Served {
    pub fn start(config: &ClientConfig, name: &str) -> KafkaResult<Self> {
        let consumer: Arc<Consumer> = Arc::new(config.create_with_context(Context::new(name))?);
        let stop = Arc::new(AtomicBool::new(false));
        let (polled, stopped) = (Arc::clone(&consumer), Arc::clone(&stop));
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || serve(polled, &stopped))
            .map_err(|error| rdkafka::error::KafkaError::ClientCreation(format!("no thread: {error}")))?;
        Ok(Self { consumer: Some(consumer), stop })
    }

    /// `None` only while it is dropped.
    pub fn consumer(&self) -> Option<&Arc<Consumer>> {
        self.consumer.as_ref()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            rdkafka::consumer::Consumer::context(consumer.as_ref()).begin_closing();
        }
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// The thread drops the consumer last, because closing blocks.
fn serve(consumer: Arc<Consumer>, stop: &AtomicBool) {
    while !stop.load(Ordering::SeqCst) {
        // Everything readable is in split queues; errors were told to the context.
        if let Some(Ok(message)) = consumer.poll(POLL) {
            use rdkafka::Message as _;
            tracing::error!(
                topic = message.topic(),
                partition = message.partition(),
                "a record came by a way that nobody reads; this is a bug"
            );
        }
    }
    drop(consumer);
}
