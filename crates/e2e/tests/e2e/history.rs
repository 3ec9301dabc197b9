//! What the list of deliveries says is what receivers wrote down, in every api process, and whatever becomes of its file.

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::publish::{events, structured};
use crate::rest::{ACME, ACME_2, ACME_3, Owner};
use crate::setup::{ADMIN, Setup, token_of};
use aerogram_testkit::ports::free_port;
use aerogram_testkit::process::Finished;
use aerogram_testkit::{Answer, Behaviour, HttpClient, Process, Role};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const KIND: &str = "FLIGHT_CREW_ASSIGNMENT";
/// Between two batches of a load that is not to be more than the machine can do.
const LOAD_PAUSE: Duration = Duration::from_millis(200);

/// Someone who asks one of the apis.
struct Asker {
    base: String,
    client: HttpClient,
    headers: Vec<(&'static str, String)>,
}

impl Asker {
    fn admin(address: &str) -> Self {
        Self::new(address, vec![("Authorization", format!("Bearer {ADMIN}"))])
    }

    fn pair(address: &str, owner: Owner) -> Self {
        let headers =
            vec![("X-Api-Client-Id", owner.client.to_owned()), ("X-Auth-Token", token_of(owner.operator))];
        Self::new(address, headers)
    }

    fn new(address: &str, headers: Vec<(&'static str, String)>) -> Self {
        Self { base: format!("http://{address}/api/v2/webhooks"), client: HttpClient::new(), headers }
    }

    /// Asks until it is not refused for the moment.
    async fn get(&self, path: &str) -> Result<Answer> {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = self.client.get(&format!("{}{path}", self.base), &headers).await?;
            if answer.status != 503 {
                return Ok(answer);
            }
            ensure!(Instant::now() < until, "{path}: {}", answer.text());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn json(&self, path: &str) -> Result<Value> {
        let answer = self.get(path).await?;
        ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.text());
        Ok(answer.json())
    }
}

/// All pages, asking one after the other for each next one.
async fn pages(askers: &[&Asker], query: &str) -> Result<Vec<Value>> {
    let (mut found, mut after) = (Vec::new(), String::new());
    for asker in askers.iter().cycle() {
        let page = asker.json(&format!("/deliveries?{query}{after}")).await?;
        found.extend(page["deliveries"].as_array().context("a list")?.iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    Ok(found)
}

fn id(one: &Value) -> &str {
    one["id"].as_str().unwrap_or_default()
}

fn ids(listed: &[Value]) -> Vec<&str> {
    listed.iter().map(id).collect()
}

/// Waits until every delivery has ended.
async fn all_ended(asker: &Asker) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let open = asker.json("/deliveries?status=PENDING,RETRYING,PARKED&total=true").await?;
        if open["total"] == 0 {
            return Ok(());
        }
        ensure!(Instant::now() < until, "not ended: {open}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A second api beside that of the cluster, with a file of its own.
struct Second {
    role: Role,
    process: Option<Process>,
    address: String,
    file: PathBuf,
}

impl Second {
    async fn start(cluster: &Cluster) -> Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let file = cluster.setup.rig.dir().join("projection.sqlite");
        let role = cluster.setup.role("aerogram-api").named("api-2").env("AEROGRAM_API__LISTEN", &address);
        let role = role.env("AEROGRAM_API__PROJECTION_PATH", file.display().to_string());
        let mut second = Self { role, process: None, address, file };
        second.spawn().await?;
        Ok(second)
    }

    async fn spawn(&mut self) -> Result<()> {
        let mut process = self.role.spawn()?;
        process.wait_ready(PATIENCE).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Its file goes while it runs, then it dies, and another one takes its place.
    async fn lose_the_file(&mut self) -> Result<()> {
        fs::remove_file(&self.file)?;
        self.process.take().context("it runs")?.kill9().await?;
        self.spawn().await
    }
}

async fn start(test: &str) -> Result<(Cluster, Second)> {
    let mut setup = Setup::new(test).await?;
    setup.policies(&json!({"brisk": {"success": [200, 201], "delays_ms": [0, 300]}}));
    // Receivers fail on purpose.
    setup.set("DELIVERER__LANE_FAILURES_MAX", "1000000");
    let cluster = Cluster::start(setup).await?;
    cluster.receiver.behave("/shaky", Behaviour::fail_first(2, 503));
    cluster.receiver.behave("/dead", Behaviour::status(500));
    let second = Second::start(&cluster).await?;
    Ok((cluster, second))
}

async fn publish(cluster: &Cluster, name: &str, count: usize) -> Result<()> {
    cluster.upstream.send_all(&cluster.setup.flights(), &structured(&events(name, KIND, count))).await
}

async fn why(cluster: &Cluster, args: &[&str]) -> Result<Finished> {
    let role = cluster.setup.role("aerogram").env("AEROGRAM_TOKEN", ADMIN).arg("why");
    args.iter().fold(role, |role, arg| role.arg(*arg)).run(PATIENCE).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_says_what_receivers_wrote_down() -> Result<()> {
    const FIRST: usize = 20;
    const MORE: usize = 60;
    let (mut cluster, second) = start("history").await?;
    let brisk = json!({"policy": "brisk"});
    for (owner, path) in [(ACME, "/good"), (ACME_2, "/shaky"), (ACME_3, "/dead")] {
        cluster.subscribe(owner, KIND, path, &brisk).await?;
    }
    let deleted = cluster.subscribe(ACME, KIND, "/deleted", &brisk).await?;
    publish(&cluster, "first", FIRST).await?;
    for (path, requests) in [("/good", 1), ("/shaky", 3), ("/dead", 3), ("/deleted", 1)] {
        cluster.receiver.wait_for_count(path, FIRST * requests, PATIENCE).await?;
    }
    let (one, two) = (Asker::admin(&cluster.setup.api), Asker::admin(&second.address));
    all_ended(&one).await?;
    assert_eq!(cluster.rest.delete(&deleted).await?.status, 204);

    // Pages stay in place while new ones come in.
    let before = pages(&[&two], "limit=200").await?;
    assert_eq!(before.len(), 4 * FIRST);
    let both = [&one, &two];
    let (paged, published) = tokio::join!(pages(&both, "limit=7"), publish(&cluster, "more", MORE));
    published?;
    let paged = paged?;
    let unique: BTreeSet<_> = ids(&paged).into_iter().collect();
    assert_eq!(unique.len(), paged.len(), "repeated");
    let known: BTreeSet<_> = ids(&before).into_iter().collect();
    let same: Vec<_> = ids(&paged).into_iter().filter(|id| known.contains(id)).collect();
    assert_eq!(same, ids(&before), "lost or out of place");

    cluster.receiver.wait_for_count("/dead", 3 * (FIRST + MORE), PATIENCE).await?;
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    all_ended(&two).await?;
    let mut written: BTreeMap<String, (String, Vec<u16>)> = BTreeMap::new();
    for request in cluster.receiver.requests() {
        let id = request.webhook_id().context("a request without webhook-id")?.to_owned();
        let (_, statuses) = written.entry(id).or_insert_with(|| (request.path.clone(), Vec::new()));
        statuses.push(request.reply.status().context("every request is answered")?);
    }
    let listed = pages(&[&one, &two], "limit=50").await?;
    assert_eq!(listed, pages(&[&two], "limit=200").await?);
    let ascending = pages(&[&two, &one], "limit=33&sort=issueDate").await?;
    assert_eq!(ascending.iter().rev().collect::<Vec<_>>(), listed.iter().collect::<Vec<_>>());
    assert_eq!(listed.len(), written.len());
    for (at, delivery) in listed.iter().enumerate() {
        let (path, statuses) = written.get(id(delivery)).with_context(|| format!("nobody got {delivery}"))?;
        let expected = if path == "/dead" { "ESCALATED" } else { "DELIVERED" };
        assert_eq!(delivery["status"], expected, "{delivery}");
        assert_eq!(delivery["attemptsMade"], statuses.len(), "{delivery}");
        assert_eq!(delivery["lastStatus"], json!(statuses.last()), "{delivery}");
        if at % 10 == 0 {
            let shown = two.json(&format!("/deliveries/{}", id(delivery))).await?;
            let told = shown["attempts"].as_array().context("attempts")?;
            let told: Vec<_> = told.iter().map(|attempt| &attempt["status"]).collect();
            assert_eq!(json!(told), json!(statuses), "{shown}");
            let sent = cluster.receiver.requests_of(id(delivery));
            let sent = std::str::from_utf8(&sent[0].body)?;
            if path != "/deleted" {
                assert_eq!((shown["body"].as_str(), &shown["bodyIs"]), (Some(sent), &json!("as_sent")));
            }
        }
    }
    // The history of a deleted subscription stays with its pair.
    let theirs = Asker::pair(&second.address, ACME);
    let of_it = pages(&[&theirs], &format!("subscriptionId={}&limit=200", deleted.id)).await?;
    assert_eq!(of_it.len(), FIRST);
    let not_theirs = Asker::pair(&second.address, ACME_2);
    assert_eq!(not_theirs.get(&format!("/deliveries/{}", id(&of_it[0]))).await?.status, 404);

    let told = why(&cluster, &["first-0"]).await?;
    assert!(told.status.success(), "{told:?}");
    for part in ["event first-0 (FLIGHT_CREW_ASSIGNMENT)", "ESCALATED", "DELIVERED", "see escalation msg_"] {
        assert!(told.stdout.contains(part), "{part:?} is not in {told:?}");
    }
    let unknown = why(&cluster, &["no-such-event"]).await?;
    assert_eq!(unknown.status.code(), Some(1), "{unknown:?}");
    assert!(unknown.stderr.contains("history reaches back to"), "{unknown:?}");
    cluster.terminate_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_deleted_under_load_comes_back_equal() -> Result<()> {
    const EVENTS: usize = 20;
    let (cluster, mut second) = start("history-deleted").await?;
    let brisk = json!({"policy": "brisk"});
    for (owner, path) in [(ACME, "/good"), (ACME_2, "/shaky"), (ACME_3, "/dead")] {
        cluster.subscribe(owner, KIND, path, &brisk).await?;
    }
    let deleted = cluster.subscribe(ACME, KIND, "/deleted", &brisk).await?;
    publish(&cluster, "before", EVENTS).await?;
    cluster.receiver.wait_for_count("/deleted", EVENTS, PATIENCE).await?;
    // The load goes on until the file has come back.
    let mut rounds = 0;
    {
        let lost = second.lose_the_file();
        tokio::pin!(lost);
        loop {
            publish(&cluster, &format!("during-{rounds}"), EVENTS).await?;
            rounds += 1;
            if rounds == 2 {
                assert_eq!(cluster.rest.delete(&deleted).await?.status, 204);
            }
            tokio::select! {
                lost = &mut lost => {
                    lost?;
                    break;
                }
                () = tokio::time::sleep(LOAD_PAUSE) => {}
            }
        }
    }
    publish(&cluster, "after", EVENTS).await?;
    let events = EVENTS * (rounds + 2);
    cluster.receiver.wait_for_count("/dead", 3 * events, PATIENCE).await?;
    cluster.receiver.wait_until_quiet(QUIET, PATIENCE).await?;

    let (kept, anew) = (Asker::admin(&cluster.setup.api), Asker::admin(&second.address));
    all_ended(&kept).await?;
    let expected = pages(&[&kept], "limit=200").await?;
    let found = pages(&[&anew], "limit=200").await?;
    let difference = expected.iter().zip(&found).find(|(expected, found)| expected != found);
    assert_eq!((difference, found.len()), (None, expected.len()));
    assert_eq!(pages(&[&kept, &anew], "limit=31").await?, expected);
    for delivery in expected.iter().step_by(20) {
        let path = format!("/deliveries/{}", id(delivery));
        assert_eq!(anew.json(&path).await?, kept.json(&path).await?);
    }
    for asker in [&kept, &anew] {
        let of_it = pages(&[asker], &format!("subscriptionId={}&limit=200", deleted.id)).await?;
        assert!(of_it.len() >= EVENTS, "{}", of_it.len());
    }
    Ok(())
}
