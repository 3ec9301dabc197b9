//! What a process knows of the cluster.

use std::sync::Arc;

use aerogram_settings::Settings;
use aerogram_wire::{Layout, Topic};
use tokio_util::sync::CancellationToken;

use crate::{Companions, Ends, Writer};

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("the start was interrupted while waiting for Kafka")]
    Interrupted,
}

/// Settings and layout, shared by a process.
#[derive(Clone)]
pub struct Cluster { inner: Arc<Layout> }

impl Cluster {
    pub async fn connect(_settings: &Settings, _shutdown: &CancellationToken) -> Result<Self, ConnectError> { unimplemented!() }
    pub fn layout(&self) -> &Layout { &self.inner }
    pub fn topic(&self, _topic: Topic) -> String { unimplemented!() }
    pub fn subscription_partition(&self, _subscription_id: &str) -> i32 { unimplemented!() }
    pub fn event_partition(&self, _subject: &[u8]) -> i32 { unimplemented!() }
    pub fn writer(&self) -> Result<Writer, ConnectError> { unimplemented!() }
    pub fn expiring_writer(&self) -> Result<Writer, ConnectError> { unimplemented!() }
    pub fn companions(&self) -> Result<Companions, ConnectError> { unimplemented!() }
    pub fn ends(&self) -> Result<Ends, ConnectError> { unimplemented!() }
}
