//! Before every page: who is signed in. Behind it: what could not be done, as a page.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;

use super::cookie::{self, Session};
use super::sign_in::to_sign_in;
use crate::rest::{Refused, Rest};
use crate::viewer::Viewer;
use crate::zone::{self, Zone};
use crate::{Portal, error};

/// The part of a page that asks for itself again and again; see `task-figures.html`.
const TASK: &str = "task";

/// Leads who is not signed in to the page where that is done, and from there back.
pub async fn enter(State(portal): State<Arc<Portal>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let now = Timestamp::now();
    let had_one = cookie::is_there(&parts.headers);
    let Some(session) = Session::of(&parts.headers, &portal.sealer, now) else {
        return to_sign_in(&parts, had_one);
    };
    let Some(rest) = Rest::of(&portal.api, &parts, &session.credentials) else {
        return to_sign_in(&parts, true);
    };
    let zone = Zone::of(cookie::value(&parts.headers, zone::COOKIE).as_deref());
    let seen = if is_click(&parts.headers) { session.seen(now) } else { None };
    let noted = seen.and_then(|session| session.cookie(&portal.sealer));
    let viewer = match Viewer::of(rest, session, zone, &parts).await {
        Ok(viewer) => Arc::new(viewer),
        Err(Refused::Unauthenticated) => return to_sign_in(&parts, true),
        Err(refused) => return error::without_frame(&refused),
    };
    parts.extensions.insert(Arc::clone(&viewer));
    let answered = next.run(Request::from_parts(parts.clone(), body)).await;
    let mut response = match answered.extensions().get::<Refused>() {
        // In the middle of it.
        Some(Refused::Unauthenticated) => return to_sign_in(&parts, true),
        Some(refused) => error::page(&viewer, refused).into_response(),
        None => answered,
    };
    if let Some(noted) = noted {
        response.headers_mut().append(SET_COOKIE, noted);
    }
    response
}

/// Nobody need be there when a page asks how far a task is.
fn is_click(headers: &HeaderMap) -> bool {
    headers.get("hx-target").is_none_or(|target| target != TASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_asks_by_itself_keeps_no_session() {
        let click = |headers: &[(&'static str, &'static str)]| {
            let pairs = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            is_click(&pairs.collect())
        };
        assert!(click(&[]) && click(&[("hx-request", "true"), ("hx-target", "rows")]));
        assert!(!click(&[("hx-request", "true"), ("hx-target", "task")]));
    }
}
