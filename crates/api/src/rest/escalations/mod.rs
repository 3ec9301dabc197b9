//! Deliveries that were given up: what people see of them, and what they can do about them. The pair whose they are sees its own,
//! administrators see all.

mod dismiss;
mod list;
mod query;
mod redeliver;
mod resolve;
mod show;
mod view;

pub use resolve::why;
pub use view::{AttemptView, EventView};

use std::sync::Arc;

use aerogram_domain::escalations::parse_run_name;
use aerogram_projection::{ProjectionError, Row};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::auth::Keeper;
use super::problem::Problem;
use crate::catch_up::CatchUpError;
use crate::table::Owner;

pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(show::show))
        .routes(routes!(redeliver::redeliver))
        .routes(routes!(dismiss::dismiss))
}

impl Api {
    /// Waits until everything that is in the log is in the projection, so that two instances behave as one.
    pub(super) async fn escalations_caught_up(&self) -> Result<(), Problem> {
        self.caught_up(self.escalations.catch_up.all()).await
    }

    pub(super) async fn projected<T>(
        &self,
        reading: impl Future<Output = Result<T, ProjectionError>>,
    ) -> Result<T, Problem> {
        match tokio::time::timeout(self.patience(), reading).await {
            Ok(read) => Ok(read?),
            Err(_) => Err(CatchUpError::TooLate.into()),
        }
    }

    /// The escalation as it is now, if it is one of the keeper's.
    async fn escalation(&self, keeper: &Keeper, id: &str) -> Result<Row, Problem> {
        // Only what looks like one of our ids may cost anything.
        let key = parse_run_name(id).ok_or_else(Problem::no_such_escalation)?;
        self.escalations_caught_up().await?;
        let row = self.projected(self.escalations.projection.escalation(key)).await?;
        let theirs = |row: &Row| keeper.owner.as_ref().is_none_or(|owner| *owner == owner_of(row));
        row.filter(theirs).ok_or_else(Problem::no_such_escalation)
    }
}

fn owner_of(row: &Row) -> Owner {
    Owner::new(&row.partner, &row.operator)
}
