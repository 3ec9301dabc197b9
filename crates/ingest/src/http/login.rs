//! Who calls, by the token of a request.

use super::{bearer, problem::Problem};
use aerogram_credentials::InForce;
use aerogram_domain::credentials::{AuthError, Publisher, Scope};
use aerogram_telemetry::{names, wall_ms};
use axum::http::HeaderMap;
use std::sync::Arc;

/// # Errors
/// 401.
pub(super) fn publisher(credentials: &InForce, headers: &HeaderMap) -> Result<Publisher, Problem> {
    let token = bearer::token(headers).ok_or_else(Problem::unauthenticated)?;
    let credentials = credentials.now();
    let publisher = credentials.publisher(token, wall_ms());
    publisher.cloned().map_err(|why| refused("publisher", why, Problem::unauthenticated()))
}

/// The administrator's name.
///
/// # Errors
/// 401; 403 without the scope.
pub(super) fn admin(credentials: &InForce, headers: &HeaderMap, scope: Scope) -> Result<Arc<str>, Problem> {
    let token = bearer::token(headers).ok_or_else(Problem::no_administrator)?;
    let credentials = credentials.now();
    let admin = credentials.admin(token, wall_ms());
    let admin = admin.map_err(|why| refused("admin", why, Problem::no_administrator()))?;
    if !admin.scopes.include(scope) {
        return Err(Problem::no_scope(scope));
    }
    Ok(Arc::clone(&admin.name))
}

fn refused(kind: &'static str, why: AuthError, answer: Problem) -> Problem {
    tracing::debug!(kind, "a caller is not let in: {why}");
    metrics::counter!(names::LOGINS_FAILED_TOTAL, "kind" => kind).increment(1);
    answer
}
