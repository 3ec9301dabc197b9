//! The words of the REST API as its document has them: each set comes from the list that the code reads or writes it by.

use std::borrow::Cow;

use aerogram_wire::v1::Reason;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::authentication::Kind;
use crate::catalogue::{self, Environment, EventType, Family};
use crate::credentials::Scopes;
use crate::escalations::{Fault, NO_OUTCOME, OUTCOMES, REASONS, State, outcome_name, reason_name};
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

/// How an attempt ended.
pub struct AttemptOutcome;

/// The same of the last one, where it can be asked for.
pub struct LastOutcome;

/// What the token of a subscriber is for.
pub struct SubscriberScope;

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
    Family as "EventFamily": "What it is about; decides whose events they are." = Family::ALL.map(Family::name);
    catalogue::Kind as "EventKind": "`state`: a newer one of the same subject makes an older one pointless. `fact`: each one counts."
        = catalogue::Kind::ALL.map(catalogue::Kind::name);
    SubscriberScope as "SubscriberScope": "What a token is for: `read` for `GET`, `write` for all else." = Scopes::ALL.names();
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
    AttemptOutcome as "AttemptOutcome": "How an attempt ended." = OUTCOMES.map(outcome_name);
    LastOutcome as "LastOutcome": "How the last attempt ended, or `none`: none was made."
        = OUTCOMES.into_iter().map(outcome_name).chain([NO_OUTCOME]);
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
