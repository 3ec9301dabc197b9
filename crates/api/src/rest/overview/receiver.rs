//! How a receiver does, as far as this process can know. Its deliverer knows, and its scheduler; what the partitions of this
//! process say is known here, and of others what is noted in the subscription.

use aerogram_domain::subscription::effective_status;
use aerogram_domain::time::iso_millis;
use aerogram_telemetry::top::{Known, Lane, State};
use aerogram_wire::v1::{Status, Subscription};
use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// How a receiver does.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReceiverState)]
pub struct Receiver {
    /// The word of `aerogram top`; `null`: this process of the api does not know, for another one sends to it, or nothing is sent.
    #[schema(value_type = Option<Word>, required)]
    pub state: Option<&'static str>,
    /// Since when every attempt has failed; `null`: that is not known, or not so.
    #[schema(format = DateTime, required)]
    pub failing_since: Option<String>,
    /// When it is tried next by one delivery alone; `null`: that is not known, or not so.
    #[schema(format = DateTime, required)]
    pub next_probe_at_date_time: Option<String>,
    /// The first attempt that fails then or later makes the subscription inactive, unless there is a success before; `null`:
    /// none does.
    #[schema(format = DateTime, required)]
    pub becomes_inactive_at_date_time: Option<String>,
}

/// How a receiver does, in one word.
pub struct Word;

impl PartialSchema for Word {
    fn schema() -> RefOr<Schema> {
        let words = State::ALL.into_iter().filter(|state| *state != State::Unknown).map(State::name);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
    }
}

impl ToSchema for Word {}

/// Of which subscription, and when.
pub struct Asked<'a> {
    pub subscription: &'a Subscription,
    /// In milliseconds since 1970.
    pub now_ms: i64,
    /// A receiver that has failed for so long makes its subscription inactive; 0: none does.
    pub give_up_after_ms: u64,
    /// Of all processes together.
    pub partitions: usize,
}

impl Receiver {
    pub fn of(asked: &Asked<'_>, known: &Known) -> Self {
        let Asked { subscription, now_ms, give_up_after_ms, partitions } = *asked;
        let noted = Some(subscription.failing_since_ms).filter(|since_ms| *since_ms != 0);
        if effective_status(subscription, now_ms) != Status::Active {
            // That is why it is inactive.
            let failing_since = noted.filter(|_| subscription.gave_up).map(iso_millis);
            return Self { failing_since, ..Self::default() };
        }
        let state = state(known, partitions).or(noted.map(|_| State::Failing));
        let does_fail = matches!(state, Some(State::Shut | State::Failing));
        let seen = known.sending.as_ref().filter(|sending| sending.failures_in_row > 0 || does_fail);
        let seen = seen.map(|sending| sending.failing_since_ms).filter(|since_ms| *since_ms != 0);
        let probed = known.parked.as_ref().filter(|parked| parked.shut && parked.parked > 0);
        let in_ms = |ms: u64| now_ms.saturating_add_unsigned(ms);
        Self {
            state: state.map(State::name),
            failing_since: noted.or(seen).map(iso_millis),
            next_probe_at_date_time: probed.map(|parked| iso_millis(in_ms(parked.next_probe_in_ms))),
            becomes_inactive_at_date_time: noted
                .filter(|_| give_up_after_ms > 0)
                .map(|since_ms| iso_millis(since_ms.saturating_add_unsigned(give_up_after_ms))),
        }
    }
}

/// By what this process says of it. What it says nothing of does well only where all partitions are in it.
fn state(known: &Known, partitions: usize) -> Option<State> {
    let (sending, parked) = (known.sending.as_ref(), known.parked.as_ref());
    let is_parked_known = parked.is_some() || known.parked_partitions >= partitions;
    let is_known = match sending.map(|sending| sending.lane) {
        Some(Lane::Unknown) => false,
        // Whether it flows back only the scheduler says.
        Some(Lane::Well) => is_parked_known,
        Some(_) => true,
        None => {
            parked.is_some_and(|parked| parked.shut && parked.parked > 0)
                || known.sending_partitions >= partitions && is_parked_known
        }
    };
    is_known.then(|| State::of_both(sending, parked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_telemetry::top::{Parked, Sending};

    const NOW_MS: i64 = 1_705_314_600_000;

    fn of(change: impl FnOnce(&mut Subscription), known: &Known) -> Receiver {
        let mut subscription = Subscription { status: Status::Active.into(), ..Subscription::default() };
        change(&mut subscription);
        let asked =
            Asked { subscription: &subscription, now_ms: NOW_MS, give_up_after_ms: 60_000, partitions: 2 };
        Receiver::of(&asked, known)
    }

    fn sending(lane: Lane) -> Option<Sending> {
        Some(Sending { lane, ..Sending::default() })
    }

    fn parked(shut: bool) -> Option<Parked> {
        Some(Parked { parked: 3, shut, next_probe_in_ms: 5_000, ..Parked::default() })
    }

    #[test]
    fn what_another_process_knows_is_not_guessed() {
        let nothing = Known::default();
        assert_eq!(of(|_| (), &nothing), Receiver::default());
        let half = Known { sending_partitions: 2, parked_partitions: 1, ..Known::default() };
        assert_eq!(of(|_| (), &half).state, None);
        let word = |sending, parked, partitions: usize| {
            let known =
                Known { sending, parked, sending_partitions: partitions, parked_partitions: partitions };
            of(|_| (), &known).state
        };
        assert_eq!(word(None, None, 2), Some("well"));
        assert_eq!(word(sending(Lane::Well), None, 1), None);
        assert_eq!(word(sending(Lane::Well), parked(false), 1), Some("paced"));
        assert_eq!(word(None, parked(false), 1), None);
        assert_eq!(word(None, parked(true), 1), Some("shut"));
        assert_eq!(word(sending(Lane::Unknown), None, 2), None);
        for (lane, said) in [(Lane::Slow, "slow"), (Lane::Limited, "limited"), (Lane::Paused, "paused")] {
            assert_eq!(word(sending(lane), None, 0), Some(said));
        }
    }

    #[test]
    fn what_is_noted_counts_everywhere_and_says_when_it_ends() {
        let noted = of(|subscription| subscription.failing_since_ms = NOW_MS - 1_000, &Known::default());
        assert_eq!(noted.state, Some("failing"));
        assert_eq!(noted.failing_since.as_deref(), Some("2024-01-15T10:29:59.000Z"));
        assert_eq!(noted.becomes_inactive_at_date_time.as_deref(), Some("2024-01-15T10:30:59.000Z"));
        assert_eq!(noted.next_probe_at_date_time, None);
        let shut = Known { sending: sending(Lane::Failing), parked: parked(true), ..Known::default() };
        let shut = of(|subscription| subscription.failing_since_ms = NOW_MS - 1_000, &shut);
        assert_eq!(shut.state, Some("shut"));
        assert_eq!(shut.next_probe_at_date_time.as_deref(), Some("2024-01-15T10:30:05.000Z"));
    }

    #[test]
    fn what_just_began_is_only_known_where_it_is_sent() {
        let row = Sending { failures_in_row: 2, failing_since_ms: NOW_MS - 7, ..Sending::default() };
        let known = Known { sending: Some(Sending { lane: Lane::Failing, ..row }), ..Known::default() };
        let seen = of(|_| (), &known);
        assert_eq!(
            (seen.state, seen.failing_since.as_deref()),
            (Some("failing"), Some("2024-01-15T10:29:59.993Z"))
        );
        assert_eq!(seen.becomes_inactive_at_date_time, None, "only what is noted is given up");
    }

    #[test]
    fn where_nothing_is_sent_only_the_reason_is_told() {
        let known = Known { sending: sending(Lane::Shut), parked: parked(true), ..Known::default() };
        let inactive = |gave_up| {
            let change = |subscription: &mut Subscription| {
                subscription.set_status(Status::Inactive);
                (subscription.failing_since_ms, subscription.gave_up) = (NOW_MS - 1_000, gave_up);
            };
            of(change, &known)
        };
        assert_eq!(inactive(false), Receiver::default());
        let failing_since = Some("2024-01-15T10:29:59.000Z".to_owned());
        assert_eq!(inactive(true), Receiver { failing_since, ..Receiver::default() });
        assert_eq!(of(|subscription| subscription.expires_at_ms = NOW_MS, &known), Receiver::default());
    }
}
