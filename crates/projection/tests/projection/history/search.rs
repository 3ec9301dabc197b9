//! Searching for events.

use std::collections::{BTreeMap, BTreeSet};

use super::{apply, open, open_with, told};
use aerogram_domain::history::{Status, search_words};
use aerogram_domain::identity::Position;
use aerogram_projection::{
    Change, Entitled, EventCursor, EventSearch, FoundEvent, FoundEvents, Issued, Projection, Unmatched,
};
use aerogram_wire::Topic;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Delivery, Event, EventName, EventReceipt, LineKind, Position as Place, Scope};

/// Words stand together for so long.
const SPAN_MS: i64 = 21_600_000;

/// An event that was accepted.
#[derive(Clone, Debug)]
struct Accepted {
    event: Event,
    at_ms: i64,
    position: Position,
}

fn accepted(number: i64, at_ms: i64) -> Accepted {
    let event = Event {
        id: format!("Event-{number}"),
        r#type: "FLIGHT_CREATE".into(),
        operator: "op-1".into(),
        environment: "production".into(),
        subject: "FL-1".into(),
        data: br#"{"flightId":"FL-1","flightNumber":"EXA101"}"#.to_vec().into(),
        ..Event::default()
    };
    Accepted { event, at_ms, position: Position { partition: 3, offset: number } }
}

impl Accepted {
    fn delivery(&self, partner: &str, run: u64) -> Delivery {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.position.offset.to_be_bytes());
        id[8..12].copy_from_slice(&self.position.partition.to_be_bytes());
        id[12..].copy_from_slice(&partner.as_bytes()[partner.len() - 4..]);
        Delivery {
            delivery_id: id.to_vec().into(),
            run,
            subscription_id: format!("s-{partner}"),
            scope: Some(Scope { partner: partner.into(), operator: self.event.operator.clone() }),
            event: Some(self.event.clone()),
            event_position: Some(self.position.into()),
            accepted_at_ms: self.at_ms,
            issued_at_ms: if run == 0 { 0 } else { self.at_ms + 77 },
            ..Delivery::default()
        }
    }

    fn issued(&self, partner: &str, run: u64) -> Change {
        issued(&self.delivery(partner, run), self.at_ms)
    }

    fn ended(&self, partner: &str) -> Change {
        let Change::Line { line, appended_at_ms, .. } = told(0, LineKind::Delivered, self.at_ms + 5) else {
            unreachable!()
        };
        let key = RunKey::new(&self.delivery(partner, 0).delivery_id, 0).unwrap();
        Change::Line { key, line, appended_at_ms }
    }

    fn unmatched(&self, repeats: Option<Position>) -> Change {
        let name = EventName {
            id: self.event.id.clone(),
            r#type: self.event.r#type.clone(),
            operator: self.event.operator.clone(),
            contract: "C-1".into(),
            environment: self.event.environment.clone(),
            subject: self.event.subject.clone(),
            accepted_at_ms: self.at_ms,
            words: search_words(&self.event.subject, &self.event.data),
            ..EventName::default()
        };
        let receipt = EventReceipt {
            offset: self.position.offset,
            matches: 0,
            duplicate_of: repeats.map(Place::from),
            name: Some(name),
        };
        let unmatched = Unmatched::of(self.position.partition, &receipt, self.at_ms).unwrap();
        Change::Unmatched(Box::new(unmatched))
    }
}

fn issued(delivery: &Delivery, appended_at_ms: i64) -> Change {
    Change::Issued(Box::new(Issued::of_delivery(delivery, appended_at_ms).unwrap()))
}

fn search(text: &str) -> EventSearch {
    EventSearch {
        text: text.to_owned(),
        operator: Some("op-1".into()),
        partner: Some("app-1".into()),
        entitled: Entitled::new(|_| true),
        after: None,
        limit: 50,
        not_before_ms: 0,
    }
}

async fn find(projection: &Projection, search: EventSearch) -> FoundEvents {
    projection.search_events(search).await.unwrap()
}

async fn ids(projection: &Projection, search: EventSearch) -> Vec<String> {
    find(projection, search).await.events.into_iter().map(|event| event.event_id).collect()
}

#[tokio::test]
async fn an_event_is_found_by_what_people_call_it() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    let flight = accepted(1, 1_000);
    let mut order = accepted(2, 2_000);
    order.event.r#type = "OrderCreated".into();
    order.event.subject = "AGW-1".into();
    order.event.data =
        br#"{"agwID":"AGW-1","pnr":"ABC123","segments":[{"flightNumber":"EXA101"}]}"#.to_vec().into();
    let repeated = Accepted { at_ms: 3_000, position: Position { partition: 3, offset: 3 }, ..order.clone() };
    let deliveries = vec![flight.issued("app-1", 0), flight.issued("app-1", 9), flight.issued("other", 0)];
    apply(&projection, Topic::Deliveries, deliveries).await;
    apply(&projection, Topic::Attempts, vec![flight.ended("app-1")]).await;
    let receipts = vec![order.unmatched(None), repeated.unmatched(Some(order.position))];
    apply(&projection, Topic::Matches, receipts).await;

    let flights = FoundEvent {
        event_id: "Event-1".into(),
        event_type: "FLIGHT_CREATE".into(),
        subject: "FL-1".into(),
        operator: "op-1".into(),
        environment: "production".into(),
        contract: None,
        accepted_at_ms: 1_000,
        repeats: None,
        deliveries: vec![(Status::Pending, 1), (Status::Delivered, 1)],
        deliveries_are_at_least: false,
    };
    for text in ["Event-1", "eVENT-1", "FL-1", "fl-1", " fl-1 "] {
        let found = find(&projection, search(text)).await;
        assert_eq!((found.events, found.next), (vec![flights.clone()], None), "{text}");
    }
    let found = find(&projection, search("exa101")).await.events;
    assert_eq!(found.len(), 3);
    assert_eq!(found[2], flights);
    assert_eq!((found[0].repeats, found[1].repeats), (Some(order.position), None));
    assert_eq!((found[1].contract.as_deref(), found[1].deliveries.len()), (Some("C-1"), 0));
    for text in ["abc123", "AGW-1", "event-2"] {
        assert_eq!(ids(&projection, search(text)).await, ["Event-2", "Event-2"], "{text}");
    }
    for text in ["ABC12", "ABC1234", "%", "C-1", "FLIGHT_CREATE", "a\0b", &"x".repeat(3_000)] {
        assert_eq!(ids(&projection, search(text)).await, [""; 0], "{text}");
    }
    let everybodys = EventSearch { operator: None, partner: None, ..search("FL-1") };
    let found = find(&projection, everybodys).await.events;
    assert_eq!(found[0].deliveries, [(Status::Pending, 2), (Status::Delivered, 1)]);
    let others = EventSearch { operator: Some("op-2".into()), ..search("FL-1") };
    assert_eq!(ids(&projection, others).await, [""; 0]);
}

#[tokio::test]
async fn who_may_not_have_a_type_finds_what_it_got() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    let [got, others, nobodys] = [1, 2, 3].map(|number| accepted(number, number));
    let tested = Delivery { once: true, ..accepted(4, 4).delivery("app-1", 1) };
    let deliveries = vec![got.issued("app-1", 0), others.issued("app-22", 0), issued(&tested, 4)];
    apply(&projection, Topic::Deliveries, deliveries).await;
    apply(&projection, Topic::Matches, vec![nobodys.unmatched(None)]).await;
    // By what it is called, not by what else it says.
    for (text, found) in
        [("EXA101", &[][..]), ("FL-1", &["Event-1"]), ("fl-1", &["Event-1"]), ("eVENT-1", &["Event-1"])]
    {
        let shut_out = EventSearch { entitled: Entitled::new(|_| false), ..search(text) };
        assert_eq!(ids(&projection, shut_out).await, found, "{text}");
    }
    for text in ["EXA101", "FL-1"] {
        assert_eq!(ids(&projection, search(text)).await, ["Event-3", "Event-2", "Event-1"], "{text}");
        // Whoever has no deliveries sees what there is all the same.
        let new = EventSearch { partner: Some("app-9".into()), ..search(text) };
        let found = find(&projection, new).await.events;
        assert!(found.len() == 3 && found.iter().all(|event| event.deliveries.is_empty()), "{found:?}");
    }
}

/// Whatever there is, page by page, all of it once and in its order.
#[tokio::test]
async fn pages_have_what_there_is() {
    const TEXTS: [&str; 6] = ["exa101", "Exa102", "FL-1", "fl-2", "event-7", "nothing"];
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    let mut all: BTreeMap<EventCursor, (Accepted, BTreeSet<&str>)> = BTreeMap::new();
    let mut state = 7_u64;
    let mut pick = |of: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % of
    };
    for number in 0..400 {
        // Many at one moment, and some spans with nothing.
        let at_ms = [0, 1, 2, 9, 10][pick(5) as usize] * SPAN_MS + pick(3) as i64;
        let mut one = accepted(number, at_ms);
        one.position.partition = pick(3) as i32;
        one.event.id = format!("EVENT-{}", number / 2);
        one.event.operator = format!("op-{}", pick(2));
        one.event.subject = ["FL-1", "Fl-1", "FL-2", ""][pick(4) as usize].into();
        one.event.r#type = ["FLIGHT_CREATE", "OrderCreated"][pick(2) as usize].into();
        let data =
            [r#"{"flightNumber":"EXA101"}"#, r#"{"pnr":"exa102","flightNumber":"EXA101"}"#, "{}", "oh"];
        one.event.data = data[pick(4) as usize].as_bytes().to_vec().into();
        let partners: BTreeSet<_> =
            ["app-1", "other", "third one"].into_iter().filter(|_| pick(3) == 0).collect();
        match partners.is_empty() {
            true => apply(&projection, Topic::Matches, vec![one.unmatched(None)]).await,
            false => {
                let deliveries = partners.iter().map(|partner| one.issued(partner, 0)).collect();
                apply(&projection, Topic::Deliveries, deliveries).await;
            }
        }
        all.insert(EventCursor { accepted_at_ms: at_ms, position: one.position }, (one, partners));
    }
    let is_called = |one: &Accepted, text: &str| {
        let event = &one.event;
        event.id.eq_ignore_ascii_case(text) || event.subject.eq_ignore_ascii_case(text)
    };
    let is = |one: &Accepted, text: &str| {
        let event = &one.event;
        is_called(one, text) || search_words(&event.subject, &event.data).contains(&text.to_lowercase())
    };
    let entitled = |event_type: &str| event_type != "OrderCreated";
    let mut found_some = 0;
    for text in TEXTS {
        for (operator, partner) in [(None, None), (Some("op-1"), None), (Some("op-1"), Some("app-1"))] {
            for (limit, not_before_ms) in [(1, 0), (3, SPAN_MS + 1), (7, 0), (1_000, 9 * SPAN_MS + 2)] {
                let told: Vec<_> = all
                    .iter()
                    .rev()
                    .filter(|(at, (one, partners))| {
                        let own =
                            partner.is_some_and(|partner| partners.contains(partner)) && is_called(one, text);
                        at.accepted_at_ms >= not_before_ms
                            && is(one, text)
                            && operator.is_none_or(|operator| one.event.operator == operator)
                            && (own || entitled(&one.event.r#type))
                    })
                    .map(|(at, (one, _))| (at.accepted_at_ms, one.event.id.clone()))
                    .collect();
                let query = EventSearch {
                    operator: operator.map(str::to_owned),
                    partner: partner.map(str::to_owned),
                    entitled: Entitled::new(entitled),
                    limit,
                    not_before_ms,
                    ..search(text)
                };
                let (mut found, mut after) = (Vec::new(), None);
                loop {
                    let page = find(&projection, EventSearch { after, ..query.clone() }).await;
                    assert!(page.events.len() == limit || page.next.is_none());
                    found.extend(page.events.into_iter().map(|event| (event.accepted_at_ms, event.event_id)));
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                assert_eq!(found, told, "{query:?}");
                found_some += found.len();
            }
        }
    }
    assert!(found_some > 1_000, "{found_some}");
}

/// Those that may not be seen do not make a page endless.
#[tokio::test]
async fn a_page_of_what_is_hardly_ever_to_be_seen_says_where_it_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    let all: Vec<_> = (0..2_500).map(|number| accepted(number, 1_000 + number)).collect();
    apply(&projection, Topic::Matches, all.iter().map(|one| one.unmatched(None)).collect()).await;
    apply(&projection, Topic::Deliveries, vec![all[3].issued("app-1", 0)]).await;
    let shut_out = EventSearch { entitled: Entitled::new(|_| false), ..search("FL-1") };
    let first = find(&projection, shut_out.clone()).await;
    assert!(first.events.is_empty() && first.next.is_some(), "{first:?}");
    let second = find(&projection, EventSearch { after: first.next, ..shut_out }).await;
    assert_eq!((second.events.len(), second.next), (1, None));
}

#[tokio::test]
async fn words_go_with_the_history() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    let words = || {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.query_row("SELECT count(*) FROM event_words", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let [old, new] = [(1, SPAN_MS - 1), (2, SPAN_MS)].map(|(number, at_ms)| accepted(number, at_ms));
    // By its age.
    let projection = open(&path).await;
    apply(&projection, Topic::Deliveries, vec![old.issued("app-1", 0), new.issued("app-1", 0)]).await;
    // Of the same event nothing comes again, whoever tells of it.
    apply(&projection, Topic::Deliveries, vec![old.issued("app-1", 0), new.issued("other", 0)]).await;
    let waits = Delivery { seq: 1, from_pending: true, ..new.delivery("app-1", 0) };
    apply(&projection, Topic::Deliveries, vec![issued(&waits, SPAN_MS)]).await;
    assert_eq!(words(), 2);
    projection.keep(SPAN_MS + 1_000_000 - 1).await.unwrap();
    assert_eq!(words(), 2);
    projection.keep(SPAN_MS + 1_000_000).await.unwrap();
    assert_eq!(words(), 1);
    // The run that has not ended is there.
    assert_eq!(ids(&projection, search("FL-1")).await, ["Event-2", "Event-1"]);
    let since = EventSearch { not_before_ms: SPAN_MS, ..search("FL-1") };
    assert_eq!(ids(&projection, since).await, ["Event-2"]);
    projection.close().await.unwrap();
    std::fs::remove_file(&path).unwrap();

    // To make room.
    let projection = open_with(&path, 1).await;
    apply(&projection, Topic::Matches, vec![old.unmatched(None)]).await;
    apply(&projection, Topic::Deliveries, vec![new.issued("app-1", 0)]).await;
    apply(&projection, Topic::Attempts, vec![new.ended("app-1")]).await;
    projection.keep(SPAN_MS + 600_000).await.unwrap();
    assert_eq!((words(), projection.whole_since_ms()), (1, SPAN_MS + 1));
    let since = EventSearch { not_before_ms: projection.whole_since_ms(), ..search("EXA101") };
    assert_eq!(ids(&projection, since).await, [""; 0]);
}

#[tokio::test]
async fn of_a_log_that_was_here_before_nothing_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    let before = accepted(1, 1_000);
    apply(&projection, Topic::Deliveries, vec![before.issued("app-1", 0)]).await;
    let made_anew = projection.made_anew();
    projection.make_anew(0).await.unwrap();
    projection.whole_again(1);
    assert_eq!(*made_anew.borrow(), 1);
    for text in ["EXA101", "FL-1", "Event-1"] {
        assert_eq!(ids(&projection, search(text)).await, [""; 0], "{text}");
    }
    // The same event, accepted again and at the same place, and another one.
    let since = [Accepted { at_ms: 2_000, ..before.clone() }, accepted(2, 2_000)];
    let batch = aerogram_projection::Batch {
        changes: since.iter().map(|one| one.issued("app-1", 0)).collect(),
        generation: 1,
        ..aerogram_projection::Batch::new(Topic::Deliveries, 0, 2)
    };
    projection.apply(batch).await.unwrap();
    let found = find(&projection, search("EXA101")).await.events;
    let found: Vec<_> = found.iter().map(|event| (event.event_id.as_str(), event.accepted_at_ms)).collect();
    assert_eq!(found, [("Event-2", 2_000), ("Event-1", 2_000)]);
}
