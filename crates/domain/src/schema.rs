//! The words of the REST API as its document has them: each set comes from the list that the code reads or writes it by.

use std::borrow::Cow;

use aerogram_wire::v1::{Outcome, Reason};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::authentication::Kind;
use crate::catalogue::{Environment, EventType};
use crate::escalations::{Fault, REASONS, State, outcome_name, reason_name};
use crate::history::Status;
use crate::subscription::Profile;

/// `ACTIVE` or `INACTIVE`.
pub struct SubscriptionStatus;

/// What has ended.
pub struct FinalStatus;

/// Why a delivery was given up.
pub struct EscalationReason;

/// The same, where it can be asked for.
pub struct KnownEscalationReason;

/// What people made of a delivery that was given up, where it can be asked for.
pub struct AnyEscalationState;

/// How a list is sorted.
pub struct IssueOrder;

/// How a run came about.
pub struct RunKind;

/// What a body is that is shown.
pub struct BodyKind;

/// How a task stands.
pub struct TaskStatus;

/// How an attempt ended.
pub struct AttemptOutcome;

const OUTCOMES: [Outcome; 11] = [
    Outcome::Delivered,
    Outcome::Http4xx,
    Outcome::Http429,
    Outcome::Http5xx,
    Outcome::HttpOther,
    Outcome::Timeout,
    Outcome::Dns,
    Outcome::Connect,
    Outcome::Tls,
    Outcome::Blocked,
    Outcome::PlatformError,
];

/// A text out of a list.
macro_rules! words {
    ($($of:ty as $name:literal: $says:literal = $words:expr;)*) => { $(
        impl PartialSchema for $of {
            fn schema() -> RefOr<Schema> {
                text($says).enum_values(Some($words)).into()
            }
        }

        impl ToSchema for $of {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }
    )* };
}

words! {
    SubscriptionStatus as "SubscriptionStatus": "An expired subscription is `INACTIVE`, whatever was last written."
        = ["ACTIVE", "INACTIVE"];
    Profile as "Profile": "A named set of defaults." = Profile::ALL.map(Profile::name);
    Environment as "Environment": "Events and subscriptions of one never meet those of the other."
        = Environment::ALL.map(Environment::as_str);
    Kind as "AuthenticationType": "How a subscription's requests authenticate themselves beside their signature."
        = Kind::ALL.map(Kind::name);
    Status as "DeliveryStatus": "`PENDING`: no attempt yet. `RETRYING`: one failed, another is due. `PARKED`: waits until its \
        receiver may be asked again. `DELIVERED`. `ESCALATED`: given up, for people. `CANCELLED`: its subscription was deleted \
        or is not active. `SUPERSEDED`: a newer state of its subject was sent instead. `EXPIRED`: too late to matter, \
        or a test that was not delivered."
        = Status::ALL.map(Status::name);
    FinalStatus as "FinalDeliveryStatus": "How a delivery stands with which nothing more happens."
        = Status::ALL.into_iter().filter(|status| status.is_final()).map(Status::name);
    State as "EscalationState": "What people made of it." = State::ALL.map(State::name);
    Fault as "Fault": "Whose fault it was." = Fault::ALL.map(Fault::name);
    EscalationReason as "EscalationReason": "Why it was given up; `other` is one that this version does not know."
        = REASONS.into_iter().chain([Reason::Unspecified]).map(reason_name);
    KnownEscalationReason as "KnownEscalationReason": "Why it was given up." = REASONS.map(reason_name);
    AnyEscalationState as "AnyEscalationState": "What people made of it, or `all`."
        = State::ALL.into_iter().map(State::name).chain(["all"]);
    IssueOrder as "IssueOrder": "By when they were issued, the oldest or the newest first." = ["issueDate", "-issueDate"];
    RunKind as "RunKind": "How it came about." = ["live", "redelivery", "test"];
    BodyKind as "BodyKind": "`as_sent`: the last request. `by_todays_template`: the subscription has changed since."
        = ["as_sent", "by_todays_template"];
    TaskStatus as "TaskStatus": "How a task stands." = ["RUNNING", "DONE", "CANCELLED", "FAILED"];
    AttemptOutcome as "AttemptOutcome": "How an attempt ended." = OUTCOMES.map(outcome_name);
}

impl PartialSchema for EventType {
    /// Which names there are is a matter of the installation.
    fn schema() -> RefOr<Schema> {
        text("The name of an event type of this installation.").into()
    }
}

impl ToSchema for EventType {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("EventType")
    }
}

fn text(says: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(says))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_is_a_word_of_its_own() {
        let mut words = OUTCOMES.map(outcome_name);
        words.sort_unstable();
        assert!(words.windows(2).all(|pair| pair[0] != pair[1]), "{words:?}");
        for number in 0..64 {
            let Ok(outcome) = Outcome::try_from(number) else { continue };
            assert!(words.contains(&outcome_name(outcome)), "{outcome:?}");
        }
    }
}
