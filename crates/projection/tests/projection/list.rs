//! Questions about escalations.

use crate::log::{
    Entry, all, batch, dismissed, escalated, events, key, open, page, position, record, redelivered,
};
use aerogram_domain::escalations::{Fault, State};
use aerogram_projection::{Cursor, Projection, Query};
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::Reason;
use tempfile::TempDir;

/// e-1 to e-6: 2 dismissed, 3 redelivered, 4 our fault, 5 of another pair, 6 of another type and gone.
async fn sample() -> (TempDir, Projection) {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    let changed = |number: u8, change: fn(&mut aerogram_wire::v1::Escalation)| {
        let mut record = record(number);
        change(&mut record);
        Entry::Escalated(key(number), Box::new(record))
    };
    let entries = [
        escalated(1),
        escalated(2),
        escalated(3),
        changed(4, |record| record.reason = Reason::Platform.into()),
        changed(5, |record| {
            let delivery = record.delivery.as_mut().unwrap();
            delivery.scope.as_mut().unwrap().partner = "app-2".into();
        }),
        changed(6, |record| {
            record.reason = Reason::Gone.into();
            let delivery = record.delivery.as_mut().unwrap();
            delivery.event.as_mut().unwrap().r#type = "OrderCreated".into();
        }),
        dismissed(2, "x"),
        redelivered(3),
    ];
    projection.apply(batch(0, &entries)).await.unwrap();
    (dir, projection)
}

#[tokio::test]
async fn every_filter_leaves_out_what_it_says() {
    let (_dir, projection) = sample().await;
    let text = |text: &str| Some(text.to_owned());
    let any = || Query { limit: 100, ..Query::default() };
    let cases: Vec<(Query, &[&str])> = vec![
        (any(), &["e-6", "e-5", "e-4", "e-3", "e-2", "e-1"]),
        (Query { state: Some(State::Open), ..any() }, &["e-6", "e-5", "e-4", "e-1"]),
        (Query { state: Some(State::Dismissed), ..any() }, &["e-2"]),
        (Query { state: Some(State::Redelivered), ..any() }, &["e-3"]),
        (
            Query { partner: text("app-1"), operator: text("acme"), ..any() },
            &["e-6", "e-4", "e-3", "e-2", "e-1"],
        ),
        (Query { partner: text("app-2"), ..any() }, &["e-5"]),
        (Query { operator: text("nobody"), ..any() }, &[]),
        (Query { subscription_id: text("s-0"), ..any() }, &["e-6", "e-4", "e-2"]),
        (
            Query {
                partner: text("app-2"),
                operator: text("acme"),
                subscription_id: text("s-0"),
                state: Some(State::Open),
                ..any()
            },
            &[],
        ),
        (Query { event_type: text("OrderCreated"), ..any() }, &["e-6"]),
        (Query { reason: Some(Reason::Gone), ..any() }, &["e-6"]),
        (Query { fault: Some(Fault::Platform), ..any() }, &["e-4"]),
        (Query { fault: Some(Fault::Receiver), state: Some(State::Open), ..any() }, &["e-6", "e-5", "e-1"]),
        (Query { since_ms: Some(3_000), until_ms: Some(5_000), ..any() }, &["e-4", "e-3"]),
    ];
    for (query, expected) in cases {
        assert_eq!(events(&page(&projection, query.clone()).await.rows), expected, "{query:?}");
    }
}

#[tokio::test]
async fn pages_follow_one_another_whatever_comes_in_meanwhile() {
    let (_dir, projection) = sample().await;
    let expected = all(&projection).await;
    let (mut seen, mut after, mut number) = (Vec::new(), None, 100);
    loop {
        let query = Query { after, limit: 2, ..Query::default() };
        let page = page(&projection, query).await;
        assert!(page.rows.len() <= 2);
        seen.extend(page.rows);
        let Some(next) = page.next else { break };
        // A cursor survives being written down.
        after = Some(next.to_string().parse().unwrap());
        let from = position(&projection).await.unwrap();
        projection.apply(batch(from, &[escalated(number)])).await.unwrap();
        number += 1;
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn of_one_moment_each_is_listed_once() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    let runs: Vec<Entry> = [0, 1, u64::MAX, u64::MAX / 2]
        .map(|run| Entry::Escalated(RunKey { run, ..key(1) }, Box::new(record(1))))
        .into_iter()
        .chain([2, 3].map(|number| {
            Entry::Escalated(
                key(number),
                Box::new(aerogram_wire::v1::Escalation { escalated_at_ms: 1_000, ..record(number) }),
            )
        }))
        .collect();
    projection.apply(batch(0, &runs)).await.unwrap();
    let expected = all(&projection).await;
    assert_eq!(expected.len(), 6);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = page(&projection, Query { after, limit: 1, ..Query::default() }).await;
        seen.extend(page.rows);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, expected);
}

#[test]
fn what_is_no_cursor_is_refused() {
    let cursor = "00000000000003e8abababababababababababababababab0000000000000001";
    assert_eq!(cursor.parse::<Cursor>().unwrap().to_string(), cursor);
    let upper = cursor.to_uppercase();
    let long = format!("{cursor}0");
    for wrong in ["", "o7", &cursor[1..], &long, &upper, &cursor.replace("03e8", "+3e8"), &"é".repeat(32)] {
        assert!(wrong.parse::<Cursor>().is_err(), "{wrong}");
    }
}
