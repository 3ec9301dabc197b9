use axum::extract::{Path, Query};
use axum::http::Method;
use axum::http::header::{CACHE_CONTROL, LOCATION};
use serde_json::json;

use super::*;
use crate::viewer::Viewing;
use crate::webhook::testing::{HOSTILE, assert_harmless, filled, subscription, text, viewer};
use crate::webhook::{edit, new};

fn problem(errors: &[(&str, &str)]) -> serde_json::Value {
    let errors: Vec<_> =
        errors.iter().map(|(pointer, detail)| json!({"pointer": pointer, "detail": detail})).collect();
    json!({"detail": "the body is not valid", "errors": errors})
}

#[tokio::test]
async fn the_empty_form_offers_what_may_be_had() {
    let (viewer, calls) = viewer(Vec::new(), false).await;
    let page = new::show(Viewing(viewer), Query(new::Given::default())).await.unwrap();
    let page = text(page).await;
    assert_harmless(&page);
    for part in [
        r#"<option value="C-1">C-1</option>"#,
        r#"<optgroup label="Product events"><option value="PRODUCT_ADDED">Product Added · PRODUCT_ADDED</option></optgroup>"#,
        r#"<option value="" selected>None</option>"#,
        r#"id="status-active" checked"#,
        r#"hx-get="/portal/event-types/about""#,
        r#"<option value="" selected>That of the event type</option>"#,
        r#"name="once" value=""#,
        "<b>standard</b>: 11 attempts.",
        "{{agwID}}",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(
        !page.contains("body-keep")
            && !page.contains("auth-keep")
            && !page.contains("<details class=\"fold\" open")
    );
    assert!(calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_link_may_choose_the_type() {
    let (viewer, _) = viewer(Vec::new(), false).await;
    let asked = Query::try_from_uri(&"/?event=FLIGHT_CREATE".parse().unwrap()).unwrap();
    let page = text(new::show(Viewing(viewer), asked).await.unwrap()).await;
    assert!(page.contains(r#"<option value="FLIGHT_CREATE" selected>"#), "{page}");
    assert!(
        page.contains("It happens. The newest counts") && page.contains("/portal/catalogue/FLIGHT_CREATE")
    );
}

#[tokio::test]
async fn nothing_that_is_typed_is_lost_but_secrets() {
    let wrong = problem(&[("/callbackUrl", "must begin with https://"), ("/name", HOSTILE)]);
    let (viewer, calls) = viewer(vec![(Method::POST, "/subscriptions", 400, wrong)], false).await;
    let once = Once::new().unwrap();
    let typed = [
        ("once", once.field()),
        ("contract", HOSTILE),
        ("url", HOSTILE),
        ("event", HOSTILE),
        ("status", "inactive"),
        ("profile", "order"),
        ("policy", HOSTILE),
        ("environment", "non-production"),
        ("name", HOSTILE),
        ("body", "own"),
        ("template", HOSTILE),
        ("header-name", HOSTILE),
        ("header-value", "hush-1"),
        ("all-text", "on"),
        ("auth", "basic"),
        ("auth-user", HOSTILE),
        ("auth-pass", "hush-2"),
        ("auth-bearer-token", "hush-3"),
        ("rate", HOSTILE),
        ("burst", "20"),
        ("open", "4"),
        ("timeout", "50"),
    ];
    let response = new::add(Viewing(viewer), filled(&typed)).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let page = text(response).await;
    assert_harmless(&page);
    assert!(!page.contains("hush"), "{page}");
    let shown = page.matches("=1+1&#60;b onclick=").count();
    assert!(shown >= 12, "{shown} of what was typed: {page}");
    for part in [
        "Four fields need another look",
        r##"<a href="#url">URL: must begin with https://</a>"##,
        r#"aria-describedby="url-hint url-error" aria-invalid="true""#,
        r#"<p class="error" id="url-error">Must begin with https://.</p>"#,
        r#"<p class="error" id="template-error">This is not JSON:"#,
        r#"<p class="error" id="rate-error">Use a whole number, in digits only.</p>"#,
        r#"id="status-inactive" checked"#,
        r#"value="50""#,
        r#"id="all-text" checked"#,
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(page.contains(&format!("name=\"once\" value=\"{}\"", once.field())), "{page}");
    let calls = calls.lock().unwrap();
    assert_eq!(calls[0].key, Some(once.idempotency_key()));
    assert_eq!(calls[0].body["authentication"]["password"], "hush-2");
}

#[tokio::test]
async fn the_answer_to_the_form_shows_the_key_that_counts() {
    let made = |at: &str, updated: &str| {
        let mut of = subscription();
        (of["createdAtDateTime"], of["updatedAtDateTime"]) = (json!(at), json!(updated));
        vec![(Method::POST, "/subscriptions", 201, of)]
    };
    let once = Once::new().unwrap();
    let typed = [("once", once.field()), ("url", "https://a.example/h"), ("event", "PRODUCT_ADDED")];
    let (first, calls) = viewer(made("2026-11-21T11:00:00Z", "2026-11-21T11:00:00Z"), false).await;
    let response = new::add(Viewing(first), filled(&typed)).await.unwrap();
    assert_eq!(response.headers().get(CACHE_CONTROL).unwrap(), "no-store");
    let page = text(response).await;
    let sent = calls.lock().unwrap()[0].body["signingKey"].as_str().unwrap().to_owned();
    assert!(page.contains(&format!("aria-labelledby=\"key-title\">{sent}</p>")), "{page}");
    assert!(page.contains("Product Added goes to") && page.contains("hmac.digest"));
    // Long ago, or it may have got another key since.
    for (at, updated) in [("10:00:00", "10:00:00"), ("10:59:58", "10:59:59")] {
        let of = made(&format!("2026-11-21T{at}Z"), &format!("2026-11-21T{updated}Z"));
        let (later, _) = viewer(of, false).await;
        let page = text(new::add(Viewing(later), filled(&typed)).await.unwrap()).await;
        assert!(!page.contains("class=\"once\"") && page.contains("This form made it at"), "{page}");
    }
}

#[tokio::test]
async fn nobody_is_sent_the_same_twice_unaware() {
    let one = || (Method::GET, "/subscriptions", 200, json!([subscription()]));
    let made = || {
        let mut of = subscription();
        of["id"] = json!("s-2");
        (of["createdAtDateTime"], of["updatedAtDateTime"]) =
            (json!("2026-11-21T11:00:00Z"), json!("2026-11-21T11:00:00Z"));
        (Method::POST, "/subscriptions", 201, of)
    };
    let once = Once::new().unwrap();
    let typed = [
        ("once", once.field()),
        ("url", "https://a.example/h"),
        ("event", "PRODUCT_ADDED"),
        ("name", HOSTILE),
        ("auth", "bearer"),
        ("auth-bearer-token", "hush"),
    ];
    let with = |more: (&'static str, &'static str)| filled(&[&typed[..], &[more]].concat());
    let (owner, calls) = viewer(vec![one(), made()], false).await;
    let response = new::add(Viewing(owner), filled(&typed)).await.unwrap();
    assert_eq!(response.status(), StatusCode::CONFLICT);
    let page = text(response).await;
    assert_harmless(&page);
    for part in [
        r#"<a href="/portal/webhooks/s-1"><bdi>a"#,
        "each event is sent to that URL twice",
        r#"<button class="main" name="twice" value="s-1">Add all the same</button>"#,
        r#"name="opened" value="2026-11-21T11:00:00Z""#,
        "secrets apart",
        once.field(),
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(!page.contains("hush") && calls.lock().unwrap().is_empty());
    // It is wanted, or may be what this very form made.
    for more in [("twice", "s-1"), ("opened", "2026-11-21T10:29:00Z")] {
        let (owner, calls) = viewer(vec![one(), made()], false).await;
        let page = text(new::add(Viewing(owner), with(more)).await.unwrap()).await;
        assert!(page.contains("class=\"once\""), "{page}");
        assert_eq!(calls.lock().unwrap().len(), 1);
    }
    let (owner, calls) = viewer(vec![one(), made()], false).await;
    let response = new::add(Viewing(owner), with(("twice", "s-9"))).await.unwrap();
    assert_eq!((response.status(), calls.lock().unwrap().len()), (StatusCode::CONFLICT, 0), "another one");
}

#[tokio::test]
async fn the_key_page_of_an_inactive_one_offers_no_test() {
    for (status, offers) in [("ACTIVE", true), ("INACTIVE", false)] {
        let mut of = subscription();
        of["status"] = json!(status);
        (of["createdAtDateTime"], of["updatedAtDateTime"]) =
            (json!("2026-11-21T11:00:00Z"), json!("2026-11-21T11:00:00Z"));
        let (owner, _) = viewer(vec![(Method::POST, "/subscriptions", 201, of)], false).await;
        let page = text(new::add(Viewing(owner), filled(&[])).await.unwrap()).await;
        assert_eq!(page.contains("/portal/webhooks/s-1/test"), offers, "{page}");
        assert!(page.contains("class=\"once\""), "{page}");
    }
}

#[tokio::test]
async fn what_was_used_up_makes_another_one_only_when_it_is_sent_again() {
    let conflict = json!({"detail": "this key was used"});
    let (viewer, _) = viewer(vec![(Method::POST, "/subscriptions", 409, conflict)], false).await;
    let once = Once::new().unwrap();
    let response = new::add(Viewing(viewer), filled(&[("once", once.field())])).await.unwrap();
    assert_eq!(response.status(), StatusCode::CONFLICT);
    let page = text(response).await;
    assert!(page.contains("This key was used.") && !page.contains(once.field()), "{page}");
}

#[tokio::test]
async fn the_form_of_a_webhook_is_filled_in_and_its_secrets_are_kept() {
    let known = vec![(Method::GET, "/subscriptions/s-1", 200, subscription())];
    let (viewer, _) = viewer(known, false).await;
    let page = text(edit::show(Viewing(viewer), Path("s-1".to_owned())).await.unwrap()).await;
    assert_harmless(&page);
    for part in [
        r#"name="etag" value="&#34;3&#34;""#,
        r#"id="body-keep" checked"#,
        r#"id="auth-keep" checked"#,
        "Keep: basic",
        "<code>x-tenant</code>",
        r#"value="x-tenant" aria-label="Name of header 1""#,
        r#"<select id="profile" name="profile" aria-describedby="profile-hint" disabled>"#,
        r#"<option value="C-1" selected>"#,
        r#"value="1200""#,
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(!page.contains(
        r#"<select id="event" name="event" aria-describedby="event-hint event-about" required disabled"#
    ));
}

#[tokio::test]
async fn only_what_changed_is_sent_with_the_version_that_was_seen() {
    let known = vec![
        (Method::GET, "/subscriptions/s-1", 200, subscription()),
        (Method::PATCH, "/subscriptions/s-1", 200, subscription()),
    ];
    let (viewer, calls) = viewer(known, false).await;
    let typed = [
        ("etag", "\"3\""),
        ("contract", "C-1"),
        ("url", "https://b.example/h"),
        ("event", "PRODUCT_ADDED"),
        ("status", "active"),
        ("name", HOSTILE),
        ("body", "keep"),
        ("auth", "keep"),
        ("rate", "1200"),
    ];
    let response =
        edit::save(Viewing(Arc::clone(&viewer)), Path("s-1".to_owned()), filled(&typed)).await.unwrap();
    assert_eq!(response.headers().get(LOCATION).unwrap(), "/portal/webhooks/s-1?done=saved");
    {
        let calls = calls.lock().unwrap();
        assert_eq!(calls[0].body, json!({"callbackUrl": "https://b.example/h"}));
        assert_eq!((calls[0].if_match.as_deref(), calls.len()), (Some("\"3\""), 1));
    }
    // The version that was seen is gone: nothing is sent, and both are shown.
    let stale = typed.map(|(name, value)| if name == "etag" { (name, "\"2\"") } else { (name, value) });
    let response =
        edit::save(Viewing(Arc::clone(&viewer)), Path("s-1".to_owned()), filled(&stale)).await.unwrap();
    assert_eq!(response.status(), StatusCode::PRECONDITION_FAILED);
    let page = text(response).await;
    assert_harmless(&page);
    for part in
        ["Save mine over it", r#"name="etag" value="&#34;3&#34;""#, "URL, as you typed", "URL, as it is now"]
    {
        assert!(page.contains(part), "{part}\n{page}");
    }
    let secret: Vec<_> = stale.into_iter().filter(|(name, _)| *name != "auth").collect();
    let secret = [secret, vec![("auth", "bearer"), ("auth-bearer-token", "hush")]].concat();
    let page =
        text(edit::save(Viewing(viewer), Path("s-1".to_owned()), filled(&secret)).await.unwrap()).await;
    assert!(page.contains("Go on with mine") && !page.contains("hush"), "{page}");
    assert_eq!(calls.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_form_that_is_sent_twice_saves_once() {
    let known = vec![(Method::GET, "/subscriptions/s-1", 200, subscription())];
    let (viewer, calls) = viewer(known, false).await;
    let same = [
        ("etag", "\"2\""),
        ("contract", "C-1"),
        ("url", "https://a.example/h"),
        ("event", "PRODUCT_ADDED"),
        ("name", HOSTILE),
        ("body", "keep"),
        ("auth", "keep"),
        ("rate", "1200"),
    ];
    let response = edit::save(Viewing(viewer), Path("s-1".to_owned()), filled(&same)).await.unwrap();
    assert_eq!(response.headers().get(LOCATION).unwrap(), "/portal/webhooks/s-1?done=saved");
    assert!(calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_preview_button_saves_nothing() {
    let preview = json!({"body": "{\"a\":\"<b onclick='x'>\"}", "headers": [{"name": "content-type", "value": "application/json"}]});
    let (viewer, calls) = viewer(vec![(Method::POST, "/template-previews", 200, preview)], false).await;
    let typed = [("preview", "1"), ("event", "PRODUCT_ADDED"), ("body", "own"), ("template", "{}")];
    let page = text(new::add(Viewing(viewer), filled(&typed)).await.unwrap()).await;
    assert_harmless(&page);
    assert!(
        page.contains("on the example of Product Added") && page.contains("<code>content-type</code>"),
        "{page}"
    );
    assert!(calls.lock().unwrap().is_empty());
}

/// The fields of [`subscription`] as its form posts them, with some more.
fn posted<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let all = [
        ("etag", "\"3\""),
        ("contract", "C-1"),
        ("url", "https://a.example/h"),
        ("event", "PRODUCT_ADDED"),
        ("status", "active"),
        ("name", HOSTILE),
        ("body", "keep"),
        ("auth", "keep"),
        ("rate", "1200"),
    ];
    let is_more = |name: &str| more.iter().any(|(other, _)| *other == name);
    all.into_iter().filter(|(name, _)| !is_more(name)).chain(more.iter().copied()).collect()
}

#[tokio::test]
async fn a_type_that_the_kept_body_does_not_fit_is_told_beside_it() {
    let unfit = problem(&[("/event", "FLIGHT_CREATE has no field a, which jsonBody names")]);
    let known = vec![
        (Method::GET, "/subscriptions/s-1", 200, subscription()),
        (Method::PATCH, "/subscriptions/s-1", 400, unfit),
    ];
    let (viewer, calls) = viewer(known, false).await;
    let typed = posted(&[("event", "FLIGHT_CREATE"), ("template", "as long as it likes")]);
    let response = edit::save(Viewing(viewer), Path("s-1".to_owned()), filled(&typed)).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let page = text(response).await;
    for part in [
        r##"<a href="#event">Event Type: FLIGHT_CREATE has no field a"##,
        r#"<p class="error" id="event-error">FLIGHT_CREATE has no field a, which jsonBody names. Body and headers are kept"#,
        r#"<option value="FLIGHT_CREATE" selected>"#,
        r#"id="body-keep" checked"#,
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert!(!page.contains("as long as it likes"), "what is kept stands in its field: {page}");
    assert_eq!(calls.lock().unwrap()[0].body, json!({"event": "FLIGHT_CREATE"}));
}

#[tokio::test]
async fn what_is_as_it_was_is_not_saved_and_that_is_said() {
    let (viewer, calls) = viewer(vec![(Method::GET, "/subscriptions/s-1", 200, subscription())], false).await;
    let typed = posted(&[("template", "[]"), ("header-name", "x"), ("header-value", "")]);
    let response = edit::save(Viewing(viewer), Path("s-1".to_owned()), filled(&typed)).await.unwrap();
    assert_eq!(response.headers().get(LOCATION).unwrap(), "/portal/webhooks/s-1?done=unchanged");
    assert!(calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn it_is_said_why_a_webhook_is_inactive() {
    let mut of = subscription();
    (of["status"], of["statusReason"]) = (json!("INACTIVE"), json!(HOSTILE));
    let (viewer, _) = viewer(vec![(Method::GET, "/subscriptions/s-1", 200, of)], false).await;
    let page = text(edit::show(Viewing(viewer), Path("s-1".to_owned())).await.unwrap()).await;
    assert_harmless(&page);
    for part in [
        "Changes count once it is active.",
        "Aerogram made it inactive: <bdi>=1+1&#60;b",
        r#"aria-describedby="status-why""#,
        r#"id="status-inactive" checked"#,
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
}
