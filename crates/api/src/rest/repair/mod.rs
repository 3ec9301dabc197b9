//! Sending again: one delivery, all that match a filter, what `events` holds of a time; test events; and the tasks that send many.
//! A pair has its own sent, administrators everybody's.

mod fields;
mod redeliveries;
mod redelivery;
mod replays;
mod tasks;
mod test_events;
mod view;

use std::sync::Arc;

use aerogram_domain::repair::{NoReceiver, TaskId, is_over, task_by_key};
use aerogram_wire::SCHEMA;
use aerogram_wire::v1::task::Work;
use aerogram_wire::v1::{Scope, Subscription, Task, TaskState};
use axum::Json;
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::auth::Keeper;
use super::problem::Problem;
use super::{Api, BASE};
use crate::history::NotRead;
use crate::repair::NotNow;
use crate::submit::now_ms;
use crate::table::Owner;
use crate::tasks::subscription_of;
use view::TaskView;

/// Tasks under way, at most; and of one pair, so that the others have theirs. Administrators count as one.
const RUNNING_MAX: usize = 100;
const RUNNING_OF_ONE_MAX: usize = 10;

pub fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(redelivery::redeliver))
        .routes(routes!(redeliveries::redeliver))
        .routes(routes!(replays::replay))
        .routes(routes!(test_events::send))
        .routes(routes!(tasks::list))
        .routes(routes!(tasks::show, tasks::cancel))
}

impl From<NotNow> for Problem {
    fn from(error: NotNow) -> Self {
        match error {
            NotNow::Behind(error) => error.into(),
            NotNow::Projection(error) => error.into(),
            NotNow::Events(NotRead::Gone) => event_is_gone(),
            NotNow::Events(error) => {
                tracing::warn!("events are not read: {error}");
                Self::unavailable("the events could not be read; ask again")
            }
            NotNow::Writing(error) => {
                tracing::warn!("what is to be sent again is not written: {error}");
                Self::unavailable(
                    "it was not confirmed in time and may still take effect; look at the deliveries, or repeat it with the \
                     same Idempotency-Key",
                )
            }
        }
    }
}

impl From<NoReceiver> for Problem {
    fn from(none: NoReceiver) -> Self {
        Self::new(StatusCode::CONFLICT, none.to_string())
    }
}

/// 410.
fn event_is_gone() -> Problem {
    let detail =
        "the log does not hold its event any more (topics.retention_ms); it can only be published again";
    Problem::new(StatusCode::GONE, detail)
}

fn scope_of(keeper: &Keeper) -> Option<Scope> {
    keeper.owner.as_ref().map(Owner::scope)
}

impl Api {
    /// The keeper's subscription as it is now.
    pub(super) async fn subscription_for(
        &self,
        keeper: &Keeper,
        id: &str,
    ) -> Result<Arc<Subscription>, Problem> {
        // Only what looks like one of our ids may cost anything.
        if Uuid::try_parse(id).is_err() {
            return Err(Problem::no_such_subscription());
        }
        self.caught_up(self.catch_up.partition(self.cluster.subscription_partition(id))).await?;
        subscription_of(self, scope_of(keeper).as_ref(), id).ok_or_else(Problem::no_such_subscription)
    }

    /// Begins a task; what has this key and wish is the task that there is.
    async fn begin(
        &self,
        keeper: &Keeper,
        key: Option<&str>,
        wish: &[&[u8]],
        made_at_ms: i64,
        work: Work,
    ) -> Result<Response, Problem> {
        let scope = scope_of(keeper);
        let id = match key {
            Some(key) => task_by_key(scope.as_ref(), key, wish),
            None => Uuid::now_v7().into_bytes(),
        };
        self.tasks_are_up_to_date().await?;
        let task = match self.repair.tasks.get(scope.as_ref(), &id) {
            Some(there) => there,
            None => self.begin_new(keeper, scope, id, made_at_ms, work).await?,
        };
        let view = TaskView::of(&task, keeper.reader, None);
        let mut response = (StatusCode::ACCEPTED, Json(&view)).into_response();
        if let Ok(location) = HeaderValue::from_str(&format!("{BASE}/tasks/{}", view.id)) {
            response.headers_mut().insert(LOCATION, location);
        }
        Ok(response)
    }

    async fn begin_new(
        &self,
        keeper: &Keeper,
        scope: Option<Scope>,
        id: TaskId,
        made_at_ms: i64,
        work: Work,
    ) -> Result<Arc<Task>, Problem> {
        let running = self.repair.tasks.running();
        let theirs = running.iter().filter(|task| task.scope == scope).count();
        if running.len() >= RUNNING_MAX || theirs >= RUNNING_OF_ONE_MAX {
            let detail = format!(
                "{theirs} tasks of yours are under way, of {} in all; at most {RUNNING_OF_ONE_MAX} of {RUNNING_MAX} may be. Wait \
                 until some are done, or cancel them",
                running.len()
            );
            return Err(Problem::new(StatusCode::CONFLICT, detail));
        }
        let task = Task {
            schema: SCHEMA,
            id: id.to_vec().into(),
            scope,
            actor: keeper.actor.clone(),
            created_at_ms: made_at_ms,
            work: Some(work),
            state: TaskState::Running.into(),
            updated_at_ms: made_at_ms,
            progress: None,
            detail: String::new(),
        };
        self.written(&id, task).await
    }

    /// Writes how a task stands, and answers how it does then.
    async fn written(&self, id: &TaskId, task: Task) -> Result<Arc<Task>, Problem> {
        self.repair.writing.task(&task).await.map_err(NotNow::from)?;
        self.tasks_are_up_to_date().await?;
        Ok(self.repair.tasks.get(None, id).unwrap_or_else(|| Arc::new(task)))
    }

    async fn task(&self, keeper: &Keeper, id: &str) -> Result<(TaskId, Arc<Task>), Problem> {
        let no_such = || Problem::new(StatusCode::NOT_FOUND, "there is no such task (any more)");
        let id = Uuid::try_parse(id).map_err(|_| no_such())?.into_bytes();
        self.tasks_are_up_to_date().await?;
        let task = self.repair.tasks.get(scope_of(keeper).as_ref(), &id).ok_or_else(no_such)?;
        Ok((id, task))
    }

    async fn cancel(&self, keeper: &Keeper, id: &str) -> Result<Arc<Task>, Problem> {
        let (id, task) = self.task(keeper, id).await?;
        match aerogram_domain::repair::cancelled(&task, &keeper.actor, now_ms()) {
            Some(cancelled) => self.written(&id, cancelled).await,
            None if is_over(&task) && task.state() != TaskState::Cancelled => {
                Err(Problem::new(StatusCode::CONFLICT, "it is over already"))
            }
            None => Ok(task),
        }
    }
}
