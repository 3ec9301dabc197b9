//! Taking over: fresh, resumed, reset.

use crate::harness::{Subject, on_both};
use crate::ops::*;
use aerogram_domain::store::{CLOCKS_DIFFER_MAX_MS, StoreOp, StoreReply};

const NEXT: u64 = u64::MAX;

#[tokio::test]
async fn a_fresh_store_begins_before_the_first_record() {
    on_both(async |subject: &mut Subject| {
        assert_eq!(subject.run(take_over(OWNER, 5_000)).await, taken_over(-1, 5_000));
        assert_eq!(subject.run(pick(guard(OWNER, -1), 5_000, 10)).await, picked(&[]));
    })
    .await;
}

#[tokio::test]
async fn an_owner_resumes_where_the_last_one_was() {
    on_both(async |subject: &mut Subject| {
        subject.begin(vec![put("a", 1, "va"), put("b", 2, "vb")], 2).await;
        assert_eq!(subject.run(mark_fired(guard(OWNER, 10), 5, &["a"])).await, marked(&[]));
        // The age counts from the position, which nobody renewed, up to and with the greatest.
        assert_eq!(subject.run(take_over(NEXT, AGE_MAX_MS)).await, taken_over(10, 0));
        assert_eq!(subject.run(pick(guard(NEXT, 10), 5, 10)).await, picked(&[("b", 2, "vb")]));
        assert_eq!(subject.run(pick(guard(OWNER, 10), 5, 10)).await, StoreReply::Mismatch);
    })
    .await;
}

#[tokio::test]
async fn a_reset_forgets_everything() {
    on_both(async |subject: &mut Subject| {
        subject.begin(vec![put("a", 1, "va"), put("b", 2, "vb")], 2).await;
        assert_eq!(subject.run(mark_fired(guard(OWNER, 10), 5, &["a"])).await, marked(&[]));
        assert_eq!(subject.run(reset(OWNER, 7)).await, taken_over(-1, 7));
        assert_eq!(subject.run(pick(guard(OWNER, -1), 7, 10)).await, picked(&[]));
        // "a" is no longer known as fired.
        assert_eq!(subject.run(apply(guard(OWNER, -1), 7, 0, vec![put("a", 1, "new")])).await, applied(1));
        assert_eq!(subject.run(pick(guard(OWNER, 0), 7, 10)).await, picked(&[("a", 1, "new")]));
    })
    .await;
}

#[tokio::test]
async fn another_layout_resets() {
    on_both(async |subject: &mut Subject| {
        subject.begin(vec![put("a", 1, "va")], 1).await;
        let other = |layout: &str| StoreOp::TakeOver {
            owner: NEXT,
            layout_id: layout.to_owned(),
            now_ms: 5,
            age_max_ms: AGE_MAX_MS,
            reset: false,
        };
        assert_eq!(subject.run(other("layout-b")).await, taken_over(-1, 5));
        assert_eq!(subject.run(apply(guard(NEXT, -1), 5, 3, vec![])).await, applied(0));
        assert_eq!(subject.run(other("layout-b")).await, taken_over(3, 5));
        assert_eq!(subject.run(other(LAYOUT)).await, taken_over(-1, 5));
    })
    .await;
}

#[tokio::test]
async fn a_position_too_old_resets() {
    on_both(async |subject: &mut Subject| {
        subject.begin(vec![put("a", 1, "va")], 1).await;
        assert_eq!(subject.run(take_over(NEXT, AGE_MAX_MS + 1)).await, taken_over(-1, AGE_MAX_MS + 1));
        assert_eq!(subject.run(pick(guard(NEXT, -1), AGE_MAX_MS + 1, 10)).await, picked(&[]));
    })
    .await;
}

#[tokio::test]
async fn partitions_are_apart() {
    on_both(async |subject: &mut Subject| {
        subject.begin(vec![put("a", 1, "va")], 1).await;
        assert_eq!(subject.store.execute(1, pick(guard(OWNER, 10), 5, 10)).await, StoreReply::Mismatch);
        assert_eq!(subject.store.execute(1, reset(NEXT, 5)).await, taken_over(-1, 5));
        assert_eq!(subject.run(pick(guard(OWNER, 10), 5, 10)).await, picked(&[("a", 1, "va")]));
        assert_eq!(subject.store.check().await, Ok(()));
        if matches!(subject.store, aerogram_state::AnyStore::Redis(_)) {
            subject.wipe(1).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_position_of_the_future_resets() {
    on_both(async |subject: &mut Subject| {
        subject.begin(vec![put("a", 1, "va")], 1).await;
        let back = -CLOCKS_DIFFER_MAX_MS;
        assert_eq!(subject.run(take_over(NEXT, back)).await, taken_over(10, 0), "clocks of hosts differ");
        assert_eq!(subject.run(take_over(NEXT, back - 1)).await, taken_over(-1, back - 1));
        assert_eq!(subject.run(pick(guard(NEXT, -1), back - 1, 10)).await, picked(&[]));
    })
    .await;
}

#[tokio::test]
async fn an_owner_is_told_what_waits_and_what_is_outstanding() {
    on_both(async |subject: &mut Subject| {
        let changes = vec![
            park("a", 1, "va", "lane"),
            park("b", 1, "vb", "lane"),
            park("c", 1, "vc", "emptied"),
            park("d", 1, "vd", ""),
            park("e", 1, "ve", "B"),
            put("f", 1, "vf"),
            put("z", 1, "vz"),
            put("Z", 1, "vZ"),
        ];
        subject.begin(changes, 8).await;
        assert_eq!(subject.run(mark_fired(guard(OWNER, 10), 5, &["f"])).await, marked(&[]));
        // Without a lane is not the lane whose name is empty.
        let fired = [("z", ""), ("c", "emptied"), ("a", "lane"), ("Z", "long gone")];
        let lanes = [("emptied", 0), ("lane", 1)];
        assert_eq!(subject.run(mark_fired_by(guard(OWNER, 10), 5, &fired)).await, marked(&lanes));
        let outstanding = [("Z", "long gone"), ("a", "lane"), ("c", "emptied"), ("z", "")];
        let told = taken_over_with(10, 0, &[("", 1), ("B", 1), ("lane", 1)], &outstanding);
        assert_eq!(subject.run(take_over(NEXT, 5)).await, told);
        // By credit or not: the last mark tells.
        assert_eq!(subject.run(mark_fired(guard(NEXT, 10), 5, &["a", "c"])).await, marked(&[]));
        let changes = vec![remove("z"), remove("b"), put("Z", 1, "vZ")];
        assert_eq!(subject.run(apply(guard(NEXT, 10), 5, 13, changes)).await, applied_in(6, &[("lane", 0)]));
        assert_eq!(subject.run(take_over(OWNER, 5)).await, taken_over_with(13, 0, &[("", 1), ("B", 1)], &[]));
        assert_eq!(subject.run(reset(OWNER, 7)).await, taken_over(-1, 7));
    })
    .await;
}
