//! What redelivery and dismissal share: the words, the decision, the writing, the answer.

use aerogram_domain::escalations::{
    Decision, Escalated, Refusal, WHY_CHARS_MAX, Who, Wish, decide, run_name,
};
use aerogram_domain::subscription_request::FieldError;
use aerogram_projection::Row;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::{Api, Keeper, Problem};
use crate::rest::body;
use crate::submit::now_ms;

/// What `why` says in the body, if there is one.
///
/// # Errors
/// 400 when it is no JSON object, or what it says is no text or too long; and as [`body::read`].
pub async fn why(api: &Api, headers: &HeaderMap, body: Body) -> Result<Option<String>, Problem> {
    let bytes = body::read(headers, body, api.settings.max_body_bytes, api.patience()).await?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let value: Value =
        serde_json::from_slice(&bytes).map_err(|error| Problem::body(format!("is not JSON: {error}")))?;
    let mut fields = match value {
        Value::Object(fields) => fields,
        Value::Null => return Ok(None),
        _ => return Err(Problem::body("must be a JSON object")),
    };
    match fields.remove("why") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(why)) if is_said(&why) => Ok(Some(why)),
        Some(_) => {
            let detail = format!(
                "must be a text of 1 to {WHY_CHARS_MAX} characters that is not blank and has no control characters"
            );
            Err(Problem::fields(vec![FieldError { pointer: "/why".to_owned(), detail }]))
        }
    }
}

fn is_said(why: &str) -> bool {
    let short = why.chars().count() <= WHY_CHARS_MAX;
    short && !why.trim().is_empty() && !why.chars().any(char::is_control)
}

/// How often it is decided anew, because others resolve the same at the same time.
const ROUNDS_MAX: usize = 4;

/// Decides, writes, and answers how things are then. To be finished once it is begun, also when nobody waits for the answer any
/// more: else something would be said to be sent that is not.
///
/// # Errors
/// 409 when it can't be done as things are, 503 when it is not known to be written; then it may be asked for again.
pub async fn resolve(api: &Api, keeper: &Keeper, mut row: Row, wish: Wish<'_>) -> Result<Row, Problem> {
    for _ in 0..ROUNDS_MAX {
        let who = Who { actor: &keeper.actor, now_ms: now_ms() };
        let escalated = Escalated { key: row.key, resolution: row.resolution.as_ref() };
        match decide(escalated, wish, who).map_err(refused)? {
            Decision::AlreadySo => return Ok(row),
            Decision::Send(key, entry, sent) => {
                api.escalations.settling.send(row.partition, key, &entry).await?;
                api.escalations.settling.resolve(row.partition, row.key, &sent).await?;
                return api.escalation(keeper, &run_name(row.key)).await;
            }
            Decision::Resolve(escalation) => {
                api.escalations.settling.resolve(row.partition, row.key, &escalation).await?;
                // As the log says it: of two who asked at once one was the first.
                row = api.escalation(keeper, &run_name(row.key)).await?;
            }
        }
    }
    Err(Problem::new(StatusCode::CONFLICT, "others resolve it at the same time; look at it and ask again"))
}

fn refused(refusal: Refusal) -> Problem {
    Problem::new(StatusCode::CONFLICT, refusal.to_string())
}
