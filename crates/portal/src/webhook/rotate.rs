//! Another signing key.

use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::http::header::IF_MATCH;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::key;
use super::read::{Webhook, may_write};
use crate::error::sentence;
use crate::filled::Filled;
use crate::frame::{Frame, html};
use crate::model::Subscription;
use crate::rest::{Refused, path};
use crate::viewer::{Viewer, Viewing};

/// As REST has it.
const OVERLAP_DEFAULT_HOURS: &str = "24";

#[derive(Template)]
#[template(path = "webhook-rotate.html")]
struct RotatePage {
    frame: Frame,
    id: String,
    short: String,
    etag: String,
    /// As it is typed.
    overlap: String,
    says: Says,
}

enum Says {
    Nothing,
    /// With the hours.
    Wrong(String),
    /// The page was loaded again, or the webhook is another one than it was.
    Overtaken,
}

pub async fn ask(Viewing(viewer): Viewing, Path(id): Path<String>) -> Result<Response, Refused> {
    may_write(&viewer)?;
    page(&viewer, &id, OVERLAP_DEFAULT_HOURS, Says::Nothing, StatusCode::OK).await
}

/// The answer is the page with the key. A page that is loaded again makes no other one: it is bound to what it was made for.
pub async fn rotate(
    Viewing(viewer): Viewing,
    Path(id): Path<String>,
    filled: Filled,
) -> Result<Response, Refused> {
    let headers = [(IF_MATCH, filled.get("etag").to_owned())];
    let typed = filled.get("overlap").trim();
    let wish = wish(typed);
    let keys = path(&["subscriptions", &id, "signing-keys"]);
    match viewer.rest.send(Method::POST, &keys, Some(&wish), &headers).await {
        Ok(answer) => key::of_rotated(&viewer, &answer.read::<Subscription>()?).await,
        Err(refused @ Refused::Changed(_)) => {
            page(&viewer, &id, typed, Says::Overtaken, refused.status()).await
        }
        Err(Refused::Invalid { wrong, detail }) => {
            let says = wrong.first().map_or(detail, |wrong| wrong.detail.clone());
            page(&viewer, &id, typed, Says::Wrong(sentence(&says)), StatusCode::BAD_REQUEST).await
        }
        Err(refused) => Err(refused),
    }
}

/// What is no number is sent as it is, for REST to refuse.
fn wish(typed: &str) -> Value {
    match typed.parse::<i64>() {
        Ok(hours) => json!({ "overlapHours": hours }),
        Err(_) => json!({ "overlapHours": typed }),
    }
}

async fn page(
    viewer: &Arc<Viewer>,
    id: &str,
    overlap: &str,
    says: Says,
    status: StatusCode,
) -> Result<Response, Refused> {
    let webhook = Webhook::read(viewer, id).await?;
    let page = RotatePage {
        frame: Frame::new(viewer, "webhooks", "New signing key"),
        id: webhook.subscription.id.clone(),
        short: webhook.short().to_owned(),
        etag: webhook.etag.clone(),
        overlap: overlap.to_owned(),
        says,
    };
    Ok(html(status, &page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_a_number_or_refused() {
        assert_eq!(wish("48"), json!({"overlapHours": 48}));
        for typed in ["", "many", "1.5", "99999999999999999999"] {
            assert_eq!(wish(typed), json!({ "overlapHours": typed }));
        }
    }
}
