//! A store that is not what the caller believes changes nothing and says so.

use crate::harness::{NAMES, Subject, on_both, redis_url};
use crate::ops::*;
use aerogram_domain::store::{CLOCKS_DIFFER_MAX_MS, Guard, StoreOp, StoreReply};

/// One of each guarded operation.
fn guarded(guard: Guard, now_ms: i64) -> [StoreOp; 5] {
    [
        apply(guard, now_ms, 99, vec![remove("a"), put("x", 1, "vx")]),
        hold(guard, now_ms, &[("a", "lane")]),
        pick_parked(guard, now_ms, &[("lane", 10)]),
        pick(guard, now_ms, 10),
        mark_fired(guard, now_ms, &["a"]),
    ]
}

async fn all_answer(subject: &Subject, guard: Guard, now_ms: i64, reply: StoreReply) {
    for op in guarded(guard, now_ms) {
        assert_eq!(subject.run(op.clone()).await, reply, "{op:?}");
    }
}

#[tokio::test]
async fn another_owner_or_position_is_a_mismatch() {
    on_both(async |subject: &mut Subject| {
        subject.begin(vec![put("a", 1, "va")], 1).await;
        for wrong in
            [guard(OWNER - 1, 10), guard(OWNER + 1, 10), guard(OWNER, 9), guard(OWNER, 11), guard(OWNER, -1)]
        {
            all_answer(subject, wrong, 5, StoreReply::Mismatch).await;
        }
        assert_eq!(subject.run(pick(guard(OWNER, 10), 5, 10)).await, picked(&[("a", 1, "va")]));
    })
    .await;
}

#[tokio::test]
async fn offsets_are_compared_to_the_last_bit() {
    on_both(async |subject: &mut Subject| {
        subject.begin(vec![], 0).await;
        assert_eq!(subject.run(apply(guard(OWNER, 10), 0, i64::MAX, vec![])).await, applied(0));
        all_answer(subject, guard(OWNER, i64::MAX - 1), 0, StoreReply::Mismatch).await;
        assert_eq!(subject.run(take_over(OWNER, 0)).await, taken_over(i64::MAX, 0));
    })
    .await;
}

#[tokio::test]
async fn nothing_stored_is_a_mismatch() {
    on_both(async |subject: &mut Subject| {
        all_answer(subject, guard(OWNER, -1), 5, StoreReply::Mismatch).await;
        all_answer(subject, guard(0, 0), 5, StoreReply::Mismatch).await;
    })
    .await;
}

#[tokio::test]
async fn a_wiped_store_is_a_mismatch_and_taken_over_fresh() {
    on_both(async |subject: &mut Subject| {
        subject.begin(vec![put("a", 1, "va")], 1).await;
        subject.wipe(0).await;
        all_answer(subject, guard(OWNER, 10), 5, StoreReply::Mismatch).await;
        assert_eq!(subject.run(take_over(OWNER, 6)).await, taken_over(-1, 6));
        assert_eq!(subject.run(pick(guard(OWNER, -1), 6, 10)).await, picked(&[]));
    })
    .await;
}

#[tokio::test]
async fn a_store_rolled_back_is_a_mismatch() {
    on_both(async |subject: &mut Subject| {
        subject.begin(vec![put("a", 1, "va")], 1).await;
        assert_eq!(subject.run(apply(guard(OWNER, 10), 5, 11, vec![remove("a")])).await, applied(0));
        // The state before the tombstone comes back, with the same owner.
        subject.wipe(0).await;
        subject.begin(vec![put("a", 1, "va")], 1).await;
        all_answer(subject, guard(OWNER, 11), 5, StoreReply::Mismatch).await;
        assert_eq!(subject.run(pick(guard(OWNER, 10), 5, 10)).await, picked(&[("a", 1, "va")]));
    })
    .await;
}

#[tokio::test]
async fn a_position_too_old_is_not_trusted() {
    on_both(async |subject: &mut Subject| {
        subject.begin(vec![put("a", 1, "va")], 1).await;
        all_answer(subject, guard(OWNER, 10), AGE_MAX_MS + 1, StoreReply::TooOld).await;
        all_answer(subject, guard(OWNER, 9), AGE_MAX_MS + 1, StoreReply::Mismatch).await;
        let greatest_age = pick(guard(OWNER, 10), AGE_MAX_MS, 10);
        assert_eq!(subject.run(greatest_age).await, picked(&[("a", 1, "va")]));
        // Clocks of hosts differ; but after one was set back nobody knows how old it is.
        let back = -CLOCKS_DIFFER_MAX_MS;
        assert_eq!(subject.run(pick(guard(OWNER, 10), back, 10)).await, picked(&[]));
        all_answer(subject, guard(OWNER, 10), back - 1, StoreReply::TooOld).await;
        let renewed = StoreOp::Apply {
            under: under(guard(OWNER, 10), AGE_MAX_MS),
            upto: 11,
            changes: vec![],
            as_of_ms: Some(AGE_MAX_MS - 1),
            keep: KEEP,
        };
        assert_eq!(subject.run(renewed).await, applied(1));
        let at_most = 2 * AGE_MAX_MS - 1;
        assert_eq!(subject.run(pick(guard(OWNER, 11), at_most, 10)).await, picked(&[("a", 1, "va")]));
        assert_eq!(subject.run(pick(guard(OWNER, 11), at_most + 1, 10)).await, StoreReply::TooOld);
        assert_eq!(subject.run(take_over(OWNER, at_most)).await, taken_over(11, AGE_MAX_MS - 1));
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_lost_some_of_its_keys_counts_as_wiped() {
    let one = NAMES.map(|key| vec![key]);
    // The last leaves what a store without entries looks like.
    let several = [
        vec!["entries", "due"],
        vec!["due", "fired"],
        vec!["parked", "lanes"],
        vec!["lanes", "names"],
        vec!["parked", "lanes", "names"],
        vec!["entries", "due", "fired"],
        vec!["entries", "due", "fired", "parked", "lanes"],
        vec!["entries", "values", "due", "fired", "parked", "lanes", "names"],
    ];
    for lost in one.into_iter().chain(several) {
        let mut subject = Subject::redis_at(&redis_url()).await;
        subject.begin(vec![put("a", 1, "va"), put("b", 1, "vb"), park("c", 1, "vc", "lane")], 3).await;
        assert_eq!(subject.run(mark_fired_by(guard(OWNER, 10), 5, &[("b", "lane")])).await, marked(&[]));
        for key in &lost {
            subject.delete(0, key).await;
        }
        all_answer(&subject, guard(OWNER, 10), 5, StoreReply::Mismatch).await;
        assert_eq!(subject.run(take_over(OWNER, 6)).await, taken_over(-1, 6), "{lost:?}");
        assert_eq!(subject.run(apply(guard(OWNER, -1), 6, 0, vec![put("b", 1, "vb")])).await, applied(1));
        assert_eq!(subject.run(pick(guard(OWNER, 0), 6, 10)).await, picked(&[("b", 1, "vb")]));
        subject.wipe(0).await;
    }
}

/// They kept what was fired in a set, and had no lanes.
#[tokio::test]
async fn what_earlier_versions_left_is_reset() {
    // Without anything fired, the counts of what they left agree.
    for fired in [false, true] {
        let mut subject = Subject::redis_at(&redis_url()).await;
        let mut entries = vec!["a", "\0\0\0\0\0\0\0\x01va"];
        if fired {
            entries.extend(["b", "\0\0\0\0\0\0\0\x01vb"]);
            subject.tamper("SADD", "fired", &["b"]).await;
        }
        let counted = if fired { "2" } else { "1" };
        let meta = ["owner", "7", "layout", LAYOUT, "applied", "10", "as_of_ms", "0", "entries", counted];
        subject.tamper("HSET", "meta", &meta).await;
        subject.tamper("HSET", "entries", &entries).await;
        subject.tamper("ZADD", "due", &["1", "a"]).await;
        all_answer(&subject, guard(OWNER, 10), 5, StoreReply::Mismatch).await;
        assert_eq!(subject.run(take_over(OWNER, 6)).await, taken_over(-1, 6), "fired: {fired}");
        assert_eq!(subject.run(apply(guard(OWNER, -1), 6, 0, vec![put("b", 1, "vb")])).await, applied(1));
        assert_eq!(subject.run(mark_fired(guard(OWNER, 0), 6, &["b"])).await, marked(&[]));
        subject.wipe(0).await;
    }
}
