//! Renewals in their five days, before them and after them, asked of two instances.

use std::time::{SystemTime, UNIX_EPOCH};

use aerogram_domain::time::{iso_millis, one_month_later};
use aerogram_testkit::Answer;
use aerogram_wire::v1::{Status, Subscription};
use http::Method;
use serde_json::{Value, json};

use crate::errors::problem;
use crate::raw::Open;
use crate::seed;
use crate::world::{Caller, Instance, World};

const HOUR_MS: i64 = 60 * 60 * 1_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Subscriptions by what is special about them.
const OPEN: u8 = 0;
const EARLY: u8 = 1;
const LATE: u8 = 2;
const PAUSED: u8 = 3;
const FOREVER: u8 = 4;
const WITH_KEY: u8 = 5;
const TAGGED: u8 = 6;
const AT_ONCE: u8 = 7;
/// Of app-6, which is entitled to flights only.
const BARRED: u8 = 8;

fn id(number: u8) -> String {
    format!("0192d3a4-0000-7000-8000-0000000000a{number:x}")
}

fn path(number: u8) -> String {
    format!("/subscriptions/{}", id(number))
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

struct Two {
    world: World,
    first: Instance,
    second: Instance,
    expiry_ms: i64,
}

impl Two {
    async fn start() -> Self {
        let world = World::new("renewals", 2, &[]).await;
        // Not on a second, so that milliseconds are seen to be kept.
        let expiry_ms = (now_ms() + 4 * DAY_MS) / 1_000 * 1_000 + 123;
        let plain = |number, expires_at_ms| seed::record(&id(number), "app-1", 1, expires_at_ms);
        let records = [
            plain(OPEN, expiry_ms),
            plain(EARLY, now_ms() + 5 * DAY_MS + HOUR_MS),
            plain(LATE, now_ms() - 1),
            seed::changed_record(&id(PAUSED), "app-1", 1, expiry_ms, |state: &mut Subscription| {
                state.set_status(Status::Inactive);
            }),
            plain(FOREVER, 0),
            plain(WITH_KEY, expiry_ms),
            plain(TAGGED, expiry_ms),
            plain(AT_ONCE, expiry_ms),
            seed::changed_record(&id(BARRED), "app-6", 1, expiry_ms, |state: &mut Subscription| {
                state.event_type = "OrderCreated".into();
            }),
        ];
        Open::begin(&world.rig, &records).await.commit().await;
        let (first, second) = tokio::join!(world.instance(), world.instance());
        Self { world, first, second, expiry_ms }
    }

    fn callers(&self) -> [Caller; 2] {
        [&self.first, &self.second].map(|instance| Caller::new(&instance.base, "app-1", "token-of-acme"))
    }

    fn renewed(&self) -> Value {
        json!(iso_millis(one_month_later(self.expiry_ms).unwrap()))
    }

    async fn stop(self) {
        tokio::join!(self.first.stop(), self.second.stop());
        drop(self.world);
    }
}

async fn renew(caller: &Caller, number: u8, headers: &[(&str, &str)]) -> Answer {
    caller.send(Method::POST, &format!("{}/renewals", path(number)), headers, None).await
}

fn detail(answer: &Answer, status: u16) -> String {
    assert_eq!(problem(answer), (status, vec![]), "{}", answer.text());
    answer.json()["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_renewal_is_had_in_its_days_and_once() {
    let two = Two::start().await;
    let [a, b] = two.callers();
    renewed_and_shown(&two, &a, &b).await;
    refused(&two, &a).await;
    with_a_key(&two, &a, &b).await;
    with_if_match(&two, &a, &b).await;
    at_once(&two, &a, &b).await;
    two.stop().await;
}

async fn renewed_and_shown(two: &Two, a: &Caller, b: &Caller) {
    let before = b.get(&path(OPEN)).await.json();
    let answer = renew(a, OPEN, &[]).await;
    assert_eq!((answer.status, answer.header("etag")), (200, Some("\"2\"")), "{}", answer.text());
    let mut expected = before.clone();
    expected["expirationDateTime"] = two.renewed();
    expected["updatedAtDateTime"] = answer.json()["updatedAtDateTime"].clone();
    assert_eq!(answer.json(), expected);
    assert!(expected["updatedAtDateTime"].as_str() > before["updatedAtDateTime"].as_str());
    let seen = b.get(&path(OPEN)).await;
    assert_eq!((seen.json(), seen.header("etag")), (expected, Some("\"2\"")));

    let paused = renew(b, PAUSED, &[]).await;
    assert_eq!((paused.status, &paused.json()["status"]), (200, &json!("INACTIVE")), "{}", paused.text());
    assert_eq!(paused.json()["expirationDateTime"], two.renewed());
    assert_eq!(a.patch(&id(PAUSED), &json!({"status": "ACTIVE"})).await.json()["status"], "ACTIVE");
}

async fn refused(two: &Two, a: &Caller) {
    // What was renewed a moment ago has another window.
    let opens = one_month_later(two.expiry_ms).unwrap() - 5 * DAY_MS;
    assert!(detail(&renew(a, OPEN, &[]).await, 409).contains(&iso_millis(opens)));
    assert!(detail(&renew(a, EARLY, &[]).await, 409).contains("can be renewed from"));
    assert!(detail(&renew(a, LATE, &[]).await, 409).contains("create a new subscription"));
    assert_eq!(a.get(&path(LATE)).await.json()["status"], "INACTIVE");
    assert!(detail(&renew(a, FOREVER, &[]).await, 409).contains("never expires"));

    let barred = Caller::new(&two.first.base, "app-6", "token-of-flights");
    assert!(detail(&renew(&barred, BARRED, &[]).await, 403).contains("OrderCreated"));
    for number in [EARLY, BARRED, 0xf] {
        let stranger = Caller::new(&two.second.base, "app-1", "token-of-bluejet");
        detail(&renew(&stranger, number, &[]).await, 404);
    }
    let nobody = Caller::new(&two.first.base, "app-1", "token-of-nobody");
    detail(&renew(&nobody, OPEN, &[]).await, 401);

    let large = json!("x".repeat(65_536));
    let answer = a.send(Method::POST, &format!("{}/renewals", path(EARLY)), &[], Some(&large)).await;
    detail(&answer, 413);
    let answer = a.send(Method::GET, &format!("{}/renewals", path(EARLY)), &[], None).await;
    detail(&answer, 405);
    assert_eq!(answer.header("allow"), Some("POST"));
}

async fn with_a_key(two: &Two, a: &Caller, b: &Caller) {
    let key = [("idempotency-key", "renewal-1")];
    let first = renew(a, WITH_KEY, &key).await;
    assert_eq!((first.status, first.header("etag")), (200, Some("\"2\"")), "{}", first.text());
    for again in [renew(b, WITH_KEY, &key).await, renew(a, WITH_KEY, &key).await] {
        assert_eq!((again.status, again.json()), (200, first.json()));
    }
    assert_eq!(b.get(&path(WITH_KEY)).await.json()["expirationDateTime"], two.renewed());
    detail(&renew(b, WITH_KEY, &[("idempotency-key", "renewal-2")]).await, 409);
    // It is one key for each subscription.
    detail(&renew(b, EARLY, &key).await, 409);
    detail(&renew(b, OPEN, &[("idempotency-key", "")]).await, 400);
}

async fn with_if_match(two: &Two, a: &Caller, b: &Caller) {
    detail(&renew(a, TAGGED, &[("if-match", "\"2\"")]).await, 412);
    detail(&renew(a, TAGGED, &[("if-match", "W/\"1\""), ("idempotency-key", "k")]).await, 412);
    detail(&renew(a, TAGGED, &[("if-match", "\"2\""), ("idempotency-key", "k")]).await, 412);
    let both = [("if-match", "\"7\", \"1\""), ("idempotency-key", "k")];
    let first = renew(b, TAGGED, &both).await;
    assert_eq!((first.status, first.header("etag")), (200, Some("\"2\"")), "{}", first.text());
    // Repeated, it is the answer to what was carried out, though the version is another one by now.
    let again = renew(a, TAGGED, &both).await;
    assert_eq!((again.status, again.json()), (200, first.json()));
    detail(&renew(a, TAGGED, &[("if-match", "\"1\"")]).await, 412);
    assert_eq!(a.get(&path(TAGGED)).await.json()["expirationDateTime"], two.renewed());
}

async fn at_once(two: &Two, a: &Caller, b: &Caller) {
    let mut renewals = tokio::task::JoinSet::new();
    for number in 0..10 {
        let caller = if number % 2 == 0 { a.clone() } else { b.clone() };
        renewals.spawn(async move { renew(&caller, AT_ONCE, &[]).await.status });
    }
    let mut statuses = renewals.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![200], vec![409; 9]].concat());
    let seen = a.get(&path(AT_ONCE)).await;
    assert_eq!(seen.header("etag"), Some("\"2\""));
    assert_eq!(seen.json()["expirationDateTime"], two.renewed());
}
