//! What records of the log make of the entries.

use crate::harness::{Subject, on_both};
use crate::ops::*;
use aerogram_domain::store::{Change, Payload, Picked, StoreOp, StoreReply};
use bytes::Bytes;

#[tokio::test]
async fn entries_are_put_replaced_and_removed() {
    on_both(async |subject: &mut Subject| {
        subject.begin(vec![put("a", 1, "va"), put("b", 2, "vb"), remove("never seen")], 2).await;
        // Later in one batch wins; a replaced due time is forgotten.
        let changes = vec![
            put("a", 3, "first"),
            put("a", 30, "second"),
            remove("b"),
            put("c", 4, ""),
            put("d", 5, "vd"),
        ];
        assert_eq!(subject.run(apply(guard(OWNER, 10), 5, 15, changes)).await, applied(3));
        assert_eq!(subject.run(pick(guard(OWNER, 15), 5, 10)).await, picked(&[("c", 4, ""), ("d", 5, "vd")]));
        let all = [("c", 4, ""), ("d", 5, "vd"), ("a", 30, "second")];
        assert_eq!(subject.run(pick(guard(OWNER, 15), 30, 10)).await, picked(&all));
        let changes = vec![remove("a"), remove("c"), remove("d"), remove("d")];
        assert_eq!(subject.run(apply(guard(OWNER, 15), 5, 19, changes)).await, applied(0));
        assert_eq!(subject.run(pick(guard(OWNER, 19), 30, 10)).await, picked(&[]));
    })
    .await;
}

#[tokio::test]
async fn what_was_fired_is_not_due_and_ends_by_its_tombstone() {
    on_both(async |subject: &mut Subject| {
        subject.begin(vec![put("a", 1, "va"), put("b", 1, "vb")], 2).await;
        let fired = mark_fired(guard(OWNER, 10), 5, &["a", "a", "unknown"]);
        assert_eq!(subject.run(fired.clone()).await, marked(&[]));
        assert_eq!(subject.run(fired).await, marked(&[]));
        assert_eq!(subject.run(pick(guard(OWNER, 10), 5, 10)).await, picked(&[("b", 1, "vb")]));
        // It counts as pending until then.
        assert_eq!(subject.run(apply(guard(OWNER, 10), 5, 11, vec![])).await, applied(2));
        assert_eq!(subject.run(apply(guard(OWNER, 11), 5, 12, vec![remove("a")])).await, applied(1));
        assert_eq!(subject.run(pick(guard(OWNER, 12), 5, 10)).await, picked(&[("b", 1, "vb")]));
        // What comes after the tombstone is new, and an unknown key was not marked.
        let changes = vec![put("a", 3, "new"), put("unknown", 4, "vu")];
        assert_eq!(subject.run(apply(guard(OWNER, 12), 5, 14, changes)).await, applied(3));
        let all = [("b", 1, "vb"), ("a", 3, "new"), ("unknown", 4, "vu")];
        assert_eq!(subject.run(pick(guard(OWNER, 14), 5, 10)).await, picked(&all));
    })
    .await;
}

#[tokio::test]
async fn what_was_fired_and_put_again_is_due_again() {
    on_both(async |subject: &mut Subject| {
        subject.begin(vec![put("a", 1, "va"), put("b", 1, "vb")], 2).await;
        assert_eq!(subject.run(mark_fired(guard(OWNER, 10), 5, &["a", "b"])).await, marked(&[]));
        let changes = vec![put("a", 7, "again")];
        assert_eq!(subject.run(apply(guard(OWNER, 10), 5, 11, changes)).await, applied(2));
        assert_eq!(subject.run(pick(guard(OWNER, 11), 6, 10)).await, picked(&[]));
        assert_eq!(subject.run(pick(guard(OWNER, 11), 7, 10)).await, picked(&[("a", 7, "again")]));
        assert_eq!(subject.run(mark_fired(guard(OWNER, 11), 7, &["a"])).await, marked(&[]));
        assert_eq!(subject.run(pick(guard(OWNER, 11), 7, 10)).await, picked(&[]));
    })
    .await;
}

#[tokio::test]
async fn any_bytes_are_kept_as_they_are() {
    let every_byte: Bytes = (0..=255).collect::<Vec<u8>>().into();
    let keys =
        [Bytes::new(), Bytes::from_static(b"\0\r\n\xff{}"), Bytes::from_static(b"1"), every_byte.clone()];
    on_both(async |subject: &mut Subject| {
        let put = |key: &Bytes| Change::Put { key: key.clone(), entry: entry(1, every_byte.clone()) };
        subject.begin(keys.iter().map(put).collect(), keys.len()).await;
        let StoreReply::Picked(mut picked) = subject.run(pick(guard(OWNER, 10), 1, 10)).await else {
            panic!()
        };
        picked.sort_by_key(|entry| keys.iter().position(|key| *key == entry.key));
        let expected = keys.clone().map(|key| Picked { key, entry: entry(1, every_byte.clone()) });
        assert_eq!(picked, expected);
        let changes = keys.iter().map(|key| Change::Remove { key: key.clone() }).collect();
        assert_eq!(subject.run(apply(guard(OWNER, 10), 1, 11, changes)).await, applied(0));
    })
    .await;
}

#[tokio::test]
async fn the_largest_batch_passes_in_one_operation() {
    const CHANGES: usize = 256;
    const VALUE_BYTES: usize = 300_000;
    let key = |i: usize| Bytes::from(format!("key-{i:04}"));
    let values: Vec<Bytes> = (0..CHANGES).map(|i| vec![i as u8; VALUE_BYTES].into()).collect();
    on_both(async |subject: &mut Subject| {
        let put = |(i, value): (usize, &Bytes)| Change::Put { key: key(i), entry: entry(1, value.clone()) };
        subject.begin(values.iter().enumerate().map(put).collect(), CHANGES).await;
        let StoreReply::Picked(picked) = subject.run(pick(guard(OWNER, 10), 1, CHANGES)).await else {
            panic!()
        };
        assert_eq!(picked.len(), CHANGES);
        for (i, found) in picked.iter().enumerate() {
            assert_eq!(found.key, key(i));
            assert!(found.entry.payload == Payload::Here(values[i].clone()), "value {i} differs");
        }
    })
    .await;
}

#[tokio::test]
async fn many_small_changes_pass_in_one_operation() {
    const CHANGES: usize = 20_000;
    on_both(async |subject: &mut Subject| {
        let key = |i: usize| Bytes::from(i.to_string());
        let put = |i| Change::Put { key: key(i), entry: entry(1, Bytes::new()) };
        subject.begin((0..CHANGES).map(put).collect(), CHANGES).await;
        let lane = |i: usize| Bytes::from((i % 1_000).to_string());
        let keys = (1..CHANGES).map(|i| (key(i), lane(i))).collect();
        let hold = StoreOp::Hold { under: under(guard(OWNER, 10), 1), keys };
        let StoreReply::Held { lanes } = subject.run(hold).await else { panic!() };
        assert_eq!(lanes.iter().map(|(_, n)| n).sum::<usize>(), CHANGES - 1);
        let wants = lanes.clone();
        let all = StoreOp::PickParked { under: under(guard(OWNER, 10), 1), wants, bytes_max: usize::MAX };
        let StoreReply::Parked(parked) = subject.run(all).await else { panic!() };
        assert_eq!(parked.len(), CHANGES - 1);
        let keys = (1..CHANGES).map(|i| (key(i), Some(lane(i)))).collect();
        let fired = StoreOp::MarkFired { under: under(guard(OWNER, 10), 1), keys };
        let lanes = lanes.into_iter().map(|(lane, _)| (lane, 0)).collect();
        assert_eq!(subject.run(fired).await, StoreReply::Marked { lanes });
        assert_eq!(subject.run(pick(guard(OWNER, 10), 1, CHANGES)).await, picked(&[("0", 1, "")]));
    })
    .await;
}
