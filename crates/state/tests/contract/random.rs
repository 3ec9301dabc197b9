//! Random sequences of operations, answered alike by Redis and by the pure functions.

use crate::harness::{Subject, redis_url};
use crate::ops::{AGE_MAX_MS, KEEP, guard, under};
use aerogram_domain::store::{
    CLOCKS_DIFFER_MAX_MS, Change, Entry, Guard, Keep, Payload, StoreOp, StoreReply, StoreState, execute,
};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;

const SEQUENCES: u32 = 100;
const STEPS: usize = 100;
/// Half of how many replies usually say this; with far fewer, the sequences would hardly be about anything.
const LEAST: [(&str, usize); 9] = [
    ("payloads kept", 150),
    ("payloads in the log", 150),
    ("picked", 210),
    ("parked", 110),
    ("held", 85),
    ("left its lane", 80),
    ("outstanding", 45),
    ("mismatch", 230),
    ("too old", 160),
];
/// Of payloads.
const SOME_BYTES: u64 = 60;
/// Few, so that they meet.
const KEYS: [&[u8]; 6] = [b"", b"a", b"aa", b"B", b"\0\xff", b"10"];
const LANES: [&[u8]; 5] = [b"", b"a", b"ab", b"\0", b"a\0"];

#[derive(Clone, Debug)]
struct Step {
    /// Time since the last step.
    passed_ms: i64,
    /// What the caller gets wrong, most often nothing.
    wrong: Wrong,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum Wrong {
    Nothing,
    Owner,
    Applied,
}

#[derive(Clone, Debug)]
enum What {
    TakeOver { owner: u64, other_layout: bool, reset: bool },
    Apply { records: i64, changes: Vec<(usize, Option<Put>)>, at_end: bool, bytes_max: u64 },
    Pick { limit: usize, bytes_max: usize },
    PickParked { wants: Vec<(usize, usize)>, bytes_max: usize },
    Hold { keys: Vec<(usize, usize)> },
    MarkFired { keys: Vec<(usize, Option<usize>)> },
    Wipe,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0..KEYS.len();
    let lane = 0..LANES.len();
    // One without bytes might be let go of or not.
    let value = vec(any::<u8>(), 1..40);
    // Near now; or long ago, before the epoch too, and few of them, so that some are equal.
    let due = prop_oneof![
        5 => (-600i64..200).prop_map(Due::In),
        2 => prop::sample::select(vec![-256, -1, 0, 1, 255]).prop_map(Due::At)
    ];
    let flags = (any::<bool>(), prop::bool::weighted(0.8));
    let put = (due, value, prop::option::of(lane.clone()), flags, any::<i64>())
        .prop_map(|(due, value, lane, (first, here), offset)| Put { due, value, lane, first, here, offset });
    // With room for all, for some, for none: which ones a store lets go of when it has to, but not of all, is its own affair.
    let bytes_max = prop_oneof![4 => Just(SOME_BYTES), 1 => Just(0)];
    let change = (key.clone(), prop::option::weighted(0.7, put));
    let owner =
        prop_oneof![Just(u64::MAX), Just(u64::MAX - 1), Just(1 << 53), Just((1 << 53) + 1), any::<u64>()];
    let what = prop_oneof![
        9 => (owner, prop::bool::weighted(0.1), prop::bool::weighted(0.1))
            .prop_map(|(owner, other_layout, reset)| What::TakeOver { owner, other_layout, reset }),
        18 => (1i64..4, vec(change, 0..6), any::<bool>(), bytes_max).prop_map(
            |(records, changes, at_end, bytes_max)| What::Apply { records, changes, at_end, bytes_max }),
        12 => (0usize..8, 0usize..150).prop_map(|(limit, bytes_max)| What::Pick { limit, bytes_max }),
        12 => (vec((lane.clone(), 0usize..4), 0..5), 0usize..150)
            .prop_map(|(wants, bytes_max)| What::PickParked { wants, bytes_max }),
        12 => vec((key.clone(), lane.clone()), 0..4).prop_map(|keys| What::Hold { keys }),
        12 => vec((key, prop::option::of(lane)), 0..3).prop_map(|keys| What::MarkFired { keys }),
        1 => Just(What::Wipe),
    ];
    let wrong = prop_oneof![40 => Just(Wrong::Nothing), 1 => Just(Wrong::Owner), 1 => Just(Wrong::Applied)];
    let passed_ms = prop_oneof![40 => 0i64..60, 1 => AGE_MAX_MS - 1..AGE_MAX_MS + 2,
        // The clock is set back: a little, as those of hosts differ, or by more.
        1 => -CLOCKS_DIFFER_MAX_MS..0, 1 => -2 * CLOCKS_DIFFER_MAX_MS..-CLOCKS_DIFFER_MAX_MS];
    let step = (passed_ms, wrong, what).prop_map(|(passed_ms, wrong, what)| Step { passed_ms, wrong, what });
    vec(step, STEPS)
}

#[derive(Clone, Debug)]
struct Put {
    due: Due,
    value: Vec<u8>,
    lane: Option<usize>,
    first: bool,
    here: bool,
    offset: i64,
}

#[derive(Clone, Copy, Debug)]
enum Due {
    In(i64),
    At(i64),
}

fn lane_of(lane: usize) -> Bytes {
    Bytes::from_static(LANES[lane])
}

/// What a caller knows.
struct Caller {
    now_ms: i64,
    believed: Guard,
    /// The store was not what it believed, so it takes over again, as the scheduler does.
    lost: bool,
}

impl Caller {
    /// `None`: the store is wiped.
    fn op(&mut self, step: &Step) -> Option<StoreOp> {
        self.now_ms += step.passed_ms;
        let (now_ms, age_max_ms) = (self.now_ms, AGE_MAX_MS);
        if std::mem::take(&mut self.lost) {
            let (owner, layout_id) = (self.believed.owner, "layout".to_owned());
            return Some(StoreOp::TakeOver { owner, layout_id, now_ms, age_max_ms, reset: false });
        }
        let guard = match step.wrong {
            Wrong::Nothing => self.believed,
            Wrong::Owner => guard(self.believed.owner ^ 1, self.believed.applied),
            Wrong::Applied => guard(self.believed.owner, self.believed.applied + 1),
        };
        let under = under(guard, now_ms);
        Some(match &step.what {
            What::TakeOver { owner, other_layout, reset } => {
                let layout_id = if *other_layout { "other" } else { "layout" }.to_owned();
                StoreOp::TakeOver { owner: *owner, layout_id, now_ms, age_max_ms, reset: *reset }
            }
            What::Apply { records, changes, at_end, bytes_max } => {
                let changes = changes.iter().map(|change| self.change(change)).collect();
                let upto = guard.applied + records;
                let keep = Keep { bytes_max: *bytes_max, ..KEEP };
                StoreOp::Apply { under, upto, changes, as_of_ms: at_end.then_some(now_ms), keep }
            }
            What::Pick { limit, bytes_max } => StoreOp::Pick { under, limit: *limit, bytes_max: *bytes_max },
            What::PickParked { wants, bytes_max } => {
                let wants = wants.iter().map(|&(lane, n)| (lane_of(lane), n)).collect();
                StoreOp::PickParked { under, wants, bytes_max: *bytes_max }
            }
            What::Hold { keys } => {
                let keys = keys.iter().map(|&(key, lane)| (Bytes::from_static(KEYS[key]), lane_of(lane)));
                StoreOp::Hold { under, keys: keys.collect() }
            }
            What::MarkFired { keys } => {
                let fired = |&(key, lane): &(usize, Option<usize>)| {
                    (Bytes::from_static(KEYS[key]), lane.map(lane_of))
                };
                StoreOp::MarkFired { under, keys: keys.iter().map(fired).collect() }
            }
            What::Wipe => return None,
        })
    }

    fn change(&self, (key, put): &(usize, Option<Put>)) -> Change {
        let key = Bytes::from_static(KEYS[*key]);
        match put {
            Some(Put { due, value, lane, first, here, offset }) => {
                let due_at_ms = match due {
                    Due::In(ms) => self.now_ms + ms,
                    Due::At(ms) => *ms,
                };
                let whole = Payload::Here(value.clone().into());
                let payload = if *here { whole } else { whole.in_log() };
                let (offset, lane, first) = (*offset, lane.map(lane_of), *first);
                Change::Put { key, entry: Entry { due_at_ms, offset, payload, lane, first } }
            }
            None => Change::Remove { key },
        }
    }

    fn learn(&mut self, op: &StoreOp, reply: &StoreReply) {
        match (op, reply) {
            (StoreOp::TakeOver { owner, .. }, StoreReply::TakenOver { applied, .. }) => {
                self.believed = guard(*owner, *applied);
            }
            (StoreOp::Apply { upto, .. }, StoreReply::Applied { .. }) => self.believed.applied = *upto,
            (_, StoreReply::Mismatch | StoreReply::TooOld) => self.lost = true,
            _ => {}
        }
    }
}

/// What a reply has to say, if anything.
fn gist(reply: &StoreReply) -> Option<&'static str> {
    match reply {
        StoreReply::Applied { payloads, .. } if payloads.kept > 1 => Some("payloads kept"),
        StoreReply::Applied { payloads, .. } if payloads.in_log > 1 => Some("payloads in the log"),
        StoreReply::Picked(all) if !all.is_empty() => Some("picked"),
        StoreReply::Parked(all) if !all.is_empty() => Some("parked"),
        StoreReply::Held { lanes } if !lanes.is_empty() => Some("held"),
        StoreReply::Marked { lanes } if !lanes.is_empty() => Some("left its lane"),
        StoreReply::TakenOver { outstanding, .. } if !outstanding.is_empty() => Some("outstanding"),
        StoreReply::Mismatch => Some("mismatch"),
        StoreReply::TooOld => Some("too old"),
        _ => None,
    }
}

type Gists = RefCell<BTreeMap<&'static str, usize>>;

async fn run(subject: &mut Subject, steps: &[Step], gists: &Gists) -> Result<(), TestCaseError> {
    let mut slot: Option<StoreState> = None;
    let mut caller = Caller { now_ms: 1_790_000_000_000, believed: guard(7, -1), lost: false };
    subject.wipe(0).await;
    let first = Step {
        passed_ms: 0,
        wrong: Wrong::Nothing,
        what: What::TakeOver { owner: 7, other_layout: false, reset: false },
    };
    for step in std::iter::once(&first).chain(steps) {
        let Some(op) = caller.op(step) else {
            slot = None;
            subject.wipe(0).await;
            continue;
        };
        let expected = execute(&mut slot, op.clone());
        prop_assert_eq!(&subject.run_whole(op.clone()).await, &expected, "{:?}", op);
        caller.learn(&op, &expected);
        if let Some(gist) = gist(&expected) {
            *gists.borrow_mut().entry(gist).or_default() += 1;
        }
    }
    Ok(())
}

#[test]
fn redis_answers_as_the_pure_functions_do() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config { cases: SEQUENCES, failure_persistence: None, ..Config::default() };
    let subject = RefCell::new(runtime.block_on(Subject::redis_at(&redis_url())));
    let gists = Gists::default();
    let outcome = TestRunner::new(config)
        .run(&steps(), |steps| runtime.block_on(run(&mut subject.borrow_mut(), &steps, &gists)));
    runtime.block_on(subject.borrow_mut().wipe(0));
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    for (gist, least) in LEAST {
        let count = gists.borrow().get(gist).copied().unwrap_or(0);
        assert!(count >= least, "{gist}: {count} times");
    }
}
