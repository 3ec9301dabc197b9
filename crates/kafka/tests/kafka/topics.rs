//! Making, checking and connecting.

use aerogram_kafka::topics::{self, TopicState, TopicsError};
use aerogram_kafka::{Cluster, ConnectError, LayoutError};
use aerogram_settings::Settings;
use aerogram_wire::Topic;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use tokio_util::sync::CancellationToken;

use crate::rig;

pub fn admin() -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", rig::brokers()).create().unwrap()
}

async fn connect_error(settings: &Settings) -> ConnectError {
    match Cluster::connect(settings, &CancellationToken::new()).await {
        Ok(_) => panic!("connected"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn creating_again_changes_nothing() {
    let settings = rig::settings("create");
    assert!(!topics::check(&settings).await.unwrap().is_good());
    let first = topics::create(&settings).await.unwrap();
    assert!(first.is_good() && first.layout_made, "{first}");
    assert!(first.topics.iter().all(|line| line.state == TopicState::Made), "{first}");
    assert_eq!(first.groups.iter().map(|line| line.committed).sum::<usize>(), 2 + 3 + 3 + 2 + 3, "{first}");

    let second = topics::create(&settings).await.unwrap();
    assert!(second.is_good() && !second.layout_made, "{second}");
    assert_eq!(first.layout, second.layout);
    assert!(second.topics.iter().all(|line| line.state == TopicState::Good), "{second}");
    assert!(second.groups.iter().all(|line| line.committed == 0), "{second}");

    let checked = topics::check(&settings).await.unwrap();
    assert!(checked.is_good(), "{checked}");
    let cluster = Cluster::connect(&settings, &CancellationToken::new()).await.unwrap();
    assert_eq!(Some(cluster.layout()), first.layout.as_ref());
    assert_eq!(cluster.topic(Topic::Events), format!("{}.events", settings.kafka.topic_prefix));
    assert!((0..3).contains(&cluster.subscription_partition("any")));
}

#[tokio::test]
async fn two_at_once_pin_one_layout() {
    let settings = rig::settings("race");
    let (one, other) = tokio::join!(topics::create(&settings), topics::create(&settings));
    let pinned = topics::check(&settings).await.unwrap().layout;
    // The slower one may be refused, but nothing is pinned twice.
    for report in [one, other].into_iter().flatten() {
        assert_eq!(report.layout, pinned, "{report}");
    }
    assert!(topics::create(&settings).await.unwrap().is_good());
}

#[tokio::test]
async fn without_topics_a_role_says_what_to_do() {
    let error = connect_error(&rig::settings("absent")).await;
    assert!(matches!(error, ConnectError::Layout(LayoutError::NotCreated { .. })), "{error}");
    assert!(error.to_string().contains("aerogram topics create"));
}

#[tokio::test]
async fn counts_that_differ_from_the_layout_are_named() {
    let mut settings = rig::settings("counts");
    topics::create(&settings).await.unwrap();

    settings.topics.partitions = 5;
    let error = topics::create(&settings).await.unwrap_err();
    assert!(matches!(&error, TopicsError::Pinned { differences, .. } if differences.len() == 1), "{error}");
    let report = topics::check(&settings).await.unwrap();
    assert!(
        !report.is_good() && report.to_string().contains("topics.partitions is 5, pinned is 3"),
        "{report}"
    );
    settings.topics.partitions = 3;

    let attempts = Topic::Attempts.full_name(&settings.kafka.topic_prefix);
    let grown =
        admin().create_partitions(&[NewPartitions::new(&attempts, 4)], &AdminOptions::new()).await.unwrap();
    assert!(grown.iter().all(Result::is_ok), "{grown:?}");
    let differs = format!("{attempts} has 4 and should have 3");
    let error = rig::soon("the growth to show", async {
        loop {
            match Cluster::connect(&settings, &CancellationToken::new()).await {
                // The broker may not have told everybody yet.
                Ok(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
                Err(error) => return error,
            }
        }
    })
    .await;
    assert!(matches!(&error, ConnectError::Layout(LayoutError::PartitionsDiffer { .. })), "{error}");
    assert!(error.to_string().contains(&differs), "{error}");
    let error = topics::create(&settings).await.unwrap_err();
    assert!(error.to_string().contains(&differs), "{error}");
    let report = topics::check(&settings).await.unwrap();
    assert!(!report.is_good() && report.to_string().contains("4 partitions instead of 3"), "{report}");
}

#[tokio::test]
async fn a_topic_in_the_way_stops_the_making_of_others() {
    let settings = rig::settings("way");
    let events = Topic::Events.full_name(&settings.kafka.topic_prefix);
    let topic = NewTopic::new(&events, 7, TopicReplication::Fixed(1));
    admin().create_topics(&[topic], &AdminOptions::new()).await.unwrap();
    let error = topics::create(&settings).await.unwrap_err();
    assert!(matches!(&error, TopicsError::InTheWay { .. }), "{error}");
    assert!(error.to_string().contains("events has 7 and should have 2"), "{error}");
    let report = topics::check(&settings).await.unwrap();
    let missing = report.topics.iter().filter(|line| line.state == TopicState::Missing).count();
    assert_eq!(missing, Topic::ALL.len() - 1, "{report}");
}

#[tokio::test]
async fn without_kafka_a_start_gives_up_in_time_or_when_told() {
    let mut settings = rig::settings("down");
    settings.kafka.brokers = "127.0.0.1:1".to_owned();
    settings.kafka.startup_timeout_ms = 500;
    let error = rig::soon("giving up", connect_error(&settings)).await;
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");

    settings.kafka.startup_timeout_ms = 3_600_000;
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    let connecting = rig::soon("being interrupted", Cluster::connect(&settings, &shutdown)).await;
    assert!(matches!(connecting, Err(ConnectError::Interrupted)));
}
