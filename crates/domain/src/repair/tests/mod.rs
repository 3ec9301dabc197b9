//! Sending again: which, as what, and what the deliverer and the scheduler make of it.

mod flow;
mod machine;
mod reach;

use super::*;
use crate::catalogue::Catalogue;
use crate::escalations::State;
use crate::history::Status as Ended;
use crate::identity::{EventIdentity, Position};
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::task::Work;
use aerogram_wire::v1::{
    Delivery, Envelope, Event, PendingKind, Redeliver, Scope, Status, Subscription, Task, TaskProgress,
    TaskState,
};
use std::collections::BTreeSet;

const KEY: RunKey = RunKey { delivery_id: [0xab; 16], run: 0 };

pub(super) fn subscription() -> Subscription {
    Subscription {
        id: "s".into(),
        scope: Some(Scope { partner: "p".into(), operator: "acme".into() }),
        event_type: "FLIGHT_CREATE".into(),
        environment: "production".into(),
        callback_url: "https://a.example/".into(),
        status: Status::Active.into(),
        version: 1,
        ..Subscription::default()
    }
}

fn found(operator: &str, accepted_at_ms: i64) -> Found {
    let event = Event {
        id: "e".into(),
        source: "/s".into(),
        r#type: "FLIGHT_CREATE".into(),
        operator: operator.into(),
        ..Event::default()
    };
    Found {
        position: Position { partition: 3, offset: 41 },
        appended_at_ms: accepted_at_ms + 5,
        envelope: Envelope { event: Some(event), scope: "ops".into(), accepted_at_ms, ..Envelope::default() },
        traceparent: String::new(),
    }
}

#[test]
fn the_same_wish_is_the_same_run_and_another_is_another() {
    let scope = Scope { partner: "p".into(), operator: "o".into() };
    let other = Scope { partner: "po".into(), operator: String::new() };
    let later = RunKey { run: 7, ..KEY };
    let runs = BTreeSet::from([
        run_by_key(None, "k", KEY),
        run_by_key(Some(&scope), "k", KEY),
        run_by_key(Some(&other), "k", KEY),
        run_by_key(Some(&scope), "l", KEY),
        run_by_key(Some(&scope), "k", later),
        run_by_task(&[1; 16], KEY),
        run_by_task(&[2; 16], KEY),
        run_by_task(&[1; 16], later),
        crate::escalations::redelivery_run(KEY),
    ]);
    assert!(runs.len() == 9 && !runs.contains(&0));
    assert_eq!(run_by_key(Some(&scope), "k", KEY), run_by_key(Some(&scope), "k", KEY));
    let task = |key: &str, wish: &[&[u8]]| task_by_key(Some(&scope), key, wish);
    assert_eq!(task("k", &[b"a"]), task("k", &[b"a"]));
    assert!(task("k", &[b"a"]) != task("k", &[b"b"]) && task("k", &[b"a"]) != task("ka", &[]));
}

#[test]
fn what_ended_is_sent_and_an_escalation_is_dealt_with_by_it() {
    let subscription = subscription();
    let candidate = ended(Ended::Cancelled, Some(&subscription));
    let chosen = |candidate| choose(&[1; 16], candidate, 1_000);
    let run = run_by_task(&[1; 16], KEY);
    assert_eq!(chosen(candidate), Choice::Send(RunKey { run, ..KEY }));
    for (state, choice) in [
        (State::Open, Choice::Escalation),
        (State::Redelivering, Choice::Escalation),
        (State::Redelivered, Choice::LeaveOut(LeftOut::Redelivered)),
        (State::Dismissed, Choice::LeaveOut(LeftOut::Dismissed)),
    ] {
        assert_eq!(chosen(Candidate { escalation: Some(state), ..candidate }), choice);
    }
    assert_eq!(chosen(Candidate { ended: false, ..candidate }), Choice::LeaveOut(LeftOut::UnderWay));
    let with = |status: Status, expires_at_ms| Subscription {
        status: status.into(),
        expires_at_ms,
        ..subscription.clone()
    };
    for (state, why) in [
        (None, NoReceiver::Deleted),
        (Some(with(Status::Deleted, 0)), NoReceiver::Deleted),
        (Some(with(Status::Inactive, 0)), NoReceiver::Inactive),
        (Some(with(Status::Active, 1_000)), NoReceiver::Expired),
    ] {
        let left_out = Choice::LeaveOut(LeftOut::NoReceiver(why));
        assert_eq!(choose(&[1; 16], ended(Ended::Cancelled, state.as_ref()), 1_000), left_out);
    }
}

fn ended(status: Ended, subscription: Option<&Subscription>) -> Candidate<'_> {
    let run = KnownRun { key: KEY, issued_at_ms: 100, status };
    Candidate { run, ended: true, changed_at_ms: 500, escalation: None, runs: &[], subscription }
}

#[test]
fn of_a_delivery_only_the_latest_run_is_sent_and_none_while_one_is_under_way() {
    let (subscription, task) = (subscription(), [1; 16]);
    let candidate = ended(Ended::Cancelled, Some(&subscription));
    let own = RunKey { run: run_by_task(&task, KEY), ..KEY };
    let of = |run, issued_at_ms, status| KnownRun { key: RunKey { run, ..KEY }, issued_at_ms, status };
    let this = candidate.run;
    let chosen =
        |runs: &[KnownRun], escalation| choose(&task, Candidate { runs, escalation, ..candidate }, 1_000);
    let (under_way, redelivered) =
        (Choice::LeaveOut(LeftOut::UnderWay), Choice::LeaveOut(LeftOut::Redelivered));
    for status in [Ended::Delivered, Ended::Cancelled, Ended::Escalated] {
        assert_eq!(chosen(&[this, of(77, 99, status)], None), Choice::Send(own), "an earlier one");
        assert_eq!(chosen(&[of(77, 101, status), this], None), redelivered);
        assert_eq!(chosen(&[of(77, 101, status), this], Some(State::Open)), redelivered);
    }
    let twin = |run| [this, of(run, this.issued_at_ms, Ended::Delivered)];
    assert_eq!(chosen(&twin(KEY.run + 1), None), redelivered, "of one moment the number decides");
    for status in [Ended::Pending, Ended::Retrying, Ended::Parked] {
        for at_ms in [99, 101] {
            assert_eq!(chosen(&[this, of(77, at_ms, status)], None), under_way);
        }
        // Its own, after a crash; and what was said of an escalation is finished.
        assert_eq!(chosen(&[this, of(own.run, 200, status)], None), Choice::Send(own));
        assert_eq!(chosen(&[this, of(77, 101, status)], Some(State::Redelivering)), Choice::Escalation);
    }
}

#[test]
fn what_was_given_up_just_now_waits_for_its_escalation() {
    let subscription = subscription();
    let candidate = ended(Ended::Escalated, Some(&subscription));
    let chosen = |candidate, now_ms| choose(&[1; 16], candidate, now_ms);
    let again = Choice::Send(RunKey { run: run_by_task(&[1; 16], KEY), ..KEY });
    for now_ms in [400, 500, 600_499] {
        assert_eq!(chosen(candidate, now_ms), Choice::NotYet, "{now_ms}");
    }
    assert_eq!(chosen(candidate, 600_500), again);
    let listed = Candidate { escalation: Some(State::Open), ..candidate };
    assert_eq!(chosen(listed, 500), Choice::Escalation);
    assert_eq!(chosen(ended(Ended::Cancelled, Some(&subscription)), 500), again);
}

#[test]
fn a_replay_is_about_what_was_accepted_then_and_is_for_the_subscription_now() {
    let subscription = subscription();
    let wanted = |found: &Found| is_wanted(&subscription, found, 100, 200, 1_000);
    assert!(wanted(&found("acme", 100)) && wanted(&found("acme", 199)));
    assert!(!wanted(&found("acme", 99)) && !wanted(&found("acme", 200)));
    assert!(!wanted(&found("other", 150)));
    let empty =
        Found { envelope: Envelope { accepted_at_ms: 150, ..Envelope::default() }, ..found("acme", 1) };
    assert!(!wanted(&empty) && empty.delivery_id("s").is_none());
    let expired = Subscription { expires_at_ms: 1_000, ..subscription.clone() };
    assert!(!is_wanted(&expired, &found("acme", 150), 100, 200, 1_000));
    let expires = Subscription { expires_at_ms: 1_001, ..subscription };
    assert!(is_wanted(&expires, &found("acme", 150), 100, 200, 1_000));
}

#[test]
fn a_replayed_delivery_is_the_one_that_matching_made_of_it() {
    let found = found("acme", 150);
    let identity = EventIdentity { scope: "ops", source: "/s", id: "e" };
    let live = identity.deliveries(found.position).of("s");
    assert_eq!(found.delivery_id("s"), Some(live));
    let delivery = found.delivery(&subscription(), 9).unwrap();
    assert_eq!((delivery.delivery_id.as_ref(), delivery.run), (live.as_slice(), 0));
    assert_eq!((delivery.subscription_offset, delivery.event_appended_at_ms), (9, 155));
    let run = replayed(&[1; 16], live);
    let (key, entry) = first_record(run, &delivery, 500, PendingKind::Parked);
    assert_eq!((key.run, key.seq, entry.kind(), entry.due_at_ms), (run, 0, PendingKind::Parked, 500));
    let expected = Delivery { run: run.run, due_at_ms: 500, issued_at_ms: 500, ..delivery };
    assert_eq!(entry.delivery, Some(expected));
}

#[test]
fn a_task_that_is_over_stays_so_and_tells_how_far_it_came() {
    let progress = |seen| TaskProgress { seen, ..TaskProgress::default() };
    let mut task = Task { id: vec![1; 16].into(), created_at_ms: 5, ..Task::default() };
    task.set_state(TaskState::Running);
    let task = fold(None, task);
    let half = fold(Some(task.clone()), went_on(&task, progress(5), 6));
    assert_eq!((half.updated_at_ms, half.progress.clone()), (6, Some(progress(5))));
    let stopped = cancelled(&half, "app-1", 7).unwrap();
    assert_eq!((stopped.state(), stopped.detail.as_str()), (TaskState::Cancelled, "cancelled by app-1"));
    assert_eq!(cancelled(&stopped, "app-2", 8), None);
    let stopped = fold(Some(half.clone()), stopped);
    for (late, seen) in [
        (went_on(&half, progress(9), 8), 9),
        (went_on(&half, progress(4), 8), 5),
        (done(&went_on(&half, progress(9), 8), 9), 9),
        (failed(&half, "no".into(), 9), 5),
    ] {
        let known = fold(Some(stopped.clone()), late);
        assert_eq!((known.state(), known.progress), (TaskState::Cancelled, Some(progress(seen))));
    }
    assert!(is_over(&done(&half, 9)) && is_over(&failed(&half, "no".into(), 9)) && !is_over(&half));
}

#[test]
fn a_task_that_is_made_twice_is_the_first_one() {
    let made = |actor: &str, created_at_ms, seen: Option<u64>| Task {
        id: vec![1; 16].into(),
        actor: actor.into(),
        created_at_ms,
        updated_at_ms: created_at_ms,
        work: Some(Work::Redeliver(Redeliver { issued_until_ms: created_at_ms, ..Redeliver::default() })),
        state: TaskState::Running.into(),
        progress: seen.map(|seen| TaskProgress { seen, ..TaskProgress::default() }),
        ..Task::default()
    };
    let first = fold(None, made("first", 5, None));
    let twice = fold(Some(first.clone()), made("second", 6, None));
    assert_eq!(twice, Task { updated_at_ms: 6, ..first.clone() });
    let half = fold(Some(twice), made("second", 6, Some(0)));
    assert_eq!((half.created_at_ms, half.actor.as_str(), &half.work), (5, "first", &first.work));
    assert_eq!(fold(Some(half.clone()), made("second", 7, None)), half, "as of before");
    let on = fold(Some(half.clone()), made("first", 5, Some(9)));
    assert_eq!(fold(Some(on.clone()), half), on);
    let replay = |next_offsets: &[i64]| {
        let progress = TaskProgress { next_offsets: next_offsets.to_vec(), ..TaskProgress::default() };
        went_on(&first, progress, 8)
    };
    let on = fold(Some(first.clone()), replay(&[i64::MAX, 3]));
    assert_eq!(fold(Some(on.clone()), replay(&[7, 4])), on, "nothing was found yet, but it read on");
    // Whoever cancels may know less.
    let stopped = fold(Some(on.clone()), cancelled(&first, "app-1", 9).unwrap());
    assert_eq!((stopped.state(), stopped.progress), (TaskState::Cancelled, on.progress));
}

#[test]
fn there_is_room_for_as_many_as_may_wait() {
    assert_eq!((room(0, 1_000, 200), room(900, 1_000, 200), room(1_500, 1_000, 200)), (200, 100, 0));
}

#[test]
fn a_test_event_of_every_type_is_addressed_to_the_subscription() {
    let catalogue = Catalogue::builtin();
    for event_type in catalogue.types() {
        let event = test_event(event_type, &subscription(), "7", 50);
        assert_eq!((event.r#type.as_str(), event.id.as_str()), (&*event_type.wire_name, "test-7"));
        assert_eq!((event.operator.as_str(), event.environment.as_str()), ("acme", "production"));
        let data: serde_json::Value = serde_json::from_slice(&event.data).unwrap();
        assert!(data.is_object() && !event.subject.is_empty(), "{event:?}");
        let (key, entry) = test_delivery([9; 16], event, &subscription(), 4, 50);
        let delivery = entry.delivery.unwrap();
        assert!(delivery.once && delivery.issued_at_ms == 50 && key.run.delivery_id == [9; 16]);
    }
}
