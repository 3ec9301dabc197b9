//! `GET /tasks`, `GET` and `DELETE /tasks/{taskId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::view::TaskView;
use super::{Api, Keeper, Problem, scope_of};
use crate::rest::parameters::{LIMIT_DEFAULT, limit, read_all};
use crate::tasks::waiting;

#[derive(Serialize)]
struct Listed {
    tasks: Vec<TaskView>,
}

/// The newest.
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

/// One, with how many of what it sent have not ended.
pub async fn show(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (_, task) = api.task(&keeper, &id).await?;
    api.history_is_up_to_date().await?;
    let waiting = waiting(&api, &task).await?;
    Ok(Json(TaskView::of(&task, keeper.reader, Some(waiting))).into_response())
}

/// Sends nothing more. What is written down to be sent already is sent.
pub async fn cancel(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let task = api.cancel(&keeper, &id).await?;
    Ok(Json(TaskView::of(&task, keeper.reader, None)).into_response())
}
