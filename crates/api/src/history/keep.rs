//! Dropping what is too old, or too much; and noting that everything is read.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use aerogram_projection::ProjectionError;
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
    let (said, mut read) = (Said::default(), None);
    loop {
        sleep(EVERY).await;
        let at_ms = now_ms();
        // Before it is open, and once it is closed, there is nothing to drop.
        if history.projection.started().await.is_err()
            || !matches!(timeout(EVERY, history.rows.all()).await, Ok(Ok(())))
        {
            continue;
        }
        if let Err(error) = keep_now(history, &mut read, at_ms).await
            && let Some(unsaid) = said.may_say("", Instant::now())
        {
            tracing::warn!(unsaid, "history that is too old or too much stays for now: {error}");
        }
    }
}

async fn keep_now(history: &History, read: &mut Option<Read>, at_ms: i64) -> Result<(), ProjectionError> {
    while history.projection.keep(now_ms()).await?.more {}
    if !matches!(timeout(EVERY, history.names.all()).await, Ok(Ok(()))) {
        return Ok(());
    }
    let known = read.take().filter(|read| read.is_so(&history.reached()));
    let known = known.unwrap_or_else(|| Read { at_ms, up_to: history.reached() });
    if known.is_so(&history.remembered()) {
        return history.projection.followed(known.at_ms).await;
    }
    *read = Some(known);
    Ok(())
}

/// Everything that was in the log then stands before these offsets.
struct Read {
    at_ms: i64,
    up_to: Vec<i64>,
}

impl Read {
    /// Whether whoever is so far in each partition has read that. A log that is read anew is not.
    fn is_so(&self, positions: &[i64]) -> bool {
        self.up_to.iter().zip(positions).all(|(up_to, at)| at >= up_to)
    }
}

impl History {
    fn reached(&self) -> Vec<i64> {
        self.rows.reached().chain(self.names.reached()).collect()
    }

    fn remembered(&self) -> Vec<i64> {
        self.rows.remembered().chain(self.names.remembered()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_is_read_when_every_partition_is() {
        let read = Read { at_ms: 1, up_to: vec![3, 0, 7] };
        assert!(read.is_so(&[3, 0, 7]) && read.is_so(&[9, 9, 9]));
        assert!(!read.is_so(&[9, 9, 6]) && !read.is_so(&[2, 0, 7]));
    }
}
