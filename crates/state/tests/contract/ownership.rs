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
        assert_eq!(subject.run(mark_fired(guard(OWNER, 10), 5, &["a"])).await, StoreReply::Marked);
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
        assert_eq!(subject.run(mark_fired(guard(OWNER, 10), 5, &["a"])).await, StoreReply::Marked);
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
