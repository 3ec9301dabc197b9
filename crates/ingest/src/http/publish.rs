//! One request to publish: who, what, written, acknowledged, answered.

use super::{
    login::{Door, Peer},
    problem::Problem,
};
use crate::{
    clock,
    decide::{Outgoing, count_refused},
    options::HttpOptions,
    warnings::Warnings,
};
use aerogram_domain::{
    credentials::Publisher,
    intake::{Accepted, Policy, accept_json, media_type},
};
use aerogram_kafka::{Cluster, WriteError, Writer};
use aerogram_wire::{headers, v1::Origin};
use axum::{
    Extension, Json,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;

/// Requests whose body is in memory; with the cap of a body this bounds the memory.
const REQUESTS_MAX: usize = 64;
/// How long a body may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(15);

/// What publishing needs.
pub struct Publishing {
    pub options: HttpOptions,
    pub cluster: Cluster,
    pub writer: Writer,
    pub warnings: Arc<Warnings>,
    pub leaving: CancellationToken,
}

/// What requests share.
pub(super) struct Shared {
    publishing: Publishing,
    door: Door,
    room: Semaphore,
}

impl Shared {
    pub fn new(publishing: Publishing, door: Door) -> Self {
        Self { publishing, door, room: Semaphore::new(REQUESTS_MAX) }
    }

    fn authenticate(&self, peer: Peer, headers: &HeaderMap) -> Result<Policy, Problem> {
        let Publisher { scope, operators, .. } = self.door.publisher(peer, headers)?;
        Ok(self.publishing.options.intake.http_policy(&scope, operators))
    }
}

/// The whole of `POST /v1/events`.
pub(super) async fn publish(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, Problem> {
    let publishing = &shared.publishing;
    if publishing.leaving.is_cancelled() {
        return Err(Problem::busy("this instance is stopping; send it again"));
    }
    let (head, body) = request.into_parts();
    let policy = shared.authenticate(peer, &head.headers)?;
    check_media_type(&head.headers)?;
    let Ok(_room) = shared.room.try_acquire() else {
        return Err(Problem::busy("too many requests are being served; send it again"));
    };
    let body = read(body, publishing.options.max_body_bytes).await?;
    let origin = Origin { topic: "http".to_owned(), partition: 0, offset: 0 };
    let accepted = accept_json(&policy, &body, &origin, clock::now_ms()).map_err(|refusal| {
        count_refused(&refusal);
        Problem::refused(&refusal)
    })?;
    let traceparent = head.headers.get(headers::TRACEPARENT).map(|value| value.as_bytes());
    match timeout(publishing.options.acknowledge_within, publishing.write(&accepted, traceparent)).await {
        Ok(Ok(())) => Ok(publishing.answer(&accepted)),
        Ok(Err(error)) => {
            tracing::warn!("a publisher was asked to repeat: {error}");
            Err(Problem::not_acknowledged())
        }
        Err(_) => Err(Problem::not_acknowledged()),
    }
}

impl Publishing {
    /// Writes all in their order; returns when all are acknowledged.
    async fn write(&self, accepted: &[Accepted], traceparent: Option<&[u8]>) -> Result<(), WriteError> {
        let mut acks = Vec::with_capacity(accepted.len());
        for one in accepted {
            let outgoing = Outgoing::event(&self.cluster, &one.envelope, traceparent);
            let headers = outgoing.headers();
            acks.push(self.writer.enqueue(outgoing.out(&headers)).await?);
        }
        for ack in acks {
            ack.await?;
        }
        Ok(())
    }

    fn answer(&self, accepted: &[Accepted]) -> Response {
        #[derive(serde::Serialize)]
        struct Ids<'a> {
            ids: Vec<&'a str>,
        }
        for one in accepted {
            self.warnings.tell(one, "http");
        }
        let events = accepted.iter().filter_map(|one| one.envelope.event.as_ref());
        (StatusCode::ACCEPTED, Json(Ids { ids: events.map(|event| event.id.as_str()).collect() }))
            .into_response()
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let stated = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(media_type);
    match stated.as_deref() {
        Some("application/cloudevents+json" | "application/cloudevents-batch+json" | "application/json") => {
            Ok(())
        }
        Some(_) | None => Err(Problem::unsupported_media_type()),
    }
}

async fn read(body: Body, max_bytes: usize) -> Result<Bytes, Problem> {
    match timeout(BODY_WITHIN, Limited::new(body, max_bytes).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Problem::too_large(max_bytes)),
        Ok(Err(_)) | Err(_) => Err(Problem::slow_or_broken_body()),
    }
}
