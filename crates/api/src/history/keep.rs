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
/// Nothing goes for its age before the log was followed to its end once: what has ended there may have a later record here,
/// which would bring it back without its end.
pub async fn keep(history: &History) -> Infallible {
    let (said, mut followed) = (Said::default(), false);
    loop {
        sleep(EVERY).await;
        followed = followed || matches!(timeout(EVERY, history.rows.all()).await, Ok(Ok(())));
        // Before it is open, and once it is closed, there is nothing to drop.
        if history.projection.started().await.is_err() {
            continue;
        }
        loop {
            match history.projection.keep(if followed { now_ms() } else { i64::MIN }).await {
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
