//! `docs/administer.md`: its example of a file is applied as it stands, with its own commands.

use crate::apply::{next, order};
use crate::cluster::Cluster;
use crate::docs_page::Page;
use crate::docs_run::run;
use crate::publish::event;
use crate::setup::{ADMIN, Setup};
use aerogram_testkit::UpstreamEvent;
use aerogram_testkit::process::bin_dir;
use aerogram_testkit::verify::verify_request;
use anyhow::{Result, ensure};
use std::fs;
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_for_administrators_does_what_it_says() -> Result<()> {
    let cluster = Cluster::start(Setup::new("docs-administer").await?).await?;
    let (page, dir) = (Page::read("docs/administer.md")?, cluster.setup.rig.dir());
    // What stands on the page, and is another in this test.
    let here = |text: &str| {
        let at = cluster.receiver.url("");
        text.replace("https://hooks.example.com", at.trim_end_matches('/'))
            .replace("partner-app", "app-1")
            .replace("OPX", "acme")
            .replace("127.0.0.1:8080", &cluster.setup.api)
            .replace("admin-token", &format!("'{ADMIN}'"))
    };
    let example = here(page.block_with("toml", "[[subscriptions]]")?);
    ensure!(example.contains(&cluster.receiver.url("/orders")), "{example}");
    fs::write(dir.join("customers.toml"), example)?;
    fs::write(dir.join("limits.toml"), page.block_with("toml", "[hosts.")?)?;
    fs::write(dir.join("trial-secret.txt"), "hush-trial\n")?;
    let script = [
        here(page.block_with("sh", "export AEROGRAM_TOKEN")?),
        format!("export PATH={}:$PATH", bin_dir()?.display()),
        here(page.block_with("sh", "subscriptions apply")?),
        "aerogram subscriptions apply - < customers.toml".to_owned(),
        "aerogram config check --config limits.toml".to_owned(),
    ];
    let mut shell = Command::new("bash");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AEROGRAM_")) {
        shell.env_remove(name);
    }
    shell.args(["-euc", &script.join("\n")]).current_dir(dir).envs([
        ("CREW_API_KEY", "hush-crew"),
        ("ORDERS_SIGNING_KEY", "the signing key of orders"),
        ("ORDERS_AUTHORIZATION", "Bearer hush-orders"),
    ]);
    let said = run(&mut shell).await?;
    for part in
        ["3 to be done", "3 created", "nothing to do: 3 as the file says", "host_rate_per_minute = 60000"]
    {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    assert_eq!(said.matches("nothing to do").count(), 3, "{said}");
    let request = next(&cluster, "/orders", &order("documented")).await?;
    verify_request("the signing key of orders", &request)?;
    assert_eq!(request.header("authorization"), Some("Bearer hush-orders"));
    let trial = UpstreamEvent {
        environment: Some("non-production".into()),
        ..event("trial", "FLIGHT_CREW_ASSIGNMENT")
    };
    let request = next(&cluster, "/crew-trial", &trial).await?;
    assert_eq!(request.header("x-payload-signature"), Some("hush-trial"));
    assert_eq!(cluster.receiver.count_on("/crew"), 0);
    Ok(())
}
