//! Asking how far fanout is, beside the tasks: an answer that is long in coming keeps none of them from going on, and one is enough
//! for all replays.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use aerogram_domain::repair::TaskId;
use aerogram_telemetry::Said;
use aerogram_wire::v1::task::Work;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::rest::Api;

/// Between two questions.
const EVERY: Duration = Duration::from_millis(250);

/// What is known of it.
pub struct Asking(watch::Sender<Option<Asked>>);

struct Asked {
    /// Replays that were under way before it was asked for: what begins afterwards wants to know it as it is then.
    replays: Vec<TaskId>,
    done: Vec<i64>,
}

impl Asking {
    pub fn new() -> Self {
        Self(watch::channel(None).0)
    }

    /// The offset before which fanout has dealt with everything, in the order of the partitions of `events`; `None`: it is not known
    /// since this replay is.
    pub fn done_for(&self, replay: &TaskId) -> Option<Vec<i64>> {
        let asked = self.0.borrow();
        asked.as_ref().filter(|asked| asked.replays.contains(replay)).map(|asked| asked.done.clone())
    }

    /// Asks for as long as replays are under way.
    pub async fn ask(&self, api: &Api) -> Infallible {
        let (said, mut changes) = (Said::default(), api.repair.tasks.changes());
        loop {
            changes.mark_unchanged();
            let replays = replays(api);
            if replays.is_empty() {
                self.0.send_replace(None);
                // The table has its sender for as long as this runs.
                let _ = changes.changed().await;
                continue;
            }
            let asked = match api.repair.fanout_done().await {
                Ok(done) => Some(Asked { replays, done }),
                Err(error) => {
                    if let Some(unsaid) = said.may_say("", Instant::now()) {
                        tracing::warn!(
                            times_unsaid = unsaid,
                            "replays wait until it is known how far fanout is: {error}"
                        );
                    }
                    None
                }
            };
            self.0.send_replace(asked);
            sleep(EVERY).await;
        }
    }
}

/// Those under way.
fn replays(api: &Api) -> Vec<TaskId> {
    let running = api.repair.tasks.running();
    let replays = running.iter().filter(|task| matches!(task.work, Some(Work::Replay(_))));
    replays.filter_map(|task| TaskId::try_from(task.id.as_ref()).ok()).collect()
}
