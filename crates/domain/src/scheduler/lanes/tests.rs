//! Windows, probes, turns.

use super::*;

const LANE: Bytes = Bytes::from_static(b"lane");

fn now(mono_ms: i64) -> Now {
    Now { wall_ms: mono_ms, mono_ms }
}

fn config() -> Config {
    Config { window_default: 8, probe_wait_min_ms: 100, probe_wait_max_ms: 350, ..Config::default() }
}

fn key(n: usize) -> Bytes {
    n.to_be_bytes().to_vec().into()
}

/// Fires all that may be, and answers how many those were.
fn fire(lanes: &mut Lanes, at_ms: i64, next: &mut usize) -> usize {
    let n = lanes.wants(now(at_ms), 1_000, |_| 0).iter().map(|(_, n)| *n).sum();
    for _ in 0..n {
        assert!(lanes.may_fire(now(at_ms), &LANE));
        lanes.fired(now(at_ms), &key(*next), &LANE);
        *next += 1;
    }
    n
}

#[test]
fn a_success_opens_the_lane_and_each_window_of_them_doubles_it_up_to_its_limit() {
    let (mut lanes, mut next, mut returned) = (Lanes::default(), 0, 0);
    lanes.waiting(&config(), now(0), vec![(LANE, 1_000)]);
    let mut windows = Vec::new();
    for _ in 0..6 {
        windows.push(fire(&mut lanes, 0, &mut next));
        while returned < next {
            lanes.returned(&config(), now(0), &key(returned), LineKind::Delivered.into());
            returned += 1;
        }
    }
    assert_eq!(windows, [1, 2, 4, 8, 8, 8]);
    lanes.can_take(&LANE, 16);
    assert_eq!(fire(&mut lanes, 0, &mut next), 8);
}

#[test]
fn while_it_fails_there_is_one_probe_at_growing_intervals() {
    let (mut lanes, mut next) = (Lanes::default(), 0);
    lanes.waiting(&config(), now(0), vec![(LANE, 1_000)]);
    let mut probes = Vec::new();
    for at_ms in 0..1_500 {
        for _ in 0..fire(&mut lanes, at_ms, &mut next) {
            probes.push(at_ms);
            lanes.returned(&config(), now(at_ms), &key(next - 1), LineKind::Retry.into());
        }
    }
    assert_eq!(probes, [0, 200, 550, 900, 1_250]);
}

#[test]
fn a_credit_comes_back_once_and_without_a_verdict_the_window_stays() {
    let (mut lanes, mut next) = (Lanes::default(), 0);
    lanes.waiting(&config(), now(0), vec![(LANE, 9)]);
    assert_eq!(fire(&mut lanes, 0, &mut next), 1);
    lanes.fired(now(0), &key(0), &LANE);
    assert!(!lanes.may_fire(now(999), &LANE), "it is outstanding, whatever the time");
    lanes.returned(&config(), now(999), &key(0), Ended::default());
    lanes.returned(&config(), now(999), &key(0), Ended::default());
    assert_eq!(fire(&mut lanes, 999, &mut next), 1);
}

#[test]
fn one_failure_halves_a_wide_window_and_does_not_shut_the_lane() {
    let (mut lanes, mut next) = (Lanes::default(), 0);
    lanes.waiting(&config(), now(0), vec![(LANE, 1_000)]);
    for n in 0..7 {
        fire(&mut lanes, 0, &mut next);
        lanes.returned(&config(), now(0), &key(n), LineKind::Delivered.into());
    }
    while next < 11 {
        assert!(fire(&mut lanes, 0, &mut next) > 0);
    }
    lanes.returned(&config(), now(0), &key(8), LineKind::Retry.into());
    assert_eq!(fire(&mut lanes, 0, &mut next), 0);
    (9..15).for_each(|n| lanes.returned(&config(), now(0), &key(n), Ended::default()));
    assert!(fire(&mut lanes, 0, &mut next) > 1);
}

#[test]
fn lanes_take_turns_and_an_empty_one_is_forgotten() {
    let mut lanes = Lanes::default();
    let ids: Vec<Bytes> = ["a", "b", "c"].map(Bytes::from).into();
    lanes.waiting(&config(), now(0), ids.iter().map(|id| (id.clone(), 5)).collect());
    let first: Vec<_> = (0..3).flat_map(|_| lanes.wants(now(0), 1, |_| 0)).map(|(id, _)| id).collect();
    assert_eq!(first, ids);
    assert_eq!(lanes.wants(now(0), 9, |_| 2), ids.iter().map(|id| (id.clone(), 3)).collect::<Vec<_>>());
    lanes.waiting(&config(), now(0), vec![(ids[0].clone(), 0)]);
    assert!(!lanes.is_paced(now(0), &ids[0]) && lanes.is_paced(now(0), &ids[1]));
    lanes.wants(now(0), 9, |_| 0);
    assert_eq!((lanes.by_id.len(), lanes.turns.len()), (2, 2));
}

#[test]
fn a_shut_lane_is_remembered_until_its_next_probe() {
    let (mut lanes, mut next) = (Lanes::default(), 0);
    lanes.waiting(&config(), now(0), vec![(LANE, 1)]);
    fire(&mut lanes, 0, &mut next);
    lanes.waiting(&config(), now(0), vec![(LANE, 0)]);
    lanes.returned(&config(), now(50), &key(0), LineKind::Retry.into());
    assert!(lanes.is_paced(now(50), &LANE), "what is due now waits for the probe");
    lanes.waiting(&config(), now(60), vec![(LANE, 1)]);
    assert_eq!((fire(&mut lanes, 60, &mut next), fire(&mut lanes, 250, &mut next)), (0, 1));
}

#[test]
fn what_ends_without_an_attempt_costs_no_probe() {
    let (mut lanes, mut next) = (Lanes::default(), 0);
    lanes.waiting(&config(), now(0), vec![(LANE, 1_000)]);
    assert_eq!(fire(&mut lanes, 0, &mut next), 1);
    lanes.returned(&config(), now(0), &key(0), LineKind::Cancelled.into());
    assert_eq!(fire(&mut lanes, 0, &mut next), 8, "as many as its limit, and no probe to wait for");
    (1..9).for_each(|n| lanes.returned(&config(), now(0), &key(n), LineKind::Cancelled.into()));
    assert_eq!(fire(&mut lanes, 0, &mut next), 8);
    // Somebody made an attempt again: the lane is shut, as it was.
    lanes.returned(&config(), now(0), &key(9), LineKind::Retry.into());
    (10..17).for_each(|n| lanes.returned(&config(), now(0), &key(n), LineKind::Retry.into()));
    assert_eq!((fire(&mut lanes, 50, &mut next), fire(&mut lanes, 350, &mut next)), (0, 1));
}

#[test]
fn a_lane_counts_as_shut_when_its_receiver_failed() {
    let (mut lanes, mut next) = (Lanes::default(), 0);
    lanes.taken_over(&config(), now(0), vec![(LANE, 1_000)], Vec::new());
    assert_eq!(lanes.counts(), (1, 0), "nothing is known of it yet");
    let mut ends = |at_ms, kind: LineKind| {
        fire(&mut lanes, at_ms, &mut next);
        lanes.returned(&config(), now(at_ms), &key(next - 1), kind.into());
        lanes.counts().1
    };
    assert_eq!([ends(0, LineKind::Retry), ends(1_000, LineKind::Retry)], [1, 1]);
    assert_eq!(ends(2_000, LineKind::Cancelled), 0, "it empties");
    let empties = lanes.top(now(2_000), 1).remove(0);
    assert_eq!((empties.shut, empties.next_probe_ms, empties.window), (false, None, 8));
    lanes.returned(&config(), now(3_000), &key(next - 1), LineKind::Delivered.into());
    assert_eq!(lanes.counts().1, 0);
}

#[test]
fn the_longest_lanes_are_shown_first() {
    let mut lanes = Lanes::default();
    let waiting = [("a", 3), ("b", 9), ("c", 5), ("d", 1)].map(|(id, n)| (Bytes::from(id), n));
    lanes.waiting(&config(), now(0), waiting.to_vec());
    lanes.fired(now(10), &key(1), &"b".into());
    let top = lanes.top(now(30), 2);
    assert_eq!(top.iter().map(|lane| &lane.subscription_id[..]).collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!((top[0].waiting, top[0].outstanding, top[0].window), (9, 1, 1));
    assert_eq!((top[0].shut, top[0].next_probe_ms, top[1].next_probe_ms), (true, Some(80), Some(0)));
    assert_eq!(lanes.top(now(30), 9).len(), 4);
}

#[test]
fn a_receiver_that_asked_for_patience_is_left_alone_for_as_long() {
    let (mut lanes, mut next) = (Lanes::default(), 0);
    lanes.waiting(&config(), now(0), vec![(LANE, 9)]);
    assert_eq!(fire(&mut lanes, 0, &mut next), 1);
    let until_ms = now(0).wall_ms + 60_000;
    let ended = Ended { kind: Some(LineKind::Retry), paused_until_ms: Some(until_ms) };
    lanes.returned(&config(), now(0), &key(0), ended);
    assert_eq!((fire(&mut lanes, 59_999, &mut next), fire(&mut lanes, 60_000, &mut next)), (0, 1));
    // One that was on its way is sent back by the deliverer, and says nothing but that.
    lanes.returned(&config(), now(60_000), &key(1), Ended { kind: None, ..ended });
    assert_eq!((fire(&mut lanes, 60_100, &mut next), fire(&mut lanes, 70_000, &mut next)), (0, 1));
}
