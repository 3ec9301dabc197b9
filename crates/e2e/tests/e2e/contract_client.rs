//! A client in another language, written from the description of version 2.4.0 alone, finds what it expects.

use crate::apis::Apis;
use crate::cluster::{Cluster, PATIENCE};
use crate::docs_page::root;
use crate::docs_run::run;
use crate::publish::event;
use crate::rest::ACME;
use crate::setup::{Setup, token_of};
use anyhow::Result;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::fs::OpenOptions;
use std::io::Write as _;
use tokio::process::Command;

/// What the entitlement of [`LIMITED_TOKEN`] is.
const LIMITED_EVENT: &str = "FLIGHT_CREW_ASSIGNMENT";
const LIMITED_TOKEN: &str = "token of acme for one event";
/// Deliveries of the pair whose history is looked at.
const DELIVERIES: usize = 7;

/// Adds a token that is entitled to one event to the credentials of a test whose processes do not run yet.
pub fn with_limited(setup: Setup) -> Result<Setup> {
    let sha256: String = Sha256::digest(LIMITED_TOKEN).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut file = OpenOptions::new().append(true).open(setup.rig.dir().join("credentials.toml"))?;
    writeln!(
        file,
        "\n[[tokens]]\nsha256 = \"{sha256}\"\noperator = \"acme\"\nclients = [\"app-1\"]\nevents = [\"{LIMITED_EVENT}\"]"
    )?;
    Ok(setup)
}

/// Runs the client against processes at these addresses, in turn. It fails with a list of what it did not find. `deliveries`:
/// it looks at the history too, of so many.
pub async fn passes(addresses: &[&str], callback: &str, deliveries: Option<usize>) -> Result<()> {
    let pair = |operator: &str| format!("app-1:{}", token_of(operator));
    let mut command = Command::new("python3");
    command.arg(root().join("crates/e2e/contract/client.py"));
    for address in addresses {
        command.args(["--base", &format!("http://{address}")]);
    }
    command.args(["--pair", &pair("acme"), "--other", &pair("bluejet"), "--callback", callback]);
    command.args(["--limited", &format!("app-1:{LIMITED_TOKEN}:{LIMITED_EVENT}")]);
    if let Some(count) = deliveries {
        command.args(["--deliveries", &count.to_string()]);
    }
    let said = run(&mut command).await?;
    println!("{said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_api_is_what_a_client_of_the_contract_expects() -> Result<()> {
    let apis = Apis::start(with_limited(Setup::new("contract").await?)?, &["api"]).await?;
    passes(&[apis.address("api")?], "https://127.0.0.1:8443/hook", None).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_history_is_what_a_client_expects() -> Result<()> {
    let cluster = Cluster::start(with_limited(Setup::new("contract-history").await?)?).await?;
    let kind = "FLIGHT_MOVEMENT_UPDATE";
    let hook = cluster.subscribe(ACME, kind, "/hook", &json!({})).await?;
    for number in 0..DELIVERIES {
        let event = event(&format!("movement-{number}"), kind);
        cluster.upstream.send(&cluster.setup.flights(), &event.structured()).await?;
    }
    cluster.receiver.wait_for_count(&hook.path, DELIVERIES, PATIENCE).await?;
    passes(&[&cluster.setup.api], &cluster.receiver.url("/client"), Some(DELIVERIES)).await
}
