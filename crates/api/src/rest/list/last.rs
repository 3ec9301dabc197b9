//! The newest delivery of each subscription of a list. That of a few is found at once; that of thousands takes a while of one of
//! the few readers of the projection, so one such list at a time is made, and others get their turn with the reader in between.

use std::sync::Arc;
use std::time::Duration;

use aerogram_domain::escalations::run_name;
use aerogram_domain::history::Status;
use aerogram_domain::time::iso_millis;
use aerogram_projection::{LastDelivery, LastQuery};
use aerogram_wire::v1::Subscription;
use serde::Serialize;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::query::IDS_MAX;
use crate::rest::Api;
use crate::rest::auth::Caller;
use crate::rest::problem::Problem;
use crate::submit::now_ms;

/// A delivery, in short.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LastDelivery)]
pub struct Last {
    id: String,
    #[schema(value_type = Status)]
    status: &'static str,
    #[schema(format = DateTime)]
    issued_at_date_time: String,
}

impl Last {
    fn of(last: LastDelivery) -> Self {
        Self {
            id: run_name(last.key),
            status: last.status.name(),
            issued_at_date_time: iso_millis(last.issued_at_ms),
        }
    }
}

/// Lets one list of many in at a time.
pub struct LongLists(Semaphore);

impl LongLists {
    pub fn new() -> Self {
        Self(Semaphore::new(1))
    }

    /// Waits for the turn of a list of so many; `None`: it needs none.
    ///
    /// # Errors
    /// 503 when it does not come in time.
    async fn turn(
        &self,
        subscriptions: usize,
        patience: Duration,
    ) -> Result<Option<SemaphorePermit<'_>>, Problem> {
        if subscriptions <= IDS_MAX {
            return Ok(None);
        }
        let turn = timeout(patience, self.0.acquire()).await.ok().and_then(Result::ok);
        turn.map(Some).ok_or_else(|| {
            Problem::unavailable(
                "too many lists with the last delivery of each are asked for at this moment; ask again, or name up to 200 \
                 subscriptions with id",
            )
        })
    }
}

impl Api {
    /// The newest delivery of each.
    pub(super) async fn last_deliveries(
        &self,
        caller: &Caller,
        subscriptions: &[Arc<Subscription>],
    ) -> Result<Vec<Option<Last>>, Problem> {
        self.history_caught_up().await?;
        let _turn = self.long_lists.turn(subscriptions.len(), self.patience()).await?;
        let (scope, not_before_ms) = (caller.owner.scope(), self.history.since_ms(now_ms()));
        let reading = async {
            let mut all = Vec::with_capacity(subscriptions.len());
            // When nobody waits any more, no more than one part goes on without its turn.
            for part in subscriptions.chunks(IDS_MAX) {
                let query = LastQuery {
                    partner: scope.partner.clone(),
                    operator: scope.operator.clone(),
                    subscription_ids: part.iter().map(|subscription| subscription.id.clone()).collect(),
                    not_before_ms,
                };
                let last = self.history.projection.last_deliveries(query).await?;
                all.extend(last.into_iter().map(|last| last.map(Last::of)));
            }
            Ok(all)
        };
        self.projected(reading).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse as _;

    const SOON: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn long_lists_are_made_one_at_a_time_and_short_ones_wait_for_none() {
        let lists = LongLists::new();
        let first = lists.turn(201, SOON).await.unwrap();
        assert!(first.is_some());
        assert!(lists.turn(200, SOON).await.unwrap().is_none());
        let refused = lists.turn(201, SOON).await.err().unwrap().into_response();
        assert_eq!(
            (refused.status().as_u16(), &refused.headers()["retry-after"]),
            (503, &"2".parse().unwrap())
        );
        let next = async { lists.turn(10_000, LONG).await.unwrap().is_some() };
        let ((), next) = tokio::join!(async { drop(first) }, next);
        assert!(next);
    }
}
