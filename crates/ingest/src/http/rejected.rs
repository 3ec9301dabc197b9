//! `/v1/rejected`: list, show, retry.

use super::{
    REJECTED,
    login::{Door, Peer},
    problem::Problem,
};
use crate::rejected::{Detail, Entry, NotRetried, Page, Query, Rejections, Retried, Trouble};
use aerogram_domain::{credentials::Scope, intake::NotDecidable};
use axum::{
    Extension, Json,
    extract::{Path, Query as QueryString, State},
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

/// Requests that are served or wait for one another.
const REQUESTS_MAX: usize = 8;
const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;

/// What requests of administrators share.
pub(super) struct Administration {
    rejections: Arc<Rejections>,
    door: Door,
    room: Semaphore,
    leaving: CancellationToken,
}

impl Administration {
    pub fn new(rejections: Arc<Rejections>, door: Door, leaving: CancellationToken) -> Self {
        Self { rejections, door, room: Semaphore::new(REQUESTS_MAX), leaving }
    }

    /// Who calls, and the room to serve the call.
    fn admit(
        &self,
        peer: Peer,
        headers: &HeaderMap,
        scope: Scope,
    ) -> Result<(Arc<str>, SemaphorePermit<'_>), Problem> {
        if self.leaving.is_cancelled() {
            return Err(Problem::busy("this instance is stopping; ask again"));
        }
        let admin = self.door.admin(peer, headers, scope)?;
        let room = self.room.try_acquire();
        let room = room.map_err(|_| Problem::busy("too many requests are being served; ask again"))?;
        Ok((admin, room))
    }
}

/// The query of a list, as it came.
#[derive(Deserialize)]
pub(super) struct ListQuery {
    limit: Option<String>,
    after: Option<String>,
    all: Option<String>,
    reason: Option<String>,
    topic: Option<String>,
}

impl ListQuery {
    fn check(self) -> Result<Query, Problem> {
        let limit = match self.limit.as_deref().map(str::parse) {
            None => LIMIT_DEFAULT,
            Some(Ok(limit @ 1..=LIMIT_MAX)) => limit,
            Some(_) => return Err(Problem::bad_request(format!("limit must be 1 to {LIMIT_MAX}"))),
        };
        let after = match self.after.as_deref().map(cursor) {
            None => None,
            Some(Some(after)) => Some(after),
            Some(None) => return Err(Problem::bad_request("after must be what next said")),
        };
        let all = match self.all.as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(Problem::bad_request("all must be true or false")),
        };
        Ok(Query { after, limit, all, reason: self.reason, topic: self.topic })
    }
}

/// A cursor says where a page ended; what stands behind the letter is nobody's business.
fn cursor(text: &str) -> Option<i64> {
    text.strip_prefix('o')?.parse().ok().filter(|offset| *offset >= 0)
}

/// `GET /v1/rejected`
pub(super) async fn list(
    State(shared): State<Arc<Administration>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    QueryString(query): QueryString<ListQuery>,
) -> Result<Response, Problem> {
    #[derive(Serialize)]
    struct Listed {
        rejected: Vec<Entry>,
        next: Option<String>,
    }
    let (_, _room) = shared.admit(peer, &headers, Scope::Read)?;
    let query = query.check()?;
    let Page { entries, next } = shared.rejections.list(&query).await.map_err(|trouble| problem(&trouble))?;
    let next = next.map(|next| format!("o{next}"));
    let link = next.as_ref().and_then(|next| link(&query, next));
    let mut response = Json(Listed { rejected: entries, next }).into_response();
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// The address of the next page (RFC 8288).
fn link(query: &Query, next: &str) -> Option<HeaderValue> {
    let mut address = format!("{REJECTED}?limit={}&after={next}", query.limit);
    if query.all {
        address.push_str("&all=true");
    }
    for (name, value) in [("reason", &query.reason), ("topic", &query.topic)] {
        if let Some(value) = value {
            let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            address.push_str(&format!("&{name}={value}"));
        }
    }
    HeaderValue::from_str(&format!("<{address}>; rel=\"next\"")).ok()
}

/// `GET /v1/rejected/{offset}`
pub(super) async fn show(
    State(shared): State<Arc<Administration>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Path(offset): Path<String>,
) -> Result<Json<Detail>, Problem> {
    let (_, _room) = shared.admit(peer, &headers, Scope::Read)?;
    let detail = shared.rejections.show(parse(&offset)?).await;
    detail.map(Json).map_err(|trouble| problem(&trouble))
}

/// `POST /v1/rejected/{offset}/retries`
pub(super) async fn retry(
    State(shared): State<Arc<Administration>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Path(offset): Path<String>,
) -> Result<Json<Retried>, Problem> {
    let (admin, _room) = shared.admit(peer, &headers, Scope::Write)?;
    let retried = shared.rejections.retry(parse(&offset)?, &admin).await;
    retried.map(Json).map_err(|not| {
        let said = not.to_string();
        match not {
            NotRetried::Trouble(trouble) => problem(&trouble),
            NotRetried::Settled => Problem::conflict("settled", said),
            NotRetried::UnderWay => Problem::conflict("under_way", said),
            NotRetried::UnknownSource(_) => Problem::unprocessable("unknown_source", said, None),
            NotRetried::NotDecidable(not) => match &not {
                NotDecidable::Truncated => Problem::unprocessable("payload_truncated", said, None),
                NotDecidable::Headers => Problem::unprocessable("headers_incomplete", said, None),
                NotDecidable::Refused(refusal) => {
                    Problem::unprocessable(refusal.code().as_str(), "it is still refused", Some(refusal))
                }
            },
            NotRetried::NotAcknowledged => Problem::busy(said),
        }
    })
}

fn parse(offset: &str) -> Result<i64, Problem> {
    let parsed = offset.parse().ok().filter(|offset| *offset >= 0);
    parsed.ok_or_else(|| Problem::bad_request("the offset must be a whole number from 0"))
}

fn problem(trouble: &Trouble) -> Problem {
    match trouble {
        Trouble::NotFound => Problem::not_found(trouble.to_string()),
        Trouble::Late => Problem::busy(trouble.to_string()),
        Trouble::Broken(why) => {
            tracing::warn!("an administrator's question was not answered: {why}");
            Problem::busy(trouble.to_string())
        }
    }
}
