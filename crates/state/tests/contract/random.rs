//! Random sequences of operations, answered alike by Redis and by the pure functions.

use crate::harness::{Subject, redis_url};
use crate::ops::{AGE_MAX_MS, guard};
use aerogram_domain::store::{CLOCKS_DIFFER_MAX_MS, Change, Guard, StoreOp, StoreReply, StoreState, execute};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::cell::Cell;

const SEQUENCES: u32 = 100;
const STEPS: usize = 30;
/// Few, so that they meet.
const KEYS: [&[u8]; 6] = [b"", b"a", b"aa", b"B", b"\0\xff", b"10"];

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
    Apply { records: i64, changes: Vec<(usize, Option<Put>)>, at_end: bool },
    Pick { limit: usize, bytes_max: usize },
    MarkFired { keys: Vec<usize> },
    Wipe,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0..KEYS.len();
    let value = vec(any::<u8>(), 0..40);
    let change = (key.clone(), prop::option::weighted(0.7, (-400i64..200, value)));
    let owner =
        prop_oneof![Just(u64::MAX), Just(u64::MAX - 1), Just(1 << 53), Just((1 << 53) + 1), any::<u64>()];
    let what = prop_oneof![
        2 => (owner, prop::bool::weighted(0.1), prop::bool::weighted(0.2))
            .prop_map(|(owner, other_layout, reset)| What::TakeOver { owner, other_layout, reset }),
        6 => (1i64..4, vec(change, 0..6), any::<bool>())
            .prop_map(|(records, changes, at_end)| What::Apply { records, changes, at_end }),
        4 => (0usize..8, 0usize..150).prop_map(|(limit, bytes_max)| What::Pick { limit, bytes_max }),
        3 => vec(key, 0..3).prop_map(|keys| What::MarkFired { keys }),
        1 => Just(What::Wipe),
    ];
    let wrong = prop_oneof![18 => Just(Wrong::Nothing), 1 => Just(Wrong::Owner), 1 => Just(Wrong::Applied)];
    let passed_ms = prop_oneof![10 => 0i64..200, 1 => AGE_MAX_MS - 1..AGE_MAX_MS + 2,
        // The clock is set back: a little, as those of hosts differ, or by more.
        1 => -CLOCKS_DIFFER_MAX_MS..0, 1 => -2 * CLOCKS_DIFFER_MAX_MS..-CLOCKS_DIFFER_MAX_MS];
    let step = (passed_ms, wrong, what).prop_map(|(passed_ms, wrong, what)| Step { passed_ms, wrong, what });
    vec(step, STEPS)
}

/// In how many milliseconds it is due, and the value.
type Put = (i64, Vec<u8>);

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
        Some(match &step.what {
            What::TakeOver { owner, other_layout, reset } => {
                let layout_id = if *other_layout { "other" } else { "layout" }.to_owned();
                StoreOp::TakeOver { owner: *owner, layout_id, now_ms, age_max_ms, reset: *reset }
            }
            What::Apply { records, changes, at_end } => {
                let changes = changes.iter().map(|change| self.change(change)).collect();
                let upto = guard.applied + records;
                StoreOp::Apply {
                    guard,
                    now_ms,
                    age_max_ms,
                    upto,
                    changes,
                    as_of_ms: at_end.then_some(now_ms),
                }
            }
            What::Pick { limit, bytes_max } => {
                StoreOp::Pick { guard, now_ms, age_max_ms, limit: *limit, bytes_max: *bytes_max }
            }
            What::MarkFired { keys } => {
                let keys = keys.iter().map(|&key| Bytes::from_static(KEYS[key])).collect();
                StoreOp::MarkFired { guard, now_ms, age_max_ms, keys }
            }
            What::Wipe => return None,
        })
    }

    fn change(&self, (key, put): &(usize, Option<Put>)) -> Change {
        let key = Bytes::from_static(KEYS[*key]);
        match put {
            Some((due_in_ms, value)) => {
                Change::Put { key, due_at_ms: self.now_ms + due_in_ms, value: value.clone().into() }
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

async fn run(subject: &mut Subject, steps: &[Step], useful: &Cell<usize>) -> Result<(), TestCaseError> {
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
        prop_assert_eq!(&subject.run(op.clone()).await, &expected, "{:?}", op);
        caller.learn(&op, &expected);
        useful
            .set(useful.get() + usize::from(matches!(&expected, StoreReply::Picked(all) if !all.is_empty())));
    }
    Ok(())
}

#[test]
fn redis_answers_as_the_pure_functions_do() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config { cases: SEQUENCES, failure_persistence: None, ..Config::default() };
    let subject = std::cell::RefCell::new(runtime.block_on(Subject::redis_at(&redis_url())));
    let useful = Cell::new(0);
    let outcome = TestRunner::new(config)
        .run(&steps(), |steps| runtime.block_on(run(&mut subject.borrow_mut(), &steps, &useful)));
    runtime.block_on(subject.borrow_mut().wipe(0));
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    // Two per sequence are usual; far fewer, and the sequences would hardly be about anything.
    assert!(useful.get() > SEQUENCES as usize / 2, "only {} picks found something", useful.get());
}
