//! Which entries are due, and in what order; the lanes are in lanes.rs.

use crate::harness::{Subject, on_both};
use crate::ops::*;

#[tokio::test]
async fn the_earliest_come_first_and_then_the_lowest_keys() {
    on_both(async |subject: &mut Subject| {
        // Keys are compared as bytes: "Z" before "a", "a" before "aa", "10" before "9".
        let changes = vec![
            put("aa", 5, "1"),
            put("a", 5, "2"),
            put("Z", 5, "3"),
            put("9", 5, "4"),
            put("10", 5, "5"),
            put("z", 4, "6"),
            put("b", -7, "7"),
        ];
        subject.begin(changes, 7).await;
        let all = [
            ("b", -7, "7"),
            ("z", 4, "6"),
            ("10", 5, "5"),
            ("9", 5, "4"),
            ("Z", 5, "3"),
            ("a", 5, "2"),
            ("aa", 5, "1"),
        ];
        for limit in [0, 1, 3, 7, 8, usize::MAX] {
            let reply = subject.run(pick(guard(OWNER, 10), 5, limit)).await;
            assert_eq!(reply, picked(&all[..limit.min(all.len())]), "limit {limit}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_entry_is_due_from_its_millisecond_on() {
    const DUE: i64 = 1_790_000_000_123;
    on_both(async |subject: &mut Subject| {
        assert_eq!(subject.run(take_over(OWNER, DUE)).await, taken_over(-1, DUE));
        let changes = vec![put("a", DUE, "va"), put("b", DUE + 1, "vb")];
        assert_eq!(subject.run(apply(guard(OWNER, -1), DUE, 1, changes)).await, applied(2));
        assert_eq!(subject.run(pick(guard(OWNER, 1), DUE - 1, 10)).await, picked(&[]));
        assert_eq!(subject.run(pick(guard(OWNER, 1), DUE, 10)).await, picked(&[("a", DUE, "va")]));
        let both = [("a", DUE, "va"), ("b", DUE + 1, "vb")];
        assert_eq!(subject.run(pick(guard(OWNER, 1), DUE + 1, 10)).await, picked(&both));
    })
    .await;
}

#[tokio::test]
async fn picking_changes_nothing() {
    on_both(async |subject: &mut Subject| {
        subject.begin(vec![put("a", 1, "va")], 1).await;
        for _ in 0..3 {
            assert_eq!(subject.run(pick(guard(OWNER, 10), 1, 1)).await, picked(&[("a", 1, "va")]));
        }
    })
    .await;
}

#[tokio::test]
async fn due_times_at_the_ends_of_their_range_come_back_exactly() {
    on_both(async |subject: &mut Subject| {
        let changes =
            vec![put("never", i64::MAX, "1"), put("long ago", i64::MIN, "2"), put("far", (1 << 53) + 1, "3")];
        subject.begin(changes, 3).await;
        let reply = subject.run(pick(guard(OWNER, 10), AGE_MAX_MS, 10)).await;
        assert_eq!(reply, picked(&[("long ago", i64::MIN, "2")]));
    })
    .await;
}

#[tokio::test]
async fn no_further_one_is_picked_once_the_bytes_are_enough() {
    on_both(async |subject: &mut Subject| {
        // Of 4, 4 and 2 bytes, keys counted.
        subject.begin(vec![put("a", 1, "123"), put("b", 2, "123"), put("c", 3, "1")], 3).await;
        let all = [("a", 1, "123"), ("b", 2, "123"), ("c", 3, "1")];
        for (bytes_max, found) in [(0, 0), (1, 1), (4, 1), (5, 2), (8, 2), (9, 3), (usize::MAX, 3)] {
            let reply = subject.run(pick_bytes(guard(OWNER, 10), 5, 10, bytes_max)).await;
            assert_eq!(reply, picked(&all[..found]), "{bytes_max} bytes");
        }
    })
    .await;
}
