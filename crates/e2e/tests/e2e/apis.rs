//! Processes of the api alone, as many as a test asks for, on one set of topics.

use crate::cluster::PATIENCE;
use crate::setup::Setup;
use aerogram_testkit::ports::free_port;
use aerogram_testkit::{Process, Role};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::time::Duration;

const STOP_WITHIN: Duration = Duration::from_secs(30);

/// Api processes by name, each at an address of its own, which it keeps. They are killed when this is dropped.
pub struct Apis {
    processes: BTreeMap<String, Process>,
    roles: BTreeMap<String, (Role, String)>,
    pub setup: Setup,
}

impl Apis {
    /// No process yet, but topics.
    pub async fn new(setup: Setup) -> Result<Self> {
        setup.create_own_topics().await?;
        Ok(Self { processes: BTreeMap::new(), roles: BTreeMap::new(), setup })
    }

    /// One process of each name, ready.
    pub async fn start(setup: Setup, names: &[&str]) -> Result<Self> {
        let mut apis = Self::new(setup).await?;
        for name in names {
            apis.add(name, &[])?;
            apis.spawn(name)?;
        }
        for name in names {
            apis.process(name)?.wait_ready(PATIENCE).await?;
        }
        Ok(apis)
    }

    /// A process that may be started, with more in its environment.
    pub fn add(&mut self, name: &str, env: &[(&str, String)]) -> Result<()> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let role = self.setup.role("aerogram-api").named(name).env("AEROGRAM_API__LISTEN", &address);
        self.roles.insert(name.to_owned(), (role.envs(env.to_vec()), address));
        Ok(())
    }

    /// Starts one (again) and waits until it is ready.
    pub async fn start_one(&mut self, name: &str) -> Result<()> {
        self.spawn(name)?;
        self.process(name)?.wait_ready(PATIENCE).await
    }

    /// SIGKILL.
    pub async fn kill9(&mut self, name: &str) -> Result<()> {
        self.taken(name)?.kill9().await
    }

    /// SIGTERM; it must end well, and in time.
    pub async fn terminate(&mut self, name: &str) -> Result<()> {
        let status = self.taken(name)?.terminate(STOP_WITHIN).await?;
        ensure!(status.success(), "{name} ended with {status} after SIGTERM");
        Ok(())
    }

    /// `host:port` of one.
    pub fn address(&self, name: &str) -> Result<&str> {
        Ok(&self.role(name)?.1)
    }

    fn spawn(&mut self, name: &str) -> Result<()> {
        let process = self.role(name)?.0.spawn()?;
        self.processes.insert(name.to_owned(), process);
        Ok(())
    }

    fn role(&self, name: &str) -> Result<&(Role, String)> {
        self.roles.get(name).with_context(|| format!("there is no {name}"))
    }

    fn process(&mut self, name: &str) -> Result<&mut Process> {
        self.processes.get_mut(name).with_context(|| format!("{name} does not run"))
    }

    fn taken(&mut self, name: &str) -> Result<Process> {
        self.processes.remove(name).with_context(|| format!("{name} does not run"))
    }
}
