//! Making a webhook active again.

use axum::extract::Path;
use axum::http::Method;
use axum::http::header::IF_MATCH;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde_json::json;

use super::show::ACTIVE;
use crate::deliveries::webhook_href;
use crate::filled::Filled;
use crate::model::Subscription;
use crate::rest::{Refused, path};
use crate::viewer::Viewing;

/// As it was when its page was made: who has not seen why it is inactive by now does not start it.
pub async fn activate(
    Viewing(viewer): Viewing,
    Path(id): Path<String>,
    filled: Filled,
) -> Result<Response, Refused> {
    let of_it = path(&["subscriptions", &id]);
    let headers = [(IF_MATCH, filled.get("etag").to_owned())];
    let active = json!({"status": ACTIVE});
    let done = match viewer.rest.send(Method::PATCH, &of_it, Some(&active), &headers).await {
        Ok(_) => "activated",
        Err(Refused::Changed(_)) => {
            // A form that was sent twice is no clash.
            let now = viewer.rest.get::<Subscription>(&of_it).await?;
            if now.status == ACTIVE { "activated" } else { "overtaken" }
        }
        Err(refused) => return Err(refused),
    };
    Ok(Redirect::to(&format!("{}?done={done}", webhook_href(&id))).into_response())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::overview::subscription_for_tests_json as subscription;
    use crate::testing::World;

    const ETAG: &str = "\"3\"";

    async fn led_to(status: u16, now: &str) -> (World, String) {
        let of = subscription(&json!({"status": now}));
        let world = World::of(vec![
            ("PATCH /subscriptions/w-1", status, json!({})),
            ("GET /subscriptions/w-1", 200, of),
        ]);
        let answered = world.post("/portal/webhooks/w-1/activate", &[("etag", ETAG)]).await;
        assert_eq!(answered.status.as_u16(), 303, "{answered:?}");
        (world, answered.location)
    }

    #[tokio::test]
    async fn it_is_made_active_as_it_was_shown() {
        let (world, location) = led_to(200, "INACTIVE").await;
        assert_eq!(location, "/portal/webhooks/w-1?done=activated");
        assert_eq!(world.changes(), [r#"PATCH /subscriptions/w-1 {"status":"ACTIVE"}"#]);
        assert_eq!(world.tags(), [ETAG]);
    }

    #[tokio::test]
    async fn who_comes_second_is_told_so_unless_it_is_active_by_now() {
        assert_eq!(led_to(412, "INACTIVE").await.1, "/portal/webhooks/w-1?done=overtaken");
        assert_eq!(led_to(412, "ACTIVE").await.1, "/portal/webhooks/w-1?done=activated");
    }

    #[tokio::test]
    async fn what_has_expired_is_refused() {
        let detail = json!({"detail": "an expired subscription can't be made active again"});
        let world = World::of(vec![("PATCH /subscriptions/w-1", 409, detail)]);
        let refused = world.post("/portal/webhooks/w-1/activate", &[("etag", ETAG)]).await;
        assert!(
            refused.status.as_u16() == 409 && refused.page.contains("An expired subscription"),
            "{refused:?}"
        );
    }
}
