//! Each attempt's outcome has a name, a status, a duration and the beginning of the answer: in the attempt's line, in the
//! escalation, and by its name in the metrics.

use crate::cluster::{Cluster, PATIENCE};
use crate::given_up;
use crate::publish::event;
use crate::rest::{ACME, Subscription};
use crate::setup::Setup;
use crate::topics;
use aerogram_testkit::ports::free_port;
use aerogram_testkit::{Behaviour, Receiver, Reply};
use aerogram_wire::Topic;
use aerogram_wire::v1::attempts_record::Body;
use aerogram_wire::v1::{Attempt, AttemptsRecord, Escalation, Line, LineKind, Outcome, Reason};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::time::Duration;

const KIND: &str = "FLIGHT_CREATE";
const SLOW: Duration = Duration::from_millis(700);

/// What a receiver is, and what the attempts to it are called.
struct Case {
    path: &'static str,
    url: String,
    outcome: Outcome,
    status: u32,
    /// Of the answer; of why there was none.
    excerpt: &'static str,
    problem: &'static str,
    least_ms: u32,
}

fn answering(status: u16, body: &'static str) -> Reply {
    Reply::Full { status, headers: Vec::new(), body: body.into() }
}

fn failing(receiver: &Receiver, wrong_name: &Receiver) -> Result<Vec<Case>> {
    let answers = |path, reply: Reply, outcome, excerpt| {
        let status = reply.status().map_or(0, u32::from);
        receiver.behave(path, Behaviour::Always(reply));
        Case { path, url: receiver.url(path), outcome, status, excerpt, problem: "", least_ms: 0 }
    };
    let silent = |path, url, outcome, problem, least_ms| Case {
        path,
        url,
        outcome,
        status: 0,
        excerpt: "",
        problem,
        least_ms,
    };
    let slow = Reply::After(SLOW, Box::new(answering(500, "{\"error\":\"out of order\"}")));
    receiver.behave("/hang", Behaviour::hang());
    receiver.behave("/close", Behaviour::close());
    Ok(vec![
        answers("/400", answering(400, "what is \"data\"?"), Outcome::Http4xx, "what is \"data\"?"),
        answers("/404", Reply::Status(404), Outcome::Http4xx, ""),
        answers("/429", answering(429, "too many"), Outcome::Http429, "too many"),
        Case { least_ms: 700, ..answers("/500", slow, Outcome::Http5xx, "{\"error\":\"out of order\"}") },
        answers("/503", Reply::Status(503), Outcome::Http5xx, ""),
        answers("/302", answering(302, "over there"), Outcome::HttpOther, "over there"),
        silent("/hang", receiver.url("/hang"), Outcome::Timeout, "timed out: ", 1_999),
        silent("/close", receiver.url("/close"), Outcome::Connect, "no valid response: ", 0),
        silent(
            "/nobody",
            format!("https://127.0.0.1:{}/nobody", free_port()?),
            Outcome::Connect,
            "no connection: ",
            0,
        ),
        silent("/tls", wrong_name.url("/tls"), Outcome::Tls, "TLS failed: the certificate is for ", 0),
        silent("/dns", "https://receiver.invalid/dns".to_owned(), Outcome::Dns, "name not resolved: ", 0),
        silent("/blocked", "https://169.254.169.254/latest/".to_owned(), Outcome::Blocked, "blocked: ", 0),
    ])
}

/// Lines about a subscription's only delivery.
async fn lines(
    cluster: &Cluster,
    delivery_id: &[u8],
    reached: impl Fn(&[Line]) -> bool,
) -> Result<Vec<Line>> {
    let of_it = |records: &[AttemptsRecord]| -> Vec<Line> {
        let batches = records.iter().filter_map(|record| match &record.body {
            Some(Body::Batch(batch)) => Some(&batch.lines),
            _ => None,
        });
        batches.flatten().filter(|line| line.delivery_id == delivery_id).cloned().collect()
    };
    let there = |records: &[AttemptsRecord]| reached(&of_it(records));
    Ok(of_it(&topics::wait_for(&cluster.setup, Topic::Attempts, PATIENCE, there).await?))
}

fn as_expected(case: &Case, attempt: &Attempt) {
    let path = case.path;
    assert_eq!((attempt.outcome(), attempt.status), (case.outcome, case.status), "{path}");
    assert_eq!(attempt.excerpt, case.excerpt, "{path}");
    assert!(attempt.problem.starts_with(case.problem), "{path}: {}", attempt.problem);
    assert_eq!(attempt.problem.is_empty(), case.problem.is_empty(), "{path}: {}", attempt.problem);
    assert!(attempt.duration_ms >= case.least_ms, "{path}: {attempt:?}");
    assert_eq!(attempt.tls_problem.is_empty(), case.outcome != Outcome::Tls, "{path}: {attempt:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_attempt_has_the_name_of_what_came_of_it() -> Result<()> {
    let mut setup = Setup::new("contract-outcomes").await?;
    setup.policies(&json!({"twice": {"delays_ms": [0]}}));
    setup.set("DELIVERER__REQUEST_TIMEOUT_MS", "2000");
    let mut cluster = Cluster::start(setup).await?;
    // The api takes what the deliverer will not call, as it did before a network was taken off the list.
    cluster.terminate("api").await?;
    cluster.setup.set("DELIVERER__ALLOW_CIDRS", "127.0.0.0/8,169.254.0.0/16");
    cluster.reconfigure("api");
    cluster.start_role("api").await?;
    let wrong_name = Receiver::start_with(cluster.setup.ca.server_config(&["hooks.example"])?, false).await?;
    let cases = failing(&cluster.receiver, &wrong_name)?;
    let mut hooks = Vec::new();
    for case in &cases {
        hooks.push(cluster.subscribe(ACME, KIND, case.path, &twice(&case.url)).await?);
    }
    let accepted = Reply::After(SLOW, Box::new(answering(202, "thanks")));
    cluster.receiver.behave("/good", Behaviour::Always(accepted));
    cluster.subscribe(ACME, KIND, "/good", &twice(&cluster.receiver.url("/good"))).await?;
    let begun_ms = jiff::Timestamp::now().as_millisecond();
    cluster.upstream.send(&cluster.setup.flights(), &event("one", KIND).structured()).await?;

    let all: Vec<&Subscription> = hooks.iter().collect();
    let escalations = given_up::all(&cluster, &all, PATIENCE).await?;
    for (case, escalation) in cases.iter().zip(&escalations) {
        assert_eq!(escalation.reason(), Reason::Exhausted, "{}", case.path);
        assert_eq!(escalation.attempts.len(), 2, "{}", case.path);
        for (n, attempt) in (1..).zip(&escalation.attempts) {
            assert_eq!(attempt.number, n, "{}", case.path);
            assert!(attempt.started_at_ms >= begun_ms, "{}", case.path);
            as_expected(case, attempt);
        }
        let lines = lines(&cluster, delivery_id(escalation)?, |lines| lines.len() >= 2).await?;
        let told: Vec<Attempt> = lines.into_iter().filter_map(|line| line.attempt).collect();
        assert_eq!(told, escalation.attempts, "{}", case.path);
    }
    delivered(&cluster).await?;
    own_fault(&cluster).await?;

    let metrics = cluster.process("deliverer-1")?.metrics().await?;
    for (outcome, least) in [
        ("delivered", 1),
        ("http_4xx", 4),
        ("http_429", 2),
        ("http_5xx", 4),
        ("http_other", 2),
        ("timeout", 2),
        ("connect", 4),
        ("tls", 2),
        ("dns", 2),
        ("blocked", 2),
        ("platform_error", 1),
    ] {
        let label = format!("outcome=\"{outcome}\"");
        let of_it = metrics
            .lines()
            .filter(|line| line.starts_with("aerogram_delivery_attempts_total") && line.contains(&label));
        let values = of_it.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        assert!(values.sum::<u64>() >= least, "{outcome}: {metrics}");
    }
    Ok(())
}

fn twice(url: &str) -> Value {
    json!({"policy": "twice", "callbackUrl": url})
}

fn delivery_id(escalation: &Escalation) -> Result<&[u8]> {
    Ok(escalation.delivery.as_ref().context("no delivery")?.delivery_id.as_ref())
}

/// An attempt that succeeded has its name, status and duration too, and keeps nothing of the answer.
async fn delivered(cluster: &Cluster) -> Result<()> {
    let request = cluster.receiver.requests_on("/good").pop().context("no request")?;
    let id = request.webhook_id().and_then(|id| id.strip_prefix("msg_")).context("no webhook-id")?;
    let id: Vec<u8> = (0..id.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&id[at..at + 2], 16))
        .collect::<Result<_, _>>()?;
    let lines = lines(cluster, &id, |lines| !lines.is_empty()).await?;
    let [line] = lines.as_slice() else { anyhow::bail!("{lines:?}") };
    let attempt = line.attempt.as_ref().context("no attempt")?;
    assert_eq!(
        (line.kind(), attempt.outcome(), attempt.status),
        (LineKind::Delivered, Outcome::Delivered, 202)
    );
    assert!(attempt.duration_ms >= 700, "{attempt:?}");
    assert_eq!((attempt.problem.as_str(), attempt.excerpt.as_str()), ("", ""));
    Ok(())
}

/// What is our own fault counts against nobody's policy, and is called ours.
async fn own_fault(cluster: &Cluster) -> Result<()> {
    let kind = "OrderDisrupted";
    let repeats = "{{consumer}}".repeat(6);
    let url = cluster.receiver.url("/too-large");
    let extra =
        json!({"policy": "twice", "callbackUrl": url, "httpRequest": {"jsonBody": {"text": repeats}}});
    cluster.subscribe(ACME, kind, "/too-large", &extra).await?;
    let mut large = event("large", kind);
    large.data = json!({"agwID": "A", "orderStatus": "s", "consumer": "x".repeat(200_000)});
    cluster.upstream.send(&cluster.setup.flights(), &large.structured()).await?;
    let ours = |record: &AttemptsRecord| match &record.body {
        Some(Body::Batch(batch)) => batch
            .lines
            .iter()
            .find(|line| line.attempt.as_ref().is_some_and(|a| a.outcome() == Outcome::PlatformError))
            .cloned(),
        _ => None,
    };
    let there = |records: &[AttemptsRecord]| records.iter().any(|record| ours(record).is_some());
    let records: Vec<AttemptsRecord> =
        topics::wait_for(&cluster.setup, Topic::Attempts, PATIENCE, there).await?;
    let line = records.iter().find_map(ours).context("no line")?;
    let attempt = line.attempt.as_ref().context("no attempt")?;
    assert_eq!((line.kind(), line.attempts_made, attempt.status), (LineKind::Retry, 0, 0));
    assert!(attempt.problem.contains("1048576 bytes"), "{}", attempt.problem);
    assert!(line.due_at_ms - attempt.started_at_ms >= 60_000, "{line:?}");
    assert_eq!(cluster.receiver.count_on("/too-large"), 0);
    Ok(())
}
