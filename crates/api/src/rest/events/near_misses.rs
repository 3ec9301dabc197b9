//! Which subscriptions an event was nearly for.

use std::collections::BTreeSet;

use aerogram_domain::escalations::Reader;
use aerogram_domain::identity::{EventIdentity, Position};
use aerogram_domain::matching::{Addressed, Miss, why_not};
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::Subscription;

use super::story::Known;
use super::view::{MissView, NearMiss};
use super::{Api, Keeper, Problem};

/// Shown of one event, at most.
const MISSES_MAX: usize = 100;

/// Those that are shown, and how many are not.
#[derive(Default)]
pub struct NearMisses {
    pub shown: Vec<NearMiss>,
    pub left_out: u64,
}

impl NearMisses {
    fn look(&mut self, subscription: &Subscription, misses: &[Miss], reader: Reader) {
        if misses.is_empty() {
            return;
        }
        if self.shown.len() == MISSES_MAX {
            self.left_out += 1;
            return;
        }
        let partner = subscription.scope.as_ref().map(|scope| scope.partner.clone());
        self.shown.push(NearMiss {
            subscription_id: subscription.id.clone(),
            name: Some(subscription.name.clone()).filter(|name| !name.is_empty()),
            partner: partner.filter(|_| reader == Reader::Administrator),
            reasons: misses.iter().map(MissView::of).collect(),
        });
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
        let Known { operator, event_type, environment, .. } = known;
        let addressed = Addressed { operator, event_type, contract, environment };
        let mut found = NearMisses::default();
        let mut look = |subscription: &Subscription| {
            if !got.subscriptions.contains(subscription.id.as_str()) {
                found.look(subscription, &why_not(subscription, addressed, at_ms), keeper.reader);
            }
        };
        match &keeper.owner {
            Some(owner) => self.table.list(owner).iter().for_each(|subscription| look(subscription)),
            None => self.table.look_at_all_of(operator, look),
        }
        if got.more {
            self.without_those_that_got_it(&mut found, event_id, known, got.position).await?;
        }
        Ok(found)
    }

    /// Not all deliveries were looked at; each has an id that can be computed.
    async fn without_those_that_got_it(
        &self,
        found: &mut NearMisses,
        event_id: &str,
        known: &Known,
        position: Position,
    ) -> Result<(), Problem> {
        let (Some(scope), Some(source)) = (&known.scope, &known.source) else {
            *found = NearMisses::default();
            return Ok(());
        };
        let ids = EventIdentity { scope, source, id: event_id }.deliveries(position);
        let since_ms = self.history.since_ms(crate::submit::now_ms());
        let mut missed = Vec::with_capacity(found.shown.len());
        for miss in std::mem::take(&mut found.shown) {
            let key = RunKey { delivery_id: ids.of(&miss.subscription_id), run: 0 };
            if self.projected(self.history.projection.delivery(key, since_ms)).await?.is_none() {
                missed.push(miss);
            }
        }
        // Of the others it is not known whether they got it.
        *found = NearMisses { shown: missed, left_out: 0 };
        Ok(())
    }
}
