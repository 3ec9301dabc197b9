//! kill -9 of an api in the middle of changes: what was answered is there, and nothing was done twice. The client's own notes
//! are the oracle.

use crate::apis::Apis;
use crate::setup::{Setup, token_of};
use crate::topics;
use aerogram_testkit::{Answer, HttpClient};
use aerogram_wire::Topic;
use aerogram_wire::v1::{Status, SubscriptionRecord};
use anyhow::{Context, Result, bail, ensure};
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Changes that are answered in the end.
const CHANGES: usize = 1_000;
/// So many are under way at once.
const CLIENTS: usize = 8;
/// After so many answers of all clients the api is killed.
const KILLED_AFTER: [usize; 4] = [90, 310, 530, 760];
/// Changes of a subscription after its creation.
const PATCHES: usize = 5;
/// A killed process's part is taken over when its session ends, and given back when it is there again.
const ANSWERED_WITHIN: Duration = Duration::from_secs(90);
const ALL_WITHIN: Duration = Duration::from_secs(400);
const RETRY_AFTER: Duration = Duration::from_millis(50);

/// What a client knows of one of its subscriptions, by answers alone.
struct Noted {
    id: String,
    version: u64,
    url: String,
    deleted: bool,
}

/// Asks one api, and asks again what was not answered.
struct Client {
    http: HttpClient,
    base: String,
    number: usize,
    answered: Arc<watch::Sender<usize>>,
    unanswered: Arc<AtomicUsize>,
}

impl Client {
    async fn changes(self, count: usize) -> Result<Vec<Noted>> {
        let mut notes: Vec<Noted> = Vec::new();
        for done in 0..count {
            let even = notes.len().is_multiple_of(2);
            match notes.last_mut().filter(|last| !last.deleted) {
                Some(last) if last.version <= PATCHES as u64 => self.patch(last).await?,
                Some(last) if even => self.delete(last).await?,
                _ => notes.push(self.create(done).await?),
            }
            self.answered.send_modify(|answered| *answered += 1);
        }
        Ok(notes)
    }

    async fn create(&self, number: usize) -> Result<Noted> {
        let url = format!("https://example.com/{}/{number}", self.number);
        let key = format!("creation {number} of client {}", self.number);
        let body = json!({"event": "FLIGHT_CREATE", "callbackUrl": url, "signingKey": "k"});
        let headers = [("idempotency-key", key.as_str())];
        let (answer, _) = self.until_answered(Method::POST, "", &headers, Some(&body)).await?;
        ensure!(answer.status == 201, "creating {url}: {} {}", answer.status, answer.text());
        ensure!(answer.header("etag") == Some("\"1\""), "{:?}", answer.header("etag"));
        let id = answer.json()["id"].as_str().context("no id")?.to_owned();
        Ok(Noted { id, version: 1, url, deleted: false })
    }

    async fn patch(&self, noted: &mut Noted) -> Result<()> {
        let path = format!("/{}", noted.id);
        let (before, wanted) = (format!("\"{}\"", noted.version), format!("\"{}\"", noted.version + 1));
        let url = format!("{}-{}", noted.url, noted.version);
        let (headers, body) = ([("if-match", before.as_str())], json!({ "callbackUrl": url }));
        let (answer, again) = self.until_answered(Method::PATCH, &path, &headers, Some(&body)).await?;
        let answer = match answer.status {
            // A try that was not answered was carried out: nobody else could have changed the version.
            412 if again => self.until_answered(Method::GET, &path, &[], None).await?.0,
            _ => answer,
        };
        ensure!(answer.status == 200, "moving to {url}: {} {}", answer.status, answer.text());
        ensure!(answer.header("etag") == Some(&wanted), "{:?} after {before}", answer.header("etag"));
        ensure!(answer.json()["callbackUrl"] == url.as_str(), "{} is not {url}", answer.text());
        noted.version += 1;
        noted.url = url;
        Ok(())
    }

    async fn delete(&self, noted: &mut Noted) -> Result<()> {
        let path = format!("/{}", noted.id);
        let (answer, again) = self.until_answered(Method::DELETE, &path, &[], None).await?;
        let gone = answer.status == 204 || again && answer.status == 404;
        ensure!(gone, "deleting {}: {} {}", noted.id, answer.status, answer.text());
        noted.version += 1;
        noted.deleted = true;
        Ok(())
    }

    /// The answer, and whether it was asked for more than once.
    async fn until_answered(
        &self,
        method: Method,
        path: &str,
        more: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<(Answer, bool)> {
        let url = format!("{}{path}", self.base);
        let token = token_of("acme");
        let headers = [&[("X-Api-Client-Id", "app-1"), ("X-Auth-Token", token.as_str())], more].concat();
        let until = Instant::now() + ANSWERED_WITHIN;
        let mut again = false;
        loop {
            let told = match self.http.request(method.clone(), &url, &headers, body).await {
                Ok(answer) if ![429, 503].contains(&answer.status) => return Ok((answer, again)),
                Ok(answer) => format!("{} {}", answer.status, answer.text()),
                Err(error) => format!("{error:#}"),
            };
            if Instant::now() >= until {
                bail!("{method} {url} was not answered within {ANSWERED_WITHIN:?}: {told}");
            }
            self.unanswered.fetch_add(1, Ordering::Relaxed);
            again = true;
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_there_and_nothing_was_done_twice() -> Result<()> {
    let mut apis = Apis::start(Setup::new("api-killed").await?, &["api-1", "api-2"]).await?;
    let (tell, mut answered) = watch::channel(0);
    let (tell, unanswered) = (Arc::new(tell), Arc::new(AtomicUsize::new(0)));
    let base_of = |address: &str| format!("http://{address}/api/v2/webhooks/subscriptions");
    let client = |number: usize, address: &str| Client {
        http: HttpClient::new(),
        base: base_of(address),
        number,
        answered: tell.clone(),
        unanswered: unanswered.clone(),
    };
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(client(number, apis.address("api-1")?).changes(CHANGES / CLIENTS));
    }
    for count in KILLED_AFTER {
        tokio::time::timeout(ALL_WITHIN, answered.wait_for(|answered| *answered >= count)).await??;
        apis.cluster.kill9("api-1").await?;
        apis.cluster.start_role("api-1").await?;
    }
    let mut notes: BTreeMap<String, Noted> = BTreeMap::new();
    while let Some(noted) = tokio::time::timeout(ALL_WITHIN, clients.join_next()).await? {
        for noted in noted?? {
            let twice = notes.insert(noted.id.clone(), noted);
            ensure!(twice.is_none(), "two creations made one subscription");
        }
    }
    assert_eq!(*answered.borrow(), CHANGES);
    assert!(unanswered.load(Ordering::Relaxed) > 0, "nobody was interrupted");
    for name in ["api-1", "api-2"] {
        all_there(&client(0, apis.address(name)?), &notes).await?;
    }
    once_each(&apis.cluster.setup, &notes).await?;
    apis.cluster.terminate("api-1").await?;
    apis.cluster.terminate("api-2").await
}

/// What is answered now is what was noted, and nothing besides.
async fn all_there(client: &Client, notes: &BTreeMap<String, Noted>) -> Result<()> {
    let (list, _) = client.until_answered(Method::GET, "", &[], None).await?;
    let list = list.json();
    let url_of =
        |shown: &Value| Some((shown["id"].as_str()?.to_owned(), shown["callbackUrl"].as_str()?.to_owned()));
    let shown: BTreeMap<String, String> = list.as_array().into_iter().flatten().filter_map(url_of).collect();
    let kept = notes.values().filter(|noted| !noted.deleted);
    let expected: BTreeMap<String, String> =
        kept.map(|noted| (noted.id.clone(), noted.url.clone())).collect();
    assert_eq!(shown, expected);
    for noted in notes.values() {
        let (answer, _) = client.until_answered(Method::GET, &format!("/{}", noted.id), &[], None).await?;
        let tag = format!("\"{}\"", noted.version);
        let expected = if noted.deleted { (404, None) } else { (200, Some(tag.as_str())) };
        assert_eq!((answer.status, answer.header("etag")), expected, "{}", answer.text());
    }
    Ok(())
}

/// The log has one state for each change that was answered.
async fn once_each(setup: &Setup, notes: &BTreeMap<String, Noted>) -> Result<()> {
    let mut versions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut deleted = 0;
    for record in topics::decoded::<SubscriptionRecord>(setup, Topic::Subscriptions).await? {
        let state = record.subscription.context("a record without a state")?;
        deleted += usize::from(state.status() == Status::Deleted);
        versions.entry(state.id).or_default().push(state.version);
    }
    for noted in notes.values() {
        let expected: Vec<u64> = (1..=noted.version).collect();
        assert_eq!(versions.remove(&noted.id), Some(expected), "of {}", noted.id);
    }
    assert!(versions.is_empty(), "nobody knows of {versions:?}");
    assert_eq!(deleted, notes.values().filter(|noted| noted.deleted).count());
    Ok(())
}
