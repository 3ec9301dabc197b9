//! A Redis that is away, silent, full or forgetful.

use crate::harness::{Subject, settings};
use crate::ops::*;
use crate::proxy::Proxy;
use crate::server::Server;
use aerogram_domain::store::StoreReply;
use aerogram_state::AnyStore;
use std::time::Duration;
use tokio::net::TcpListener;

const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Asks until the store answers; the test's own time limit ends it otherwise.
async fn take_over_again(store: &AnyStore) -> StoreReply {
    loop {
        match store.execute(0, take_over(OWNER, 0)).await {
            StoreReply::Down => tokio::time::sleep(Duration::from_millis(50)).await,
            reply => return reply,
        }
    }
}

async fn recovers(store: &AnyStore) -> StoreReply {
    tokio::time::timeout(TIME_LIMIT, take_over_again(store)).await.expect("it stays down")
}

#[tokio::test]
async fn a_redis_that_went_away_is_down_and_found_again() {
    let proxy = Proxy::before(None).await;
    let store = AnyStore::redis(&settings(&proxy.url(), 5_000)).unwrap();
    assert_eq!(store.execute(0, take_over(OWNER, 0)).await, StoreReply::Down);
    let server = Server::start(&[]).await;
    proxy.stand_before(Some(server.port));
    assert_eq!(recovers(&store).await, taken_over(-1, 0));
    let reply = store.execute(0, apply(guard(OWNER, -1), 0, 3, vec![])).await;
    assert!(matches!(reply, StoreReply::Applied { pending: 0, .. }), "{reply:?}");
    proxy.stand_before(None);
    drop(server);
    assert_eq!(store.execute(0, take_over(OWNER, 0)).await, StoreReply::Down);
    let server = Server::start(&[]).await;
    proxy.stand_before(Some(server.port));
    assert_eq!(recovers(&store).await, taken_over(-1, 0));
}

#[tokio::test]
async fn a_connection_that_fell_silent_is_replaced() {
    let server = Server::start(&[]).await;
    let proxy = Proxy::before(Some(server.port)).await;
    let store = AnyStore::redis(&settings(&proxy.url(), 1_000)).unwrap();
    assert_eq!(recovers(&store).await, taken_over(-1, 0));
    proxy.silence();
    assert_eq!(store.execute(0, take_over(OWNER, 0)).await, StoreReply::Down);
    assert_eq!(recovers(&store).await, taken_over(-1, 0));
}

#[tokio::test]
async fn a_redis_that_accepts_and_says_nothing_is_down() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let store = AnyStore::redis(&settings(&url, 100)).unwrap();
    let silent = async { (listener.accept().await.unwrap(), listener.accept().await.unwrap()) };
    let asked_twice = async {
        assert_eq!(store.execute(0, take_over(OWNER, 0)).await, StoreReply::Down);
        assert_eq!(store.execute(0, take_over(OWNER, 0)).await, StoreReply::Down);
    };
    tokio::time::timeout(TIME_LIMIT, async { tokio::join!(silent, asked_twice) })
        .await
        .expect("two connections, each given up");
}

#[tokio::test]
async fn one_that_refused_the_connection_is_asked_again() {
    let server = Server::start(&[]).await;
    let mut admin = server.connection().await;
    let url = format!("redis://roller:hunter2@127.0.0.1:{}", server.port);
    let store = AnyStore::redis(&settings(&url, 5_000)).unwrap();
    assert_eq!(store.execute(0, take_over(OWNER, 0)).await, StoreReply::Down);
    let user = ["SETUSER", "roller", "on", ">hunter2", "~*", "+@all"];
    redis::cmd("ACL").arg(&user).exec_async(&mut admin).await.unwrap();
    assert_eq!(recovers(&store).await, taken_over(-1, 0));
}

#[tokio::test]
async fn forgotten_scripts_are_loaded_again() {
    let server = Server::start(&[]).await;
    let subject = Subject::redis_at(&server.url()).await;
    let mut connection = server.connection().await;
    subject.begin(vec![put("a", 1, "va")], 1).await;
    redis::cmd("SCRIPT").arg("FLUSH").exec_async(&mut connection).await.unwrap();
    assert_eq!(subject.run(pick(guard(OWNER, 10), 5, 10)).await, picked(&[("a", 1, "va")]));
    assert_eq!(subject.run(apply(guard(OWNER, 10), 5, 11, vec![remove("a")])).await, applied(0));
}
