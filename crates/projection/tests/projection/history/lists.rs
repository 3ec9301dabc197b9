//! Questions about deliveries, against the same rows in memory.

use super::{all, apply, issued, key, open, page, told};
use aerogram_domain::history::Status;
use aerogram_projection::Change;
use aerogram_projection::{DeliveryCursor, DeliveryQuery, DeliveryRow, Projection};
use aerogram_wire::Topic;
use aerogram_wire::v1::{LineKind, Outcome};
use tempfile::TempDir;

const ROWS: u64 = 400;

/// Of every status, many of one moment.
async fn sample() -> (TempDir, Projection) {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    let issue = |number: u64| issued(number, 1_000 + (number * 37 % 90).cast_signed());
    apply(&projection, Topic::Deliveries, (0..ROWS).map(issue).collect()).await;
    let tell = |number: u64| {
        let kind = match number % 11 {
            0 => LineKind::Retry,
            1 => LineKind::Parked,
            2 => LineKind::Escalated,
            3 => LineKind::Cancelled,
            4 => LineKind::Superseded,
            5 => LineKind::Expired,
            6 => return None,
            _ => LineKind::Delivered,
        };
        Some(told(number, kind, 2_000))
    };
    apply(&projection, Topic::Attempts, (0..ROWS).filter_map(tell).collect()).await;
    // One that no list shows.
    apply(&projection, Topic::Attempts, vec![told(999, LineKind::Delivered, 2_000)]).await;
    (dir, projection)
}

/// What a question is to give, all pages together.
fn expected(rows: &[DeliveryRow], query: &DeliveryQuery) -> Vec<DeliveryRow> {
    let is = |asked: &Option<String>, there: &str| asked.as_deref().is_none_or(|asked| asked == there);
    let wanted = |row: &&DeliveryRow| {
        is(&query.partner, &row.about.partner)
            && is(&query.operator, &row.about.operator)
            && (query.statuses.is_empty() || query.statuses.contains(&row.status))
            && is(&query.subscription_id, &row.about.subscription_id)
            && is(&query.event_type, &row.about.event_type)
            && is(&query.subject, &row.about.subject)
            && is(&query.event_id, &row.about.event_id)
            && query.issued_from_ms.is_none_or(|from| row.about.issued_at_ms >= from)
            && query.issued_until_ms.is_none_or(|until| row.about.issued_at_ms < until)
            && (query.last_outcomes.is_empty()
                || query.last_outcomes.contains(&row.attempts.last().map(|last| last.outcome())))
            && query.attempts_min.is_none_or(|min| row.attempts_made >= min)
            && query.attempts_max.is_none_or(|max| row.attempts_made <= max)
            && (!row.status.is_final() || row.about.issued_at_ms >= query.not_before_ms)
    };
    let mut found: Vec<_> = rows.iter().filter(wanted).cloned().collect();
    found.sort_by_key(DeliveryRow::cursor);
    if !query.ascending {
        found.reverse();
    }
    found
}

async fn paged(projection: &Projection, mut query: DeliveryQuery) -> Vec<DeliveryRow> {
    let mut rows = Vec::new();
    loop {
        let found = page(projection, query.clone()).await;
        assert!(found.rows.len() <= query.limit);
        rows.extend(found.rows);
        let Some(next) = found.next else { return rows };
        // A cursor survives being written down.
        query.after = Some(next.to_string().parse().unwrap());
    }
}

/// Every combination of these.
fn questions() -> Vec<DeliveryQuery> {
    let text = |text: &str| Some(text.to_owned());
    let none = DeliveryQuery { limit: 9, ..DeliveryQuery::default() };
    let owners = [
        none.clone(),
        DeliveryQuery { partner: text("app-1"), operator: text("op-0"), ..none.clone() },
        DeliveryQuery { partner: text("app-2"), ..none.clone() },
        DeliveryQuery { partner: text("nobody"), ..none },
    ];
    let statuses = [
        vec![],
        vec![Status::Delivered],
        vec![Status::Escalated, Status::Parked, Status::Parked],
        vec![Status::Pending, Status::Retrying, Status::Expired, Status::Superseded, Status::Cancelled],
    ];
    let narrower: [fn(&mut DeliveryQuery); 14] = [
        |_| {},
        |query| query.subscription_id = Some("s-4".into()),
        |query| query.subscription_id = Some("s-nobody's".into()),
        |query| query.event_type = Some("FLIGHT_CANCEL".into()),
        |query| query.subject = Some("AB3".into()),
        |query| query.event_id = Some("e-7".into()),
        |query| {
            query.subscription_id = Some("s-4".into());
            query.event_type = Some("OrderCreated".into());
        },
        |query| {
            query.subject = Some("AB1".into());
            query.subscription_id = Some("s-7".into());
            query.event_type = Some("FLIGHT_CREATE".into());
        },
        |query| {
            query.subject = Some("AB1".into());
            query.event_id = Some("e-1".into());
        },
        |query| query.last_outcomes = vec![None],
        |query| query.last_outcomes = vec![Some(Outcome::Http5xx), Some(Outcome::Delivered)],
        |query| {
            query.last_outcomes = vec![Some(Outcome::Http5xx), None];
            query.subscription_id = Some("s-4".into());
            query.attempts_max = Some(1);
        },
        |query| {
            query.attempts_min = Some(1);
            query.event_type = Some("FLIGHT_CANCEL".into());
        },
        |query| {
            (query.attempts_min, query.attempts_max) = (Some(0), Some(0));
            query.subject = Some("AB1".into());
        },
    ];
    let times: [fn(&mut DeliveryQuery); 4] = [
        |_| {},
        |query| (query.issued_from_ms, query.issued_until_ms) = (Some(1_010), Some(1_050)),
        |query| query.not_before_ms = 1_040,
        |query| (query.issued_from_ms, query.not_before_ms, query.ascending) = (Some(1_020), 1_030, true),
    ];
    let mut questions = Vec::new();
    for owner in &owners {
        for statuses in &statuses {
            for narrow in narrower {
                for time in times {
                    let mut query = DeliveryQuery { statuses: statuses.clone(), ..owner.clone() };
                    narrow(&mut query);
                    time(&mut query);
                    questions.push(query);
                }
            }
        }
    }
    questions
}

#[tokio::test]
async fn every_filter_leaves_out_what_it_says_page_by_page_in_order() {
    let (_dir, projection) = sample().await;
    let rows = all(&projection).await;
    assert_eq!(rows.len(), ROWS as usize);
    let mut found_some = 0;
    for query in questions() {
        let expected = expected(&rows, &query);
        assert_eq!(paged(&projection, query.clone()).await, expected, "{query:?}");
        let counted = projection.count_deliveries(query.clone(), 1_000).await.unwrap();
        assert_eq!(counted, expected.len() as u64, "{query:?}");
        let at_most = projection.count_deliveries(query.clone(), 5).await.unwrap();
        assert_eq!(at_most, counted.min(5), "{query:?}");
        found_some += usize::from(!expected.is_empty());
    }
    assert!(found_some > 200, "{found_some}");
}

#[tokio::test]
async fn what_few_rows_fit_is_looked_for_part_by_part_and_found_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    // More of one sort than are looked at at once.
    let numbers = 0..14_000_u64;
    let issue = |number: u64| issued(number * 12, 1_000 + number.cast_signed());
    apply(&projection, Topic::Deliveries, numbers.clone().map(issue).collect()).await;
    let tell = |number: u64| told(number * 12, LineKind::Delivered, 90_000);
    apply(&projection, Topic::Attempts, numbers.map(tell).collect()).await;
    let again = |number: u64| {
        let Change::Line { key, mut line, .. } = told(number * 12, LineKind::Retry, 80_000) else { panic!() };
        line.attempts_made = 2;
        Change::Line { key, line, appended_at_ms: 80_000 }
    };
    let late = 20_000..20_003_u64;
    apply(&projection, Topic::Deliveries, late.clone().map(issue).collect()).await;
    apply(&projection, Topic::Attempts, late.clone().map(again).collect()).await;
    let query = DeliveryQuery {
        subscription_id: Some("s-0".into()),
        attempts_min: Some(2),
        limit: 2,
        ..DeliveryQuery::default()
    };
    for ascending in [false, true] {
        let query = DeliveryQuery { ascending, ..query.clone() };
        let found = paged(&projection, query.clone()).await;
        let mut expected: Vec<_> = late.clone().map(|number| key(number * 12)).collect();
        if !ascending {
            expected.reverse();
        }
        assert_eq!(found.iter().map(|row| row.key).collect::<Vec<_>>(), expected, "{ascending}");
        let first = page(&projection, query.clone()).await;
        assert!(first.next.is_some() && (first.rows.is_empty() == ascending), "{first:?}");
        let counted = projection.deliveries_counted(query, 10).await.unwrap();
        assert!(counted.is_at_least && counted.rows <= 3, "{counted:?}");
    }
    // None of those that failed can be among what was delivered, so that is not looked at.
    let failed = DeliveryQuery { last_outcomes: vec![Some(Outcome::Http5xx)], ..query };
    let counted = projection.deliveries_counted(failed.clone(), 10).await.unwrap();
    assert_eq!((counted.rows, counted.is_at_least), (3, false));
    let page = page(&projection, DeliveryQuery { limit: 5, ..failed }).await;
    assert_eq!((page.rows.len(), page.next), (3, None));
}

#[tokio::test]
async fn pages_follow_one_another_whatever_comes_in_meanwhile() {
    let (_dir, projection) = sample().await;
    let before = all(&projection).await;
    for ascending in [false, true] {
        let mut query = DeliveryQuery { limit: 50, ascending, ..DeliveryQuery::default() };
        let (mut seen, mut number) = (Vec::new(), 1_000);
        loop {
            let found = page(&projection, query.clone()).await;
            seen.extend(found.rows.into_iter().map(|row| row.key));
            let Some(next) = found.next else { break };
            query.after = Some(next);
            // Older, newer, and of moments that there are.
            let issue = |number: u64| issued(number, 990 + (number * 13 % 120).cast_signed());
            apply(&projection, Topic::Deliveries, (number..number + 20).map(issue).collect()).await;
            number += 20;
        }
        let unique: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!(unique.len(), seen.len(), "each at most once");
        assert!(before.iter().all(|row| seen.contains(&row.key)), "none left out");
    }
}

#[tokio::test]
async fn what_is_older_than_it_may_be_is_not_shown_unless_it_has_not_ended() {
    let (_dir, projection) = sample().await;
    let find = async |number, not_before_ms| projection.delivery(key(number), not_before_ms).await.unwrap();
    assert!(find(7, 1_000).await.is_some_and(|row| row.status == Status::Delivered));
    assert!(find(7, 1_091).await.is_none());
    assert!(find(1, 1_091).await.is_some_and(|row| row.status == Status::Parked));
}

#[test]
fn what_is_no_cursor_is_refused() {
    let cursor = "00000000000003e8ab0123456789abcd";
    assert_eq!(cursor.parse::<DeliveryCursor>().unwrap().to_string(), cursor);
    let (upper, long) = (cursor.to_uppercase(), format!("{cursor}0"));
    for wrong in ["", "o7", &cursor[1..], &long, &upper, &cursor.replace("03e8", "+3e8"), &"é".repeat(16)] {
        assert!(wrong.parse::<DeliveryCursor>().is_err(), "{wrong}");
    }
}
