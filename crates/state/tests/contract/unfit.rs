//! Which Redis is accepted at start, and what is said about the others.

use crate::harness::{connection, redis_url, settings};
use crate::server::Server;
use aerogram_state::{AnyStore, StoreUnfit};

async fn check(url: &str) -> Result<(), StoreUnfit> {
    AnyStore::redis(&settings(url, 5_000)).unwrap().check().await
}

async fn evicts(server: &Server, policy: &str) {
    let unfit = check(&server.url()).await.unwrap_err();
    let address = format!("127.0.0.1:{}", server.port);
    assert_eq!(unfit, StoreUnfit::Evicts { address: address.clone(), policy: policy.to_owned() });
    let text = unfit.to_string();
    for part in [&address, policy, "CONFIG SET maxmemory-policy noeviction", "redis.conf"] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn one_that_keeps_everything_is_accepted() {
    assert_eq!(check(&redis_url()).await, Ok(()));
    assert_eq!(AnyStore::memory().check().await, Ok(()));
}

#[tokio::test]
async fn one_that_evicts_is_refused() {
    let server = Server::start(&["--maxmemory-policy", "allkeys-lru"]).await;
    evicts(&server, "allkeys-lru").await;
    server.set_config("maxmemory-policy", "volatile-ttl").await;
    evicts(&server, "volatile-ttl").await;
    server.set_config("maxmemory-policy", "noeviction").await;
    assert_eq!(check(&server.url()).await, Ok(()));
}

#[tokio::test]
async fn without_config_the_policy_is_read_from_info() {
    let forbidden = ["--rename-command", "CONFIG", ""];
    let server = Server::start(&[&forbidden[..], &["--maxmemory-policy", "allkeys-lfu"]].concat()).await;
    evicts(&server, "allkeys-lfu").await;
    let server = Server::start(&forbidden).await;
    assert_eq!(check(&server.url()).await, Ok(()));
}

#[tokio::test]
async fn one_that_does_not_tell_its_policy_is_refused() {
    let server = Server::start(&[]).await;
    let mut admin = connection(&server.url()).await;
    redis::cmd("ACL")
        .arg(&["SETUSER", "roller", "on", ">hunter2", "~*", "+@all", "-config", "-info"])
        .exec_async(&mut admin)
        .await
        .unwrap();
    let unfit = check(&format!("redis://roller:hunter2@127.0.0.1:{}", server.port)).await.unwrap_err();
    assert!(matches!(unfit, StoreUnfit::PolicyHidden { .. }), "{unfit}");
    assert!(unfit.to_string().contains("ACL SETUSER") && !unfit.to_string().contains("hunter2"), "{unfit}");
    redis::cmd("ACL").arg(&["SETUSER", "roller", "+info"]).exec_async(&mut admin).await.unwrap();
    assert_eq!(check(&format!("redis://roller:hunter2@127.0.0.1:{}", server.port)).await, Ok(()));
}

#[tokio::test]
async fn one_that_cannot_be_reached_or_refuses_us_is_unreachable() {
    // No Redis listens on the first port.
    let unfit = check("redis://:hunter2@127.0.0.1:1").await.unwrap_err();
    assert!(matches!(&unfit, StoreUnfit::Unreachable { address, .. } if address == "127.0.0.1:1"));
    assert!(unfit.to_string().contains("redis.url") && !unfit.to_string().contains("hunter2"), "{unfit}");
    let server = Server::start(&["--requirepass", "secret"]).await;
    let unfit = check(&server.url()).await.unwrap_err();
    assert!(matches!(unfit, StoreUnfit::Unreachable { .. }), "{unfit}");
    let unfit = check(&format!("redis://:hunter2@127.0.0.1:{}", server.port)).await.unwrap_err();
    assert!(
        matches!(unfit, StoreUnfit::Unreachable { .. }) && !unfit.to_string().contains("hunter2"),
        "{unfit}"
    );
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_at_once_and_not_repeated() {
    for url in ["http://:hunter2@host", "redis://:hunter2@host:port", "rediss://:hunter2@host:6379"] {
        let unfit = AnyStore::redis(&settings(url, 5_000)).unwrap_err();
        assert!(matches!(unfit, StoreUnfit::Address { .. }), "{unfit}");
        assert!(unfit.to_string().contains("redis.url") && !unfit.to_string().contains("hunter2"), "{unfit}");
    }
}
