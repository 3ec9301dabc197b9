use super::*;
use crate::repair::NoReceiver;
use aerogram_wire::key::PendingKey;
use aerogram_wire::v1::{Attempt, Delivery, Event, PendingKind, Status, Subscription};

const KEY: RunKey = RunKey { delivery_id: [0xab; 16], run: 0 };
const WHO: Who<'static> = Who { actor: "app-1", now_ms: 5_000 };

fn delivery() -> Delivery {
    Delivery {
        schema: 1,
        delivery_id: KEY.delivery_id.to_vec().into(),
        seq: 7,
        attempts_made: 4,
        subscription_id: "s".into(),
        subscription_offset: 12,
        event: Some(Event { id: "e".into(), ..Event::default() }),
        due_at_ms: 1_000,
        from_pending: true,
        by_credit: true,
        history: vec![Attempt::default()],
        ..Delivery::default()
    }
}

fn active() -> Subscription {
    Subscription { id: "s".into(), status: Status::Active.into(), ..Subscription::default() }
}

fn resolved(kind: ResolutionKind) -> Resolution {
    Resolution { kind: kind.into(), actor: "app-1".into(), at_ms: 1, why: "known".into(), run: 0 }
}

fn dismissed(resolution: Option<&Resolution>, why: &str) -> Result<Decision, Refusal> {
    decide(Escalated { key: KEY, resolution }, Wish::Dismiss { why }, WHO)
}

fn redelivered(
    resolution: Option<&Resolution>,
    subscription: Option<&Subscription>,
) -> Result<Decision, Refusal> {
    let wish = Wish::Redeliver { why: "fixed", delivery: &delivery(), subscription };
    decide(Escalated { key: KEY, resolution }, wish, WHO)
}

fn resolution(decision: Result<Decision, Refusal>) -> Resolution {
    match decision {
        Ok(Decision::Resolve(escalation)) => {
            assert_eq!(escalation.delivery, None);
            escalation.resolution.unwrap()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_redelivery_is_said_first_and_counts_when_it_was_read_back() {
    let said = resolution(redelivered(None, Some(&active())));
    let run = redelivery_run(KEY);
    assert_eq!((said.kind(), said.run, said.at_ms), (ResolutionKind::Redelivering, run, 5_000));
    assert_eq!((said.actor.as_str(), said.why.as_str()), ("app-1", "fixed"));
    assert!(State::Open.yields_to(&said) && State::Dismissed.yields_to(&said));
}

#[test]
fn a_redelivery_is_a_run_of_its_own_from_the_first_attempt() {
    let first = resolved(ResolutionKind::Redelivering);
    // Whenever it is written, and also when the subscription is gone since: it follows from the first one that was said.
    for subscription in [Some(&active()), None] {
        let Ok(Decision::Send(key, entry, then)) = redelivered(Some(&first), subscription) else { panic!() };
        let sent = then.resolution.unwrap();
        assert_eq!(sent, Resolution { kind: ResolutionKind::Redelivered.into(), ..first.clone() });
        assert!(State::Redelivering.yields_to(&sent) && !State::Redelivered.yields_to(&sent));
        let run = redelivery_run(KEY);
        assert_eq!(key, PendingKey { run: RunKey { run, ..KEY }, seq: 0 });
        assert_eq!((entry.kind(), entry.due_at_ms), (PendingKind::Retry, first.at_ms));
        let expected = Delivery {
            run,
            seq: 0,
            attempts_made: 0,
            due_at_ms: first.at_ms,
            issued_at_ms: first.at_ms,
            from_pending: false,
            by_credit: false,
            history: Vec::new(),
            ..delivery()
        };
        assert_eq!(entry.delivery, Some(expected));
        // The scheduler takes the entry as its own.
        let payload = aerogram_wire::Message::encode_to_vec(&*entry);
        assert!(crate::scheduler::read(0, 0, key.encode(), Some(payload.into()), None).is_ok());
    }
}

#[test]
fn every_run_is_sent_again_by_one_run_only() {
    let first = redelivery_run(KEY);
    assert_eq!(first, redelivery_run(KEY));
    let again = redelivery_run(RunKey { run: first, ..KEY });
    let other = redelivery_run(RunKey { delivery_id: [0xac; 16], ..KEY });
    assert!(first != 0 && again != first && other != first && other != again);
}

#[test]
fn what_was_redelivered_stays_so() {
    let (said, first) = (resolved(ResolutionKind::Redelivering), resolved(ResolutionKind::Redelivered));
    assert_eq!(dismissed(Some(&said), "no"), Err(Refusal::Redelivered));
    assert!(!State::Redelivering.yields_to(&resolved(ResolutionKind::Dismissed)));
    assert!(!State::Redelivering.yields_to(&said), "the first one stands");
    assert_eq!(redelivered(Some(&first), Some(&active())), Ok(Decision::AlreadySo));
    assert_eq!(dismissed(Some(&first), "no"), Err(Refusal::Redelivered));
    assert!(!State::Redelivered.yields_to(&resolved(ResolutionKind::Dismissed)));
    assert!(!State::Redelivered.yields_to(&first));
}

#[test]
fn a_dismissal_is_for_good_reasons_and_can_be_reconsidered() {
    let first = resolution(dismissed(None, "a test system"));
    assert_eq!((first.kind(), first.run), (ResolutionKind::Dismissed, 0));
    assert_eq!(dismissed(Some(&first), "a test system"), Ok(Decision::AlreadySo));
    assert_eq!(resolution(dismissed(Some(&first), "another reason")).why, "another reason");
    assert_eq!(resolution(redelivered(Some(&first), Some(&active()))).kind(), ResolutionKind::Redelivering);
}

#[test]
fn there_must_be_somewhere_to_send_it() {
    let with =
        |status: Status, expires_at_ms| Subscription { status: status.into(), expires_at_ms, ..active() };
    for (subscription, refusal) in [
        (None, NoReceiver::Deleted),
        (Some(with(Status::Deleted, 0)), NoReceiver::Deleted),
        (Some(with(Status::Inactive, 0)), NoReceiver::Inactive),
        (Some(with(Status::Active, 5_000)), NoReceiver::Expired),
    ] {
        assert_eq!(redelivered(None, subscription.as_ref()), Err(refusal.into()), "{subscription:?}");
    }
    let later = with(Status::Active, 5_001);
    assert!(redelivered(None, Some(&later)).is_ok());
}

#[test]
fn names_of_runs_are_the_webhook_id_and_the_run() {
    let name = "msg_abababababababababababababababab";
    assert_eq!(run_name(KEY), name);
    assert_eq!(parse_run_name(name), Some(KEY));
    let other = RunKey { run: u64::MAX - 1, ..KEY };
    assert_eq!(run_name(other), format!("{name}-fffffffffffffffe"));
    assert_eq!(parse_run_name(&run_name(other)), Some(other));
    for wrong in [
        "",
        "msg_",
        "msg_ab",
        &name[4..],
        &name.to_uppercase(),
        &format!("{name}-"),
        &format!("{name}-0"),
        &format!("{name}-0f"),
        &format!("{name}-+f"),
        &format!("{name}-F"),
        &format!("{name}0"),
        "msg_+b+b+b+b+b+b+b+b+b+b+b+b+b+b+b+b",
        "msg_ébababababababababababababababab",
    ] {
        assert_eq!(parse_run_name(wrong), None, "{wrong}");
    }
}

#[test]
fn faults_and_words_are_told_apart() {
    assert_eq!(Fault::of(Reason::Platform, Some(Outcome::Http5xx)), Fault::Platform);
    assert_eq!(Fault::of(Reason::Exhausted, Some(Outcome::PlatformError)), Fault::Platform);
    assert_eq!(Fault::of(Reason::Exhausted, Some(Outcome::Timeout)), Fault::Receiver);
    assert_eq!(Fault::of(Reason::Gone, None), Fault::Receiver);
    for reason in REASONS {
        assert_eq!(parse_reason(reason_name(reason)), Some(reason));
    }
    for state in State::ALL {
        assert_eq!(State::parse(state.name()), Some(state));
    }
    for fault in Fault::ALL {
        assert_eq!(Fault::parse(fault.name()), Some(fault));
    }
    assert_eq!((parse_reason("other"), State::parse("all"), Fault::parse("ours")), (None, None, None));
    assert_eq!(State::of(Some(&resolved(ResolutionKind::Unspecified))), State::Open);
    assert!(!State::Open.yields_to(&resolved(ResolutionKind::Unspecified)));
}

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
