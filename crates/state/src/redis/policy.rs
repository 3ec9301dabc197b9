//! Redis must never delete by itself what was written to it.

use super::link::{Link, LinkFailure};
use crate::StoreUnfit;
use std::collections::HashMap;

const COMMAND: &str = "check";

pub(super) async fn check(link: &Link) -> Result<(), StoreUnfit> {
    link.run(COMMAND, |mut connection| async move { redis::cmd("PING").exec_async(&mut connection).await })
        .await
        .map_err(|failure| unreachable(link, &failure))?;
    let policy = policy(link).await?;
    if policy == "noeviction" {
        return Ok(());
    }
    Err(StoreUnfit::Evicts { address: link.address().to_owned(), policy })
}

/// Hosted instances often forbid CONFIG; INFO tells the same.
async fn policy(link: &Link) -> Result<String, StoreUnfit> {
    match from_config(link).await {
        Ok(Some(policy)) => return Ok(policy),
        Ok(None) => {}
        Err(failure) if failure.is_refusal() => {}
        Err(failure) => return Err(unreachable(link, &failure)),
    }
    let reason = match from_info(link).await {
        Ok(Some(policy)) => return Ok(policy),
        Ok(None) => "INFO memory names none".to_owned(),
        Err(failure) if failure.is_refusal() => failure.to_string(),
        Err(failure) => return Err(unreachable(link, &failure)),
    };
    Err(StoreUnfit::PolicyHidden { address: link.address().to_owned(), reason })
}

async fn from_config(link: &Link) -> Result<Option<String>, LinkFailure> {
    let mut all: HashMap<String, String> = link
        .run(COMMAND, |mut connection| async move {
            redis::cmd("CONFIG").arg("GET").arg("maxmemory-policy").query_async(&mut connection).await
        })
        .await?;
    Ok(all.remove("maxmemory-policy"))
}

async fn from_info(link: &Link) -> Result<Option<String>, LinkFailure> {
    let text: String = link
        .run(COMMAND, |mut connection| async move {
            redis::cmd("INFO").arg("memory").query_async(&mut connection).await
        })
        .await?;
    Ok(text
        .lines()
        .find_map(|line| line.strip_prefix("maxmemory_policy:"))
        .map(|policy| policy.trim().to_owned()))
}

fn unreachable(link: &Link, failure: &LinkFailure) -> StoreUnfit {
    StoreUnfit::Unreachable { address: link.address().to_owned(), reason: failure.to_string() }
}
