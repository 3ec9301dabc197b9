//! A subscription that is for other events from now on.

use super::*;

fn of(profile: &str) -> Subscription {
    let created = applied(None, &create(0), 0);
    Subscription {
        profile: profile.into(),
        event_type: "PRODUCT_ADDED".into(),
        contract: "C-1".into(),
        ..created
    }
}

fn to(event_type: &str, contract: Option<&str>) -> Command {
    let contract = contract.map(str::to_owned);
    change(Update { event_type: event_type.into(), contract, ..Update::default() })
}

#[test]
fn under_the_profile_portal_event_type_and_contract_change() {
    let current = of("portal");
    let other = applied(Some(&current), &to("PRODUCT_REMOVED", None), 7);
    assert_eq!((other.event_type.as_str(), other.contract.as_str()), ("PRODUCT_REMOVED", "C-1"));
    assert_eq!((other.version, other.updated_at_ms), (current.version + 1, 7));
    let all = applied(Some(&other), &to("", Some("")), 8);
    assert_eq!((all.event_type.as_str(), all.contract.as_str()), ("PRODUCT_REMOVED", ""));
    let same = to("PRODUCT_REMOVED", Some(""));
    assert_eq!(decide(Some(&all), ID, &same, 9), Decision::Unchanged(all.clone()));
    let kept = |state: &Subscription| {
        (state.callback_url.clone(), state.signing_key.clone(), state.failing_since_ms)
    };
    assert_eq!(kept(&all), kept(&current));
}

#[test]
fn under_the_others_they_stay() {
    for profile in ["flight", "order", "staffing", "", "later"] {
        let current = of(profile);
        for other in [to("PRODUCT_REMOVED", None), to("", Some("C-2")), to("", Some(""))] {
            assert_eq!(refusal(Some(&current), &other, 7), Refusal::Invalid, "{profile}");
        }
        let same = to("PRODUCT_ADDED", Some("C-1"));
        assert_eq!(decide(Some(&current), ID, &same, 7), Decision::Unchanged(current.clone()));
    }
}
