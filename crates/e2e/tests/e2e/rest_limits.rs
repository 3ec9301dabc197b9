//! `limits` of a subscription through REST and the administrator's file, and those of profiles and hosts in the settings. That
//! they hold is shown elsewhere, by what receivers wrote down.

use crate::apply::{aerogram, apply, named, nothing_to_do, said, written};
use crate::cluster::{Cluster, PATIENCE};
use crate::rest::{ACME, ACME_2};
use crate::setup::Setup;
use anyhow::{Context, Result};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_are_taken_shown_changed_and_taken_away() -> Result<()> {
    let cluster = Cluster::start(Setup::new("rest-limits").await?).await?;
    asked_for_through_rest(&cluster).await?;
    said_in_a_file(&cluster).await?;
    configured(&cluster).await
}

async fn asked_for_through_rest(cluster: &Cluster) -> Result<()> {
    let plain = cluster.subscribe(ACME, "FLIGHT_CREATE", "/plain", &json!({})).await?;
    let unlimited = cluster.rest.get(&plain).await?.json();
    for name in ["limits", "failingSince", "statusReason"] {
        assert!(unlimited.get(name).is_none(), "{name} in {unlimited}");
    }

    let limits = json!({"ratePerMinute": 1200, "burst": 20, "concurrency": 4, "timeoutMs": 5000});
    let limited = cluster.subscribe(ACME, "FLIGHT_CREATE", "/limited", &json!({"limits": limits})).await?;
    let shown = cluster.rest.get(&limited).await?;
    assert_eq!(shown.json()["limits"], limits);

    // A change replaces all of them; what is not said any more is gone.
    let fewer = cluster.rest.patch(&limited, &json!({"limits": {"concurrency": 1}})).await?;
    assert_eq!((fewer.status, &fewer.json()["limits"]), (200, &json!({"concurrency": 1})));
    // Another change leaves them alone.
    cluster.rest.patch(&limited, &json!({"status": "INACTIVE"})).await?;
    assert_eq!(cluster.rest.get(&limited).await?.json()["limits"], json!({"concurrency": 1}));

    for (wrong, pointer) in [
        (json!({"ratePerMinute": 0}), "/limits/ratePerMinute"),
        (json!({"burst": 5}), "/limits/burst"),
        (json!({"concurrency": 1.5}), "/limits/concurrency"),
        (json!({"timeoutMs": 600_001}), "/limits/timeoutMs"),
        (json!({"rate": 5}), "/limits/rate"),
        (json!(60), "/limits"),
    ] {
        let body = json!({ "limits": wrong });
        let patched = cluster.rest.patch(&limited, &body).await?;
        let created = json!({"event": "OrderCreated", "callbackUrl": "https://a.example/", "limits": wrong});
        let created = cluster.rest.create(ACME_2, &created).await?;
        for refused in [patched, created] {
            assert_eq!(refused.status, 400, "{body}");
            let told = refused.json();
            let pointers: Vec<&Value> = told["errors"].as_array().into_iter().flatten().collect();
            assert!(pointers.len() == 1 && pointers[0]["pointer"] == pointer, "{body}: {told}");
        }
    }
    assert_eq!(cluster.rest.get(&limited).await?.json()["limits"], json!({"concurrency": 1}));
    let none = cluster.rest.patch(&limited, &json!({"limits": null})).await?;
    assert_eq!(none.status, 200, "{}", none.text());
    assert!(cluster.rest.get(&limited).await?.json().get("limits").is_none());
    Ok(())
}

async fn said_in_a_file(cluster: &Cluster) -> Result<()> {
    let file = |limits: &str| {
        format!(
            "[[subscriptions]]\nname = \"orders\"\npartner = \"app-2\"\noperator = \"acme\"\nevent = \"OrderCreated\"\n\
             callbackUrl = \"{}\"\n{limits}\n",
            cluster.receiver.url("/orders")
        )
    };
    let path = written(cluster, "wrong-limits.toml", &file("limits = { timeoutMs = 5 }"))?;
    let wrong = "line 7: subscriptions[0].limits.timeoutMs: must be a whole number from 500 to 600000";
    said(&apply(cluster, &path, &[]).await?, 2, &[wrong]);

    let path = written(cluster, "limits.toml", &file("limits = { ratePerMinute = 600, burst = 5 }"))?;
    said(&apply(cluster, &path, &[]).await?, 0, &["1 created; 0 unchanged"]);
    nothing_to_do(cluster, &path, &[]).await?;
    let made = named(cluster, ACME_2, "orders").await?;
    assert_eq!(made["limits"], json!({"ratePerMinute": 600, "burst": 5}));

    let export = ["subscriptions", "export", "--partner", "app-2", "--operator", "acme"];
    let exported = aerogram(cluster, &export).await?;
    said(&exported, 0, &["limits = { burst = 5, ratePerMinute = 600 }"]);
    let again = written(cluster, "exported-limits.toml", &exported.stdout)?;
    nothing_to_do(cluster, &again, &["--prune"]).await?;

    let path = written(cluster, "limits.toml", &file("limits = { concurrency = 2 }"))?;
    let changed = r#"limits: {"burst":5,"ratePerMinute":600} → {"concurrency":2}"#;
    said(&apply(cluster, &path, &[]).await?, 0, &[changed, "1 updated"]);
    assert_eq!(named(cluster, ACME_2, "orders").await?["limits"], json!({"concurrency": 2}));
    let path = written(cluster, "limits.toml", &file(""))?;
    said(&apply(cluster, &path, &[]).await?, 0, &[r#"limits: {"concurrency":2} → none"#, "1 updated"]);
    assert!(named(cluster, ACME_2, "orders").await?.get("limits").is_none());
    nothing_to_do(cluster, &path, &[]).await
}

async fn configured(cluster: &Cluster) -> Result<()> {
    let hosts =
        json!({"hooks.example.com": {"rate_per_minute": 600}, "hooks.example.com:8443": {"burst": 7}});
    let check = |role: &str| {
        let role = cluster.setup.role(role).arg("--check-config").env("AEROGRAM_HOSTS", hosts.to_string());
        role.env("AEROGRAM_PROFILES__ORDER__RATE_PER_MINUTE", "1200")
    };
    let rated = check("aerogram-deliverer").env("AEROGRAM_DELIVERER__HOST_RATE_PER_MINUTE", "6000");
    let shown = rated.run(PATIENCE).await?;
    said(
        &shown,
        0,
        &[
            r#"profiles = { "order" = { rate_per_minute = 1200 } }"#,
            r#""hooks.example.com" = { rate_per_minute = 600 }"#,
            r#""hooks.example.com:8443" = { burst = 7 }"#,
            "host_rate_per_minute = 6000",
        ],
    );
    let refused = check("aerogram-api").run(PATIENCE).await?;
    let told = refused.stdout.lines().chain(refused.stderr.lines());
    let told: Vec<&str> = told.filter(|line| line.contains("hosts.hooks.example.com:8443.burst")).collect();
    assert!(!refused.status.success(), "{refused:?}");
    told.first().filter(|line| line.contains("means nothing without a rate")).context("not told")?;
    Ok(())
}
