//! Dropping what is too old, or too much.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use aerogram_telemetry::Said;
use tokio::time::{sleep, timeout};

use super::History;
use crate::submit::now_ms;

/// How often it is looked whether something is to go.
const EVERY: Duration = Duration::from_secs(2);

/// Keeps history within its age and its size, for ever; slice by slice, so that what is written meanwhile does not wait.
///
/// Nothing goes unless the log is followed to its end: what has ended may have a later record there, which would bring it back
/// without its end. Until then, such as while the file is made anew, it may be larger than it may be otherwise.
pub async fn keep(history: &History) -> Infallible {
    let said = Said::default();
    loop {
        sleep(EVERY).await;
        // Before it is open, and once it is closed, there is nothing to drop.
        if history.projection.started().await.is_err()
            || !matches!(timeout(EVERY, history.rows.all()).await, Ok(Ok(())))
        {
            continue;
        }
        loop {
            match history.projection.keep(now_ms()).await {
                Ok(kept) if kept.more => {}
                Ok(_) => break,
                Err(error) => {
                    if let Some(unsaid) = said.may_say("", Instant::now()) {
                        tracing::warn!(unsaid, "history that is too old or too much stays for now: {error}");
                    }
                    break;
                }
            }
        }
    }
}
