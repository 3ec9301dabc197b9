//! The staffing platform's contract, exact to the millisecond in simulated time: attempt 1 at once, attempt 2 at once,
//! attempt 3 a minute after the end of the second, attempt 4 at once, and then people. Whatever the failure is.

mod machinery;

use aerogram_domain::policy::Answer;
use aerogram_wire::v1::{LineKind, Outcome, Reason};
use machinery::{BEGINNING_MS, Machinery, Sent, Try, Waits};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// After the end; longer than any wait of the schedule, and than what `Retry-After` asks for.
const AFTERWARDS_MS: i64 = 5 * MINUTE_MS;
/// The waits before the attempts after the first, each from the end of the one before.
const SCHEDULE_MS: [i64; 3] = [0, MINUTE_MS, 0];
/// Only the schedule, and nothing that the roles wait for to do several things at once.
const NONE: Waits = Waits { line_ms: 0, tick_ms: 1 };

fn status(status: u16) -> Answer {
    Answer::Status { status, retry_after_ms: None }
}

fn asks_to_wait(status: u16, retry_after_ms: i64) -> Answer {
    Answer::Status { status, retry_after_ms: Some(retry_after_ms) }
}

/// Every answer that is no success, and the name its attempt gets.
fn failures() -> Vec<(Answer, Outcome)> {
    let named = |code: u16| match code {
        429 => Outcome::Http429,
        400..=499 => Outcome::Http4xx,
        500..=599 => Outcome::Http5xx,
        _ => Outcome::HttpOther,
    };
    let statuses = (202..600).map(|code| (status(code), named(code)));
    let asking =
        [(429, 0), (429, 1), (429, 5_000), (429, 200_000), (503, 5_000), (503, 200_000), (410, 5_000)];
    let asking = asking.map(|(code, ms)| (asks_to_wait(code, ms), named(code)));
    let unanswered = [Outcome::Timeout, Outcome::Connect, Outcome::Tls, Outcome::Dns, Outcome::Blocked]
        .map(|outcome| (Answer::Failed(outcome), outcome));
    statuses.chain(asking).chain(unanswered).collect()
}

/// How long the nth request takes, something else each time.
fn takes_ms(answer: Answer, nth: usize) -> i64 {
    match answer {
        Answer::Failed(Outcome::Timeout) => 10_000,
        Answer::Failed(Outcome::Blocked) => 0,
        _ => [0, 1, 37, 2_999, 9_999][nth % 5],
    }
}

fn tries(answers: &[Answer], seed: usize) -> Vec<Try> {
    let tried = |(n, &answer): (usize, &Answer)| Try { answer, takes_ms: takes_ms(answer, seed + n) };
    answers.iter().enumerate().map(tried).collect()
}

fn ran(answers: &[Answer], seed: usize) -> Machinery {
    let mut machinery = Machinery::new(&tries(answers, seed), NONE);
    machinery.run(AFTERWARDS_MS);
    machinery
}

/// When the requests must have been made, told from the contract alone: our own faults are tried again after a minute
/// and do not count.
fn expected(tries: &[Try]) -> Vec<Sent> {
    let (mut sent, mut begun_ms, mut counted) = (Vec::new(), BEGINNING_MS, 0);
    for tried in tries {
        let ended_ms = begun_ms + tried.takes_ms;
        sent.push(Sent { number: counted as u32 + 1, begun_ms, ended_ms });
        if matches!(tried.answer, Answer::Status { status: 200 | 201, .. }) {
            break;
        }
        if tried.answer == Answer::Failed(Outcome::PlatformError) {
            begun_ms = ended_ms + MINUTE_MS;
            continue;
        }
        let Some(wait_ms) = SCHEDULE_MS.get(counted) else { break };
        begun_ms = ended_ms + wait_ms;
        counted += 1;
    }
    sent
}

fn kinds(machinery: &Machinery) -> Vec<(u32, LineKind)> {
    machinery.lines().iter().map(|line| (line.seq, line.kind())).collect()
}

/// Nothing is left anywhere: what was pending has its tombstone, and all of `deliveries` is committed.
fn assert_at_rest(machinery: &Machinery, what: &str) {
    for (index, (key, entry)) in machinery.pending.iter().enumerate() {
        let buried = machinery.pending[index..].iter().any(|(other, entry)| other == key && entry.is_none());
        assert!(entry.is_none() || buried, "{what}: {key:?} is left");
    }
    assert_eq!(machinery.committed, machinery.deliveries.len() as i64, "{what}");
    assert!(machinery.deactivations.is_empty(), "{what} deactivates: {:?}", machinery.deactivations);
}

#[test]
fn every_failure_gets_four_attempts_at_0_0_60_0_and_then_people() {
    let failures = failures();
    assert!(failures.len() > 400);
    for (seed, (answer, outcome)) in failures.into_iter().enumerate() {
        let (what, answers) = (format!("{answer:?}"), [answer; 4]);
        let machinery = ran(&answers, seed);
        let sent = &machinery.sent;
        assert_eq!(*sent, expected(&tries(&answers, seed)), "{what}");
        assert_eq!(sent.len(), 4, "{what}");
        let waits: Vec<i64> = sent.windows(2).map(|pair| pair[1].begun_ms - pair[0].ended_ms).collect();
        assert_eq!((sent[0].begun_ms, waits.as_slice()), (BEGINNING_MS, &SCHEDULE_MS[..]), "{what}");

        // Two trips: the second through the scheduler, for the minute.
        let (failed, retry, escalated) = (LineKind::Failed, LineKind::Retry, LineKind::Escalated);
        assert_eq!(kinds(&machinery), [(0, failed), (0, retry), (1, failed), (1, escalated)], "{what}");
        let trips: Vec<_> =
            machinery.deliveries.iter().map(|d| (d.seq, d.attempts_made, d.from_pending)).collect();
        assert_eq!(trips, [(0, 0, false), (1, 2, true)], "{what}");
        let pending: Vec<_> =
            machinery.pending.iter().map(|(key, entry)| (key.seq, entry.is_some())).collect();
        assert_eq!(pending, [(1, true), (1, false)], "{what}");
        assert_at_rest(&machinery, &what);

        let [escalation] = machinery.escalations.as_slice() else {
            panic!("{what}: {:?}", machinery.escalations)
        };
        assert_eq!(
            (escalation.reason(), escalation.policy.as_str()),
            (Reason::Exhausted, "staffing"),
            "{what}"
        );
        let code = match answer {
            Answer::Status { status, .. } => u32::from(status),
            Answer::Failed(_) => 0,
        };
        let history: Vec<_> = escalation
            .attempts
            .iter()
            .map(|a| (a.number, a.outcome(), a.status, a.started_at_ms, i64::from(a.duration_ms)))
            .collect();
        let told = sent.iter().map(|s| (s.number, outcome, code, s.begun_ms, s.ended_ms - s.begun_ms));
        assert_eq!(history, told.collect::<Vec<_>>(), "{what}");
    }
}

#[test]
fn a_success_ends_it_at_each_of_the_four() {
    let failing = [status(410), asks_to_wait(503, 5_000), Answer::Failed(Outcome::Timeout), status(204)];
    for (seed, first) in failing.into_iter().enumerate() {
        for code in [200, 201] {
            for position in 1..=4 {
                let mut answers = vec![first; position - 1];
                // What came after it, did anything come, would be told.
                answers.extend([status(code), status(500)]);
                let what = format!("{code} at {position} after {first:?}");
                let machinery = ran(&answers, seed);
                assert_eq!(machinery.sent, expected(&tries(&answers, seed)), "{what}");
                assert_eq!(machinery.sent.len(), position, "{what}");
                let line = machinery.lines().into_iter().last().expect("a line");
                assert_eq!(
                    (line.kind(), line.attempts_made),
                    (LineKind::Delivered, position as u32),
                    "{what}"
                );
                assert!(machinery.escalations.is_empty(), "{what}: {:?}", machinery.escalations);
                assert_at_rest(&machinery, &what);
            }
        }
    }
}

#[test]
fn any_mixture_of_failures_and_of_our_own_faults_keeps_the_schedule() {
    let failures: Vec<Answer> = failures().into_iter().map(|(answer, _)| answer).collect();
    let mut rng = fastrand::Rng::with_seed(4);
    let mut ours = 0;
    for seed in 0..300 {
        let any = |rng: &mut fastrand::Rng| match rng.u32(..10) {
            0 => status([200, 201][rng.usize(..2)]),
            1..=3 => Answer::Failed(Outcome::PlatformError),
            _ => failures[rng.usize(..failures.len())],
        };
        let mut answers: Vec<Answer> = (0..12).map(|_| any(&mut rng)).collect();
        answers.push(status(200));
        let what = format!("{answers:?}");
        let machinery = ran(&answers, seed);
        assert_eq!(machinery.sent, expected(&tries(&answers, seed)), "{what}");
        let made = machinery.sent.len();
        let own = answers[..made].iter().filter(|a| **a == Answer::Failed(Outcome::PlatformError)).count();
        ours += own;
        let delivered = matches!(answers[made - 1], Answer::Status { status: 200 | 201, .. });
        let reasons: Vec<_> = machinery.escalations.iter().map(|e| (e.reason(), e.attempts.len())).collect();
        if delivered {
            assert_eq!(reasons, [], "{what}");
        } else {
            // Four that count, and ours beside them.
            assert_eq!((made - own, reasons), (4, vec![(Reason::Exhausted, made)]), "{what}");
        }
        assert_at_rest(&machinery, &what);
    }
    assert!(ours > 100, "only {ours} faults of ours were among them");
}

#[test]
fn our_own_fault_uses_up_no_attempt_and_is_escalated_as_ours_after_the_schedule_and_a_day() {
    let ours = Answer::Failed(Outcome::PlatformError);
    for before in [vec![], vec![status(500); 3]] {
        let mut answers = before.clone();
        answers.push(ours);
        let what = format!("after {} attempts", before.len());
        let machinery = ran(&answers, 0);
        let own = &machinery.sent[before.len()..];
        let last = own.last().expect("a request");
        assert!(own.iter().all(|sent| sent.number == before.len() as u32 + 1), "{what}");
        assert!(own.windows(2).all(|pair| pair[1].begun_ms - pair[0].ended_ms == MINUTE_MS), "{what}");
        // The first end after the schedule and a day, counted from the first attempt.
        let over_ms = BEGINNING_MS + SCHEDULE_MS.iter().sum::<i64>() + DAY_MS;
        assert!(last.ended_ms > over_ms && last.begun_ms - MINUTE_MS <= over_ms, "{what}: {last:?}");

        let [escalation] = machinery.escalations.as_slice() else {
            panic!("{what}: {:?}", machinery.escalations)
        };
        assert_eq!(escalation.reason(), Reason::Platform, "{what}");
        assert_eq!(escalation.attempts.first().map(|a| a.started_at_ms), Some(BEGINNING_MS), "{what}");
        assert_eq!(escalation.attempts.last().map(|a| a.started_at_ms), Some(last.begun_ms), "{what}");
        assert_eq!(escalation.attempts.last().map(|a| a.outcome()), Some(Outcome::PlatformError), "{what}");
        assert_at_rest(&machinery, &what);
    }
}

/// With the waits that the roles have by default an attempt is late by these at most, and never early.
#[test]
fn what_the_roles_wait_for_company_is_all_that_is_added() {
    let waits = Waits { line_ms: 5, tick_ms: 50 };
    for seed in 0..50 {
        let mut machinery = Machinery::new(&tries(&[status(503); 4], seed), waits);
        machinery.run(AFTERWARDS_MS);
        let gaps: Vec<i64> =
            machinery.sent.windows(2).map(|pair| pair[1].begun_ms - pair[0].ended_ms).collect();
        assert_eq!(gaps.len(), 3);
        for (gap, (wait_ms, late_ms)) in gaps.iter().zip([(0, 5), (MINUTE_MS, 5 + 50), (0, 5)]) {
            assert!((wait_ms..=wait_ms + late_ms).contains(gap), "{gaps:?} of seed {seed}");
        }
    }
}
