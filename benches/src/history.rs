//! How fast the history of deliveries is written, how large it is, and how quickly it is paged through: the projection alone,
//! filled by what twelve partitions of `deliveries` and of `attempts` would tell it.

use crate::latency::quantile;
use crate::options::Options;
use aerogram_domain::history::{Record, Status};
use aerogram_domain::identity::Position;
use aerogram_projection::{About, Batch, Change, DeliveryQuery, Entitled, EventSearch, Issued, Projection};
use aerogram_wire::Topic;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Attempt, Line, LineKind, Outcome};
use anyhow::{Context, Result};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

const PARTITIONS: u64 = 12;
/// As whoever follows a topic hands them in.
const BATCH: usize = 1_000;
const OWNERS: u64 = 50;
const SUBSCRIPTIONS: u64 = 2_000;
const EVENT_TYPES: u64 = 26;
/// Deliveries of one event, and of one subject.
const OF_EVENT: u64 = 2;
const OF_SUBJECT: u64 = 40;
const BEGIN_MS: i64 = 1_800_000_000_000;
const WEEK_MS: u64 = 7 * 86_400_000;
const DAY_MS: i64 = 86_400_000;
/// Of each question.
const ASKED: u64 = 400;
const LIMIT: usize = 50;

#[derive(Serialize, Clone, Debug)]
pub struct History {
    pub rows: u64,
    /// Until each delivery is issued and its outcome told.
    pub seconds: f64,
    pub rows_per_s: f64,
    /// Of the file, indexes and all.
    pub bytes_per_row: f64,
    /// All of the file is looked at then.
    pub opened_in_s: f64,
    /// By what is asked for.
    pub pages: BTreeMap<&'static str, Page>,
}

#[derive(Serialize, Clone, Copy, Debug)]
pub struct Page {
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// On a page, in the mean.
    pub rows: f64,
}

pub async fn measure(options: &Options) -> Result<History> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("history.sqlite");
    let rows = options.history_rows.max(OF_SUBJECT * PARTITIONS);
    let projection = open(&path).await?;
    let began = Instant::now();
    let writers: Vec<_> =
        (0..PARTITIONS).map(|partition| tokio::spawn(fill(projection.clone(), partition, rows))).collect();
    for writer in writers {
        writer.await??;
    }
    let seconds = began.elapsed().as_secs_f64();
    projection.close().await?;
    let bytes = fs::metadata(&path).with_context(|| format!("the size of {}", path.display()))?.len();
    let began = Instant::now();
    let projection = open(&path).await?;
    let opened_in_s = began.elapsed().as_secs_f64();
    let mut pages = BTreeMap::new();
    for (name, question) in QUESTIONS {
        let asked = async |number| Ok(projection.deliveries(question(number, rows)).await?.rows.len());
        pages.insert(name, ask(rows, asked).await?);
    }
    let searched = async |number| Ok(projection.search_events(of_flight(number)).await?.events.len());
    pages.insert("events by flight number", ask(rows, searched).await?);
    projection.close().await?;
    Ok(History {
        rows,
        seconds,
        rows_per_s: rows as f64 / seconds,
        bytes_per_row: bytes as f64 / rows as f64,
        opened_in_s,
        pages,
    })
}

async fn open(path: &Path) -> Result<Projection> {
    let options = aerogram_projection::Options {
        read_timeout_ms: 60_000,
        path: Some(path.to_owned()),
        layout_id: "bench".to_owned(),
        escalations_max: 1_000,
        history_retention_ms: WEEK_MS,
        log_retention_ms: WEEK_MS,
        history_bytes_max: u64::MAX,
    };
    Ok(Projection::open(options).await?)
}

/// Every twelfth delivery, each a moment after the one before.
async fn fill(projection: Projection, partition: u64, rows: u64) -> Result<()> {
    let mut numbers = (partition..rows).step_by(PARTITIONS as usize).peekable();
    let mut offset = 0;
    while numbers.peek().is_some() {
        let numbers: Vec<u64> = numbers.by_ref().take(BATCH).collect();
        let issue = |number: &u64| Change::Issued(Box::new(issued(*number, rows)));
        let issues: Vec<_> = numbers.iter().map(issue).collect();
        let lines = numbers.iter().filter_map(|number| told(*number, rows)).collect();
        offset += i64::try_from(numbers.len())?;
        for (topic, changes) in [(Topic::Deliveries, issues), (Topic::Attempts, lines)] {
            let batch = Batch::new(topic, i32::try_from(partition)?, offset);
            projection.apply(Batch { changes, ..batch }).await?;
        }
    }
    Ok(())
}

fn key(number: u64) -> RunKey {
    let hash = Sha256::digest(number.to_be_bytes());
    RunKey { delivery_id: hash.first_chunk().copied().unwrap_or_default(), run: 0 }
}

fn issued_at_ms(number: u64, rows: u64) -> i64 {
    BEGIN_MS + (u128::from(number) * u128::from(WEEK_MS) / u128::from(rows)) as i64
}

/// Half of all have the first tenth of the owners.
fn owner(number: u64) -> u64 {
    let spread = number / OF_EVENT * 7;
    if spread.is_multiple_of(2) { spread / 2 % (OWNERS / 10) } else { spread % OWNERS }
}

fn subscription(number: u64) -> String {
    let of_owner = SUBSCRIPTIONS / OWNERS;
    format!("0197a3c0-0000-7000-8000-{:012}", owner(number) * of_owner + number * 13 % of_owner)
}

fn event_type(number: u64) -> String {
    format!("FLIGHT_EVENT_OF_TYPE_{}", number / OF_EVENT * 11 % EVENT_TYPES)
}

fn event_id(number: u64) -> String {
    format!("3f1c9a52-7d4e-4b1a-9c55-{:012}", number / OF_EVENT)
}

fn subject(number: u64) -> String {
    format!("XY{}/2026-03-04/ZRH", number / OF_SUBJECT)
}

/// A flight number.
fn word(number: u64) -> String {
    format!("xy{}", number / OF_SUBJECT)
}

fn issued(number: u64, rows: u64) -> Issued {
    let (owner, issued_at_ms) = (owner(number), issued_at_ms(number, rows));
    Issued {
        key: key(number),
        about: About {
            partner: format!("partner-{}", owner / 2),
            operator: format!("operator-{owner}"),
            subscription_id: subscription(number),
            event_type: event_type(number),
            event_id: event_id(number),
            subject: subject(number),
            environment: "production".to_owned(),
            event_position: Position {
                partition: (number % PARTITIONS) as i32,
                offset: (number / OF_EVENT).cast_signed(),
            },
            issued_at_ms,
            once: false,
        },
        record: Record { since_ms: issued_at_ms, ..Record::default() },
        words: vec![word(number)],
    }
}

/// Of a thousand 5 are on their way still, 10 wait, and 10 were given up.
fn told(number: u64, rows: u64) -> Option<Change> {
    let (kind, outcome, status) = match number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & 1_023 {
        0..5 => return None,
        5..15 => (LineKind::Retry, Outcome::Http5xx, 503),
        15..25 => (LineKind::Escalated, Outcome::Http4xx, 404),
        _ => (LineKind::Delivered, Outcome::Delivered, 204),
    };
    let at_ms = issued_at_ms(number, rows) + 150;
    let attempt = Attempt {
        number: 1,
        started_at_ms: at_ms - 130,
        duration_ms: 120,
        outcome: outcome.into(),
        status,
        excerpt: if status == 204 { String::new() } else { "{\"error\":\"no such flight here\"}".to_owned() },
        ..Attempt::default()
    };
    let line = Line {
        kind: kind.into(),
        attempt: Some(attempt),
        attempts_made: 1,
        due_at_ms: at_ms + 5_000,
        ..Line::default()
    };
    Some(Change::Line { key: key(number), line: Box::new(line), appended_at_ms: at_ms })
}

/// What somebody asks who has seen the delivery of this number.
type Question = fn(u64, u64) -> DeliveryQuery;

const QUESTIONS: [(&str, Question); 10] = [
    ("first page", |number, _| of_owner(number)),
    ("deep page", |number, rows| {
        let seen = aerogram_projection::DeliveryCursor::of(key(number), issued_at_ms(number, rows));
        DeliveryQuery { after: Some(seen), ..of_owner(number) }
    }),
    ("first page of everybody's", |_, _| DeliveryQuery { limit: LIMIT, ..DeliveryQuery::default() }),
    ("by status ESCALATED", |number, _| DeliveryQuery {
        statuses: vec![Status::Escalated],
        ..of_owner(number)
    }),
    ("by subscription", |number, _| DeliveryQuery {
        subscription_id: Some(subscription(number)),
        ..of_owner(number)
    }),
    ("by event type", |number, _| DeliveryQuery { event_type: Some(event_type(number)), ..of_owner(number) }),
    ("by event type, everybody's", |number, _| DeliveryQuery {
        event_type: Some(event_type(number)),
        limit: LIMIT,
        ..DeliveryQuery::default()
    }),
    ("by subject", |number, _| DeliveryQuery { subject: Some(subject(number)), ..of_owner(number) }),
    ("by event id", |number, _| DeliveryQuery { event_id: Some(event_id(number)), ..of_owner(number) }),
    ("a day, oldest first", |number, rows| DeliveryQuery {
        issued_from_ms: Some(issued_at_ms(number, rows)),
        issued_until_ms: Some(issued_at_ms(number, rows) + DAY_MS),
        ascending: true,
        ..of_owner(number)
    }),
];

fn of_owner(number: u64) -> DeliveryQuery {
    let owner = owner(number);
    DeliveryQuery {
        partner: Some(format!("partner-{}", owner / 2)),
        operator: Some(format!("operator-{owner}")),
        limit: LIMIT,
        ..DeliveryQuery::default()
    }
}

fn of_flight(number: u64) -> EventSearch {
    let DeliveryQuery { partner, operator, .. } = of_owner(number);
    EventSearch {
        text: word(number),
        operator,
        partner,
        entitled: Entitled::new(|_| true),
        after: None,
        limit: LIMIT,
        not_before_ms: 0,
    }
}

/// Says how many rows are on the page that somebody asks for who has seen the delivery of a number.
async fn ask(rows: u64, page: impl AsyncFn(u64) -> Result<usize>) -> Result<Page> {
    let (mut took_ms, mut found) = (Vec::new(), 0);
    for turn in 0..ASKED {
        // All over the week.
        let number = (turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16) % rows;
        let began = Instant::now();
        found += page(number).await?;
        took_ms.push(began.elapsed().as_secs_f64() * 1e3);
    }
    took_ms.sort_by(f64::total_cmp);
    Ok(Page {
        p50_ms: quantile(&took_ms, 0.5),
        p99_ms: quantile(&took_ms, 0.99),
        rows: found as f64 / ASKED as f64,
    })
}
