//! `README.md`: who pastes the lines to the first own subscription gets a delivery.

use crate::cluster::PATIENCE;
use crate::docs_page::Page;
use crate::docs_run::run;
use crate::setup::Setup;
use aerogram_testkit::ports::free_port;
use aerogram_testkit::process::bin_dir;
use aerogram_testkit::verify::verify_all;
use aerogram_testkit::{HttpClient, Receiver};
use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// What stands on the page, and stands for what is different on every machine.
const API: &str = "127.0.0.1:8080";
const INGEST: &str = "127.0.0.1:8081";
const ENDPOINT: &str = "https://hooks.example.com/orders";
const KEY: &str = "your-secret-signing-key-123";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_own_subscription_gets_its_delivery() -> Result<()> {
    let setup = Setup::new("docs-readme").await?;
    let page = Page::read("README.md")?;
    let receiver = Receiver::start(&setup.ca).await?;
    let (admin, dir) = (format!("127.0.0.1:{}", free_port()?), setup.rig.dir());

    // With a certificate of one's own authority, as the page has it for an endpoint on the same machine.
    let start = page
        .block_with("sh", "deliverer.ca_files")?
        .replace("target/debug/aerogram", &bin_dir()?.join("aerogram").display().to_string())
        .replace("ca.pem", &setup.ca.pem_path().display().to_string());
    let output = File::create(dir.join("aerogram.log"))?;
    let mut running = Command::new("bash")
        .args(["-c", &format!("exec {start}")])
        .current_dir(dir)
        .env("AEROGRAM_API__LISTEN", &setup.api)
        .env("AEROGRAM_INGEST__LISTEN", &setup.ingest)
        .env("AEROGRAM_TELEMETRY__ADMIN_LISTEN", &admin)
        .env("AEROGRAM_EMBEDDED__PORT", "0")
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .kill_on_drop(true)
        .spawn()
        .context("starting what the page says")?;
    wait_ready(&mut running, &admin).await?;

    let paste = page
        .block_with("sh", "tokens.env")?
        .replace(API, &setup.api)
        .replace(INGEST, &setup.ingest)
        .replace(ENDPOINT, &receiver.url("/orders"));
    ensure!(paste.contains(&receiver.url("/orders")), "{ENDPOINT} stands on the page no more:\n{paste}");
    run(Command::new("bash").args(["-euc", &paste]).current_dir(dir)).await?;
    receiver.wait_for_count("/orders", 1, PATIENCE).await?;
    verify_all(KEY, &receiver.requests_on("/orders"))
}

async fn wait_ready(running: &mut Child, admin: &str) -> Result<()> {
    let (http, until) = (HttpClient::new(), Instant::now() + PATIENCE);
    loop {
        if let Some(status) = running.try_wait()? {
            bail!("aerogram run ended with {status}; see aerogram.log");
        }
        let answer = http.get(&format!("http://{admin}/readyz"), &[]).await;
        if answer.is_ok_and(|answer| answer.status == 200) {
            return Ok(());
        }
        ensure!(Instant::now() < until, "aerogram run is not ready after {PATIENCE:?}; see aerogram.log");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
