//! `GET /tasks`, `GET` and `DELETE /tasks/{taskId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::view::TaskView;
use super::{Api, Keeper, Problem, scope_of};
use crate::rest::parameters::{LIMIT_DEFAULT, limit, read_all};
use crate::tasks::{waiting, waits_for};

#[derive(Serialize, ToSchema)]
#[schema(as = Tasks)]
struct Listed {
    tasks: Vec<TaskView>,
}

/// What may be asked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "nothing is ever made of it")]
pub struct Parameters {
    #[param(minimum = 1, maximum = 200, default = 50, example = 20)]
    limit: Option<u32>,
}

/// Lists tasks, the newest first.
#[utoipa::path(
    get,
    path = "/tasks",
    operation_id = "listTasks",
    tag = "Repair",
    params(Parameters),
    responses((status = 200, description = "The newest first.", body = Listed)),
)]
pub async fn list(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    given: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(given) =
        given.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the query is not readable"))?;
    let mut shown = LIMIT_DEFAULT;
    read_all(given, "", |name, value| match name {
        "limit" => limit(value).map(|limit| shown = limit),
        _ => Err("is unknown; known is limit".to_owned()),
    })
    .map_err(Problem::parameters)?;
    api.tasks_are_up_to_date().await?;
    let tasks = api.repair.tasks.list(scope_of(&keeper).as_ref());
    let tasks = tasks.iter().take(shown).map(|task| TaskView::of(task, keeper.reader, None)).collect();
    Ok(Json(Listed { tasks }).into_response())
}

/// Shows a task.
///
/// With how many of what it sent have not ended, and what a replay waits for.
#[utoipa::path(
    get,
    path = "/tasks/{taskId}",
    operation_id = "showTask",
    tag = "Repair",
    params(("taskId" = String, Path, format = Uuid)),
    responses((status = 200, description = "As it is now.", body = TaskView)),
)]
pub async fn show(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (_, task) = api.task(&keeper, &id).await?;
    api.history_is_up_to_date().await?;
    let waiting = waiting(&api, &task).await?;
    let view = TaskView::of(&task, keeper.reader, Some(waiting)).waits_for(waits_for(&api, &task).await);
    Ok(Json(view).into_response())
}

/// Cancels a task.
///
/// It sends nothing more. What is written down to be sent already is sent.
#[utoipa::path(
    delete,
    path = "/tasks/{taskId}",
    operation_id = "cancelTask",
    tag = "Repair",
    params(("taskId" = String, Path, format = Uuid)),
    responses(
        (status = 200, description = "It is cancelled.", body = TaskView),
        (status = 409, description = "It is over already."),
    ),
)]
pub async fn cancel(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let task = api.cancel(&keeper, &id).await?;
    Ok(Json(TaskView::of(&task, keeper.reader, None)).into_response())
}
