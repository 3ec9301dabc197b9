//! One callback URL under the profile staffing: two api processes, moves that are cut short, and where deliveries go.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::publish::event;
use crate::rest::{ACME, BLUEJET, Rest, Subscription};
use crate::setup::Setup;
use aerogram_testkit::ports::free_port;
use aerogram_testkit::{Answer, Process};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::time::Instant;

const KINDS: [&str; 3] = ["FLIGHT_CREW_ASSIGNMENT", "FLIGHT_CREATE", "FLIGHT_CANCEL"];
const MANY: usize = 30;

fn extra() -> Value {
    json!({"profile": "staffing", "authentication": {"type": "apiKey", "key": "k"}})
}

fn wish(cluster: &Cluster, path: &str) -> Value {
    let mut body = extra();
    body["event"] = json!(KINDS[0]);
    body["callbackUrl"] = json!(cluster.receiver.url(path));
    body
}

/// Another process of the api.
async fn second_api(cluster: &Cluster) -> Result<(Process, Rest)> {
    let listen = format!("127.0.0.1:{}", free_port()?);
    let role = cluster.setup.role("aerogram-api").named("api-2").env("AEROGRAM_API__LISTEN", &listen);
    Ok((role.start().await?, Rest::new(&listen)))
}

async fn url_of(rest: &Rest, subscription: &Subscription) -> Result<String> {
    let answer = rest.get(subscription).await?;
    let url = answer.json()["callbackUrl"].as_str().map(str::to_owned);
    url.with_context(|| format!("{} {}", answer.status, answer.text()))
}

fn created(answer: &Answer, path: &str) -> Result<Subscription> {
    let id = answer.json()["id"].as_str().context("a subscription without id")?.to_owned();
    Ok(Subscription { id, path: path.to_owned(), key: String::new(), owner: BLUEJET })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_deliveries_of_a_pair_move_together() -> Result<()> {
    let cluster = Cluster::start(Setup::new("one-url").await?).await?;
    let receiver = &cluster.receiver;
    let (second, other) = second_api(&cluster).await?;
    let mut hooks = Vec::new();
    for kind in KINDS {
        hooks.push(cluster.subscribe(ACME, kind, "/old", &extra()).await?);
    }
    let refused = other.create(ACME, &wish(&cluster, "/new")).await?;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains(&receiver.url("/old")), "{}", refused.text());

    let publish = async |name: &str| -> Result<()> {
        for kind in KINDS {
            let record = event(&format!("{name}-{kind}"), kind).structured();
            cluster.upstream.send(&cluster.setup.flights(), &record).await?;
        }
        Ok(())
    };
    publish("before").await?;
    receiver.wait_for_count("/old", KINDS.len(), PATIENCE).await?;
    let moved = other.patch(&hooks[1], &json!({"callbackUrl": receiver.url("/new")})).await?;
    assert_eq!(moved.status, 200, "{}", moved.text());
    publish("after").await?;
    receiver.wait_for_count("/new", KINDS.len(), PATIENCE).await?;
    receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    assert_eq!((receiver.count_on("/old"), receiver.count_on("/new")), (KINDS.len(), KINDS.len()));

    // At once through two processes: one of them at most, and what was answered is so.
    for round in 0..6 {
        let (one, two) = (wish(&cluster, "/one"), wish(&cluster, "/two"));
        let (one, two) = tokio::join!(cluster.rest.create(BLUEJET, &one), other.create(BLUEJET, &two));
        let (one, two) = (one?, two?);
        let (winner, loser, path) = if one.status == 201 { (one, two, "/one") } else { (two, one, "/two") };
        assert_eq!((winner.status, loser.status), (201, 409), "round {round}: {}", loser.text());
        let winner = created(&winner, path)?;
        assert_eq!(url_of(&other, &winner).await?, receiver.url(path), "round {round}");
        let another = other.create(BLUEJET, &wish(&cluster, path)).await?;
        assert_eq!(another.status, 201, "round {round}: {}", another.text());
        for subscription in [winner, created(&another, path)?] {
            assert_eq!(cluster.rest.delete(&subscription).await?.status, 204);
        }
    }
    ensure!(second.terminate(PATIENCE).await?.success(), "the second api did not end well");
    Ok(())
}

/// The process that moves them is killed; whoever repeats the change completes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_was_cut_short_is_completed_by_a_repeat() -> Result<()> {
    let mut setup = Setup::new("one-url-cut").await?;
    // It looks as often as it can.
    setup.set("API__CLIENT_RATE_PER_MINUTE", "0");
    let mut cluster = Cluster::start(setup).await?;
    let (_second, other) = second_api(&cluster).await?;
    let mut hooks = Vec::new();
    for _ in 0..MANY {
        hooks.push(cluster.subscribe(ACME, KINDS[0], "/old", &extra()).await?);
    }
    let (named, new) = (hooks[MANY / 2].clone(), cluster.receiver.url("/new"));
    let change = json!({"callbackUrl": new});
    let moving = tokio::spawn({
        let (rest, named, change) = (Rest::new(&cluster.setup.api), named.clone(), change.clone());
        async move { rest.patch(&named, &change).await }
    });
    let until = Instant::now() + PATIENCE;
    while url_of(&other, &named).await? != new {
        assert!(Instant::now() < until, "the move does not begin");
    }
    cluster.kill9("api").await?;
    // It was answered or not; either way a repeat is right.
    drop(moving.await?);
    let answer = loop {
        // Partitions of the killed process are taken over meanwhile.
        let answer = other.patch(&named, &change).await?;
        if answer.status != 503 {
            break answer;
        }
        assert!(Instant::now() < until, "{}", answer.text());
    };
    assert_eq!((answer.status, &answer.json()["callbackUrl"]), (200, &json!(new)), "{}", answer.text());
    for hook in &hooks {
        assert_eq!(url_of(&other, hook).await?, new);
    }
    let refused = other.create(ACME, &wish(&cluster, "/old")).await?;
    assert_eq!(refused.status, 409, "{}", refused.text());
    Ok(())
}
