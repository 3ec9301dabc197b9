//! The log does not go on where it was read: history is made anew, and does not claim to know what it cannot.

use std::path::PathBuf;

use aerogram_domain::time::iso_millis;
use aerogram_wire::Topic;
use aerogram_wire::v1::{Delivery, LineKind, PendingKind};
use http::Method;
use serde_json::{Value, json};

use crate::logs::{Accepted, Logs, attempt, event, event_id, name, now_ms};
use crate::raw::{committed_and_end, delete_before, fanout_has_done_all, make_anew};
use crate::world::{Caller, Instance, PACE, World, eventually, wish};

const DAY_MS: i64 = 86_400_000;

/// One instance with a file that it finds again.
struct Ground {
    world: World,
    file: PathBuf,
    logs: Logs,
    subscription: String,
    epoch: i64,
}

impl Ground {
    async fn new(test: &str) -> (Self, Instance) {
        let mut world = World::new(test, 1, &[]).await;
        let file = world.rig.dir().join("projection.sqlite");
        world.env.push(("AEROGRAM_API__PROJECTION_PATH".to_owned(), file.display().to_string()));
        let instance = world.instance_at(PACE).await;
        let logs = Logs::new(&world.rig, 1);
        let subscription = eventually("subscribed", async || {
            let answer = caller(&instance).post(&wish()).await;
            (answer.status == 201).then(|| answer.json()["id"].as_str().unwrap().to_owned())
        })
        .await;
        let mut ground = Self { world, file, logs, subscription, epoch: 0 };
        let first = ground.deliver("first", DAY_MS).await;
        ground.epoch = ground.logs.claim(&first.1).await;
        ground.end(&first.1).await;
        (ground, instance)
    }

    /// A delivery of what was accepted then.
    async fn deliver(&self, what: &str, ago_ms: i64) -> (Accepted, Delivery) {
        let accepted = self.logs.accept(event(&event_id(what)), ago_ms).await;
        let delivery = self.logs.deliver(&accepted, "app-1", &self.subscription).await;
        self.logs.receipt(&accepted, 1, None).await;
        (accepted, delivery)
    }

    async fn end(&self, delivery: &Delivery) {
        self.logs.tell(delivery, self.epoch, LineKind::Delivered, Some(attempt(1, 200, now_ms()))).await;
    }

    /// The first one after a cut, which is issued before it is written: what is told begins after it.
    async fn begin_again(&self) {
        let (_, delivery) = self.deliver("hidden", 0).await;
        self.end(&delivery).await;
    }

    fn log_end(&self, topic: Topic) -> i64 {
        committed_and_end(&self.world.rig, "nobody", topic.name(), 0).1
    }

    /// Deletes of the log what is there now.
    async fn cut(&self, topic: Topic) {
        delete_before(&self.world.rig, topic.name(), 0, self.log_end(topic)).await;
    }

    /// As what a stopped instance left.
    fn left(&self, text: &str) -> i64 {
        let file = rusqlite::Connection::open(&self.file).unwrap();
        file.query_row(text, [], |row| row.get(0)).unwrap()
    }

    async fn again(&self) -> Instance {
        self.world.instance_at(PACE).await
    }
}

fn caller(instance: &Instance) -> Caller {
    Caller::new(&instance.base, "app-1", "token-of-acme")
}

/// Names and statuses of what is listed, by name.
async fn listed(instance: &Instance) -> Vec<(String, String)> {
    let answer = eventually("listed", async || {
        let answer = caller(instance).get("/deliveries?limit=200").await;
        assert!(answer.status == 200 || answer.status == 503, "{}: {}", answer.status, answer.text());
        (answer.status == 200).then(|| answer.json())
    })
    .await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = answer["deliveries"].as_array().unwrap().iter();
    let mut rows: Vec<_> = rows.map(|row| (text(&row["id"]), text(&row["status"]))).collect();
    rows.sort();
    rows
}

fn rows(expected: &[(&Delivery, &str)]) -> Vec<(String, String)> {
    let mut rows: Vec<_> =
        expected.iter().map(|(delivery, status)| (name(delivery), (*status).to_owned())).collect();
    rows.sort();
    rows
}

/// How far back it says that it reaches.
async fn since(instance: &Instance, accepted: &Accepted) -> String {
    let answer = caller(instance).get(&format!("/events/{}", accepted.event.id)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["historySinceDateTime"].as_str().unwrap().to_owned()
}

/// Waits until the readiness says this of history.
async fn says(instance: &Instance, ok: bool, text: &str) {
    instance.says("history followed", ok, text).await;
}

/// An instance whose file is as if it had been left then.
async fn stopped(ground: &Ground, instance: Instance, followed_ms: Option<i64>) {
    eventually("known to be read", async || (ground.left("SELECT followed_ms FROM reach") > 0).then_some(()))
        .await;
    instance.stop().await;
    if let Some(at_ms) = followed_ms {
        let file = rusqlite::Connection::open(&ground.file).unwrap();
        file.execute("UPDATE reach SET followed_ms = ?1", [at_ms]).unwrap();
    }
}

/// Somebody deletes of the log while nobody reads it.
#[tokio::test]
async fn what_somebody_deleted_of_the_log_is_not_claimed_to_be_known() {
    let (ground, instance) = Ground::new("api-torn-cut").await;
    let (_, under_way) = ground.deliver("under-way", 60_000).await;
    let (_, waits) = ground.deliver("waits", 50_000).await;
    ground.logs.wait(&waits, PendingKind::Parked, now_ms()).await;
    eventually("listed", async || (listed(&instance).await.len() == 3).then_some(())).await;
    stopped(&ground, instance, None).await;
    // It ends, and another comes and ends, and nobody will ever read that.
    ground.end(&under_way).await;
    let (missed, gone) = ground.deliver("gone", 20_000).await;
    ground.end(&gone).await;
    ground.cut(Topic::Deliveries).await;
    ground.cut(Topic::Attempts).await;
    let before_ms = now_ms();
    ground.begin_again().await;
    let (accepted, new) = ground.deliver("new", 0).await;
    ground.end(&new).await;
    fanout_has_done_all(&ground.world.rig).await;

    let instance = ground.again().await;
    assert_eq!(listed(&instance).await, rows(&[(&waits, "PARKED"), (&new, "DELIVERED")]));
    let said = since(&instance, &accepted).await;
    assert!(said >= iso_millis(before_ms), "{said}");
    says(&instance, true, "is not told, for the log did not go on where it was read").await;
    // What may have been delivered is not replayed as if nothing were.
    let path = format!("/subscriptions/{}/replays", ground.subscription);
    let wish = json!({"since": iso_millis(missed.at_ms), "dryRun": true});
    let refused = caller(&instance).send(Method::POST, &path, &[], Some(&wish)).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains(&said), "{}", refused.text());
    instance.stop().await;

    // It stays so, and is not made anew again.
    let instance = ground.again().await;
    assert_eq!(listed(&instance).await, rows(&[(&waits, "PARKED"), (&new, "DELIVERED")]));
    assert_eq!(since(&instance, &accepted).await, said);
    instance.stop().await;
}

/// What was taken by its age is older than what is told; how what was under way ended is in what is left.
#[tokio::test]
async fn away_for_longer_than_the_log_is_kept_it_is_made_anew_and_tells_all_that_the_log_holds() {
    let (ground, instance) = Ground::new("api-torn-by-age").await;
    let (_, lost) = ground.deliver("lost", 60_000).await;
    let (_, kept) = ground.deliver("kept", 50_000).await;
    let retention_ms = i64::try_from(ground.world.settings().topics.retention_ms).unwrap();
    eventually("listed", async || (listed(&instance).await.len() == 3).then_some(())).await;
    stopped(&ground, instance, Some(now_ms() - retention_ms - 1_000)).await;
    ground.end(&lost).await;
    delete_before(&ground.world.rig, Topic::Attempts.name(), 0, ground.log_end(Topic::Attempts)).await;
    delete_before(&ground.world.rig, Topic::Deliveries.name(), 0, ground.log_end(Topic::Deliveries) - 1)
        .await;
    ground.end(&kept).await;

    let instance = ground.again().await;
    assert_eq!(listed(&instance).await, rows(&[(&kept, "DELIVERED")]));
    let (accepted, new) = ground.deliver("new", 0).await;
    assert!(since(&instance, &accepted).await < iso_millis(now_ms() - retention_ms + DAY_MS));
    says(&instance, true, "all partitions").await;
    assert_eq!(listed(&instance).await, rows(&[(&kept, "DELIVERED"), (&new, "PENDING")]));
    instance.stop().await;
}

/// Positions of a topic that is not there any more mean nothing.
#[tokio::test]
async fn of_a_topic_that_was_made_anew_nothing_is_left() {
    for (test, topic) in [("api-torn-deliveries", Topic::Deliveries), ("api-torn-attempts", Topic::Attempts)]
    {
        let (ground, instance) = Ground::new(test).await;
        for _ in 0..3 {
            let (_, delivery) = ground.deliver("of-another", 50_000).await;
            ground.end(&delivery).await;
        }
        eventually("listed", async || (listed(&instance).await.len() == 4).then_some(())).await;
        stopped(&ground, instance, None).await;
        make_anew(&ground.world.rig, topic.name(), 1).await;
        let made_ms = now_ms();
        ground.begin_again().await;
        let (accepted, new) = ground.deliver("new", 0).await;
        ground.end(&new).await;
        let instance = ground.again().await;
        eventually("read", async || (listed(&instance).await == rows(&[(&new, "DELIVERED")])).then_some(()))
            .await;
        assert!(since(&instance, &accepted).await >= iso_millis(made_ms), "{topic:?}");
        instance.stop().await;
    }
}

/// Of `matches`, what repeats another event is missing: nothing else has to be read again.
#[tokio::test]
async fn what_is_missing_of_receipts_is_not_claimed_to_be_known() {
    let (ground, instance) = Ground::new("api-torn-matches").await;
    let (_, old) = ground.deliver("old", 50_000).await;
    ground.end(&old).await;
    eventually("listed", async || (listed(&instance).await.len() == 2).then_some(())).await;
    stopped(&ground, instance, None).await;
    ground.deliver("unread", 40_000).await;
    ground.cut(Topic::Matches).await;
    let cut_ms = now_ms();
    let (accepted, _) = ground.deliver("new", 0).await;
    let instance = ground.again().await;
    eventually("read", async || (listed(&instance).await.len() == 2).then_some(())).await;
    assert!(since(&instance, &accepted).await >= iso_millis(cut_ms));
    assert_eq!(ground.left("SELECT count(*) FROM deliveries"), 4, "the runs stay");
    instance.stop().await;
}

/// Claims, and receipts of events that deliveries tell of, change nothing; they are read all the same.
#[tokio::test]
async fn what_changes_nothing_is_not_missed_when_it_is_gone() {
    let (ground, instance) = Ground::new("api-torn-quiet").await;
    let (accepted, under_way) = ground.deliver("under-way", 50_000).await;
    let epoch = ground.logs.claim(&under_way).await;
    eventually("listed", async || (listed(&instance).await.len() == 2).then_some(())).await;
    let before = listed(&instance).await;
    for topic in [Topic::Attempts, Topic::Matches] {
        let query = format!("SELECT next_offset FROM positions WHERE topic = '{}'", topic.name());
        eventually("remembered", async || (ground.left(&query) == ground.log_end(topic)).then_some(())).await;
    }
    stopped(&ground, instance, None).await;
    ground.cut(Topic::Attempts).await;
    ground.cut(Topic::Matches).await;
    let instance = ground.again().await;
    says(&instance, true, "all partitions").await;
    assert_eq!(listed(&instance).await, before);
    assert!(since(&instance, &accepted).await < iso_millis(now_ms() - DAY_MS), "nothing is hidden");
    assert_eq!(ground.left("SELECT generation FROM reach"), 0, "it is not made anew");
    ground.logs.tell(&under_way, epoch, LineKind::Delivered, Some(attempt(1, 200, now_ms()))).await;
    eventually("its claim is known", async || {
        listed(&instance).await.contains(&(name(&under_way), "DELIVERED".to_owned())).then_some(())
    })
    .await;
    instance.stop().await;
}

/// A partition stands still, and somebody takes away what it stands at, with what came before it and after it.
#[tokio::test]
async fn a_log_that_is_cut_while_it_is_followed_is_told_of_again_when_it_is_read() {
    let (ground, instance) = Ground::new("api-torn-running").await;
    let (_, old) = ground.deliver("old", 50_000).await;
    ground.end(&old).await;
    let (_, under_way) = ground.deliver("under-way", 40_000).await;
    eventually("listed", async || (listed(&instance).await.len() == 3).then_some(())).await;
    eventually("known to be read", async || (ground.left("SELECT followed_ms FROM reach") > 0).then_some(()))
        .await;
    ground.logs.append(Topic::Attempts, 0, b"", Some(b"nobody understands this".to_vec())).await;
    says(&instance, false, "attempts partition 0").await;
    ground.end(&under_way).await;
    ground.cut(Topic::Attempts).await;
    let cut_ms = now_ms();
    ground.begin_again().await;
    let (accepted, new) = ground.deliver("new", 0).await;
    ground.end(&new).await;
    says(&instance, true, "is not told, for the log did not go on where it was read").await;
    eventually("of what was under way nobody knows", async || {
        (listed(&instance).await == rows(&[(&new, "DELIVERED")])).then_some(())
    })
    .await;
    assert!(since(&instance, &accepted).await >= iso_millis(cut_ms));
    instance.stop().await;
}
