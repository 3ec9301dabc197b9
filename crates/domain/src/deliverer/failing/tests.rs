use super::*;

const ID: &str = "s1";

fn config() -> FailingConfig {
    FailingConfig { noted_after_ms: 1_000, give_up_after_ms: 10_000, remembered_max: 2 }
}

fn failing() -> Failing {
    Failing::new(config())
}

fn state(failing_since_ms: i64) -> Subscription {
    Subscription { id: ID.into(), status: Status::Active.into(), failing_since_ms, ..Subscription::default() }
}

/// The table goes from one note to another.
fn reads(failing: &mut Failing, now_ms: i64, before_ms: i64, since_ms: i64) {
    failing.read(now_ms, Some(&state(before_ms)), &state(since_ms));
}

/// Every day was tried.
fn gives_up(failing: &mut Failing, noted_ms: i64, told_ms: i64) -> bool {
    failing.gives_up(ID, noted_ms, told_ms, (noted_ms..told_ms).step_by(1_000))
}

/// What is asked for at a look.
fn asks(failing: &mut Failing, now_ms: i64, noted_ms: i64) -> Option<i64> {
    failing.next_look_ms = i64::MIN;
    let due = failing.due(now_ms);
    due.iter().find_map(|id| failing.wish(now_ms, id, noted_ms)).map(|wish| wish.since_ms)
}

#[test]
fn a_receiver_is_noted_when_it_has_failed_for_a_while_and_only_once() {
    let mut failing = failing();
    failing.failed(0, ID, 77);
    failing.failed(900, ID, 977);
    assert_eq!(asks(&mut failing, 999, 0), None);
    assert_eq!(asks(&mut failing, 1_000, 0), Some(77), "also when no more attempts come");
    assert_eq!(asks(&mut failing, 20_000, 0), None, "it is under way");
    reads(&mut failing, 20_000, 0, 77);
    assert_eq!(asks(&mut failing, 90_000, 77), None);
    assert_eq!(failing.since_ms(ID, 77), Some(77));
}

#[test]
fn what_the_table_does_not_say_is_asked_for_again_as_the_same_wish() {
    let mut failing = failing();
    failing.failed(0, ID, 77);
    assert_eq!(failing.wish(1_000, ID, 0), Some(Wish { since_ms: 77, number: 1 }));
    assert_eq!(failing.wish(1_000 + ASK_AGAIN_MS, ID, 0), Some(Wish { since_ms: 77, number: 1 }));
    failing.well(50_000, ID, 0);
    failing.failed(50_000, ID, 99);
    assert_eq!(failing.wish(90_000, ID, 0), Some(Wish { since_ms: 99, number: 2 }));
}

#[test]
fn a_success_among_failures_leaves_nothing_behind() {
    let mut failing = failing();
    failing.failed(0, ID, 77);
    failing.well(500, ID, 0);
    assert!(failing.known.is_empty() && failing.wakes.is_empty());
    failing.failed(600, ID, 677);
    assert_eq!((asks(&mut failing, 1_100, 0), asks(&mut failing, 1_600, 0)), (None, Some(677)));
}

#[test]
fn a_success_takes_the_note_back_once_and_nothing_is_given_up_meanwhile() {
    let mut failing = failing();
    assert_eq!(failing.since_ms(ID, 77), Some(77), "it was found when the owner began");
    failing.well(0, ID, 77);
    assert_eq!(failing.since_ms(ID, 77), None);
    assert!(!gives_up(&mut failing, 77, 99_999));
    assert!(!failing.takes_back(0, ID, 77, 76), "a success of before says nothing");
    assert!(failing.takes_back(0, ID, 77, 80));
    assert!(!failing.takes_back(0, ID, 77, 81), "its record waits for it");
    failing.failed(10, ID, 90);
    reads(&mut failing, 20, 77, 0);
    assert_eq!(asks(&mut failing, 1_010, 0), Some(90), "it fails anew since then");
    assert!(failing.takes_back(1_020, ID, 0, 1_100), "what is under way is taken back too");
}

#[test]
fn a_success_that_comes_before_the_note_is_seen_refutes_it() {
    let mut failing = failing();
    failing.failed(0, ID, 77);
    assert_eq!(asks(&mut failing, 1_000, 0), Some(77));
    failing.well(1_010, ID, 0);
    reads(&mut failing, 1_020, 0, 77);
    assert_eq!(failing.since_ms(ID, 77), None);
    assert!(!gives_up(&mut failing, 77, 99_999));
    assert!(failing.takes_back(1_030, ID, 77, 1_100));
}

#[test]
fn a_note_of_somebody_else_is_taken_back() {
    let mut failing = failing();
    reads(&mut failing, 0, 0, 55);
    assert_eq!(failing.since_ms(ID, 55), None);
    assert!(!gives_up(&mut failing, 55, 99_999));
    assert_eq!(asks(&mut failing, 0, 55), Some(0));
    reads(&mut failing, 10, 55, 0);
    assert_eq!(asks(&mut failing, 10, 0), None);
    assert!(failing.known.is_empty() && failing.wakes.is_empty());
}

#[test]
fn a_note_of_somebody_else_gives_way_to_what_this_owner_saw() {
    let mut failing = failing();
    failing.failed(0, ID, 70);
    reads(&mut failing, 10, 0, 55);
    assert_eq!(asks(&mut failing, 10, 55), Some(0));
    reads(&mut failing, 20, 55, 0);
    assert_eq!(asks(&mut failing, 1_000, 0), Some(70));
}

#[test]
fn one_of_too_many_to_be_remembered_is_given_up_once() {
    let mut failing = failing();
    for id in ["a", "b", ID] {
        failing.failed(0, id, 77);
    }
    assert!(!failing.known.contains_key(ID));
    assert!(gives_up(&mut failing, 77, 99_999));
    assert!(!gives_up(&mut failing, 77, 100_000));
}

#[test]
fn whoever_changes_the_subscription_begins_anew() {
    let moved = Subscription { callback_url: "https://b.example/".into(), ..state(0) };
    let mut inactive = state(77);
    inactive.set_status(Status::Inactive);
    for (before, next) in [(state(77), moved), (state(77), inactive.clone()), (inactive, state(0))] {
        let mut failing = failing();
        failing.failed(0, ID, 70);
        assert_eq!(asks(&mut failing, 1_000, 0), Some(70));
        failing.read(1_100, Some(&before), &next);
        assert!(failing.known.is_empty() && failing.wakes.is_empty());
        // What was under way is nobody's now.
        reads(&mut failing, 1_200, 0, 70);
        assert_eq!(asks(&mut failing, 1_200, 70), Some(0));
    }
    // Another change is none of how it does.
    let mut failing = failing();
    failing.failed(0, ID, 70);
    failing.read(10, Some(&state(0)), &Subscription { version: 2, name: "n".into(), ..state(0) });
    assert_eq!(asks(&mut failing, 1_000, 0), Some(70));
}

#[test]
fn what_has_failed_for_too_long_is_given_up_once() {
    let mut failing = failing();
    failing.failed(0, ID, 9_000);
    assert!(!gives_up(&mut failing, 0, 99_999), "it is not noted");
    assert!(!gives_up(&mut failing, 77, 10_076));
    assert!(gives_up(&mut failing, 77, 10_077));
    assert!(!gives_up(&mut failing, 77, 10_078));
    assert_eq!((failing.is_sustained(999, ID), failing.is_sustained(1_000, ID)), (false, true));
    let mut never = Failing::new(FailingConfig { give_up_after_ms: 0, ..config() });
    assert!(!never.gives_up(ID, 77, i64::MAX, [].into_iter()));
}

#[test]
fn who_failed_on_two_days_only_is_not_given_up() {
    // A day has 2,000 ms here.
    let (first_ms, last_ms) = (77, 10_100);
    let mut failing = failing();
    failing.failed(0, ID, first_ms);
    failing.failed(20, ID, first_ms + 1_000);
    failing.failed(30, ID, last_ms);
    assert!(!failing.gives_up(ID, first_ms, last_ms, [10_050, 10_099].into_iter()));
    assert!(
        !failing.gives_up(ID, first_ms, last_ms, [-9_000, 50, 10_099].into_iter()),
        "before it was noted it did well"
    );
    // This owner saw it fail on another day...
    failing.failed(40, ID, 12_000);
    assert!(failing.gives_up(ID, first_ms, 12_001, [].into_iter()));
    // ...or one that begins today is told of it by the run.
    let mut failing = self::failing();
    failing.failed(0, ID, last_ms);
    assert!(failing.gives_up(ID, first_ms, last_ms, [4_000, 10_099].into_iter()));
}

#[test]
fn what_is_remembered_is_limited() {
    let mut failing = failing();
    for id in ["a", "b", "c"] {
        failing.failed(0, id, 1);
    }
    assert_eq!(failing.known.len(), 2);
    failing.well(0, "a", 0);
    failing.failed(0, "c", 1);
    assert!(failing.known.contains_key("c"));
    for id in ["a", "b", "c"] {
        (0..100).for_each(|n| reads(&mut failing, n, 0, 1 + n));
        failing.well(0, id, 0);
        failing.failed(0, id, 1);
        failing.well(0, id, 0);
    }
    assert!(failing.wakes.len() <= failing.known.len());
}

/// The records of the change and of the note that came after it may be one by now.
#[test]
fn a_note_that_comes_with_a_new_beginning_is_taken_back() {
    let mut failing = failing();
    let moved = Subscription { callback_url: "https://b.example/".into(), ..state(55) };
    failing.read(10, Some(&state(0)), &moved);
    assert_eq!(failing.since_ms(ID, 55), None);
    assert_eq!(asks(&mut failing, 10, 55), Some(0));
}
