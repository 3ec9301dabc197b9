use super::*;
use aerogram_wire::v1::{Attempt, Line, LineKind, Outcome, PendingKind, Reason};
use proptest::prelude::*;

fn attempt(number: u32, started_at_ms: i64) -> Attempt {
    let excerpt = format!("answer {number} at {started_at_ms}");
    Attempt {
        number,
        started_at_ms,
        outcome: Outcome::Http5xx.into(),
        status: 503,
        excerpt,
        ..Attempt::default()
    }
}

fn line(seq: u32, kind: LineKind, number: u32) -> Line {
    Line {
        seq,
        kind: kind.into(),
        attempt: (number > 0).then(|| attempt(number, i64::from(number) * 10)),
        attempts_made: number,
        ..Line::default()
    }
}

fn folded(lines: &[Line]) -> Progress {
    let mut progress = Progress::default();
    for (at, line) in (100..).zip(lines) {
        progress.apply(line, at);
    }
    progress
}

fn record(seq: u32, waits: Option<PendingKind>, history: Vec<Attempt>) -> Record {
    let made = history.last().map_or(0, |last| last.number);
    Record { seq, waits, due_at_ms: 900, attempts_made: made, history, since_ms: 50 }
}

#[test]
fn every_kind_of_line_says_how_the_run_stands() {
    for (kind, number, status) in [
        (LineKind::Delivered, 1, Status::Delivered),
        (LineKind::Escalated, 1, Status::Escalated),
        (LineKind::Cancelled, 0, Status::Cancelled),
        (LineKind::Superseded, 0, Status::Superseded),
        (LineKind::Expired, 1, Status::Expired),
        (LineKind::Failed, 1, Status::Retrying),
        (LineKind::Retry, 1, Status::Retrying),
        (LineKind::Retry, 0, Status::Pending),
        (LineKind::Parked, 0, Status::Parked),
    ] {
        let progress = folded(&[line(0, kind, number)]);
        assert_eq!((progress.status, progress.has_ended()), (status, status.is_final()), "{kind:?}");
        assert_eq!((progress.changed_at_ms, progress.attempts.len()), (100, number as usize), "{kind:?}");
    }
    assert!(!Progress::default().apply(&line(0, LineKind::Unspecified, 1), 0));
}

#[test]
fn what_ends_a_run_ends_it_for_good() {
    let mut progress = folded(&[line(0, LineKind::Retry, 1), line(1, LineKind::Escalated, 2)]);
    let before = progress.clone();
    for void in
        [line(2, LineKind::Delivered, 3), line(1, LineKind::Escalated, 2), line(2, LineKind::Failed, 3)]
    {
        assert!(!progress.apply(&void, 300));
    }
    progress.record(&record(7, Some(PendingKind::Parked), vec![attempt(1, 10)]));
    progress.left_pending(9, 400);
    assert_eq!(progress, before);
}

#[test]
fn a_seq_is_settled_once_and_a_failed_attempt_counts_once() {
    let mut progress = folded(&[line(0, LineKind::Failed, 1)]);
    assert!(!progress.apply(&line(0, LineKind::Failed, 1), 0), "the same attempt");
    assert!(progress.apply(&line(0, LineKind::Failed, 2), 0));
    assert!(progress.apply(&line(0, LineKind::Retry, 3), 0));
    assert!(!progress.apply(&line(0, LineKind::Delivered, 4), 0), "settled");
    assert!(progress.apply(&line(1, LineKind::Failed, 3), 0), "of another seq");
    assert_eq!((progress.failed, progress.settled), (vec![(1, 3)], Some(0)));
}

#[test]
fn what_waits_says_until_when_and_what_is_fired_waits_no_longer() {
    let mut retry = line(0, LineKind::Retry, 1);
    retry.due_at_ms = 777;
    let mut progress = folded(&[retry]);
    assert_eq!((progress.status, progress.due_at_ms), (Status::Retrying, 777));
    progress.record(&record(1, None, vec![attempt(1, 10)]));
    assert_eq!((progress.status, progress.due_at_ms), (Status::Retrying, 0));
    let mut parked = folded(&[line(0, LineKind::Parked, 0)]);
    assert!(!parked.stage.is_under_way());
    parked.left_pending(1, 60);
    assert_eq!((parked.status, parked.changed_at_ms), (Status::Pending, 60));
    assert!(parked.stage.is_under_way());
    assert!(!Stage::UNKNOWN.is_under_way() && !Stage::ENDED.is_under_way());
}

/// Retention has taken its lines.
#[test]
fn an_entry_of_pending_tells_what_no_line_tells_any_more() {
    let mut progress = Progress::default();
    progress.record(&record(5, Some(PendingKind::Parked), vec![attempt(1, 10), attempt(2, 20)]));
    assert_eq!((progress.status, progress.attempts.len(), progress.attempts_made), (Status::Parked, 2, 2));
    progress.record(&record(0, None, Vec::new()));
    assert_eq!((progress.status, progress.attempts.len()), (Status::Parked, 2), "never undone");
    let mut end = line(5, LineKind::Cancelled, 0);
    end.reason = Reason::SubscriptionDeleted.into();
    assert!(progress.apply(&end, 70));
    assert_eq!((progress.status, progress.reason), (Status::Cancelled, Reason::SubscriptionDeleted));
}

#[test]
fn attempts_that_count_for_nothing_are_kept_and_too_many_are_not() {
    let many: Vec<Attempt> = (1..=100).map(|at| attempt(1, at)).collect();
    let mut progress = Progress::default();
    for attempt in &many {
        let seq = u32::try_from(attempt.started_at_ms).unwrap();
        let told = Line { attempt: Some(attempt.clone()), ..line(seq, LineKind::Retry, 0) };
        assert!(progress.apply(&told, 0));
    }
    assert_eq!((progress.attempts.len(), progress.attempts_made), (ATTEMPTS_MAX, 0));
    assert_eq!(progress.attempts[0].started_at_ms, 1);
    assert_eq!(progress.attempts[ATTEMPTS_MAX - TEXTS_MAX..], many[100 - TEXTS_MAX..]);
    assert!(progress.attempts[..ATTEMPTS_MAX - TEXTS_MAX].iter().all(|bare| bare.excerpt.is_empty()));
    assert_eq!(progress.status, Status::Retrying);
}

#[test]
fn lines_of_a_former_owner_are_void() {
    let mut claims = Claims::default();
    assert!(claims.admits(3), "what comes first of a shortened log");
    assert!(!claims.admits(2));
    claims.claim(10, 7);
    assert!(!claims.admits(3) && claims.admits(10));
    claims.claim(12, 7);
    assert_eq!(claims, Claims { epoch: Some(10), nonce: Some(7) }, "a producer's repetition");
    claims.claim(13, 8);
    assert!(!claims.admits(10) && claims.admits(13));
}

#[test]
fn statuses_are_told_by_their_names() {
    for status in Status::ALL {
        assert_eq!(Status::parse(status.name()), Some(status));
    }
    assert_eq!((Status::parse("delivered"), Status::parse("")), (None, None));
    assert_eq!(Status::ALL.into_iter().filter(|status| status.is_final()).count(), 5);
}

/// A run as it goes: lines in order, and the records that it travelled in.
fn life(steps: &[u8]) -> (Vec<Line>, Vec<Record>) {
    let (mut lines, mut records) = (Vec::new(), Vec::new());
    let (mut seq, mut number, mut history) = (0, 0, Vec::new());
    records.push(record(0, None, Vec::new()));
    for step in steps {
        let kind = match step % 5 {
            0 => LineKind::Failed,
            1 => LineKind::Retry,
            2 => LineKind::Parked,
            3 => LineKind::Delivered,
            _ => LineKind::Escalated,
        };
        number += u32::from(kind != LineKind::Parked);
        let mut told = line(seq, kind, if kind == LineKind::Parked { 0 } else { number });
        told.attempts_made = number;
        history.extend(told.attempt.clone());
        shorten(&mut history);
        lines.push(told);
        if matches!(kind, LineKind::Retry | LineKind::Parked) {
            seq += 1;
            let waits = if kind == LineKind::Parked { PendingKind::Parked } else { PendingKind::Retry };
            records.push(Record { attempts_made: number, ..record(seq, Some(waits), history.clone()) });
            records.push(Record { attempts_made: number, ..record(seq, None, history.clone()) });
        }
    }
    (lines, records)
}

proptest! {
    /// Whatever is read first, and however often.
    #[test]
    fn lines_and_records_may_come_in_any_order(
        steps in prop::collection::vec(any::<u8>(), 0..90),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..200),
        firsts in prop::collection::vec(any::<bool>(), 0..300),
    ) {
        let (lines, records) = life(&steps);
        let (mut expected, mut progress) = (Progress::default(), Progress::default());
        for (at, line) in (100..).zip(&lines) {
            expected.apply(line, at);
        }
        for record in &records {
            expected.record(record);
        }
        // Records in any order, some of them several times, between the lines.
        let mut shuffled: Vec<_> = picks.iter().map(|pick| pick.get(&records)).collect();
        shuffled.extend(&records);
        let (mut shuffled, mut lines) = (shuffled.into_iter(), (100..).zip(&lines));
        for first in firsts {
            if first {
                shuffled.next().into_iter().for_each(|record| progress.record(record));
            } else {
                lines.next().into_iter().for_each(|(at, line)| { progress.apply(line, at); });
            }
        }
        lines.for_each(|(at, line)| { progress.apply(line, at); });
        shuffled.for_each(|record| progress.record(record));
        prop_assert_eq!(progress, expected);
    }
}
