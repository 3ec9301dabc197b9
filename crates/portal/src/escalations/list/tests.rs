use serde_json::{Value, json};

use super::super::filters::tests::of;
use super::super::row::tests::{escalation, types};
use super::*;
use crate::zone::Zone;

const NOW: &str = "2026-11-21T11:00:00Z";

/// The part of the page that is this module's.
#[derive(Template)]
#[template(path = "escalations-main.html")]
struct Main {
    view: View,
}

fn page(all: &[Value], next: Option<&str>, total: u64) -> Escalations {
    Escalations {
        escalations: all.iter().map(escalation).collect(),
        next: next.map(str::to_owned),
        total: Some(total),
        total_is_at_least: total >= 10_000,
    }
}

fn view(query: &[(&str, &str)], page: &Escalations, url: Option<&str>) -> View {
    let rows = page
        .escalations
        .iter()
        .map(|of| Row::of(of, url, &types(), &Zone::utc(), NOW.parse().unwrap()))
        .collect();
    View::of(of(query), page, rows)
}

#[test]
fn a_page_leads_to_the_next_one_with_its_filters() {
    let first = view(&[("state", "all")], &page(&[json!({}), json!({})], Some("c-2"), 120), None);
    assert_eq!(first.pages(), "1 to 2 of 120");
    assert_eq!(first.next.as_deref(), Some("/portal/escalations?state=all&after=c-2&at=3"));
    assert_eq!((first.first_href(), first.count.as_str()), (None, "120 escalations"));
    let second =
        view(&[("state", "all"), ("after", "c-2"), ("at", "3")], &page(&[json!({})], None, 10_000), None);
    assert_eq!((second.pages().as_str(), second.next.as_ref()), ("3 to 3 of more than 10,000", None));
    assert_eq!(second.first_href().as_deref(), Some("/portal/escalations?state=all"));
    assert_eq!(second.count, "More than 10,000 escalations");
    let sent = view(&[("state", "redelivered")], &page(&[json!({})], None, 1), None);
    assert_eq!(sent.count, "1 escalation sent again");
    assert_eq!(
        view(&[("state", "redelivered")], &page(&[], None, 0), None).count,
        "No escalations sent again"
    );
}

#[test]
fn nothing_to_do_is_another_page_than_nothing_found() {
    let empty = page(&[], None, 0);
    let nothing = Main { view: view(&[], &empty, None) }.render().unwrap();
    assert!(nothing.contains("Nothing to do here") && !nothing.contains("<table"), "{nothing}");
    assert!(nothing.contains(r#"href="/portal/escalations?state=all""#), "{nothing}");
    let none = Main { view: view(&[("webhook", "<i>")], &empty, None) }.render().unwrap();
    assert!(
        none.contains("No escalation fits") && none.contains("<table") && !none.contains("<i>"),
        "{none}"
    );
    assert!(none.contains("/portal/escalations?webhook=%3Ci%3E&#38;state=all"), "{none}");
}

#[test]
fn what_cannot_be_looked_for_says_why_in_place_of_the_rows() {
    let shown = Rows { view: View::without(of(&[]), "Webhook: 2 have <this>".to_owned()) }.render().unwrap();
    assert!(shown.contains("Webhook: 2 have &#60;this&#62;") && shown.starts_with("<tr"), "{shown}");
}

#[test]
fn text_of_others_is_text() {
    let evil = "<script>\"'&\u{202e}";
    let all = [json!({
        "id": evil, "eventType": evil, "subject": evil, "subscriptionId": evil, "reason": evil, "fault": evil, "state": evil,
        "lastOutcome": evil, "resolution": {"by": evil, "at": "2026-11-21T11:00:00.000Z", "why": evil}
    })];
    for url in [None, Some("https://a.example/<script>")] {
        let shown = Main { view: view(&[("type", evil)], &page(&all, Some(evil), 1), url) }.render().unwrap();
        assert!(!shown.contains("<script"), "{shown}");
        assert!(shown.contains("Another reason") && shown.contains("&#60;script&#62;"), "{shown}");
    }
}

#[test]
fn redelivering_many_begins_with_what_is_filtered() {
    let href = |query: &[(&str, &str)]| many_href(&of(query), NOW.parse().unwrap());
    assert_eq!(
        href(&[("state", "all"), ("reason", "gone"), ("after", "c")]),
        "/portal/deliveries?status=ESCALATED"
    );
    assert_eq!(
        href(&[("type", "A&B"), ("webhook", "w-1"), ("since", "24h")]),
        "/portal/deliveries?status=ESCALATED&type=A%26B&webhook=w-1&since=24h"
    );
    let from = "/portal/deliveries?status=ESCALATED&from=2026-10-22T11%3A00%3A00.000Z";
    assert_eq!(href(&[("since", "30d")]), from);
}
