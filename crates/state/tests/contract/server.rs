//! A Redis of a test's own, where one is needed that is full, evicts, or goes away.

use crate::harness::connection;
use redis::aio::MultiplexedConnection;
use std::ffi::OsStr;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const START_LIMIT: Duration = Duration::from_secs(30);
/// Another process may take a free port before the server does.
const START_ATTEMPTS_MAX: u32 = 5;

pub struct Server {
    child: Child,
    pub port: u16,
    _dir: TempDir,
}

impl Server {
    pub async fn start(options: &[&str]) -> Self {
        for _ in 0..START_ATTEMPTS_MAX {
            if let Some(server) = Self::start_on(free_port(), options).await {
                return server;
            }
        }
        panic!("redis-server does not start with {options:?}");
    }

    /// `None` when it ended at once or another process holds the port.
    async fn start_on(port: u16, options: &[&str]) -> Option<Self> {
        let base = std::env::var_os("AEROGRAM_TEST_DIR").map_or_else(std::env::temp_dir, Into::into);
        let dir = tempfile::Builder::new().prefix("redis-").tempdir_in(base).unwrap();
        let log = dir.path().join("redis.log");
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"])
            .args([OsStr::new("--dir"), dir.path().as_os_str(), OsStr::new("--logfile"), log.as_os_str()])
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is needed: run the tests with `make test`, which installs it");
        let mut server = Self { child, port, _dir: dir };
        let deadline = Instant::now() + START_LIMIT;
        // Connecting would prove less: it may be another's server that listens there.
        while !std::fs::read_to_string(&log).unwrap_or_default().contains("Ready to accept connections") {
            if server.child.try_wait().unwrap().is_some() {
                return None;
            }
            assert!(
                Instant::now() < deadline,
                "redis-server on port {port} is not ready within {START_LIMIT:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(server)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub async fn connection(&self) -> MultiplexedConnection {
        connection(&self.url()).await
    }

    pub async fn set_config(&self, name: &str, value: &str) {
        let mut connection = self.connection().await;
        redis::cmd("CONFIG").arg("SET").arg(name).arg(value).exec_async(&mut connection).await.unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to keep of it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
