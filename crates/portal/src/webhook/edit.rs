//! Changing a webhook.

use std::sync::Arc;

use axum::extract::Path;
use axum::http::header::IF_MATCH;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::form::Form;
use super::form_page::{Subject, page};
use super::mistakes::{Asked, Mistakes};
use super::of_subscription::{self, Kept};
use super::read::{Webhook, may_write};
use super::{conflict, to_json};
use crate::deliveries::webhook_href;
use crate::filled::Filled;
use crate::rest::{Refused, path};
use crate::viewer::{Viewer, Viewing};

/// The form as the webhook is.
pub async fn show(Viewing(viewer): Viewing, Path(id): Path<String>) -> Result<Response, Refused> {
    may_write(&viewer)?;
    let webhook = Webhook::read(&viewer, &id).await?;
    let form = of_subscription::form(&webhook);
    page(&viewer, subject(&webhook), form, Mistakes::default(), StatusCode::OK).await
}

/// Sends what is different, unless somebody else was faster.
pub async fn save(
    Viewing(viewer): Viewing,
    Path(id): Path<String>,
    filled: Filled,
) -> Result<Response, Refused> {
    let webhook = Webhook::read(&viewer, &id).await?;
    let form = typed(&filled, &webhook);
    let etag = filled.get("etag");
    if filled.has("preview") {
        let subject = Subject::Old {
            id: webhook.subscription.id.clone(),
            short: webhook.short().to_owned(),
            etag: etag.to_owned(),
            kept: Kept::of(&webhook),
        };
        return page(&viewer, subject, form, Mistakes::default(), StatusCode::OK).await;
    }
    if etag != webhook.etag {
        return overtaken(&viewer, &webhook, &form).await;
    }
    let before = of_subscription::form(&webhook);
    let written = to_json::change(&form, &before, Kept::of(&webhook).may_move);
    if written.is_empty() {
        return Ok(saved(&webhook, "unchanged"));
    }
    let headers = [(IF_MATCH, etag.to_owned())];
    let path = path(&["subscriptions", &id]);
    match viewer.rest.send_text(Method::PATCH, &path, Some(written.text()?), &headers).await {
        Ok(_) => Ok(saved(&webhook, "saved")),
        Err(refused @ (Refused::Unauthenticated | Refused::NotFound)) => Err(refused),
        Err(Refused::Changed(_)) => {
            let now = Webhook::read(&viewer, &id).await?;
            overtaken(&viewer, &now, &form).await
        }
        Err(refused) => {
            let mistakes = Mistakes::of(&refused, &written.wrong, &form, Asked::Change);
            page(&viewer, subject(&webhook), form, mistakes, refused.status()).await
        }
    }
}

/// What was typed; what cannot be typed, or is kept, is as it is.
fn typed(filled: &Filled, webhook: &Webhook) -> Form {
    let mut form = Form::of(filled);
    let of = of_subscription::form(webhook);
    let may_move = Kept::of(webhook).may_move;
    if form.body == "keep" {
        (form.template, form.headers, form.all_text) = (of.template, of.headers, of.all_text);
    }
    Form {
        contract: if may_move { form.contract } else { of.contract },
        event: if may_move { form.event } else { of.event },
        profile: of.profile,
        environment: of.environment,
        ..form
    }
}

/// When it is as it was typed by now, as after a form that was sent twice, there is nothing to ask about.
async fn overtaken(viewer: &Arc<Viewer>, now: &Webhook, form: &Form) -> Result<Response, Refused> {
    let before = of_subscription::form(now);
    match to_json::change(form, &before, Kept::of(now).may_move).is_empty() {
        true => Ok(saved(now, "saved")),
        false => conflict::page(viewer, now, form, &before).await,
    }
}

fn subject(webhook: &Webhook) -> Subject {
    Subject::Old {
        id: webhook.subscription.id.clone(),
        short: webhook.short().to_owned(),
        etag: webhook.etag.clone(),
        kept: Kept::of(webhook),
    }
}

fn saved(webhook: &Webhook, done: &str) -> Response {
    Redirect::to(&format!("{}?done={done}", webhook_href(&webhook.subscription.id))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::of_subscription::tests::full;

    #[test]
    fn a_body_that_is_kept_is_not_what_stands_in_its_field() {
        let typed_as = |body: &str| {
            let pairs = [("body", body), ("template", "[2]"), ("header-name", "x-b"), ("header-value", "v")];
            let filled: Filled =
                pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
            typed(&filled, &full())
        };
        let (kept, own) = (typed_as("keep"), typed_as("own"));
        assert_eq!(
            (kept.template.as_str(), kept.headers[0].name.as_str()),
            ("{\n  \"b\": 1.10,\n  \"a\": 1\n}", "x-tenant")
        );
        assert!(kept.all_text && !own.all_text);
        assert_eq!((own.template.as_str(), own.headers[0].name.as_str()), ("[2]", "x-b"));
    }

    #[test]
    fn what_cannot_be_typed_is_as_it_is() {
        let forged =
            [("profile", "flight"), ("environment", "production"), ("event", "X"), ("contract", "Y")];
        let filled: Filled =
            forged.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut webhook = full();
        let form = typed(&filled, &webhook);
        assert_eq!((form.profile.as_str(), form.environment.as_str()), ("portal", "non-production"));
        assert_eq!((form.event.as_str(), form.contract.as_str()), ("X", "Y"));
        webhook.subscription.profile = "order".to_owned();
        let form = typed(&filled, &webhook);
        assert_eq!((form.event.as_str(), form.contract.as_str()), ("PRODUCT_ADDED", "C-1"));
        // Disabled fields are not posted, and so are no change.
        let pairs = of_subscription::form(&webhook);
        let posted = pairs.pairs().into_iter().filter(|(name, _)| forged.iter().all(|(of, _)| of != name));
        let posted: Filled = posted.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert!(to_json::change(&typed(&posted, &webhook), &pairs, false).is_empty());
    }
}
