//! A subscription's 30 days, its renewal in the last five of them and its end, as processes see them whose wall clocks are days
//! apart. What a process that runs now wrote is there for the later ones.

use crate::apis::Apis;
use crate::docs_run::run;
use crate::rest::{ACME, BLUEJET, Rest, Subscription};
use crate::setup::Setup;
use aerogram_testkit::Answer;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tokio::process::Command;

const DAY_S: i64 = 24 * 60 * 60;

/// Compiles the library that makes a process's wall clock late.
async fn later(dir: &Path) -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/clock/later.c");
    let library = dir.join("later.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-std=c17", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"]);
    run(compiler.arg(&library).arg(source)).await?;
    Ok(library)
}

struct Days {
    apis: Apis,
    library: PathBuf,
}

impl Days {
    /// An api that lives so many days from now, alone.
    async fn after(&mut self, days: i64) -> Result<Rest> {
        let name = format!("api-{days}-days-later");
        let env =
            [("LD_PRELOAD", self.library.display().to_string()), ("LATER_BY_S", (days * DAY_S).to_string())];
        self.apis.add(&name, &env)?;
        self.apis.cluster.start_role(&name).await?;
        Ok(Rest::new(self.apis.address(&name)?))
    }

    async fn over(&mut self, days: i64) -> Result<()> {
        self.apis.cluster.terminate(&format!("api-{days}-days-later")).await
    }
}

fn text(of: &Value, name: &str) -> Result<String> {
    Ok(of[name].as_str().with_context(|| format!("no {name} in {of}"))?.to_owned())
}

fn refused(answer: &Answer, saying: &str) -> Result<()> {
    ensure!(answer.status == 409, "{} {}", answer.status, answer.text());
    let detail = text(&answer.json(), "detail")?;
    ensure!(detail.contains(saying), "{detail:?} does not say {saying:?}");
    Ok(())
}

async fn created(rest: &Rest) -> Result<(Subscription, Value)> {
    let body = json!({
        "event": "FLIGHT_CREATE", "callbackUrl": "https://example.com/", "signingKey": "your-secret-signing-key-123",
    });
    let answer = rest.create(ACME, &body).await?;
    ensure!(answer.status == 201, "{} {}", answer.status, answer.text());
    let id = text(&answer.json(), "id")?;
    Ok((Subscription { id, path: String::new(), key: String::new(), owner: ACME }, answer.json()))
}

/// A calendar month after a time: the day of the next month, or its last one. The time of day stays.
fn a_month_after(text: &str) -> Result<String> {
    let (date, time_of_day) = text.split_once('T').context("no time")?;
    let numbers: Vec<u32> = date.split('-').map(str::parse).collect::<Result<_, _>>()?;
    let [year, month, day] = *numbers else { bail!("{date} is no date") };
    let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    Ok(format!("{year:04}-{month:02}-{:02}T{time_of_day}", day.min(last)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_is_renewed_in_its_last_five_days_or_expires() -> Result<()> {
    let setup = Setup::new("renewal-window").await?;
    let library = later(setup.rig.dir()).await?;
    let mut days = Days { apis: Apis::new(setup).await?, library };

    let rest = days.after(0).await?;
    let (kept, kept_at_first) = created(&rest).await?;
    let (left, left_at_first) = created(&rest).await?;
    let (paused, _) = created(&rest).await?;
    assert_eq!(rest.patch(&paused, &json!({"status": "INACTIVE"})).await?.status, 200);
    refused(&rest.renew(&kept).await?, "can be renewed from")?;
    days.over(0).await?;

    let rest = days.after(24).await?;
    assert_eq!(rest.get(&kept).await?.json(), kept_at_first, "nothing changes by itself");
    refused(&rest.renew(&kept).await?, "can be renewed from")?;
    days.over(24).await?;

    let rest = days.after(26).await?;
    let expiry = text(&kept_at_first, "expirationDateTime")?;
    for subscription in [&kept, &paused] {
        let renewed = rest.renew(subscription).await?;
        assert_eq!(renewed.status, 200, "{}", renewed.text());
        assert_eq!(rest.get(subscription).await?.json(), renewed.json());
    }
    let renewed = rest.get(&kept).await?.json();
    assert_eq!(renewed["expirationDateTime"], json!(a_month_after(&expiry)?));
    assert_eq!(renewed["createdAtDateTime"], kept_at_first["createdAtDateTime"]);
    assert!(text(&renewed, "updatedAtDateTime")? > text(&kept_at_first, "updatedAtDateTime")?);
    assert_eq!(rest.get(&paused).await?.json()["status"], "INACTIVE");
    refused(&rest.renew(&kept).await?, "can be renewed from")?;
    let stranger = Subscription { owner: BLUEJET, ..left.clone() };
    assert_eq!(rest.renew(&stranger).await?.status, 404);
    days.over(26).await?;

    let rest = days.after(31).await?;
    assert_eq!(rest.get(&kept).await?.json(), renewed, "renewed, it goes on");
    let expired = rest.get(&left).await?.json();
    assert_eq!(expired["status"], "INACTIVE");
    assert_eq!(expired["expirationDateTime"], left_at_first["expirationDateTime"]);
    refused(&rest.renew(&left).await?, "create a new subscription")?;
    refused(&rest.patch(&left, &json!({"status": "ACTIVE"})).await?, "create a new one")?;
    let both = json!({"status": "ACTIVE", "callbackUrl": "https://example.com/again"});
    refused(&rest.patch(&left, &both).await?, "create a new one")?;
    assert_eq!(rest.get(&left).await?.json(), expired, "what was refused changed nothing");
    let active = rest.patch(&paused, &json!({"status": "ACTIVE"})).await?;
    assert_eq!((active.status, active.json()["status"].as_str()), (200, Some("ACTIVE")), "{}", active.text());
    assert_eq!(rest.delete(&left).await?.status, 204);
    let (_, anew) = created(&rest).await?;
    assert_eq!(anew["status"], "ACTIVE");
    days.over(31).await
}
