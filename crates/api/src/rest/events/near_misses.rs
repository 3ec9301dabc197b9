//! Which subscriptions an event was nearly for.

use std::collections::BTreeSet;

use aerogram_domain::escalations::Reader;
use aerogram_domain::identity::Position;
use aerogram_domain::matching::{Addressed, Miss, why_not};
use aerogram_wire::v1::Subscription;

use super::story::Known;
use super::view::{MissView, NearMiss};
use super::{Api, Keeper, Problem, count};
use crate::submit::now_ms;

/// Shown of one event, at most.
const MISSES_MAX: usize = 100;

/// Those that are shown, by id, and how many are not.
#[derive(Default)]
pub struct NearMisses {
    pub shown: Vec<NearMiss>,
    pub left_out: u64,
}

impl NearMiss {
    fn of(subscription: &Subscription, misses: &[Miss], reader: Reader) -> Self {
        let partner = subscription.scope.as_ref().map(|scope| scope.partner.clone());
        Self {
            subscription_id: subscription.id.clone(),
            name: Some(subscription.name.clone()).filter(|name| !name.is_empty()),
            partner: partner.filter(|_| reader == Reader::Administrator),
            reasons: misses.iter().map(MissView::of).collect(),
        }
    }
}

/// Which subscriptions got the event.
pub struct Got<'a> {
    /// Those that are known to.
    pub subscriptions: &'a BTreeSet<&'a str>,
    /// There are more.
    pub more: bool,
    /// Where the event stands.
    pub position: Position,
}

impl Api {
    /// Of the keeper's subscriptions. Nothing, when it is not known whom the event was for.
    pub(super) async fn near_misses(
        &self,
        keeper: &Keeper,
        event_id: &str,
        known: &Known,
        got: Got<'_>,
    ) -> Result<NearMisses, Problem> {
        let (Some(contract), Some(at_ms)) = (&known.contract, known.accepted_at_ms) else {
            return Ok(NearMisses::default());
        };
        // Whoever got it long ago may be forgotten already.
        if at_ms < self.history.since_ms(now_ms()) {
            return Ok(NearMisses::default());
        }
        let Known { operator, event_type, environment, .. } = known;
        let addressed = Addressed { operator, event_type, contract, environment };
        let mut missed = BTreeSet::new();
        self.look_at_all(keeper, operator, |subscription| {
            let id = subscription.id.as_str();
            if !got.subscriptions.contains(id) && !why_not(subscription, addressed, at_ms).is_empty() {
                missed.insert(id.to_owned());
            }
        });
        if got.more {
            let without = self.history.projection.without_delivery(event_id.to_owned(), got.position, missed);
            missed = self.projected(without).await?;
        }
        let left_out = count(missed.len().saturating_sub(MISSES_MAX));
        let missed: BTreeSet<_> = missed.into_iter().take(MISSES_MAX).collect();
        let mut shown = Vec::with_capacity(missed.len());
        self.look_at_all(keeper, operator, |subscription| {
            if missed.contains(&subscription.id) {
                let misses = why_not(subscription, addressed, at_ms);
                shown.push(NearMiss::of(subscription, &misses, keeper.reader));
            }
        });
        // It may have changed meanwhile.
        shown.retain(|miss| !miss.reasons.is_empty());
        shown.sort_by(|a, b| a.subscription_id.cmp(&b.subscription_id));
        Ok(NearMisses { shown, left_out })
    }

    fn look_at_all(&self, keeper: &Keeper, operator: &str, mut look: impl FnMut(&Subscription)) {
        match &keeper.owner {
            Some(owner) => self.table.list(owner).iter().for_each(|subscription| look(subscription)),
            None => self.table.look_at_all_of(operator, look),
        }
    }
}
