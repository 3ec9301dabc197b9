//! One suite for both stores, and what happens without one.

use super::*;
use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

const TTL: Duration = Duration::from_secs(3_600);

fn at(offset: i64) -> Position {
    Position { partition: 2, offset }
}

fn options(url: &str, ttl: Duration) -> DedupeOptions {
    DedupeOptions {
        store: Store::Redis,
        url: url.into(),
        key_prefix: "test".into(),
        ttl,
        answer_within: Duration::from_secs(5),
    }
}

/// A Redis of its own on a socket, ended with the test.
struct RedisServer {
    process: Child,
    directory: tempfile::TempDir,
}

impl RedisServer {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(directory.path().join("socket"))
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is needed for this test; scripts/install-test-deps.sh installs it");
        let server = Self { process, directory };
        while !server.socket().exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }

    fn socket(&self) -> std::path::PathBuf {
        self.directory.path().join("socket")
    }

    fn url(&self) -> String {
        url_of(&self.socket())
    }
}

fn url_of(socket: &Path) -> String {
    format!("redis+unix://{}", socket.display())
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn keeps_the_contract(store: &dyn Dedupe) {
    let (a, b, c) = ([1; 16], [2; 16], [0xff; 16]);
    assert_eq!(store.remember(&[]).await.unwrap(), []);
    // A duplicate within one batch is found too.
    let found = store.remember(&[(a, at(1)), (b, at(2)), (a, at(3))]).await.unwrap();
    assert_eq!(found, [None, None, Some(at(1))]);
    // Asked again after a crash: the own position, so that it goes on; it stays the first.
    let found = store.remember(&[(a, at(1)), (a, at(4)), (c, at(5))]).await.unwrap();
    assert_eq!(found, [Some(at(1)), Some(at(1)), None]);
    assert_eq!(store.remember(&[(b, at(0))]).await.unwrap(), [Some(at(2))]);
}

async fn forgets_in_time(store: &dyn Dedupe) {
    assert_eq!(store.remember(&[([7; 16], at(1))]).await.unwrap(), [None]);
    let mut offset = 2;
    // However slow the machine is: at some time it is forgotten.
    while store.remember(&[([7; 16], at(offset))]).await.unwrap() != [None] {
        tokio::time::sleep(Duration::from_millis(20)).await;
        offset += 1;
    }
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    keeps_the_contract(&MemoryDedupe::new(TTL)).await;
    forgets_in_time(&MemoryDedupe::new(Duration::from_millis(50))).await;
}

#[tokio::test]
async fn redis_keeps_the_contract() {
    let server = RedisServer::start();
    keeps_the_contract(&RedisDedupe::open(&options(&server.url(), TTL)).unwrap()).await;
    forgets_in_time(&RedisDedupe::open(&options(&server.url(), Duration::from_millis(50))).unwrap()).await;
}

#[tokio::test]
async fn memory_is_bounded() {
    let store = MemoryDedupe::with_capacity(TTL, 2);
    let identity = |n: u8| [n; 16];
    for n in 0..3 {
        assert_eq!(store.remember(&[(identity(n), at(n.into()))]).await.unwrap(), [None]);
    }
    assert_eq!(store.remember(&[(identity(2), at(9))]).await.unwrap(), [Some(at(2))]);
    assert_eq!(store.remember(&[(identity(0), at(9))]).await.unwrap(), [None], "the oldest was forgotten");
}

#[tokio::test]
async fn without_a_store_everything_goes_on_and_then_is_checked_again() {
    let directory = tempfile::tempdir().unwrap();
    let nobody = url_of(&directory.path().join("nobody"));
    let duplicates = Duplicates::open(&options(&nobody, TTL)).unwrap();
    assert_eq!(duplicates.remember(&[([1; 16], at(1))]).await, None);
    assert_eq!(duplicates.remember(&[([1; 16], at(1))]).await, None, "not even asked");

    let server = RedisServer::start();
    std::os::unix::fs::symlink(server.socket(), directory.path().join("nobody")).unwrap();
    while duplicates.remember(&[([1; 16], at(1))]).await.is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(duplicates.remember(&[([1; 16], at(2))]).await, Some(vec![Some(at(1))]));
}

#[tokio::test]
async fn a_restart_of_redis_is_not_even_noticed() {
    let first = RedisServer::start();
    let place = tempfile::tempdir().unwrap();
    let socket = place.path().join("socket");
    std::os::unix::fs::symlink(first.socket(), &socket).unwrap();
    let store = RedisDedupe::open(&options(&url_of(&socket), TTL)).unwrap();
    assert_eq!(store.remember(&[([1; 16], at(1))]).await.unwrap(), [None]);

    let second = RedisServer::start();
    std::fs::remove_file(&socket).unwrap();
    std::os::unix::fs::symlink(second.socket(), &socket).unwrap();
    drop(first);
    assert_eq!(store.remember(&[([1; 16], at(1))]).await.unwrap(), [None], "it is empty, and it answers");
}

#[test]
fn a_wrong_url_is_told_at_the_start() {
    assert!(matches!(Duplicates::open(&options("http://redis", TTL)).err(), Some(DedupeError::Url(_))));
}

/// Its connection manager, once refused while connecting, would never try again.
#[tokio::test]
async fn a_redis_that_refused_at_first_is_tried_again() {
    let server = RedisServer::start();
    let mut admin = ::redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    let url = format!("{}?user=fanout&pass=hunter2", server.url());
    let store = RedisDedupe::open(&options(&url, TTL)).unwrap();
    for _ in 0..3 {
        store.remember(&[([1; 16], at(1))]).await.unwrap_err();
    }
    ::redis::cmd("ACL")
        .arg(&["SETUSER", "fanout", "on", ">hunter2", "~*", "+@all"])
        .exec(&mut admin)
        .unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while let Err(error) = store.remember(&[([1; 16], at(1))]).await {
        assert!(Instant::now() < until, "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
