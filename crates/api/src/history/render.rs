//! The body of a delivery, made again from its event as the deliverer makes it.

use aerogram_domain::body::{BodyError, default_body, event_data};
use aerogram_domain::template::{BadData, BodyTooLarge, Limits, Problem, Template};
use aerogram_wire::v1::{Attempt, Event, Subscription};

/// A change of a subscription is in force everywhere by then, in milliseconds.
const IN_FORCE_WITHIN_MS: i64 = 5_000;

/// Why there is no body.
#[derive(Debug, thiserror::Error)]
pub enum NotRendered {
    #[error("the template cannot be used: {}", list(.0))]
    Template(Vec<Problem>),
    #[error(transparent)]
    Data(#[from] BadData),
    #[error(transparent)]
    TooLarge(#[from] BodyTooLarge),
    #[error(transparent)]
    Body(#[from] BodyError),
}

/// The body as the subscription wants it today.
///
/// # Errors
/// It can't be made.
pub fn render(event: &Event, subscription: &Subscription) -> Result<String, NotRendered> {
    let stored = subscription.template.as_ref().map_or("", |template| template.body.as_str());
    let own = match stored {
        "" => None,
        // Headers are nothing that is shown, so they are left out.
        body => {
            let template = Template::restore(None, Some(body), &Limits::default());
            let template = template.map_err(NotRendered::Template)?.all_text(subscription.all_text);
            template.body(&event_data(event, &subscription.id)?)?
        }
    };
    let body = match own {
        Some(body) => body,
        None => default_body(event, &subscription.id)?,
    };
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// Whether what is rendered today is what the last attempt sent: the subscription has not changed since, nor shortly before,
/// when some might not have known of it yet.
pub fn is_as_sent(subscription: &Subscription, last: Option<&Attempt>) -> bool {
    let settled_ms = match subscription.version {
        // It was never anything else.
        1 => i64::MIN,
        _ => subscription.updated_at_ms.saturating_add(IN_FORCE_WITHIN_MS),
    };
    last.is_some_and(|last| settled_ms <= last.started_at_ms)
}

fn list(problems: &[Problem]) -> String {
    let told: Vec<_> = problems.iter().map(|found| format!("{} {}", found.pointer, found.problem)).collect();
    told.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_wire::v1;

    fn event() -> Event {
        Event {
            id: "e-1".into(),
            r#type: "OrderCreated".into(),
            time_ms: 1_705_314_600_000,
            data: br#"{"agwID":"A-1","adultsPax":2}"#.to_vec().into(),
            ..Event::default()
        }
    }

    fn subscription(body: &str, all_text: bool) -> Subscription {
        let template = v1::Template { body: body.to_owned(), ..v1::Template::default() };
        Subscription { id: "sub-1".into(), template: Some(template), all_text, ..Subscription::default() }
    }

    #[test]
    fn a_body_is_rendered_as_the_subscription_wants_it() {
        let body = r#"{"id":"{{agwID}}","pax":"{{adultsPax}}"}"#;
        let rendered = |subscription: &Subscription| render(&event(), subscription).unwrap();
        assert_eq!(rendered(&subscription(body, false)), r#"{"id":"A-1","pax":2}"#);
        assert_eq!(rendered(&subscription(body, true)), r#"{"id":"A-1","pax":"2"}"#);
        let default = default_body(&event(), "sub-1").unwrap();
        assert_eq!(rendered(&subscription("", false)).into_bytes(), default);
        assert!(render(&event(), &subscription("broken", false)).is_err());
    }

    #[test]
    fn what_was_changed_since_or_just_before_may_not_be_what_was_sent() {
        let last = |started_at_ms| Some(Attempt { started_at_ms, ..Attempt::default() });
        let changed =
            |version, updated_at_ms| Subscription { version, updated_at_ms, ..Subscription::default() };
        assert!(is_as_sent(&changed(1, 9_000), last(9_001).as_ref()));
        assert!(!is_as_sent(&changed(1, 9_000), None));
        assert!(is_as_sent(&changed(2, 9_000), last(14_000).as_ref()));
        for too_early in [0, 9_000, 13_999] {
            assert!(!is_as_sent(&changed(2, 9_000), last(too_early).as_ref()), "{too_early}");
        }
    }
}
