//! What api writes to `pending` goes out as it should.

use super::machine::Machine;
use super::*;
use crate::policy::Answer;
use aerogram_wire::key::PendingKey;
use aerogram_wire::v1::{Line, LineKind, Outcome, PendingEntry};

const FAILS: Answer = Answer::Status { status: 500, retry_after_ms: None };

/// Of a delivery that ended long ago.
fn again(n: u8, since_ms: i64) -> (PendingKey, PendingEntry) {
    let delivery = Delivery {
        schema: 1,
        delivery_id: vec![n; 16].into(),
        subscription_id: "s".into(),
        subscription_offset: -1,
        event: Some(Event::default()),
        event_appended_at_ms: 1,
        ..Delivery::default()
    };
    let key = RunKey { delivery_id: [n; 16], run: 5 };
    first_record(key, &delivery, since_ms, PendingKind::Parked)
}

fn live(n: u8, at_ms: i64) -> Delivery {
    let (_, entry) = again(n, at_ms);
    let delivery = entry.delivery.unwrap();
    Delivery { run: 0, due_at_ms: 0, issued_at_ms: 0, event_appended_at_ms: at_ms, ..delivery }
}

fn test(n: u8, machine: &Machine) -> (PendingKey, PendingEntry) {
    let catalogue = Catalogue::builtin();
    let event_type = catalogue.lookup("FLIGHT_CREATE").unwrap();
    let event = test_event(event_type, &subscription(), "7", machine.now_ms);
    test_delivery([n; 16], event, &subscription(), 0, machine.now_ms)
}

#[test]
fn what_a_task_writes_is_paced_by_credits_and_each_is_sent_once() {
    let mut machine = Machine::new();
    // The task began long before memory does; what it writes now was not fired before.
    let since_ms = machine.now_ms - 10_000_000;
    (0..100).for_each(|n| machine.pend(again(n, since_ms)));
    machine.run_for(10_000);
    assert_eq!((machine.sent.len(), machine.waiting()), (100, 0));
    let first_ms = machine.sent[0].0;
    assert_eq!(machine.sent.iter().filter(|(at_ms, _)| *at_ms == first_ms).count(), 1, "a probe comes first");
    assert!(machine.most_open <= crate::scheduler::Config::default().window_default);
    assert!(machine.sent.iter().all(|(_, delivery)| delivery.by_credit && delivery.run == 5));
    assert!(machine.kinds().iter().all(|kind| *kind == LineKind::Delivered));
}

#[test]
fn a_receiver_that_fails_gets_probes_of_it_and_the_rest_waits() {
    let mut machine = Machine::new();
    machine.answer = FAILS;
    let since_ms = machine.now_ms;
    (0..50).for_each(|n| machine.pend(again(n, since_ms)));
    machine.run_for(4_000);
    assert!((1..=4).contains(&machine.sent.len()), "{}", machine.sent.len());
    assert!(machine.waiting() >= 46);
}

#[test]
fn what_a_crash_has_a_task_write_again_is_not_sent_again() {
    let mut machine = Machine::new();
    let since_ms = machine.now_ms - 1_000;
    (0..20).for_each(|n| machine.pend(again(n, since_ms)));
    machine.run_for(100);
    let before = machine.sent.len();
    assert!((1..20).contains(&before), "in the middle of it: {before}");
    (0..20).for_each(|n| machine.pend(again(n, since_ms)));
    machine.run_for(5_000);
    (0..20).for_each(|n| machine.pend(again(n, since_ms)));
    machine.run_for(5_000);
    assert_eq!((machine.sent.len(), machine.waiting()), (20, 0));
}

#[test]
fn a_test_event_is_sent_once_whatever_comes_of_it() {
    let too_many = Answer::Status { status: 429, retry_after_ms: Some(3_600_000) };
    let gone = Answer::Status { status: 410, retry_after_ms: None };
    let ours = Answer::Failed(Outcome::PlatformError);
    for (answer, status) in [(FAILS, 500), (too_many, 429), (gone, 410), (ours, 0)] {
        let mut machine = Machine::new();
        machine.answer = answer;
        machine.pend(test(1, &machine));
        machine.run_for(200_000);
        assert_eq!((machine.sent.len(), machine.waiting(), machine.escalations.len()), (1, 0, 0));
        assert_eq!(machine.kinds(), [LineKind::Expired]);
        let attempt = machine.lines()[0].attempt.clone().unwrap();
        assert_eq!((attempt.status, attempt.number, attempt.excerpt.as_str()), (status, 1, "said"));
        assert_eq!(machine.commands, 0, "nothing is noted, nobody is deactivated");
    }
    let mut machine = Machine::new();
    machine.pend(test(1, &machine));
    machine.run_for(1_000);
    assert_eq!((machine.kinds(), machine.waiting()), (vec![LineKind::Delivered], 0));
}

#[test]
fn a_test_event_goes_first_also_where_the_receiver_fails_or_wants_patience() {
    let mut machine = Machine::new();
    machine.answer = FAILS;
    // Enough failures for long enough: the lane is shut, and what comes is parked.
    for n in 0..12 {
        machine.deliver(live(n, machine.now_ms));
        machine.run_for(500);
    }
    machine.deliver(live(99, machine.now_ms));
    machine.run_for(500);
    assert!(machine.kinds().contains(&LineKind::Parked), "{:?}", machine.kinds());
    machine.pend(test(100, &machine));
    machine.run_for(500);
    let is_test = |delivery: &Delivery| delivery.delivery_id == vec![100; 16];
    assert_eq!(machine.sent.iter().filter(|(_, delivery)| is_test(delivery)).count(), 1);

    let mut machine = Machine::new();
    machine.answer = Answer::Status { status: 429, retry_after_ms: Some(1_500) };
    machine.deliver(live(0, machine.now_ms));
    machine.run_for(200);
    // One waits in the lane for the pause to end.
    machine.deliver(live(1, machine.now_ms));
    machine.run_for(100);
    machine.pend(test(100, &machine));
    machine.run_for(300);
    assert_eq!(machine.sent.len(), 2, "the first one and the test");
    machine.answer = Answer::Status { status: 200, retry_after_ms: None };
    machine.run_for(20_000);
    assert_eq!(machine.sent.iter().filter(|(_, d)| d.delivery_id == vec![1; 16]).count(), 1);
}

#[test]
fn more_test_events_than_a_receiver_takes_are_over_without_an_attempt() {
    let mut machine = Machine::new();
    // All requests that may be open are, and stay so.
    machine.takes_ms = 30_000;
    (0..100).for_each(|n| machine.pend(test(n, &machine)));
    machine.run_for(10_000);
    let without = |lines: Vec<Line>| lines.iter().filter(|line| line.attempt.is_none()).count();
    assert_eq!((machine.sent.len(), without(machine.lines())), (64, 28), "eight wait");
    assert!(machine.kinds().iter().all(|kind| *kind == LineKind::Expired));
    machine.takes_ms = 20;
    machine.run_for(1_000);
    let tests: Vec<_> = machine.sent.iter().map(|(_, delivery)| delivery.delivery_id[0]).collect();
    assert!(tests.is_sorted(), "the oldest first: {tests:?}");
    // What comes after them is sent.
    machine.deliver(live(100, machine.now_ms));
    machine.run_for(20_000);
    assert_eq!(machine.sent.iter().filter(|(_, d)| d.delivery_id == vec![100; 16]).count(), 1);
    assert_eq!((machine.sent.len() + without(machine.lines()), machine.waiting()), (101, 0));
}

#[test]
fn a_test_event_to_a_subscription_that_was_given_up_is_cancelled() {
    let mut machine = Machine::new();
    let state = Subscription { status: Status::Inactive.into(), gave_up: true, version: 2, ..subscription() };
    machine.change(1, state);
    machine.pend(test(1, &machine));
    machine.run_for(1_000);
    assert_eq!((machine.kinds(), machine.escalations.len()), (vec![LineKind::Cancelled], 0));
}
