//! What was given up is redelivered as an escalation, so that it is dealt with in their list too: said, read back, sent, and said
//! to be sent, a page at a time.

use std::collections::HashMap;

use aerogram_domain::escalations::{Decision, Escalated, State, Who, Wish, decide};
use aerogram_domain::identity::Position;
use aerogram_domain::repair::Found;
use aerogram_projection::Row;
use aerogram_wire::v1::{Delivery, PendingKind, Task};

use super::NotNow;
use super::again::GivenUp;
use crate::history::NotRead;
use crate::rest::Api;

impl Api {
    /// Redelivers them; answers how many.
    ///
    /// # Errors
    /// When it is not known of all. What was said is finished, by whoever comes by it.
    pub(super) async fn redeliver_escalated(
        &self,
        task: &Task,
        given_up: Vec<GivenUp>,
        events: &HashMap<Position, Found>,
    ) -> Result<u64, NotNow> {
        // Said at one time, so that the runs are of one time.
        let who = Who { actor: &task.actor, now_ms: task.created_at_ms };
        let mut those = Vec::with_capacity(given_up.len());
        for one in given_up {
            if let Some(delivery) = self.given_up_delivery(&one, events).await? {
                those.push((one, delivery));
            }
        }
        let mut said = Vec::new();
        for (GivenUp { row, subscription, .. }, delivery) in &those {
            let wish = Wish::Redeliver { why: "", delivery, subscription: Some(&**subscription) };
            let escalated = Escalated { key: row.key, resolution: row.resolution.as_ref() };
            if let Ok(Decision::Resolve(escalation)) = decide(escalated, wish, who) {
                said.push((row.partition, row.key, *escalation));
            }
        }
        self.repair.writing.resolve(&said).await?;
        self.escalations_are_up_to_date().await?;
        let (mut entries, mut then, mut sent) = (Vec::new(), Vec::new(), 0);
        for (GivenUp { row, subscription, .. }, delivery) in &those {
            // As the log says it: somebody else may have been the first.
            let Some(row) = self.escalations.projection.escalation(row.key).await? else { continue };
            sent += u64::from(is_sent(&row));
            let wish = Wish::Redeliver { why: "", delivery, subscription: Some(&**subscription) };
            let escalated = Escalated { key: row.key, resolution: row.resolution.as_ref() };
            if let Ok(Decision::Send(key, mut entry, sent)) = decide(escalated, wish, who) {
                // Many at once wait for credits.
                entry.set_kind(PendingKind::Parked);
                if !self.is_known(key.run).await? {
                    entries.push((key, *entry));
                }
                then.push((row.partition, row.key, *sent));
            }
        }
        self.repair.writing.send(&entries).await?;
        self.repair.writing.resolve(&then).await?;
        Ok(sent)
    }

    /// Out of its event, or out of what was written when it was given up, which is kept for longer.
    async fn given_up_delivery(
        &self,
        one: &GivenUp,
        events: &HashMap<Position, Found>,
    ) -> Result<Option<Delivery>, NotNow> {
        let made = self.delivery_again(events, one.position, one.row.key, &one.subscription);
        if made.is_some() {
            return Ok(made);
        }
        match self.escalations.originals.delivery(&one.row).await {
            Ok(delivery) => Ok(Some(delivery)),
            Err(NotRead::Gone) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn is_sent(row: &Row) -> bool {
    matches!(row.state(), State::Redelivering | State::Redelivered)
}
