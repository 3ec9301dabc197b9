use std::collections::BTreeSet;

use aerogram_domain::escalations::{REASONS, reason_name};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::names::{
    DELIVERY_ATTEMPT_DURATION_SECONDS, END_TO_END_SECONDS, ESCALATIONS_TOTAL, FROM_ZERO, TABLE,
};
use crate::{AdminError, AdminServer, Health, Recorder, Shutdown};

async fn get(server: &AdminServer, path: &str) -> String {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn recorder() -> Recorder {
    Recorder::from(crate::recorder::build().unwrap().handle())
}

#[test]
fn names_are_unique_and_follow_the_conventions() {
    let names: BTreeSet<_> = TABLE.iter().map(|metric| metric.name).collect();
    assert_eq!(names.len(), TABLE.len());
    for metric in TABLE {
        assert!(
            metric.name.starts_with("aerogram_") || metric.name.starts_with("process_"),
            "{}",
            metric.name
        );
        let counter = metric.kind == crate::names::Kind::Counter;
        assert_eq!(counter, metric.name.ends_with("_total"), "{}", metric.name);
        assert!(!metric.help.is_empty());
    }
}

#[test]
fn histograms_have_buckets() {
    let prometheus = crate::recorder::build().unwrap();
    let handle = prometheus.handle();
    metrics::with_local_recorder(&prometheus, || {
        crate::names::describe_all();
        metrics::histogram!(DELIVERY_ATTEMPT_DURATION_SECONDS).record(0.2);
        metrics::histogram!(END_TO_END_SECONDS).record(7_000.0);
    });
    let text = Recorder::from(handle).render();
    assert!(text.contains("aerogram_delivery_attempt_duration_seconds_bucket{le=\"0.25\"} 1"), "{text}");
    assert!(text.contains("aerogram_end_to_end_seconds_bucket{le=\"7200\"} 1"), "{text}");
    assert!(text.contains("# HELP aerogram_end_to_end_seconds"), "{text}");
}

#[test]
fn the_process_shows_its_cpu_and_memory() {
    let mut text = String::new();
    crate::process::render(&mut text);
    assert!(text.contains("process_cpu_seconds_total "), "{text}");
    assert!(crate::process::resident_bytes().unwrap() > 100_000);
}

#[tokio::test]
async fn readiness_needs_every_condition_and_ends_with_draining() {
    let health = Health::new();
    let folded = health.condition("subscriptions folded");
    let assigned = health.condition("partitions assigned");
    let server = AdminServer::start("127.0.0.1:0", health.clone(), recorder()).await.unwrap();
    folded.set(true, "12 of 12 partitions");
    assigned.set(false, "waiting for the group");

    let answer = get(&server, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("waiting for the group") && answer.contains("12 of 12 partitions"), "{answer}");
    assigned.set(true, "6 partitions");
    assert!(get(&server, "/readyz").await.starts_with("HTTP/1.1 200"));
    health.draining();
    let answer = get(&server, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("\"draining\":true"), "{answer}");
    assert!(get(&server, "/livez").await.starts_with("HTTP/1.1 200"));
    assert!(get(&server, "/metrics").await.contains("process_resident_memory_bytes"));
}

#[test]
fn a_notice_is_shown_and_takes_nobody_out_of_service() {
    let health = Health::new();
    health.condition("needed").set(true, "there");
    let notice = health.notice("nice to have");
    assert!(health.is_ready());
    notice.set(false, "stands still");
    assert!(health.is_ready());
    let report = health.report();
    assert_eq!(report["conditions"][1]["text"], "stands still");
    assert_eq!(report["conditions"][1]["required"], false);
}

#[test]
fn a_condition_of_the_same_name_is_the_same() {
    let health = Health::new();
    assert!(!health.is_ready(), "who has said nothing yet is still starting");
    health.condition("a").set(true, "yes");
    assert!(health.condition("a").holds());
    assert!(health.is_ready());
}

#[tokio::test]
async fn a_taken_admin_port_is_said_so() {
    let first = AdminServer::start("127.0.0.1:0", Health::new(), recorder()).await.unwrap();
    let listen = first.address().to_string();
    let error = AdminServer::start(&listen, Health::new(), recorder()).await.unwrap_err();
    assert!(matches!(&error, AdminError::InUse(address) if *address == listen));
    assert!(error.to_string().contains("telemetry.admin_listen"));
    let error = AdminServer::start("256.0.0.1:1", Health::new(), recorder()).await.unwrap_err();
    assert!(matches!(error, AdminError::Listen { .. }), "{error}");
}

#[tokio::test]
async fn shutdown_reaches_every_clone() {
    let shutdown = Shutdown::new();
    let clone = shutdown.clone();
    assert!(!clone.is_triggered());
    shutdown.trigger();
    clone.wait().await;
    assert!(clone.is_triggered());
}

#[test]
fn parts_are_told_apart_and_all_must_have_begun() {
    let health = Health::new();
    let (first, second) = (health.part("first"), health.part("second"));
    first.condition("connected").set(true, "yes");
    assert!(!health.is_ready(), "the second part has registered nothing yet");
    second.condition("connected").set(false, "no");
    assert!(!health.is_ready() && first.condition("connected").holds());
    second.condition("connected").set(true, "yes");
    assert!(health.is_ready());
    let names = health.report()["conditions"].as_array().unwrap().len();
    assert_eq!(names, 2);
}

#[tokio::test]
async fn the_process_shows_what_its_partitions_told_last() {
    use crate::top::{Lane, Sending, Top, TopPage};
    let health = Health::new();
    let server = AdminServer::start("127.0.0.1:0", health.clone(), recorder()).await.unwrap();
    let mut publisher = Top::of_process().sending();
    let row = |id: &str, lane| Sending { subscription_id: id.to_owned(), lane, ..Sending::default() };
    publisher.publish(0, |_| vec![row("well", Lane::Well), row("shut", Lane::Shut)]);
    health.notice("store").set(false, "has no room");
    let answer = get(&server, "/top?limit=1").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\"lane\":\"shut\""), "{answer}");
    let page: TopPage = serde_json::from_str(answer.rsplit("\r\n\r\n").next().unwrap()).unwrap();
    assert_eq!((page.sending_partitions, page.sending.len()), (1, 1));
    assert_eq!(page.troubles, ["store: has no room"]);
    assert!(get(&server, "/top?limit=many").await.starts_with("HTTP/1.1 400"));
}

#[test]
fn every_metric_stands_on_the_page_with_its_labels_and_no_other_does() {
    let page = include_str!("../../../docs/metrics.md");
    for metric in TABLE {
        let begins = format!("| `{}` |", metric.name);
        let row = page.lines().find(|line| line.starts_with(&begins));
        let row = row.unwrap_or_else(|| panic!("docs/metrics.md has no row of {}", metric.name));
        let labels = row.split('|').nth(2).unwrap();
        for label in metric.labels {
            assert!(
                labels.contains(&format!("`{label}`")),
                "docs/metrics.md: {} has a label {label}",
                metric.name
            );
        }
        assert!(!metric.labels.is_empty() || labels.trim().is_empty(), "{} has no label", metric.name);
    }
    for row in page.lines().filter_map(|line| line.strip_prefix("| `")) {
        let name = row.split('`').next().unwrap();
        let is_row_of_a_metric = !name.contains(|c: char| !c.is_ascii_lowercase() && c != '_');
        let is_known = TABLE.iter().any(|metric| metric.name == name);
        assert!(is_known || !is_row_of_a_metric, "docs/metrics.md: there is no metric {name}");
    }
}

#[test]
fn what_alarms_watch_is_there_before_it_happens() {
    // The only one of this test binary: a process has one.
    let text = Recorder::install("test").unwrap().render();
    let page = include_str!("../../../docs/metrics.md");
    for (name, label, values) in FROM_ZERO {
        assert!(TABLE.iter().any(|m| m.name == *name && m.labels == [*label]), "{name}");
        let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).unwrap();
        for value in *values {
            assert!(text.contains(&format!("{name}{{{label}=\"{value}\"}} 0\n")), "{name} {value}: {text}");
            assert!(row.contains(&format!("`{value}`")), "docs/metrics.md: {name} has a {label} {value}");
        }
    }
}

#[test]
fn every_reason_of_an_escalation_begins_at_zero() {
    let (_, _, begun) = FROM_ZERO.iter().find(|(name, ..)| *name == ESCALATIONS_TOTAL).unwrap();
    let known: BTreeSet<_> = REASONS.into_iter().map(reason_name).chain(["other"]).collect();
    assert_eq!(begun.iter().copied().collect::<BTreeSet<_>>(), known);
}

#[test]
fn no_label_has_a_value_for_each_subscription_or_receiver() {
    const KNOWN: [&str; 16] = [
        "command",
        "event",
        "fault",
        "kind",
        "outcome",
        "partition",
        "reason",
        "result",
        "role",
        "route",
        "state",
        "status",
        "topic",
        "type",
        "version",
        "where",
    ];
    for metric in TABLE {
        for label in metric.labels {
            assert!(
                KNOWN.contains(label),
                "{} has a label {label}: are its values few, and listed in docs/metrics.md? Then it belongs here",
                metric.name
            );
        }
    }
}
