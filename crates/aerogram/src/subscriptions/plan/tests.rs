mod model;

use super::super::change::patch;
use super::super::declared::{Credential, Json, Place, Secret, Source, Target};
use super::super::existing::{Kind, Shown};
use super::super::report::Line;
use super::super::request::creation;
use super::*;
use serde_json::{Value, json};

const NOW: &str = "2026-05-04T00:00:00.000Z";
const PLAIN: Reach<'static> = Reach { prune: false, set_secrets: false, now: NOW };
const PRUNING: Reach<'static> = Reach { prune: true, ..PLAIN };

fn place() -> Place {
    Place { line: 1, path: "subscriptions[0]".into() }
}

fn pair() -> Pair {
    Pair { partner: "app".into(), operator: "OPX".into() }
}

fn secret() -> Secret {
    Secret { source: Source::Given("hush".into()), place: place() }
}

fn json_of(value: &Value) -> Json {
    Json::parse(value.to_string()).unwrap()
}

fn declared(name: &str) -> Declared {
    Declared {
        place: place(),
        pair: pair(),
        name: Some(name.into()),
        id: None,
        event: "OrderCreated".into(),
        callback_url: "https://a.example/".into(),
        profile: None,
        environment: "production".into(),
        contract: None,
        policy: None,
        status: None,
        http_request: None,
        all_text: false,
        authentication: None,
        limits: None,
        signing_key: None,
        needs_signing_key: false,
    }
}

fn existing(id: &str, name: Option<&str>) -> Existing {
    Existing {
        id: id.into(),
        event: "OrderCreated".into(),
        callback_url: "https://a.example/".into(),
        status: "ACTIVE".into(),
        status_reason: None,
        expiration_date_time: None,
        profile: "order".into(),
        contract_id: None,
        environment: "production".into(),
        name: name.map(Into::into),
        policy: None,
        http_request: None,
        headers: Vec::new(),
        all_text: false,
        authentication: None,
        limits: None,
    }
}

fn there(all: Vec<Existing>) -> There {
    BTreeMap::from([(pair(), Ok(all))])
}

/// The verbs of the steps, each with what it is about.
fn shown(steps: &[Step<'_>]) -> Vec<String> {
    let shown = |step: &Step<'_>| match step {
        Step::Update { declared, existing, change, moves } => {
            let moves: String = moves.iter().map(|one| format!(", moves {}", one.id)).collect();
            let fields: Vec<&str> =
                change.fields.iter().map(|field| field.field).chain(change.secrets.iter().copied()).collect();
            format!("update {} {}: {}{moves}", declared.label(), existing.id, fields.join(" "))
        }
        Step::Create(declared) => format!("create {}", declared.label()),
        Step::Prune(_, existing) => format!("prune {}", existing.id),
        Step::Keep { existing, why, .. } => format!("keep {}: {why}", existing.id),
        Step::Unchanged(declared, _) => format!("unchanged {}", declared.label()),
        Step::Cannot { declared, why, .. } => format!("cannot {}: {}", declared.label(), why.join("; ")),
    };
    steps.iter().map(shown).collect()
}

fn planned(declared: &[Declared], all: Vec<Existing>, reach: Reach<'_>) -> Vec<String> {
    shown(&plan(declared, &there(all), reach))
}

#[test]
fn what_is_not_there_is_created_and_what_is_not_named_goes_only_when_asked() {
    let all = || vec![existing("1", Some("old")), existing("2", None)];
    assert_eq!(planned(&[declared("new")], all(), PLAIN), ["create new"]);
    assert_eq!(planned(&[declared("new")], all(), PRUNING), ["create new", "prune 1", "prune 2"]);
    assert_eq!(planned(&[declared("old")], all(), PRUNING), ["prune 2", "unchanged old"]);
}

#[test]
fn updates_come_before_creations() {
    let moved = Declared { callback_url: "https://b.example/".into(), ..declared("there") };
    let steps = planned(&[declared("new"), moved], vec![existing("1", Some("there"))], PLAIN);
    assert_eq!(steps, ["update there 1: callbackUrl", "create new"]);
}

#[test]
fn an_id_adopts_and_a_name_must_mean_one() {
    let by_id = |id: &str, name: Option<&str>| Declared {
        id: Some(id.into()),
        name: name.map(Into::into),
        ..declared("")
    };
    let all = || vec![existing("1", None), existing("2", Some("taken")), existing("3", Some("taken"))];
    let one = |declared: Declared| planned(&[declared], all(), PRUNING);
    assert_eq!(one(by_id("1", Some("mine"))), ["update mine 1: name", "prune 2", "prune 3"]);
    assert_eq!(one(by_id("1", None)), ["prune 2", "prune 3", "unchanged 1"]);
    assert_eq!(one(by_id("2", Some("taken"))), ["prune 1", "unchanged taken"]);
    assert_eq!(one(by_id("1", Some("taken"))).last().unwrap(), "cannot taken: another one has this name: 2");
    assert!(one(by_id("9", Some("mine"))).last().unwrap().contains("no subscription 9"));
    // Nothing is deleted where something is meant unclearly.
    let unclear = one(declared("taken"));
    assert_eq!(unclear[0], "keep 1: not deleted, because taken can't become what the file says");
    assert!(unclear[1].contains("there are 2 of this name (2, 3)"), "{unclear:?}");
}

#[test]
fn what_can_not_be_changed_says_so() {
    let other = Declared {
        event: "OrderCanceled".into(),
        contract: Some("C-1".into()),
        environment: "non-production".into(),
        profile: Some("staffing".into()),
        ..declared("x")
    };
    let all = vec![existing("1", Some("x"))];
    let said = planned(&[other], all, PLAIN);
    assert_eq!(said.len(), 1);
    for field in
        ["event can't be changed (OrderCreated → OrderCanceled)", "contract", "environment", "profile"]
    {
        assert!(said[0].starts_with("cannot x:") && said[0].contains(field), "{said:?}");
    }
    let expired = Existing {
        status: "INACTIVE".into(),
        expiration_date_time: Some("2026-05-03T23:59:59.999Z".into()),
        ..existing("1", Some("x"))
    };
    let active = Declared { status: Some("ACTIVE".into()), ..declared("x") };
    assert!(planned(&[active], vec![expired.clone()], PLAIN)[0].contains("it expired at 2026-05-03"));
    assert_eq!(planned(&[declared("x")], vec![expired.clone()], PLAIN), ["unchanged x"]);
    let (all, there) = ([declared("x")], there(vec![expired]));
    let line = Line::of(&plan(&all, &there, PLAIN)[0], NOW);
    assert!(line.is_news() && line.render().contains("nothing is sent to it"), "{line:?}");
}

#[test]
fn nothing_is_deleted_for_a_mistyped_id() {
    let mistyped = Declared { id: Some("1l".into()), ..declared("") };
    let said = planned(&[mistyped], vec![existing("11", Some("old"))], PRUNING);
    assert!(said[0].starts_with("keep 11: ") && said[1].starts_with("cannot "), "{said:?}");
    assert_eq!(said.len(), 2);
}

#[test]
fn two_lines_that_mean_one_are_both_refused() {
    let at = |line: usize, one: Declared| Declared { place: Place { line, ..place() }, ..one };
    let all = [
        at(3, Declared { id: Some("1".into()), ..declared("b") }),
        at(9, declared("a")),
        at(12, declared("c")),
    ];
    let said = planned(&all, vec![existing("1", Some("a"))], PLAIN);
    assert_eq!(said[0], "create c");
    assert!(said[1].starts_with("cannot b: line 9 means the same one, 1"), "{said:?}");
    assert!(said[2].starts_with("cannot a: line 3 means the same one, 1"), "{said:?}");
}

#[test]
fn where_there_is_one_url_a_second_is_told_before_and_so_is_what_moves_along() {
    let crew = |name: &str, url: &str| Declared {
        profile: Some("staffing".into()),
        callback_url: format!("https://{url}.example/"),
        ..declared(name)
    };
    let there = |id: &str, name: &str| Existing { profile: "staffing".into(), ..existing(id, Some(name)) };
    let all = || vec![there("1", "x"), there("2", "y"), existing("3", Some("order"))];
    let said = planned(&[crew("new", "b")], all(), PLAIN);
    assert!(
        said.len() == 1 && said[0].starts_with("cannot new: the profile staffing allows one callbackUrl"),
        "{said:?}"
    );
    assert!(said[0].contains("x has https://a.example/"), "{said:?}");
    // What is deleted is not in its way; but it is not deleted when something else can't be.
    assert_eq!(planned(&[crew("new", "b")], all(), PRUNING), ["create new", "prune 1", "prune 2", "prune 3"]);
    let wrong = Declared { event: "OrderCanceled".into(), ..declared("order") };
    let said = planned(&[crew("new", "b"), wrong], all(), PRUNING);
    assert!(
        said[..2].iter().all(|said| said.starts_with("keep ")) && said[2].starts_with("cannot new"),
        "{said:?}"
    );
    // An update moves the others along, and makes room.
    assert_eq!(
        planned(&[crew("x", "b"), crew("new", "b")], all(), PLAIN),
        ["update x 1: callbackUrl, moves 2", "create new"]
    );
    assert_eq!(
        planned(&[crew("x", "b"), crew("y", "b")], all(), PLAIN),
        ["update x 1: callbackUrl", "update y 2: callbackUrl"]
    );
    let (declared, there) = ([crew("x", "b")], self::there(all()));
    let line = Line::of(&plan(&declared, &there, PLAIN)[0], NOW).render();
    assert!(line.contains("also moves y"), "{line}");
    // Without the profile a line keeps it, and the two would undo each other for ever.
    let unsaid = Declared { profile: None, ..crew("y", "c") };
    let said = planned(&[crew("x", "b"), unsaid], all(), PLAIN);
    assert!(said.len() == 2 && said.iter().all(|said| said.contains("allows one callbackUrl")), "{said:?}");
}

#[test]
fn who_starts_what_a_receiver_stopped_is_told_so() {
    let reason = "the receiver answered 410";
    let stopped = Existing {
        status: "INACTIVE".into(),
        status_reason: Some(reason.into()),
        ..existing("1", Some("x"))
    };
    let there = there(vec![stopped]);
    let said = |status: Option<&str>| {
        let all = [Declared { status: status.map(Into::into), ..declared("x") }];
        Line::of(&plan(&all, &there, PLAIN)[0], NOW).render()
    };
    let started = said(Some("ACTIVE"));
    assert!(started.contains("status: INACTIVE → ACTIVE") && started.contains(reason), "{started}");
    assert!(said(None).contains(reason) && !said(Some("INACTIVE")).contains(reason));
}

#[test]
fn a_pair_that_can_not_be_read_is_told_and_the_others_go_on() {
    let other = Pair { partner: "other".into(), ..pair() };
    let there: There = BTreeMap::from([(pair(), Err("403: no".into())), (other.clone(), Ok(Vec::new()))]);
    let all = [declared("a"), Declared { pair: other, ..declared("b") }];
    assert_eq!(
        shown(&plan(&all, &there, PLAIN)),
        ["create b", "cannot a: what its pair has is not known: 403: no"]
    );
}

fn templated(header: Option<Vec<&str>>, body: Option<&Value>) -> Declared {
    let header = header.map(|names| names.into_iter().map(|name| (name.to_owned(), secret())).collect());
    let target = Target { header, body: body.map(json_of) };
    Declared { http_request: Some(target), ..declared("x") }
}

#[test]
fn bodies_are_compared_and_headers_by_their_names() {
    let (body, other) = (json!({"a": [1, "{{agwID}}"]}), json!({"a": []}));
    let existing = Existing {
        http_request: Some(Shown { json_body: json_of(&body) }),
        headers: vec!["authorization".into(), "x-a".into()],
        ..existing("1", Some("x"))
    };
    let one = |declared: Declared| planned(&[declared], vec![existing.clone()], PLAIN).remove(0);
    let both = || Some(vec!["X-A", "Authorization"]);
    assert_eq!(one(templated(both(), Some(&body))), "unchanged x");
    assert_eq!(one(templated(None, Some(&body))), "unchanged x");
    assert_eq!(one(templated(Some(vec!["x-a"]), Some(&body))), "update x 1: httpRequest");
    assert_eq!(one(templated(both(), Some(&other))), "update x 1: httpRequest");
    assert_eq!(one(templated(Some(vec![]), Some(&other))), "update x 1: httpRequest");
    // A PATCH would take the headers away, and nobody said so.
    assert!(
        one(templated(None, Some(&other))).starts_with("cannot x: httpRequest replaces body and headers")
    );
    assert_eq!(one(declared("x")), "update x 1: httpRequest");
}

#[test]
fn a_changed_body_is_sent_with_the_headers_of_the_file() {
    let declared = templated(Some(vec!["x-a"]), Some(&json!({"a": 1})));
    let existing = Existing { headers: vec!["x-a".into()], ..existing("1", Some("x")) };
    let change = change(&declared, &existing, false, NOW).unwrap();
    let look = |source: &Source| match source {
        Source::Given(text) => Ok(text.clone()),
        Source::Env(_) | Source::File(_) => Err("nowhere".to_owned()),
    };
    let sent = patch(&declared, &change, &look).unwrap().to_json();
    assert_eq!(sent, r#"{"httpRequest":{"header":{"x-a":"hush"},"jsonBody":{"a":1}}}"#);
    let missing = patch(&declared, &change, &|_| Err("nowhere".into())).err().unwrap();
    assert_eq!(missing[0].to_string(), "line 1: subscriptions[0]: nowhere");
    let gone = super::change(&self::declared("x"), &existing, false, NOW).unwrap();
    assert_eq!(patch(&self::declared("x"), &gone, &look).unwrap().to_json(), r#"{"httpRequest":null}"#);
}

#[test]
fn limits_are_compared_as_a_whole_and_replaced_so() {
    let limits = |value: Value| Some(json_of(&value));
    let existing = Existing {
        limits: limits(json!({"concurrency": 4, "ratePerMinute": 60})),
        ..existing("1", Some("x"))
    };
    let patched = |wanted: Option<Json>| {
        let declared = Declared { limits: wanted, ..declared("x") };
        let change = change(&declared, &existing, false, NOW).unwrap();
        patch(&declared, &change, &|_| Ok(String::new())).unwrap().to_json()
    };
    assert_eq!(patched(limits(json!({"ratePerMinute": 60, "concurrency": 4}))), "{}");
    assert_eq!(patched(limits(json!({"ratePerMinute": 60}))), r#"{"limits":{"ratePerMinute":60}}"#);
    assert_eq!(patched(None), r#"{"limits":null}"#);
}

fn api_key(missing: bool) -> Credential {
    Credential {
        kind: "apiKey".into(),
        members: if missing { Vec::new() } else { vec![("key".into(), secret())] },
        missing: if missing { vec!["key"] } else { Vec::new() },
        place: place(),
    }
}

#[test]
fn secrets_are_left_alone_unless_they_are_to_be_set() {
    let declared = Declared {
        authentication: Some(api_key(false)),
        signing_key: Some(secret()),
        ..templated(Some(vec!["x-a"]), None)
    };
    let existing = Existing {
        authentication: Some(Kind { r#type: "apiKey".into() }),
        headers: vec!["x-a".into()],
        ..existing("1", Some("x"))
    };
    let one = |declared: &Declared, reach| {
        planned(std::slice::from_ref(declared), vec![existing.clone()], reach).remove(0)
    };
    assert_eq!(one(&declared, PLAIN), "unchanged x");
    let setting = Reach { set_secrets: true, ..PLAIN };
    assert_eq!(one(&declared, setting), "update x 1: httpRequest authentication signingKey");
    // What the file does not know it can't set.
    let unknown =
        Declared { authentication: Some(api_key(true)), signing_key: None, ..templated(None, None) };
    assert_eq!(one(&unknown, setting), "unchanged x");
    let look = |_: &Source| Ok("hush".to_owned());
    let problems = creation(&unknown, &look).err().unwrap();
    assert!(problems[0].to_string().contains("needs key"), "{problems:?}");
}
