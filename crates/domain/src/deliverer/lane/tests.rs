use super::*;
use crate::limits::{Key, Limit, Rate};

fn config() -> LaneConfig {
    LaneConfig {
        concurrency: 4,
        wait_max_ms: 2_000,
        failures_max: 3,
        failing_min_ms: 0,
        ..LaneConfig::default()
    }
}

fn places() -> Places {
    Places::new(64)
}

fn filled(n: i64) -> Lane {
    let mut lane = Lane::default();
    (0..n).for_each(|offset| {
        lane.push_back(Waits { offset, by_credit: offset % 10 == 9, once: false, bytes: 100 });
    });
    lane
}

fn allows(per_minute: u32, concurrency: usize) -> Terms {
    let limits = Rate::new(per_minute, 0).map(|rate| Limit { key: key(), rate });
    Terms { limits: limits.into_iter().collect(), concurrency, timeout_ms: 1, host: "h:1".into() }
}

fn key() -> Key {
    Key::Subscription("s".into())
}

#[test]
fn the_wait_is_what_stands_before_it_in_answer_times() {
    let mut lane = filled(0);
    assert_eq!(lane.wait_ms(&config(), &places(), 0, 100), 0, "nothing is known of a new one");
    lane.went(0, Went::Well, 1_000);
    assert_eq!(lane.wait_ms(&config(), &places(), 0, 3), 0, "there is a free request for it");
    assert_eq!(lane.wait_ms(&config(), &places(), 0, 11), 2_000);
    (0..4).for_each(|offset| lane.begin(0, offset));
    assert_eq!(lane.wait_ms(&config(), &places(), 0, 0), 250);
    assert_eq!(
        lane.wait_ms(&config(), &places(), 9_000, 0),
        2_250,
        "an open request tells before its answer does"
    );
    lane.pause(10_000);
    assert_eq!(lane.wait_ms(&config(), &places(), 9_000, 0), 3_250);
}

#[test]
fn those_at_the_end_wait_too_long_first_and_what_has_a_credit_stays() {
    let mut lane = filled(20);
    lane.went(0, Went::Well, 1_000);
    assert_eq!(lane.take_too_late(&config(), &places(), 0), [12, 13, 14, 15, 16, 17, 18]);
    assert_eq!((lane.waiting(), lane.waiting_bytes()), (13, 1_300));
    (0..2).for_each(|_| lane.went(0, Went::Badly, 1_000));
    assert!(lane.take_too_late(&config(), &places(), 0).is_empty());
    lane.went(0, Went::Badly, 1_000);
    assert_eq!(lane.take_too_late(&config(), &places(), 0).len(), 11);
    assert_eq!(lane.waiting.iter().map(|waits| waits.offset).collect::<Vec<_>>(), [9, 19]);
    assert!(lane.is_full(&LaneConfig { bytes_max: 200, ..config() }));
    lane.pop_front();
    assert!(!lane.is_full(&LaneConfig { bytes_max: 200, ..config() }));
}

#[test]
fn where_nobody_else_is_a_receiver_that_does_well_is_late_for_nobody() {
    let mut lane = filled(20);
    lane.went(0, Went::Well, 1_000);
    let mut alone = places();
    alone.shared = false;
    assert!(lane.take_too_late(&config(), &alone, 0).is_empty());
    lane.went(0, Went::Badly, 1_000);
    assert!(lane.take_too_late(&config(), &alone, 0).is_empty(), "one failure is nothing yet");
    lane.pause(60_000);
    assert_eq!(lane.take_too_late(&config(), &alone, 0).len(), 20, "so long it is to be left alone");
}

#[test]
fn a_limited_one_waits_as_its_rate_says_and_is_parked_beyond() {
    let mut lane = filled(60);
    lane.learn(1, || allows(1_200, 64));
    assert_eq!(lane.wait_ms(&config(), &places(), 0, 59), 0, "nobody has said that it is short");
    assert!(lane.limit(0, Limited { until_ms: 50, turn: 0, key: key() }));
    assert!(!lane.limit(0, Limited { until_ms: 50, turn: 0, key: key() }));
    assert_eq!(lane.wait_ms(&config(), &places(), 0, 0), 50);
    assert_eq!(lane.wait_ms(&config(), &places(), 0, 39), 2_000);
    lane.went(0, Went::Well, 1);
    assert_eq!(lane.window(&config(), &places(), 0), 40);
    assert_eq!(
        lane.take_too_late(&config(), &places(), 0).len(),
        18,
        "those beyond 40, but for what has a credit"
    );
    lane.sent();
    assert_eq!(lane.wait_ms(&config(), &places(), 0, 0), 0);
}

#[test]
fn what_others_take_of_a_shared_limit_shows_in_its_pace() {
    let mut lane = filled(0);
    lane.learn(1, || allows(3_000, 64));
    for n in 0..20 {
        lane.limit(n * 60, Limited { until_ms: n * 60 + 20, turn: 0, key: key() });
        lane.sent();
    }
    lane.limit(1_200, Limited { until_ms: 1_200, turn: 0, key: key() });
    let wait_ms = lane.wait_ms(&config(), &places(), 1_200, 21);
    assert!((1_190..=1_200).contains(&wait_ms), "a third of it is its own: {wait_ms}");
}

#[test]
fn it_opens_no_more_than_its_subscription_allows() {
    let mut lane = filled(0);
    assert_eq!(lane.concurrency(&config()), 4);
    lane.learn(1, || allows(0, 2));
    lane.learn(1, || allows(0, 3));
    assert_eq!(lane.concurrency(&config()), 2, "of the same version it is known");
    lane.learn(2, || allows(0, 90));
    assert_eq!(lane.concurrency(&config()), 4);
}

#[test]
fn one_success_opens_a_shut_lane() {
    let mut lane = filled(0);
    (0..9).for_each(|_| lane.went(0, Went::Badly, 1));
    lane.went(0, Went::Nothing, 1);
    assert!(lane.is_shut(&config()) && !lane.is_unremarkable(0));
    lane.went(0, Went::Well, 1);
    assert!(!lane.is_shut(&config()) && lane.is_unremarkable(0));
}

#[test]
fn a_moment_of_failures_shuts_nothing() {
    let config = LaneConfig { failing_min_ms: 1_000, ..config() };
    let mut lane = filled(0);
    (0..9).for_each(|n| lane.went(100 + n, Went::Badly, 10));
    assert!(!lane.is_shut(&config));
    lane.went(1_090, Went::Badly, 10);
    assert!(lane.is_shut(&config), "it has failed since 90");
}

#[test]
fn who_asks_for_patience_is_paused_rather_than_failing() {
    let mut lane = filled(0);
    lane.went(0, Went::Badly, 1);
    lane.pause(100);
    let state = |lane: &Lane, now_ms| lane.state(&config(), &places(), now_ms);
    assert_eq!((state(&lane, 99), state(&lane, 100)), (LaneState::Paused, LaneState::Failing));
    (0..2).for_each(|_| lane.went(0, Went::Badly, 1));
    assert_eq!(state(&lane, 99), LaneState::Shut);
}

fn test_event(offset: i64) -> Waits {
    Waits { offset, by_credit: false, once: true, bytes: 100 }
}

#[test]
fn the_oldest_test_event_goes_first_and_no_more_than_a_few_wait() {
    let mut lane = filled(2);
    for offset in [12, 10, 11] {
        lane.push_front(test_event(offset));
    }
    lane.push_front(Waits { once: false, ..test_event(5) });
    assert_eq!(lane.waiting.iter().map(|waits| waits.offset).collect::<Vec<_>>(), [10, 11, 12, 5, 0, 1]);
    assert!(!lane.is_too_late_once(&config(), &places(), 0));
    (13..20).for_each(|offset| lane.push_front(test_event(offset)));
    assert!(lane.is_too_late_once(&config(), &places(), 0));
    assert_eq!(lane.take_too_late(&config(), &places(), 0), [18, 19]);
    assert_eq!((lane.waiting(), lane.waiting_bytes()), (11, 1_100));
}

#[test]
fn a_test_event_waits_for_no_pause_but_not_for_long_behind_a_limit_or_a_slow_answer() {
    let mut lane = filled(0);
    (0..9).for_each(|_| lane.went(0, Went::Badly, 4_000));
    lane.pause(3_600_000);
    lane.push_front(test_event(0));
    assert!(lane.is_shut(&config()) && lane.take_too_late(&config(), &places(), 0).is_empty());
    (1..=4).for_each(|offset| lane.begin(0, offset));
    assert!(!lane.is_too_late_once(&config(), &places(), 0), "a second of an answer that takes four");
    assert!(lane.take_too_late(&config(), &places(), 0).is_empty());
    assert_eq!(lane.take_too_late(&config(), &places(), 9_000), [0], "the open requests take long");

    let mut limited = filled(0);
    limited.learn(1, || allows(60, 4));
    limited.limit(0, Limited { until_ms: 500, turn: 0, key: key() });
    (0..4).for_each(|offset| limited.push_front(test_event(offset)));
    assert_eq!(limited.take_too_late(&config(), &places(), 0), [2, 3], "one a second");
    assert!(limited.is_too_late_once(&config(), &places(), 0));
}
