//! Deliveries and what became of them. The pair whose they are sees its own, also when their subscription is deleted;
//! administrators see all.

mod list;
mod next;
mod query;
mod request;
mod show;
mod view;

pub use next::Next;
pub use request::{RequestView, Sent};
pub use view::{Summary, attempts};

use std::sync::Arc;

use aerogram_domain::escalations::parse_run_name;
use aerogram_domain::history::Status;
use aerogram_projection::{DeliveryQuery, DeliveryRow};
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::Resolution;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::auth::Keeper;
use super::problem::Problem;
use super::{Api, BASE};
use crate::submit::now_ms;
use crate::table::Owner;
use next::{Stands, receiver_is_away};

pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(list::list)).routes(routes!(show::show))
}

impl Api {
    /// Waits until everything that is in the log is in the projection, so that two instances behave as one.
    pub async fn history_caught_up(&self) -> Result<(), Problem> {
        self.caught_up(self.history.rows.all()).await
    }

    /// The delivery as it is now, if it is one of the keeper's.
    ///
    /// # Errors
    /// 404 for what is no id, is not known (any more), or another pair's; 503 when it is not known how things are.
    pub async fn delivery(&self, keeper: &Keeper, id: &str) -> Result<DeliveryRow, Problem> {
        // Only what looks like one of our ids may cost anything.
        let key = parse_run_name(id).ok_or_else(Problem::no_such_delivery)?;
        self.history_caught_up().await?;
        let row =
            self.projected(self.history.projection.delivery(key, self.history.since_ms(now_ms()))).await?;
        row.filter(|row| is_theirs(keeper, row)).ok_or_else(Problem::no_such_delivery)
    }

    /// What happens next with each.
    pub async fn next(&self, rows: &[DeliveryRow]) -> Vec<Next> {
        let given_up = |row: &&DeliveryRow| row.status == Status::Escalated;
        if rows.iter().any(|row| given_up(&row)) {
            // What people made of it is a word more; when it is not known the rest is told all the same.
            let _ = self.caught_up(self.escalations.catch_up.all()).await;
        }
        let mut next = Vec::with_capacity(rows.len());
        for row in rows {
            let resolution = match given_up(&row) {
                true => self.resolution(row.key).await,
                false => None,
            };
            let now_ms = now_ms();
            let receiver_is_away = match row.status {
                Status::Pending | Status::Retrying if row.due_at_ms.unwrap_or(0) <= now_ms => {
                    self.is_receiver_away(row, now_ms).await
                }
                _ => false,
            };
            let stands = Stands {
                key: row.key,
                status: row.status,
                once: row.about.once,
                attempts_counted: row.attempts_counted,
                due_at_ms: row.due_at_ms.unwrap_or(0),
                receiver_is_away,
                reason: row.reason,
                resolution: resolution.as_ref(),
            };
            next.push(Next::of(stands, now_ms));
        }
        next
    }

    /// What cannot be read is not known, so it is not said.
    async fn is_receiver_away(&self, row: &DeliveryRow, now_ms: i64) -> bool {
        let about = &row.about;
        let Some(subscription) = self.table.get(&owner_of(row), &about.subscription_id) else { return false };
        if receiver_is_away(&subscription, false, now_ms) {
            return true;
        }
        let parked = DeliveryQuery {
            partner: Some(about.partner.clone()),
            operator: Some(about.operator.clone()),
            statuses: vec![Status::Parked],
            subscription_id: Some(about.subscription_id.clone()),
            ..DeliveryQuery::default()
        };
        let parked = self.projected(self.history.projection.count_deliveries(parked, 1)).await;
        receiver_is_away(&subscription, parked.is_ok_and(|parked| parked > 0), now_ms)
    }

    async fn resolution(&self, key: RunKey) -> Option<Resolution> {
        let row = self.projected(self.escalations.projection.escalation(key)).await.ok().flatten()?;
        row.resolution
    }
}

/// Whether the keeper may see it.
fn is_theirs(keeper: &Keeper, row: &DeliveryRow) -> bool {
    keeper.owner.as_ref().is_none_or(|owner| *owner == owner_of(row))
}

pub fn owner_of(row: &DeliveryRow) -> Owner {
    Owner::new(&row.about.partner, &row.about.operator)
}
