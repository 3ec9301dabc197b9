//! What `apply --prune` deletes, and what it leaves alone.

use super::{apply, listed, named, nothing_to_do, said, written};
use crate::cluster::Cluster;
use crate::rest::{ACME, BLUEJET};
use anyhow::{Context as _, Result};
use std::fs;

pub async fn pruned_and_made_again(cluster: &Cluster, path: &str) -> Result<()> {
    let only = |name: &str| -> Result<String> {
        let text = fs::read_to_string(path)?;
        let tables = text.split("[[subscriptions]]").skip(1);
        let kept = tables.filter(|table| table.contains(&format!("name = \"{name}\"")));
        Ok(kept.map(|table| format!("[[subscriptions]]{table}")).collect())
    };
    let orders = written(cluster, "orders.toml", &only("orders")?)?;
    let shown = apply(cluster, &orders, &["--prune", "--dry-run"]).await?;
    said(&shown, 0, &["delete      app-1 acme  crew", "delete      app-1 acme  taken in"]);
    let asked = apply(cluster, &orders, &["--prune"]).await?;
    said(
        &asked,
        1,
        &["2 subscriptions the file does not name will be deleted. Go on? [y/N]", "nothing was done"],
    );
    assert_eq!(listed(cluster, ACME).await?.len(), 3);
    said(&apply(cluster, &orders, &["--prune", "--yes"]).await?, 0, &["2 deleted"]);
    nothing_to_do(cluster, &orders, &["--prune"]).await?;
    assert_eq!(listed(cluster, ACME).await?.len(), 1);
    // Another pair's are nobody's business.
    assert_eq!(listed(cluster, BLUEJET).await?.len(), 1);

    // What was deleted can be made again on the same day, as often as it is wanted, and with another URL.
    let crew = only("crew")?;
    for (round, url) in ["/crew", "/crew", "/crew-moved", "/crew"].into_iter().enumerate() {
        let path = written(cluster, "crew.toml", &crew.replace("/crew\"", &format!("{url}\"")))?;
        let made = apply(cluster, &path, &["--prune", "--yes"]).await?;
        said(&made, 0, &["created     app-1 acme  crew"]);
        nothing_to_do(cluster, &path, &[]).await.with_context(|| format!("round {round}"))?;
        said(
            &apply(cluster, &orders, &["--prune", "--yes"]).await?,
            0,
            &["created     app-1 acme  orders", "1 deleted"],
        );
    }

    // A customer with one URL moves as a whole, and another name takes over from the one before.
    let two =
        format!("{crew}{}", crew.replace("\"crew\"", "\"crew 2\"").replace("ASSIGNMENT", "DOCUMENT_UPDATE"));
    let both = written(cluster, "both.toml", &two)?;
    said(&apply(cluster, &both, &[]).await?, 0, &["2 created"]);
    // A second URL is known to be refused, and one line moves what is not in the file.
    let second = crew.replace("\"crew\"", "\"crew 3\"").replace("/crew\"", "/crew-moved\"");
    let second = written(cluster, "second.toml", &second)?;
    let shown = apply(cluster, &second, &["--dry-run"]).await?;
    said(&shown, 1, &["impossible  app-1 acme  crew 3", "allows one callbackUrl for production"]);
    let alone = written(cluster, "alone.toml", &crew.replace("/crew\"", "/crew-moved\""))?;
    said(
        &apply(cluster, &alone, &["--dry-run"]).await?,
        0,
        &["update      app-1 acme  crew", "also moves crew 2"],
    );
    let moved = written(cluster, "both.toml", &two.replace("/crew\"", "/crew-moved\""))?;
    said(&apply(cluster, &moved, &[]).await?, 0, &["2 updated"]);
    nothing_to_do(cluster, &moved, &[]).await?;
    // The old one stays as long as there is nothing in its place.
    let before = listed(cluster, ACME).await?;
    let failing =
        crew.replace("\"crew\"", "\"crew 3\"").replace("profile =", "policy = \"nobody's\"\nprofile =");
    let failing = written(cluster, "failing.toml", &failing.replace("/crew\"", "/crew-moved\""))?;
    let kept = apply(cluster, &failing, &["--prune", "--yes"]).await?;
    said(
        &kept,
        1,
        &[
            "failed      app-1 acme  crew 3",
            "kept        app-1 acme  crew 2",
            "not deleted, because crew 3 failed",
        ],
    );
    let id = before
        .iter()
        .find(|one| one["name"] == "crew")
        .and_then(|one| one["id"].as_str())
        .context("no id")?;
    let mistyped = crew.replace("name = \"crew\"", &format!("id = \"{id}x\""));
    let mistyped = written(cluster, "mistyped.toml", &mistyped)?;
    let shown = apply(cluster, &mistyped, &["--prune", "--dry-run"]).await?;
    said(
        &shown,
        1,
        &["kept        app-1 acme  crew", "can't become what the file says", "the pair has no subscription"],
    );
    said(&apply(cluster, &mistyped, &["--prune", "--yes"]).await?, 1, &["kept        app-1 acme  crew"]);
    assert_eq!(listed(cluster, ACME).await?.len(), before.len());
    let renamed = written(cluster, "renamed.toml", &crew.replace("\"crew\"", "\"crew 3\""))?;
    said(
        &apply(cluster, &renamed, &["--prune", "--yes"]).await?,
        0,
        &["created     app-1 acme  crew 3", "deleted     app-1 acme  crew 2"],
    );
    nothing_to_do(cluster, &renamed, &["--prune"]).await
}

/// Within a day, and so under the same `Idempotency-Key`.
pub async fn renamed_by_somebody_else_is_left_alone(cluster: &Cluster) -> Result<()> {
    let a = |more: &str| {
        format!(
            "[[subscriptions]]\nname = \"ren A\"\npartner = \"app-1\"\noperator = \"acme\"\nevent = \"OrderCreated\"\n\
             callbackUrl = \"{}\"\n{more}\n",
            cluster.receiver.url("/renamed")
        )
    };
    let path = written(cluster, "a.toml", &a(""))?;
    said(&apply(cluster, &path, &[]).await?, 0, &["1 created"]);
    let first = named(cluster, ACME, "ren A").await?;
    let id = first["id"].as_str().context("no id")?;
    let renamed = a(&format!("id = \"{id}\"")).replace("ren A", "ren B");
    said(&apply(cluster, &written(cluster, "b.toml", &renamed)?, &[]).await?, 0, &["name: ren A → ren B"]);
    said(&apply(cluster, &path, &[]).await?, 0, &["created     app-1 acme  ren A"]);
    assert_ne!(named(cluster, ACME, "ren A").await?["id"], first["id"]);
    let paused = a("status = \"INACTIVE\"").replace("ren A", "paused");
    let paused = written(cluster, "paused.toml", &paused)?;
    said(&apply(cluster, &paused, &[]).await?, 0, &["created     app-1 acme  paused"]);
    assert_eq!(named(cluster, ACME, "paused").await?["status"], "INACTIVE");
    assert_eq!(named(cluster, ACME, "ren B").await?["status"], "ACTIVE");
    Ok(())
}
