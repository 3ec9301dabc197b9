//! What waits in lanes: who joins, who leaves, and who is given out first.

use crate::harness::{Subject, on_both};
use crate::ops::*;
use aerogram_domain::store::{Change, Entry, Picked, StoreOp, StoreReply};
use bytes::Bytes;

#[tokio::test]
async fn a_lane_gives_out_its_oldest_first_and_then_the_lowest_keys() {
    on_both(async |subject: &mut Subject| {
        let changes = vec![
            park("b", 5, "1", "lane"),
            park("aa", 5, "2", "lane"),
            park("a", 5, "3", "lane"),
            park("", 5, "4", "lane"),
            park("m", 300, "5", "lane"),
            park("n", -1, "6", "lane"),
            park("z", i64::MIN, "7", "lane"),
            park("0", i64::MAX, "8", "lane"),
            put("due", 0, "9"),
        ];
        subject.begin(changes, 9).await;
        let all = [
            ("z", i64::MIN, "7", "lane"),
            ("n", -1, "6", "lane"),
            ("", 5, "4", "lane"),
            ("a", 5, "3", "lane"),
            ("aa", 5, "2", "lane"),
            ("b", 5, "1", "lane"),
            ("m", 300, "5", "lane"),
            ("0", i64::MAX, "8", "lane"),
        ];
        for n in [0, 1, 3, 8, 9, usize::MAX] {
            let reply = subject.run(pick_parked(guard(OWNER, 10), 5, &[("lane", n)])).await;
            assert_eq!(reply, parked(&all[..n.min(all.len())]), "{n}");
        }
        // Being parked, they are never due.
        assert_eq!(subject.run(pick(guard(OWNER, 10), 5, 10)).await, picked(&[("due", 0, "9")]));
    })
    .await;
}

#[tokio::test]
async fn lanes_are_apart_whatever_their_names() {
    const NAMES: [&[u8]; 9] = [b"", b"\0", b"\0\0", b"\0\xff", b"\0\xff\0", b"a", b"a\0", b"ab", b"\xff\xff"];
    let long = Bytes::from(vec![0xff; 70_000]);
    let names: Vec<Bytes> = NAMES.map(Bytes::from_static).into_iter().chain([long]).collect();
    on_both(async |subject: &mut Subject| {
        let entry = |lane: &Bytes| Entry { lane: Some(lane.clone()), ..entry(1, lane.clone()) };
        let put = |lane| Change::Put { key: lane_key(lane), entry: entry(lane) };
        subject.begin(names.iter().map(put).collect(), names.len()).await;
        let under = under(guard(OWNER, 10), 5);
        for lane in &names {
            let wants = vec![(lane.clone(), 100)];
            let reply = subject.run(StoreOp::PickParked { under, wants, bytes_max: usize::MAX }).await;
            let only = Picked { key: lane_key(lane), entry: entry(lane) };
            assert_eq!(reply, StoreReply::Parked(vec![only]), "{lane:?}");
        }
        let keys = names.iter().map(|lane| (lane_key(lane), Some(lane.clone()))).collect();
        let lanes = names.iter().map(|lane| (lane.clone(), 0)).collect();
        assert_eq!(subject.run(StoreOp::MarkFired { under, keys }).await, StoreReply::Marked { lanes });
        let outstanding = names.iter().map(|lane| (lane_key(lane), lane.clone())).collect();
        let (applied, as_of_ms) = (10, 0);
        let told = StoreReply::TakenOver { applied, as_of_ms, lanes: vec![], outstanding };
        assert_eq!(subject.run(take_over(OWNER, 5)).await, told);
    })
    .await;
}

/// Sorts as the lane does.
fn lane_key(lane: &Bytes) -> Bytes {
    [&b"key of "[..], &lane[..lane.len().min(9)]].concat().into()
}

#[tokio::test]
async fn each_lane_gives_out_as_many_as_are_asked_of_it_in_the_order_asked() {
    on_both(async |subject: &mut Subject| {
        // Of 4, 4 and 2 bytes, keys counted and lanes not.
        let changes = vec![
            park("a", 1, "123", "left"),
            park("b", 2, "123", "left"),
            park("c", 1, "1", "right"),
            park("d", 3, "1", "left"),
        ];
        subject.begin(changes, 4).await;
        let wants = [("right", 5), ("none", 5), ("left", 0), ("left", 2), ("right", 1)];
        let (a, b, c) = (("a", 1, "123", "left"), ("b", 2, "123", "left"), ("c", 1, "1", "right"));
        // Asked again, it gives out the same again.
        let all = [c, a, b, c];
        for (bytes_max, found) in [(0, 0), (1, 1), (2, 1), (3, 2), (6, 2), (7, 3), (10, 3), (11, 4)] {
            let reply = subject.run(pick_parked_bytes(guard(OWNER, 10), 5, &wants, bytes_max)).await;
            assert_eq!(reply, parked(&all[..found]), "{bytes_max} bytes");
        }
        assert_eq!(subject.run(pick_parked(guard(OWNER, 10), 5, &[])).await, parked(&[]));
    })
    .await;
}

#[tokio::test]
async fn changes_tell_how_many_wait_in_the_lanes_they_touch() {
    on_both(async |subject: &mut Subject| {
        let changes =
            vec![park("a", 1, "va", "left"), park("b", 1, "vb", "left"), park("c", 1, "vc", "right")];
        subject.begin(changes, 3).await;
        let guarded = guard(OWNER, 10);
        // From lane to lane, from a lane to what is due, and back; later in one batch wins.
        let changes = vec![park("a", 2, "va", "right"), park("d", 2, "vd", "gone"), remove("d")];
        let lanes = [("gone", 0), ("left", 1), ("right", 2)];
        assert_eq!(subject.run(apply(guarded, 5, 13, changes)).await, applied_in(3, &lanes));
        let changes = vec![put("b", 4, "due"), put("c", 3, "due")];
        let reply = subject.run(apply(guard(OWNER, 13), 5, 15, changes)).await;
        assert_eq!(reply, applied_in(3, &[("left", 0), ("right", 1)]));
        let reply = subject.run(pick(guard(OWNER, 15), 5, 10)).await;
        assert_eq!(reply, picked(&[("c", 3, "due"), ("b", 4, "due")]));
        // In the same lane, but for another time.
        let changes = vec![park("b", 1, "again", "right"), park("a", 0, "va", "right"), remove("unknown")];
        let reply = subject.run(apply(guard(OWNER, 15), 5, 18, changes)).await;
        assert_eq!(reply, applied_in(3, &[("right", 2)]));
        let reply = subject.run(pick_parked(guard(OWNER, 18), 5, &[("right", 9), ("left", 9)])).await;
        assert_eq!(reply, parked(&[("a", 0, "va", "right"), ("b", 1, "again", "right")]));
    })
    .await;
}

#[tokio::test]
async fn what_is_held_waits_in_its_lane_since_it_was_due() {
    on_both(async |subject: &mut Subject| {
        let changes = vec![
            put("a", 3, "va"),
            put("b", -2, "vb"),
            put("fired", 1, "vf"),
            park("c", 2, "vc", "lane"),
            park("d", 2, "vd", "other"),
        ];
        subject.begin(changes, 5).await;
        assert_eq!(subject.run(mark_fired(guard(OWNER, 10), 5, &["fired"])).await, marked(&[]));
        // What is not due stays where it is, and twice is once.
        let keys = [("a", "lane"), ("a", "other"), ("b", "lane"), ("d", "lane"), ("fired", "x"), ("no", "x")];
        assert_eq!(subject.run(hold(guard(OWNER, 10), 5, &keys)).await, held(&[("lane", 3)]));
        assert_eq!(subject.run(hold(guard(OWNER, 10), 5, &keys)).await, held(&[]));
        assert_eq!(subject.run(pick(guard(OWNER, 10), 5, 10)).await, picked(&[]));
        let lane = [("b", -2, "vb", "lane"), ("c", 2, "vc", "lane"), ("a", 3, "va", "lane")];
        assert_eq!(subject.run(pick_parked(guard(OWNER, 10), 5, &[("lane", 9)])).await, parked(&lane));
        let changes = vec![remove("a"), park("fired", 1, "vf", "x")];
        let reply = subject.run(apply(guard(OWNER, 10), 5, 12, changes)).await;
        assert_eq!(reply, applied_in(4, &[("lane", 2), ("x", 1)]));
    })
    .await;
}

#[tokio::test]
async fn what_was_fired_by_credit_left_its_lane() {
    on_both(async |subject: &mut Subject| {
        let changes = vec![park("a", 1, "va", "lane"), park("b", 2, "vb", "lane"), put("c", 1, "vc")];
        subject.begin(changes, 3).await;
        // The lane it left is its own, whichever's credit it was.
        let keys = [("a", "other"), ("unknown", "lane"), ("c", "lane")];
        assert_eq!(subject.run(mark_fired_by(guard(OWNER, 10), 5, &keys)).await, marked(&[("lane", 1)]));
        assert_eq!(subject.run(mark_fired_by(guard(OWNER, 10), 5, &keys)).await, marked(&[]));
        let left = parked(&[("b", 2, "vb", "lane")]);
        assert_eq!(subject.run(pick_parked(guard(OWNER, 10), 5, &[("lane", 9)])).await, left);
        assert_eq!(subject.run(pick(guard(OWNER, 10), 5, 10)).await, picked(&[]));
        assert_eq!(subject.run(mark_fired(guard(OWNER, 10), 5, &["b"])).await, marked(&[("lane", 0)]));
        // Tombstones of what was fired touch no lane, and what is put again waits again.
        let changes = vec![remove("b"), remove("c"), park("a", 1, "again", "lane")];
        let reply = subject.run(apply(guard(OWNER, 10), 5, 13, changes)).await;
        assert_eq!(reply, applied_in(1, &[("lane", 1)]));
    })
    .await;
}

#[tokio::test]
async fn whether_it_was_never_fired_is_kept_in_a_lane_and_without() {
    on_both(async |subject: &mut Subject| {
        let of =
            |first, lane: Option<&'static str>| Entry { first, lane: lane.map(Bytes::from), ..entry(1, "v") };
        let put = |key: &'static str, first| Change::Put { key: key.into(), entry: of(first, None) };
        let under = under(guard(OWNER, 10), 5);
        subject.begin(vec![put("a", true), put("b", false)], 2).await;
        let both = |lane| {
            let one = |key: &'static str, first| Picked { key: key.into(), entry: of(first, lane) };
            vec![one("a", true), one("b", false)]
        };
        assert_eq!(subject.run(pick(under.guard, 5, 9)).await, StoreReply::Picked(both(None)));
        subject.run(hold(under.guard, 5, &[("a", "lane"), ("b", "lane")])).await;
        let reply = subject.run(pick_parked(under.guard, 5, &[("lane", 9)])).await;
        assert_eq!(reply, StoreReply::Parked(both(Some("lane"))));
    })
    .await;
}
