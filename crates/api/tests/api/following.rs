//! What keeps escalations from being followed stops their calls, and nothing else.

use std::fs;
use std::time::Duration;

use aerogram_domain::escalations::run_name;
use aerogram_testkit::Answer;
use aerogram_wire::Topic;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Escalation, Resolution, ResolutionKind};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::given_up::{escalation, write};
use crate::raw::{delete_before, everything_in};
use crate::world::{Caller, Instance, PACE, World, eventually, wish};

const SUBSCRIPTION: &str = "0192d3a4-0000-7000-8000-0000000000f1";

async fn world(test: &str) -> (World, std::path::PathBuf) {
    let mut world = World::new(test, 1, &[]).await;
    let file = world.rig.dir().join("projection.sqlite");
    world.env.push(("AEROGRAM_API__PROJECTION_PATH".to_owned(), file.display().to_string()));
    (world, file)
}

/// Writes the escalations of these numbers.
async fn give_up(world: &World, numbers: &[u8]) {
    let records: Vec<_> =
        numbers.iter().map(|n| escalation(*n, "app-1", SUBSCRIPTION, i64::from(*n))).collect();
    write(&world.rig, 1, SUBSCRIPTION, &records).await;
}

async fn write_what_nobody_understands(world: &World) {
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", world.rig.brokers()).create().unwrap();
    let topic = world.rig.topic(Topic::Escalations.name());
    let record = FutureRecord::to(&topic).partition(0).key("no run").payload("no escalation");
    producer.send(record, Duration::from_secs(20)).await.map_err(|(error, _)| error).unwrap();
}

fn caller(instance: &Instance) -> Caller {
    Caller::new(&instance.base, "app-1", "token-of-acme")
}

/// Numbers of what is listed; `None`: it is refused for now.
async fn listed(instance: &Instance) -> Option<Vec<u8>> {
    let answer = caller(instance).get("/escalations").await;
    if answer.status != 200 {
        assert!(is_refused_for_now(&answer), "{}: {}", answer.status, answer.text());
        return None;
    }
    let list = answer.json();
    let number = |entry: &serde_json::Value| {
        (0..=u8::MAX).find(|number| entry["id"] == name(*number)).expect("one of those that were written")
    };
    Some(list["escalations"].as_array().unwrap().iter().map(number).collect())
}

async fn is_listed(instance: &Instance, expected: &[u8]) {
    eventually("listed", async || (listed(instance).await? == expected).then_some(())).await;
}

fn name(number: u8) -> String {
    run_name(RunKey { delivery_id: [number; 16], run: 0 })
}

fn is_refused_for_now(answer: &Answer) -> bool {
    answer.status == 503 && answer.header("retry-after").is_some()
}

/// Waits until the readiness says this of escalations.
async fn stands(instance: &Instance, why: &str) {
    instance.says("escalations followed", false, why).await;
}

/// Subscriptions are created and shown, escalations are not.
async fn only_escalations_are_refused(instance: &Instance) {
    let caller = caller(instance);
    for path in ["/escalations".to_owned(), format!("/escalations/{}", name(1))] {
        let refused = caller.get(&path).await;
        assert!(is_refused_for_now(&refused), "{path}: {}: {}", refused.status, refused.text());
    }
    let created = caller.created(&wish()).await;
    assert!(caller.ids().await.contains(&created));
    eventually("ready all the same", async || instance.health.is_ready().then_some(())).await;
}

#[tokio::test]
async fn a_projection_that_cannot_be_written_stops_nothing_else_and_goes_on_when_it_can() {
    let (world, file) = world("api-unwritable").await;
    give_up(&world, &[1]).await;
    let instance = world.instance_at(PACE).await;
    is_listed(&instance, &[1]).await;
    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    give_up(&world, &[2]).await;
    stands(&instance, "writing in the projection failed").await;
    only_escalations_are_refused(&instance).await;
    other.execute_batch("ROLLBACK").unwrap();
    is_listed(&instance, &[2, 1]).await;
    eventually("ready", async || instance.health.is_ready().then_some(())).await;
    instance.stop().await;
}

#[tokio::test]
async fn a_projection_that_cannot_be_opened_stops_nothing_else_and_is_opened_when_it_can() {
    let (world, file) = world("api-unopened").await;
    give_up(&world, &[1]).await;
    fs::create_dir(&file).unwrap();
    let instance = world.instance_at(PACE).await;
    stands(&instance, "projection.sqlite").await;
    only_escalations_are_refused(&instance).await;
    fs::remove_dir(&file).unwrap();
    is_listed(&instance, &[1]).await;
    instance.stop().await;
}

#[tokio::test]
async fn a_record_that_cannot_be_understood_stops_nothing_else() {
    let (world, _) = world("api-unreadable").await;
    give_up(&world, &[1]).await;
    let instance = world.instance_at(PACE).await;
    is_listed(&instance, &[1]).await;
    write_what_nobody_understands(&world).await;
    give_up(&world, &[2]).await;
    stands(&instance, "partition 0 stands still: escalations partition 0 offset 1 ").await;
    only_escalations_are_refused(&instance).await;
    // Whoever knows what it is takes it away.
    delete_before(&world.rig, Topic::Escalations.name(), 0, 2).await;
    is_listed(&instance, &[2]).await;
    instance.stop().await;
}

/// What follows in the log may be that it was written down long ago: a projection that is not at the end does not know.
#[tokio::test]
async fn nothing_is_sent_again_while_the_end_of_the_log_is_not_known() {
    let (world, file) = world("api-behind").await;
    let (key, record) = escalation(1, "app-1", SUBSCRIPTION, 1);
    let redelivery = |kind: ResolutionKind| {
        let resolution = Resolution { kind: kind.into(), at_ms: 2, run: 7, ..Resolution::default() };
        (key, Escalation { schema: 1, resolution: Some(resolution), ..Escalation::default() })
    };
    let said = redelivery(ResolutionKind::Redelivering);
    write(&world.rig, 1, SUBSCRIPTION, &[(key, record), said]).await;
    write_what_nobody_understands(&world).await;
    write(&world.rig, 1, SUBSCRIPTION, &[redelivery(ResolutionKind::Redelivered)]).await;
    let instance = world.instance_at(PACE).await;
    stands(&instance, "partition 0 stands still").await;
    eventually("what is before it is kept", async || {
        let rows = rusqlite::Connection::open(&file).unwrap();
        let rows = rows.query_row("SELECT count(*) FROM escalations WHERE state = 3", [], |row| row.get(0));
        rows.is_ok_and(|rows: i64| rows == 1).then_some(())
    })
    .await;
    tokio::time::sleep(PACE.finish_every * 40).await;
    let pending = everything_in(&world.rig, Topic::Pending.name());
    assert!(pending.is_empty(), "{pending:?}");
    instance.stop().await;
}

#[tokio::test]
async fn what_retention_takes_meanwhile_is_not_listed_any_more() {
    let (world, _) = world("api-retention-meanwhile").await;
    give_up(&world, &[1, 2, 3, 4]).await;
    let instance = world.instance_at(PACE).await;
    is_listed(&instance, &[4, 3, 2, 1]).await;
    delete_before(&world.rig, Topic::Escalations.name(), 0, 2).await;
    is_listed(&instance, &[4, 3]).await;
    delete_before(&world.rig, Topic::Escalations.name(), 0, 4).await;
    is_listed(&instance, &[]).await;
    give_up(&world, &[5]).await;
    is_listed(&instance, &[5]).await;
    instance.stop().await;
}
