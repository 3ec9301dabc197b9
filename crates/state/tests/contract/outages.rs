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
    assert_eq!(store.execute(0, apply(guard(OWNER, -1), 0, 3, vec![])).await, applied(0));
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

#[tokio::test]
async fn a_full_redis_takes_nothing_new_and_can_be_emptied() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]).await;
    let subject = Subject::redis_at(&server.url()).await;
    let due = vec![put("a", 1, "va"), put("b", 2, "vb"), put("h", 9, "vh")];
    let waiting = vec![park("p", 1, "vp", "lane"), park("q", 2, "vq", "lane"), park("r", 3, "vr", "lane")];
    subject.begin([due, waiting].concat(), 6).await;
    server.set_config("maxmemory", "1").await;
    let changes = vec![put("c", 3, "vc"), remove("a")];
    assert_eq!(subject.run(apply(guard(OWNER, 10), 5, 12, changes.clone())).await, StoreReply::Down);
    // One that replaces is new, too.
    for change in [put("a", 1, "vc"), put("p", 1, "vp"), park("a", 1, "va", "lane")] {
        assert_eq!(subject.run(apply(guard(OWNER, 10), 5, 11, vec![change])).await, StoreReply::Down);
    }
    // All that leads to tombstones, and these themselves, goes on.
    assert_eq!(subject.run(take_over(OWNER, 0)).await, taken_over_with(10, 0, &[("lane", 3)], &[]));
    let first = parked(&[("p", 1, "vp", "lane")]);
    assert_eq!(subject.run(pick_parked(guard(OWNER, 10), 5, &[("lane", 1)])).await, first);
    assert_eq!(
        subject.run(mark_fired_by(guard(OWNER, 10), 5, &[("p", "lane")])).await,
        marked(&[("lane", 2)])
    );
    assert_eq!(subject.run(hold(guard(OWNER, 10), 5, &[("h", "new lane")])).await, held(&[("new lane", 1)]));
    assert_eq!(subject.run(pick(guard(OWNER, 10), 5, 10)).await, picked(&[("a", 1, "va"), ("b", 2, "vb")]));
    assert_eq!(subject.run(mark_fired(guard(OWNER, 10), 5, &["b"])).await, marked(&[]));
    // Without changes: the position was seen to be the log's end.
    assert_eq!(subject.run(apply(guard(OWNER, 10), 5, 10, vec![])).await, applied(6));
    let tombstones = vec![remove("b"), remove("h"), remove("p"), remove("q"), remove("r")];
    let lanes = [("lane", 0), ("new lane", 0)];
    assert_eq!(subject.run(apply(guard(OWNER, 10), 5, 11, tombstones)).await, applied_in(1, &lanes));
    server.set_config("maxmemory", "0").await;
    assert_eq!(subject.run(apply(guard(OWNER, 11), 5, 13, changes)).await, applied(1));
    assert_eq!(subject.run(pick(guard(OWNER, 13), 5, 10)).await, picked(&[("c", 3, "vc")]));
}
