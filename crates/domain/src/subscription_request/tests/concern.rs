//! Event type and contract of a subscription that is there.

use super::*;
use aerogram_wire::v1::Template;

fn subscription(profile: &str) -> Subscription {
    Subscription {
        profile: profile.into(),
        event_type: "PRODUCT_UPDATED".into(),
        contract: "C-0".into(),
        ..Subscription::default()
    }
}

fn with_template(body: &str, header_names: &[&str]) -> Subscription {
    let header_names = header_names.iter().map(|name| (*name).to_owned()).collect();
    let template = Template { body: body.into(), header_names, headers: None };
    Subscription { template: Some(template), ..subscription("portal") }
}

#[test]
fn those_of_a_portal_can_be_changed() {
    let current = subscription("portal");
    let request = patch_of(&current, &json!({"event": "PRODUCT_ADDED", "contractId": "C-2"})).unwrap();
    assert_eq!(
        (request.event.as_deref(), request.contract),
        (Some("PRODUCT_ADDED"), Some(Some("C-2".to_owned())))
    );
    let all = patch_of(&current, &json!({"contractId": null})).unwrap();
    assert_eq!(all, PatchRequest { contract: Some(None), ..PatchRequest::default() });
    for (body, pointer) in [
        (json!({"event": "PRODUCT_GONE"}), "/event"),
        (json!({"event": ""}), "/event"),
        (json!({"event": 7}), "/event"),
        (json!({"contractId": "C-9"}), "/contractId"),
        (json!({"contractId": ""}), "/contractId"),
        (json!({"event": null}), ""),
    ] {
        assert_eq!(pointers(&patch_of(&current, &body).unwrap_err()), [pointer], "{body}");
    }
}

#[test]
fn those_of_others_are_fields_that_a_change_does_not_know() {
    for profile in ["flight", "order", "staffing", ""] {
        let current = subscription(profile);
        for (event, contract) in [
            (json!("PRODUCT_UPDATED"), json!("C-0")),
            (json!("PRODUCT_ADDED"), json!("C-1")),
            (json!(7), json!(null)),
        ] {
            let body = json!({"event": event, "contractId": contract, "status": "INACTIVE"});
            let request = patch_of(&current, &body).unwrap();
            assert!(request.only_stops(&current), "{request:?}");
            assert_eq!((request.event, request.contract), (None, None));
            let alone = json!({"event": event, "contractId": contract});
            assert_eq!(pointers(&patch_of(&current, &alone).unwrap_err()), [""], "{alone}");
        }
    }
}

#[test]
fn who_changes_more_does_not_only_stop() {
    let current = subscription("portal");
    for (body, stops) in [
        (json!({"status": "INACTIVE"}), true),
        (json!({"status": "INACTIVE", "event": "PRODUCT_UPDATED", "contractId": "C-0"}), true),
        (json!({"status": "INACTIVE", "event": "PRODUCT_ADDED"}), false),
        (json!({"status": "INACTIVE", "contractId": null}), false),
        (json!({"status": "ACTIVE"}), false),
        (json!({"event": "PRODUCT_UPDATED"}), false),
    ] {
        assert_eq!(patch_of(&current, &body).unwrap().only_stops(&current), stops, "{body}");
    }
}

#[test]
fn a_template_must_fit_the_type_that_is_to_be() {
    let other = json!({"event": "PRODUCT_REMOVED"});
    let fits = with_template(r#"{"id":"{{productId}}","at":"{{timestamp}}"}"#, &[]);
    assert!(patch_of(&fits, &other).is_ok());
    // Only an update names what has changed.
    let lacks = with_template(r#"{"id":"{{productId}}","what":"{{changedFields}}"}"#, &[]);
    let errors = patch_of(&lacks, &other).unwrap_err();
    assert_eq!(pointers(&errors), ["/event"]);
    assert!(errors[0].detail.contains("PRODUCT_REMOVED has no field changedFields"), "{errors:?}");
    assert!(patch_of(&lacks, &json!({"event": "PRODUCT_UPDATED", "status": "ACTIVE"})).is_ok());
    // What headers name is not known here, unless the other type has whatever they can name.
    let headers = with_template("", &["authorization"]);
    assert_eq!(pointers(&patch_of(&headers, &other).unwrap_err()), ["/event"]);
    let added = Subscription { event_type: "PRODUCT_ADDED".into(), ..headers.clone() };
    assert!(patch_of(&added, &json!({"event": "PRODUCT_UPDATED"})).is_ok());
    let template =
        |field: &str| json!({"event": "PRODUCT_REMOVED", "httpRequest": {"jsonBody": {"a": field}}});
    for current in [&lacks, &headers] {
        assert!(patch_of(current, &template("{{productId}}")).is_ok());
        assert!(patch_of(current, &json!({"event": "PRODUCT_REMOVED", "httpRequest": null})).is_ok());
        let errors = patch_of(current, &template("{{changedFields}}")).unwrap_err();
        assert_eq!(pointers(&errors), ["/httpRequest/jsonBody/a"]);
    }
}
