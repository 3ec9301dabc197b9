//! `POST /subscriptions/{subscriptionId}/test-events`

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aerogram_domain::body::webhook_id;
use aerogram_domain::escalations::run_name;
use aerogram_domain::history::Status;
use aerogram_domain::repair::{no_receiver, task_by_key, test_delivery, test_event};
use aerogram_projection::DeliveryRow;
use aerogram_wire::key::RunKey;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use uuid::Uuid;

use super::fields::Fields;
use super::{Api, Keeper, Problem, scope_of};
use crate::repair::NotNow;
use crate::rest::create::not_entitled;
use crate::rest::escalations::AttemptView;
use crate::rest::idempotency;
use crate::submit::now_ms;

/// How often it is looked whether the receiver has answered. Each look takes one of the projection's readers.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Calls that wait for an answer, at most; and of one subscription.
const WAITING_MAX: usize = 32;
const WAITING_OF_ONE_MAX: usize = 2;
/// After this one that found too many may be tried again, in seconds.
const RETRY_AFTER_S: u64 = 5;

/// The calls of this process that wait.
static WAITING: Waiting = Waiting(Mutex::new(BTreeMap::new()));

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tested {
    /// Of the delivery.
    id: String,
    webhook_id: String,
    event_id: String,
    event_type: String,
    status: &'static str,
    /// `null`: none was made, or none has ended yet.
    attempt: Option<AttemptView>,
}

/// Sends an example of an event type once, and answers what the receiver said.
pub async fn send(
    State(api): State<Arc<Api>>,
    keeper: Keeper,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let key = idempotency::key(&headers)?;
    let mut fields = Fields::read(&api, &headers, body).await?;
    let given = fields.text("eventType");
    let subscription = api.subscription_for(&keeper, &id).await?;
    let name = given.unwrap_or_else(|| subscription.event_type.clone());
    let event_type = api.catalogue.lookup(&name);
    if event_type.is_none() {
        fields.wrong::<()>("eventType", "is no event type of the catalogue");
    }
    fields.done()?;
    let Some(event_type) = event_type else { return Err(Problem::no_such_subscription()) };
    if !keeper.may_have(&name) {
        return Err(not_entitled(&name));
    }
    if let Some(none) = no_receiver(Some(&subscription), now_ms()) {
        return Err(none.into());
    }
    // Before anything is written: who is refused has not been tested.
    let _waits = WAITING.one_more(&id).ok_or_else(|| {
        let detail = format!(
            "too many test events wait for their answers: at most {WAITING_OF_ONE_MAX} of a subscription and {WAITING_MAX} in all \
             do at once; nothing was sent, try again in {RETRY_AFTER_S} s"
        );
        Problem::too_many(detail, RETRY_AFTER_S)
    })?;
    let delivery_id = match key {
        Some(key) => task_by_key(scope_of(&keeper).as_ref(), key, &[b"test", id.as_bytes(), name.as_bytes()]),
        None => Uuid::new_v4().into_bytes(),
    };
    let run = RunKey { delivery_id, run: 0 };
    let event =
        test_event(event_type, &subscription, webhook_id(&delivery_id).trim_start_matches("msg_"), now_ms());
    let event_id = event.id.clone();
    let until = Instant::now() + api.patience();
    let is_repeated = match key {
        None => false,
        Some(_) => {
            api.history_is_up_to_date().await?;
            api.projected(api.is_known(run)).await?
        }
    };
    if !is_repeated {
        let offset = api.read_of(&subscription);
        let entry = test_delivery(delivery_id, event, &subscription, offset, now_ms());
        api.repair.writing.send(&[entry]).await.map_err(NotNow::from)?;
    }
    let ended = api.ended(run, until).await?;
    let last = ended.as_ref().and_then(|row| row.attempts.last());
    let tested = Tested {
        id: run_name(run),
        webhook_id: webhook_id(&delivery_id),
        event_id,
        event_type: name,
        status: ended.as_ref().map_or(Status::Pending, |row| row.status).name(),
        attempt: last.map(|attempt| AttemptView::of(attempt, keeper.reader)),
    };
    let status = if ended.is_some() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(tested)).into_response())
}

impl Api {
    /// How a run ended; `None`: it had not by then.
    async fn ended(&self, run: RunKey, until: Instant) -> Result<Option<DeliveryRow>, Problem> {
        loop {
            let row = self.projected(self.history.projection.delivery(run, i64::MIN)).await?;
            if let Some(row) = row.filter(|row| row.status.is_final()) {
                return Ok(Some(row));
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

/// How many calls wait, by subscription; none is not kept.
struct Waiting(Mutex<BTreeMap<String, usize>>);

/// One that waits, for as long as it is held.
struct Waits<'a> {
    among: &'a Waiting,
    subscription_id: String,
}

impl Waiting {
    /// `None`: there are too many.
    fn one_more(&self, subscription_id: &str) -> Option<Waits<'_>> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.values().sum::<usize>() >= WAITING_MAX
            || counts.get(subscription_id).is_some_and(|count| *count >= WAITING_OF_ONE_MAX)
        {
            return None;
        }
        *counts.entry(subscription_id.to_owned()).or_default() += 1;
        Some(Waits { among: self, subscription_id: subscription_id.to_owned() })
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let mut counts = self.among.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.subscription_id) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.subscription_id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_a_subscription_wait_and_so_many_in_all() {
        let waiting = Waiting(Mutex::default());
        let mut held = vec![waiting.one_more("a").unwrap(), waiting.one_more("a").unwrap()];
        assert!(waiting.one_more("a").is_none());
        held.extend((2..WAITING_MAX).map(|n| waiting.one_more(&format!("s{n}")).unwrap()));
        assert!(waiting.one_more("b").is_none());
        held.remove(0);
        assert!(waiting.one_more("b").is_some());
        drop(held);
        assert!(waiting.0.lock().unwrap().is_empty());
    }
}
