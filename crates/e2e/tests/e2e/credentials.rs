//! The credentials file while processes run: a token made with `aerogram credentials new` counts in api and ingest without a
//! restart, a mistake in the file changes nothing, and what is done with a token stands in the log.

use crate::cluster::PATIENCE;
use crate::setup::Setup;
use aerogram_testkit::process::Finished;
use aerogram_testkit::{HttpClient, Process};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

struct Running {
    setup: Setup,
    api: Process,
    ingest: Process,
    http: HttpClient,
    file: String,
}

impl Running {
    async fn start() -> Result<Self> {
        let mut setup = Setup::new("credentials").await?;
        setup.set("CREDENTIALS__RELOAD_MS", "100");
        // The tests ask with tokens until they count.
        setup.set("API__FAILED_LOGINS_PER_MINUTE", "0");
        setup.create_topics().await?;
        let spawn = |name: &str| setup.role(&format!("aerogram-{name}")).named(name).spawn();
        let (mut api, mut ingest) = (spawn("api")?, spawn("ingest")?);
        api.wait_ready(PATIENCE).await?;
        ingest.wait_ready(PATIENCE).await?;
        let file = setup.rig.dir().join("credentials.toml").display().to_string();
        Ok(Self { setup, api, ingest, http: HttpClient::new(), file })
    }

    async fn credentials(&self, args: &[&str]) -> Result<Finished> {
        let role = self.setup.role("aerogram").arg("credentials");
        args.iter().fold(role, |role, arg| role.arg(*arg)).run(PATIENCE).await
    }

    /// The token alone is on standard output.
    async fn added(&self, args: &[&str]) -> Result<String> {
        let finished = self.credentials(&[&["new"], args, &["--append", &self.file]].concat()).await?;
        ensure!(finished.status.success(), "{finished:?}");
        Ok(finished.stdout.trim().to_owned())
    }

    async fn subscriptions(&self, token: &str) -> Result<u16> {
        let url = format!("http://{}/api/v2/webhooks/subscriptions", self.setup.api);
        Ok(self.http.get(&url, &headers(token)).await?.status)
    }

    /// Of a request that holds no event.
    async fn published(&self, token: &str) -> Result<u16> {
        let url = format!("http://{}/v1/events", self.setup.ingest);
        let bearer = format!("Bearer {token}");
        Ok(self.http.post(&url, &[("authorization", &bearer)], &json!([{}])).await?.status)
    }

    /// Whether both say that the file cannot be used.
    async fn are_stale(&self) -> Result<bool> {
        let (api, ingest) = (self.api.metrics().await?, self.ingest.metrics().await?);
        Ok([api, ingest].iter().all(|metrics| metrics.contains("aerogram_credentials_stale 1\n")))
    }
}

fn headers(token: &str) -> [(&str, &str); 2] {
    [("x-api-client-id", "app-1"), ("x-auth-token", token)]
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !holds().await? {
        ensure!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_added_counts_everywhere_without_a_restart() -> Result<()> {
    let running = Running::start().await?;
    let subscriber = ["subscriber", "--operator", "acme", "--client", "app-1", "--name", "spring"];
    let subscriber = running.added(&subscriber).await?;
    ensure!(subscriber.starts_with("aero_sub_"), "{subscriber}");
    until("the subscriber is let in", async || Ok(running.subscriptions(&subscriber).await? == 200)).await?;
    let publisher = running.added(&["publisher", "--name", "later", "--operators", "*"]).await?;
    until("the publisher is let in", async || Ok(running.published(&publisher).await? == 400)).await?;
    assert_eq!(running.published(&subscriber).await?, 401);

    let before = fs::read_to_string(&running.file)?;
    fs::write(&running.file, format!("{before}surprise = 1\n[[admins]]\nname = \"nobody\"\n"))?;
    until("both tell of the mistake", async || running.are_stale().await).await?;
    assert_eq!((running.subscriptions(&subscriber).await?, running.published(&publisher).await?), (200, 400));
    assert_eq!(running.api.readyz().await?.0, 200);
    let checked = running.credentials(&["check", &running.file]).await?;
    assert_eq!(checked.status.code(), Some(2), "{checked:?}");
    for part in ["surprise", "admins[1].sha256"] {
        assert!(checked.stderr.contains(part), "{part} is not in {checked:?}");
    }

    // Without the subscriber: the publisher's lines stand last.
    let place = before.find("[[tokens]]\nname = \"spring\"").context("the lines that were added")?;
    let rest = before[place..].find("[[publishers]]").context("the lines that were added later")?;
    fs::write(&running.file, format!("{}{}", &before[..place], &before[place + rest..]))?;
    until("the subscriber is out", async || Ok(running.subscriptions(&subscriber).await? == 401)).await?;
    assert_eq!(running.published(&publisher).await?, 400);
    until("the file is right again", async || Ok(!running.are_stale().await?)).await?;
    let checked = running.credentials(&["check"]).await?;
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    assert!(checked.stdout.contains("later") && !checked.stdout.contains("spring"), "{checked:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_changed_what_stands_in_the_log_and_no_token_does() -> Result<()> {
    let running = Running::start().await?;
    let token =
        running.added(&["subscriber", "--operator", "acme", "--client", "app-1", "--name", "spring"]).await?;
    until("the subscriber is let in", async || Ok(running.subscriptions(&token).await? == 200)).await?;
    let url = format!("http://{}/api/v2/webhooks/subscriptions", running.setup.api);
    let body = json!({
        "event": "FLIGHT_CREATE", "callbackUrl": "https://example.com/hook", "signingKey": "hush-hush-hush",
    });
    let created = running.http.post(&url, &headers(&token), &body).await?;
    ensure!(created.status == 201, "{}", created.text());
    let id = created.json()["id"].as_str().context("no id")?.to_owned();
    let paused = json!({"status": "INACTIVE"});
    let changed = running.http.patch(&format!("{url}/{id}"), &headers(&token), &paused).await?;
    ensure!(changed.status == 200, "{}", changed.text());

    let log = running.api.log()?;
    let lines: Vec<Value> = log
        .lines()
        .filter(|line| line.contains("a subscription was changed"))
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let told: Vec<_> = lines
        .iter()
        .map(|line| [&line["method"], &line["version"], &line["subscription_id"]].map(ToString::to_string))
        .collect();
    let id = format!("{id:?}");
    assert_eq!(told, [["\"POST\"", "1", id.as_str()], ["\"PATCH\"", "2", id.as_str()]]);
    for line in &lines {
        for (field, value) in
            [("actor", "app-1"), ("operator", "acme"), ("token_name", "spring"), ("peer", "127.0.0.1")]
        {
            assert_eq!(line[field], value, "{line}");
        }
    }
    assert!(!log.contains(&token) && !log.contains("hush-hush-hush"));
    Ok(())
}
