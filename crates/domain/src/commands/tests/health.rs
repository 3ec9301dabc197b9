//! What the system notes of a receiver, and how it gives up.

use super::*;
use aerogram_wire::v1::NoteHealth;

#[test]
fn the_system_deactivates_whatever_the_scope_and_once() {
    let created = applied(None, &create(0), 0);
    let stopped = applied(Some(&created), &deactivate(), 5);
    assert_eq!((stopped.status(), stopped.status_reason.as_str()), (Status::Inactive, "gone"));
    assert_eq!(decide(Some(&stopped), ID, &deactivate(), 6), Decision::Unchanged(stopped.clone()));
    let resumed = applied(Some(&stopped), &update("", Status::Active), 7);
    assert_eq!(resumed.status_reason, "");
}

pub(super) fn note(failing_since_ms: i64) -> Command {
    Command { scope: None, ..command("deliverer", Change::NoteHealth(NoteHealth { failing_since_ms })) }
}

pub(super) fn give_up(failing_since_ms: i64) -> Command {
    let change = Change::Deactivate(Deactivate { reason: "failing".into(), failing_since_ms });
    Command { scope: None, ..command("deliverer", change) }
}

/// A note is no other version.
fn noted(current: &Subscription, failing_since_ms: i64) -> Subscription {
    match decide(Some(current), ID, &note(failing_since_ms), 99) {
        Decision::Apply(next) => next,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_note_changes_nothing_that_its_owner_sees_a_version_of() {
    let created = applied(None, &create(0), 0);
    let failing = noted(&created, 70);
    assert_eq!(failing, Subscription { failing_since_ms: 70, ..created.clone() });
    assert_eq!(decide(Some(&failing), ID, &note(70), 9), Decision::Unchanged(failing.clone()));
    assert_eq!(noted(&failing, 0), created);
    let renamed =
        applied(Some(&failing), &Command { expected_version: 1, ..update("", Status::Inactive) }, 9);
    assert_eq!(decide(Some(&renamed), ID, &note(0), 9), Decision::Unchanged(renamed));
    let gone = applied(Some(&failing), &delete("mine"), 9);
    assert_eq!((gone.failing_since_ms, refusal(Some(&gone), &note(7), 9)), (0, Refusal::NotFound));
    assert_eq!(refusal(None, &note(7), 9), Refusal::NotFound);
}

#[test]
fn what_failed_for_too_long_is_given_up_unless_it_did_well_since() {
    let failing = noted(&applied(None, &create(0), 0), 70);
    assert_eq!(refusal(Some(&noted(&failing, 0)), &give_up(70), 80), Refusal::Conflict);
    assert_eq!(refusal(Some(&noted(&noted(&failing, 0), 75)), &give_up(70), 80), Refusal::Conflict);
    let stopped = applied(Some(&failing), &give_up(70), 80);
    assert_eq!((stopped.status(), stopped.gave_up, stopped.failing_since_ms), (Status::Inactive, true, 70));
    assert_eq!(stopped.status_reason, "failing");
    assert_eq!(decide(Some(&stopped), ID, &give_up(70), 81), Decision::Unchanged(stopped.clone()));
    // 410 is another way.
    let gone = applied(Some(&failing), &deactivate(), 80);
    assert_eq!((gone.gave_up, gone.failing_since_ms), (false, 0));
    let paused = update("", Status::Inactive);
    assert_eq!(applied(Some(&failing), &paused, 80).failing_since_ms, 0, "nothing fails any more");
    assert_eq!(decide(Some(&gone), ID, &paused, 90), Decision::Unchanged(gone.clone()));
    let resumed = applied(Some(&stopped), &update("", Status::Active), 90);
    assert_eq!((resumed.failing_since_ms, resumed.gave_up, resumed.status_reason.as_str()), (0, false, ""));
    let paused = applied(Some(&stopped), &update("https://b.example/", Status::Inactive), 90);
    assert!(
        !paused.gave_up && paused.failing_since_ms == 0,
        "its owner says that nothing is wanted any more"
    );
}

#[test]
fn another_url_begins_anew() {
    let failing = noted(&applied(None, &create(0), 0), 70);
    let moved = applied(Some(&failing), &update("https://b.example/", Status::Unspecified), 80);
    assert_eq!(moved.failing_since_ms, 0);
    let policy = Update { policy: Some("quick".into()), ..Update::default() };
    assert_eq!(applied(Some(&failing), &change(policy), 80).failing_since_ms, 70);
    assert_eq!(refusal(Some(&moved), &give_up(70), 90), Refusal::Conflict);
}
