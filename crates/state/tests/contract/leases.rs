//! Tokens leased from Redis: the same as the model's, shared by all who ask, and none when Redis is away or full.

use crate::harness::{connection, redis_url, settings};
use crate::proxy::Proxy;
use crate::server::Server;
use aerogram_domain::limits::{Ask, Gcra, Key, Lease, Rate};
use aerogram_settings::Settings;
use aerogram_state::Leases;
use redis::aio::MultiplexedConnection;
use std::time::{Duration, Instant};

const TIME_LIMIT: Duration = Duration::from_secs(60);

fn ask(key: Key, per_minute: u32, burst: u32, want: u32) -> Ask {
    Ask { key, rate: Rate::new(per_minute, burst).unwrap(), want }
}

fn subscription(per_minute: u32, burst: u32, want: u32) -> Ask {
    ask(Key::Subscription("s-1".into()), per_minute, burst, want)
}

fn here() -> (Settings, Leases) {
    let settings = settings(&redis_url(), 60_000);
    let leases = Leases::open(&settings).unwrap();
    (settings, leases)
}

fn key_of(settings: &Settings, rest: &str) -> String {
    format!("{}:{}:limit:{rest}", settings.redis.key_prefix, settings.kafka.topic_prefix)
}

async fn redis_now_us(connection: &mut MultiplexedConnection) -> i64 {
    let (seconds, micros): (i64, i64) = redis::cmd("TIME").query_async(connection).await.unwrap();
    seconds * 1_000_000 + micros
}

#[tokio::test]
async fn a_burst_is_granted_once_and_then_the_rate() {
    let (_, leases) = here();
    // A token an hour, so that the test's own time does not matter.
    let first = leases.lease(&ask(Key::Host("a.example:443".into()), 1, 5, 3)).await.unwrap();
    assert_eq!(first, Lease { granted: 3, next_in_ms: 0 });
    let rest = leases.lease(&ask(Key::Host("a.example:443".into()), 1, 5, 3)).await.unwrap();
    assert_eq!(rest.granted, 2);
    assert!((50_000..=60_000).contains(&rest.next_in_ms), "{rest:?}");
    let none = leases.lease(&ask(Key::Host("a.example:443".into()), 1, 5, 3)).await.unwrap();
    assert_eq!(none.granted, 0);
    let other = leases.lease(&subscription(1, 5, 9)).await.unwrap();
    assert_eq!(other.granted, 5, "each limit has its own");
}

/// However many lease at once: as many as the model grants in as long, by the clock of Redis.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_deliverers_together_get_what_the_rate_says() {
    let settings = settings(&redis_url(), 60_000);
    let deliverers = [Leases::open(&settings).unwrap(), Leases::open(&settings).unwrap()];
    let wanted = subscription(60_000, 40, 7);
    let mut connection = connection(&redis_url()).await;
    let begun_us = redis_now_us(&mut connection).await;
    let lease_all = async |leases: &Leases| {
        let mut granted = 0;
        for _ in 0..200 {
            granted += i64::from(leases.lease(&wanted).await.unwrap().granted);
        }
        granted
    };
    let (one, other) = tokio::join!(lease_all(&deliverers[0]), lease_all(&deliverers[1]));
    let took_us = redis_now_us(&mut connection).await - begun_us;
    let (granted, rate) = (one + other, took_us / wanted.rate.interval_us());
    assert!(granted <= rate + 40, "{granted} granted in {took_us} µs");
    let all_wanted = 2 * 200 * 7;
    assert!(granted >= rate.min(all_wanted - 40), "{granted} granted of {rate} there were");
}

#[tokio::test]
async fn it_keeps_the_time_as_the_model_does_and_forgets_a_full_bucket() {
    let (settings, leases) = here();
    let mut connection = connection(&redis_url()).await;
    let key = key_of(&settings, "sub:s-1");
    let wanted = subscription(60, 10, 4);
    let before_us = redis_now_us(&mut connection).await;
    assert_eq!(leases.lease(&wanted).await.unwrap().granted, 4);
    let after_us = redis_now_us(&mut connection).await;
    let kept: i64 = redis::cmd("GET").arg(&key).query_async(&mut connection).await.unwrap();
    let model = |now_us: i64| now_us + 4 * wanted.rate.interval_us();
    assert!((model(before_us)..=model(after_us)).contains(&kept), "{before_us} {kept} {after_us}");
    let ttl_ms: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut connection).await.unwrap();
    assert!((1..=4_001).contains(&ttl_ms), "{ttl_ms}");
    let mut gcra = Gcra::default();
    assert_eq!(gcra.lease(wanted.rate, before_us, 4), Lease { granted: 4, next_in_ms: 0 });
}

#[tokio::test]
async fn neither_a_clock_that_went_back_nor_another_rate_makes_anybody_wait_for_long() {
    let (settings, leases) = here();
    let mut connection = connection(&redis_url()).await;
    let key = key_of(&settings, "sub:s-1");
    let far_us = redis_now_us(&mut connection).await + 86_400_000_000;
    for left in [far_us.to_string(), "what is no number".to_owned()] {
        redis::cmd("SET").arg(&key).arg(&left).exec_async(&mut connection).await.unwrap();
        let lease = leases.lease(&subscription(60, 3, 1)).await.unwrap();
        assert!(lease.next_in_ms <= 1_000, "{left}: {lease:?}");
    }
    leases.lease(&subscription(1, 100, 100)).await.unwrap();
    let lease = leases.lease(&subscription(6_000, 2, 1)).await.unwrap();
    assert!(lease.next_in_ms <= 10, "an empty bucket of the new rate: {lease:?}");
}

#[tokio::test]
async fn a_redis_that_goes_away_grants_nothing_and_is_found_again() {
    let proxy = Proxy::before(None).await;
    let leases = Leases::open(&settings(&proxy.url(), 5_000)).unwrap();
    assert_eq!(leases.lease(&subscription(60, 3, 1)).await, None);
    let server = Server::start(&[]).await;
    proxy.stand_before(Some(server.port));
    let until = Instant::now() + TIME_LIMIT;
    while leases.lease(&subscription(60, 3, 1)).await.is_none() {
        assert!(Instant::now() < until, "it stays away");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    proxy.stand_before(None);
    drop(server);
    assert_eq!(leases.lease(&subscription(60, 3, 1)).await, None);
}

#[tokio::test]
async fn a_redis_that_says_nothing_is_given_up() {
    let server = Server::start(&[]).await;
    let proxy = Proxy::before(Some(server.port)).await;
    let leases = Leases::open(&settings(&proxy.url(), 1_000)).unwrap();
    assert!(leases.lease(&subscription(60, 3, 1)).await.is_some());
    proxy.silence();
    assert_eq!(leases.lease(&subscription(60, 3, 1)).await, None);
}

#[tokio::test]
async fn a_full_redis_grants_nothing_and_still_says_when_there_is_nothing() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]).await;
    let leases = Leases::open(&settings(&server.url(), 5_000)).unwrap();
    assert_eq!(leases.lease(&subscription(1, 3, 3)).await.unwrap().granted, 3);
    server.set_config("maxmemory", "1").await;
    let none = leases.lease(&subscription(1, 3, 3)).await.unwrap();
    assert_eq!(none.granted, 0, "nothing has to be written to say so");
    assert_eq!(leases.lease(&ask(Key::Host("h:1".into()), 60, 3, 1)).await, None);
    server.set_config("maxmemory", "0").await;
    assert_eq!(leases.lease(&ask(Key::Host("h:1".into()), 60, 3, 1)).await.unwrap().granted, 1);
}
