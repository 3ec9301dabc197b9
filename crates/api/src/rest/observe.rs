//! Around every request: a limit on how many are under way, and how long each took.

use std::sync::Arc;
use std::time::Instant;

use aerogram_telemetry::names;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::Semaphore;

use super::problem::Problem;

/// Requests under way, at most.
const REQUESTS_MAX: usize = 2_048;

/// What is shared by all requests.
#[derive(Clone)]
pub struct Observer {
    room: Arc<Semaphore>,
}

impl Observer {
    pub fn new() -> Self {
        Self { room: Arc::new(Semaphore::new(REQUESTS_MAX)) }
    }
}

pub async fn observe(State(observer): State<Observer>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let path = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
    let route = format!("{} {path}", method(request.method()));
    let response = match observer.room.try_acquire() {
        Ok(_room) => next.run(request).await,
        Err(_) => {
            Problem::unavailable("too many requests are under way; nothing was changed").into_response()
        }
    };
    let status = response.status().as_u16().to_string();
    tracing::debug!(route, status, "answered");
    metrics::histogram!(names::HTTP_SERVER_DURATION_SECONDS, "route" => route, "status" => status)
        .record(started.elapsed());
    response
}

/// Methods are the caller's to invent; labels are not.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
