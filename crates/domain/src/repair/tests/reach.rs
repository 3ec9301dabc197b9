//! A replay beside fanout.

use super::*;
use proptest::prelude::*;

/// What happens, in any order.
#[derive(Clone, Debug)]
enum Step {
    Append,
    /// Fanout makes the deliveries of the next event.
    Match,
    Commit,
    /// It goes on at its commit.
    Restart,
    /// It has read of the subscription.
    Learn,
    Begin,
    /// A stretch of the replay, by an owner that knows no more than the record of the task.
    Replay,
}

#[derive(Default)]
struct Ground {
    /// Of each event in the log, the live deliveries that history tells of: several are one run.
    live: Vec<bool>,
    replayed: Vec<u32>,
    is_known: bool,
    matched: usize,
    committed: i64,
    task: Option<(String, i64)>,
}

impl Ground {
    fn end(&self) -> i64 {
        i64::try_from(self.live.len()).unwrap()
    }

    fn take(&mut self, step: &Step, all: bool) {
        match step {
            Step::Append => {
                self.live.push(false);
                self.replayed.push(0);
            }
            Step::Match => {
                if let Some(live) = self.live.get_mut(self.matched) {
                    *live |= self.is_known;
                    self.matched += 1;
                }
            }
            Step::Commit => self.committed = i64::try_from(self.matched).unwrap(),
            Step::Restart => self.matched = usize::try_from(self.committed).unwrap(),
            Step::Learn => self.is_known = true,
            Step::Begin => {
                let reach = Reach::new(self.committed, self.end());
                self.task.get_or_insert((encode_reaches(&[reach]), 0));
            }
            Step::Replay => self.replay(all),
        }
    }

    fn replay(&mut self, all: bool) {
        let Some((text, next)) = &mut self.task else { return };
        let reach = decode_reaches(text).unwrap()[0];
        if let Look::Before(end) = reach.look(*next, self.committed) {
            for offset in *next..end.min(*next + 3) {
                let at = usize::try_from(offset).unwrap();
                let sends_again = all && reach.sends_again(offset);
                self.replayed[at] += u32::from(sends_again || !self.live[at]);
                *next = offset + 1;
            }
        }
    }

    fn reach(&self) -> Option<(Reach, i64)> {
        let (text, next) = self.task.as_ref()?;
        Some((decode_reaches(text).unwrap()[0], *next))
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Append),
        4 => Just(Step::Match),
        2 => Just(Step::Commit),
        1 => Just(Step::Restart),
        1 => Just(Step::Learn),
        1 => Just(Step::Begin),
        3 => Just(Step::Replay),
    ];
    prop::collection::vec(step, 0..120)
}

proptest! {
    /// Whatever fanout knows of the subscription and however often it begins again: what stood there when the replay began
    /// arrives once, and `all` sends again only what was dealt with by then.
    #[test]
    fn each_event_arrives_once(steps in steps(), all in any::<bool>()) {
        let mut ground = Ground::default();
        for step in &steps {
            ground.take(step, all);
        }
        ground.take(&Step::Begin, all);
        let (reach, before) = ground.reach().unwrap();
        // Fanout stands still: of what waits for it nothing is sent.
        for _ in 0..60 {
            ground.take(&Step::Replay, all);
        }
        let (_, next) = ground.reach().unwrap();
        prop_assert!(next <= before.max(ground.committed));
        for _ in 0..=ground.live.len() {
            ground.take(&Step::Match, all);
        }
        ground.take(&Step::Commit, all);
        for _ in 0..60 {
            ground.take(&Step::Replay, all);
        }
        let (_, next) = ground.reach().unwrap();
        prop_assert_eq!(reach.look(next, ground.committed), Look::Over);
        for (offset, (live, replayed)) in (0..).zip(ground.live.iter().zip(&ground.replayed)) {
            let runs = u32::from(*live) + replayed;
            match offset {
                offset if offset >= reach.end => prop_assert_eq!(*replayed, 0),
                offset if all && offset < reach.done => prop_assert_eq!(*replayed, 1),
                _ => prop_assert_eq!(runs, 1, "{}", offset),
            }
        }
    }
}

#[test]
fn a_partition_in_which_nothing_came_is_over_at_once() {
    assert_eq!(Reach::new(0, 0).look(0, 0), Look::Over);
    let reach = Reach::new(4, 9);
    assert_eq!(
        [0, 3, 4, 8, 9].map(|next| reach.look(next, 4)),
        [Look::Before(4), Look::Before(4), Look::Wait, Look::Wait, Look::Over]
    );
    assert_eq!(reach.look(4, 20), Look::Before(9));
    assert_eq!([3, 4, 8].map(|offset| reach.sends_again(offset)), [true, false, false]);
    // More is committed than is there: it was said before the end was.
    assert_eq!(Reach::new(9, 4), Reach { done: 4, end: 4 });
}

#[test]
fn what_it_waits_for_is_said_when_it_can_do_nothing_else() {
    let reaches = [Reach::new(4, 9), Reach::new(0, 0), Reach::new(2, 3)];
    let waits = |next: [i64; 3], fanout: [i64; 3]| Waits::of(&reaches, &next, &fanout);
    assert_eq!(waits([4, 0, 2], [4, 0, 2]), Some(Waits { partitions: 2, events: 6 }));
    assert_eq!(waits([4, 0, i64::MAX], [4, 0, 2]), Some(Waits { partitions: 1, events: 5 }));
    assert_eq!(waits([4, 0, 2], [4, 0, 3]), None, "one can go on");
    assert_eq!(waits([9, 0, 3], [4, 0, 2]), None, "nothing is left");
    let said = waits([4, 0, 2], [4, 0, 2]).unwrap().to_string();
    assert!(said.starts_with("fanout, ") && said.contains("6 events at most, in 2 partitions"), "{said}");
}

#[test]
fn what_is_kept_of_it_is_read_again_and_what_is_not_is_found_out_again() {
    let reaches = [Reach::new(0, 0), Reach::new(7, 70), Reach::new(5, 5)];
    assert_eq!(decode_reaches(&encode_reaches(&reaches)).unwrap(), reaches);
    for other in ["", "r1", "r1:", "r1:7", "r1:7-x", "r1:-7-8", "r2:7-8", "7-8"] {
        assert_eq!(decode_reaches(other), None, "{other:?}");
    }
}
