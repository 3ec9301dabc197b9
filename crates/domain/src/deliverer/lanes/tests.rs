//! Who gets the places for requests.

use super::*;
use aerogram_wire::v1::Status;
use std::collections::BTreeMap;

const PLACES: usize = 40;

struct Stage {
    lanes: Lanes,
    now_ms: i64,
    /// Open requests: offset, lane, since when.
    open: Vec<(i64, String, i64)>,
    next: i64,
}

impl Stage {
    fn new() -> Self {
        let config = LaneConfig { wait_max_ms: 2_000, ..LaneConfig::default() };
        Self { lanes: Lanes::new(config, PLACES), now_ms: 0, open: Vec::new(), next: 0 }
    }

    fn push(&mut self, operator: &str, id: &str, n: usize) {
        for _ in 0..n {
            self.lanes.push_back(
                operator,
                id,
                Waits { offset: self.next, by_credit: true, once: false, bytes: 1 },
            );
            self.next += 1;
        }
    }

    /// Opens all requests that may be; `lane_of` tells whose an offset is.
    fn open(&mut self, lane_of: impl Fn(i64) -> String) {
        while self.open.len() < PLACES
            && let Some(offset) = self.lanes.next(self.now_ms, PLACES - self.open.len())
        {
            self.open.push((offset, lane_of(offset), self.now_ms));
        }
    }

    fn count(&self) -> BTreeMap<&str, usize> {
        self.open.iter().fold(BTreeMap::new(), |mut counts, (_, id, _)| {
            *counts.entry(id.as_str()).or_default() += 1;
            counts
        })
    }

    /// All requests of a lane end well.
    fn end(&mut self, id: &str) {
        for (offset, id, since_ms) in self.open.extract_if(.., |(_, of, _)| of == id) {
            self.lanes.went(self.now_ms, &id, Went::Well, self.now_ms - since_ms, None);
            self.lanes.close(self.now_ms, &id, offset);
        }
    }
}

#[test]
fn slow_lanes_together_have_a_quarter_and_it_is_not_their_operators() {
    let mut stage = Stage::new();
    let lane_of = |offset: i64| format!("{}", offset / 100);
    ["0", "1", "2", "3", "4", "5"].iter().for_each(|id| stage.push("op", id, 100));
    stage.open(lane_of);
    assert_eq!(
        stage.count().into_values().collect::<Vec<_>>(),
        [4, 4, 3, 3, 3, 3],
        "half, for nobody knows them"
    );
    stage.now_ms = 10_000;
    stage.lanes.take_all_too_late(stage.now_ms);
    stage.end("0");
    stage.open(lane_of);
    assert_eq!(stage.count().get("0"), None, "the others have more than a quarter");
    ["1", "2", "3", "4", "5"].iter().for_each(|id| stage.end(id));
    stage.open(lane_of);
    assert_eq!(stage.open.len(), PLACES / 4);
    stage.push("op", "6", 100);
    stage.open(lane_of);
    assert_eq!(stage.count()["6"], 4, "until it has answered");
    stage.end("6");
    stage.open(lane_of);
    assert_eq!(stage.count()["6"], 15, "as many as are free, as for a lane alone with thirty places");
    assert_eq!(stage.lanes.places.taken_by_slow(), 10);
}

#[test]
fn where_nobody_else_is_one_has_all_places() {
    let mut stage = Stage::new();
    stage.lanes.set_shared(false);
    stage.push("op", "a", 100);
    stage.open(|_| "a".to_owned());
    assert_eq!(stage.open.len(), PLACES);
}

#[test]
fn who_answers_quickly_again_is_slow_no_more() {
    let mut stage = Stage::new();
    let lane_of = |_| "a".to_owned();
    stage.push("op", "a", 500);
    stage.open(lane_of);
    stage.now_ms = 5_000;
    stage.end("a");
    for _ in 0..20 {
        stage.open(lane_of);
        assert_eq!(stage.open.len(), 10);
        stage.now_ms += 10;
        stage.end("a");
        if stage.lanes.places.taken_by_slow() == 0 && !(stage.lanes.by_subscription["a"].speed == Speed::Slow)
        {
            stage.open(lane_of);
            assert_eq!(stage.open.len(), PLACES / 2);
            return;
        }
    }
    panic!("slow for ever");
}

#[test]
fn strangers_that_never_answer_leave_places_for_those_known_to_be_quick() {
    let mut stage = Stage::new();
    let lane_of =
        |offset: i64| if offset == 0 || offset > 60 { "q".to_owned() } else { format!("s{offset}") };
    stage.push("op", "q", 1);
    stage.open(lane_of);
    stage.now_ms = 10;
    stage.end("q");
    (1..=60).for_each(|n| stage.push("op", &format!("s{n}"), 1));
    let mut opened = Vec::new();
    for _ in 0..4 {
        stage.open(lane_of);
        opened.push(stage.open.len());
        stage.now_ms += 1_000;
        stage.lanes.take_all_too_late(stage.now_ms);
    }
    assert_eq!(opened, [20, 30, 30, 30]);
    stage.push("op", "q", 100);
    stage.open(lane_of);
    assert_eq!(stage.count()["q"], 5);
}

#[test]
fn a_lane_begins_anew_with_another_receiver() {
    let mut stage = Stage::new();
    let lane_of = |_| "a".to_owned();
    stage.push("op", "a", 1);
    stage.open(lane_of);
    stage.lanes.went(0, "a", Went::Badly, 1, Some(3_600_000));
    stage.lanes.close(0, "a", 0);
    stage.push("op", "a", 1);
    assert_eq!(stage.lanes.next(1, PLACES), None);
    let mut state =
        Subscription { id: "a".into(), callback_url: "https://a.example/".into(), ..Subscription::default() };
    state.set_status(Status::Active);
    let moved = Subscription { callback_url: "https://b.example/".into(), version: 1, ..state.clone() };
    stage.lanes.changed(Some(&state), &state, &Installation::default());
    assert_eq!(stage.lanes.next(1, PLACES), None, "its limits changed, say");
    stage.lanes.changed(Some(&state), &moved, &Installation::default());
    assert_eq!(stage.lanes.next(1, PLACES), Some(1));
}
