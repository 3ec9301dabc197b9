//! Processes of the api alone, as many as a test asks for, on one set of topics.

use crate::cluster::Cluster;
use crate::setup::Setup;
use aerogram_testkit::ports::free_port;
use anyhow::{Context, Result};
use std::collections::BTreeMap;

/// Api processes by name, each at an address of its own, which it keeps.
pub struct Apis {
    pub cluster: Cluster,
    addresses: BTreeMap<String, String>,
}

impl Apis {
    /// No process yet, but topics.
    pub async fn new(setup: Setup) -> Result<Self> {
        Ok(Self { cluster: Cluster::new(setup).await?, addresses: BTreeMap::new() })
    }

    /// One process of each name, ready.
    pub async fn start(setup: Setup, names: &[&str]) -> Result<Self> {
        let mut apis = Self::new(setup).await?;
        for name in names {
            apis.add(name, &[])?;
        }
        apis.cluster.start_all().await?;
        Ok(apis)
    }

    /// A process that may be started, with more in its environment.
    pub fn add(&mut self, name: &str, env: &[(&str, String)]) -> Result<()> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let role = self.cluster.setup.role("aerogram-api").env("AEROGRAM_API__LISTEN", &address);
        self.cluster.add(name, role.envs(env.to_vec()));
        self.addresses.insert(name.to_owned(), address);
        Ok(())
    }

    /// `host:port` of one.
    pub fn address(&self, name: &str) -> Result<&str> {
        self.addresses.get(name).map(String::as_str).with_context(|| format!("there is no {name}"))
    }
}
