use super::*;
use crate::subscription::{is_expired, signing_keys};
use crate::time::one_month_later;
use aerogram_wire::v1::{
    Authentication, Deactivate, Delete, PreviousKey, ReplaceSigningKey, Sealed, Template, Update,
};
use health::{give_up, note};
use proptest::prelude::*;

mod concern;
mod health;
mod renew;

const ID: &str = "s-1";

fn scope(partner: &str) -> Option<Scope> {
    Some(Scope { partner: partner.into(), operator: "op".into() })
}

fn command(partner: &str, change: Change) -> Command {
    Command { scope: scope(partner), expected_version: 0, actor: partner.into(), change: Some(change) }
}

fn create(lifetime_ms: i64) -> Command {
    let subscription = Subscription {
        id: ID.into(),
        // What a client could have smuggled in is overwritten.
        version: 99,
        callback_url: "https://a.example/".into(),
        signing_key: Some(Sealed { key_id: "k".into(), ..Sealed::default() }),
        ..Subscription::default()
    };
    command("mine", Change::Create(Create { subscription: Some(subscription), lifetime_ms }))
}

fn update(callback_url: &str, status: Status) -> Command {
    let update = Update { callback_url: callback_url.into(), status: status.into(), ..Update::default() };
    command("mine", Change::Update(update))
}

fn delete(partner: &str) -> Command {
    command(partner, Change::Delete(Delete {}))
}

fn deactivate() -> Command {
    Command {
        scope: None,
        ..command("deliverer", Change::Deactivate(Deactivate { reason: "gone".into(), failing_since_ms: 0 }))
    }
}

fn applied(current: Option<&Subscription>, command: &Command, now_ms: i64) -> Subscription {
    match decide(current, ID, command, now_ms) {
        Decision::Apply(next) => next,
        other => panic!("{other:?}"),
    }
}

fn refusal(current: Option<&Subscription>, command: &Command, now_ms: i64) -> Refusal {
    match decide(current, ID, command, now_ms) {
        Decision::Refuse { refusal, .. } => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_creation_starts_at_version_one_and_counts_its_lifetime_from_now() {
    let created = applied(None, &create(30), 1_000);
    assert_eq!((created.version, created.created_at_ms, created.expires_at_ms), (1, 1_000, 1_030));
    assert_eq!((created.status(), created.scope.clone()), (Status::Active, scope("mine")));
    assert_eq!(applied(None, &create(0), 1_000).expires_at_ms, 0);
    assert_eq!(refusal(Some(&created), &create(30), 1_001), Refusal::AlreadyExists);
    let gone = applied(Some(&created), &delete("mine"), 1_002);
    assert_eq!(refusal(Some(&gone), &create(30), 1_003), Refusal::AlreadyExists);
}

fn create_as(change: fn(&mut Subscription)) -> Command {
    let mut command = create(0);
    if let Some(Change::Create(Create { subscription: Some(s), .. })) = &mut command.change {
        change(s);
    }
    command
}

#[test]
fn a_creation_may_be_paused_from_the_start() {
    let paused = applied(None, &create_as(|s| s.set_status(Status::Inactive)), 7);
    assert_eq!((paused.version, paused.status(), paused.status_reason.as_str()), (1, Status::Inactive, ""));
    assert_eq!(applied(Some(&paused), &update("", Status::Active), 8).status(), Status::Active);
    let active = applied(None, &create_as(|s| s.set_status(Status::Active)), 7);
    assert_eq!(active, applied(None, &create(0), 7));
}

#[test]
fn a_broken_creation_is_refused() {
    let broken = |change: fn(&mut Subscription)| refusal(None, &create_as(change), 0);
    assert_eq!(broken(|s| s.set_status(Status::Deleted)), Refusal::Invalid);
    assert_eq!(broken(|s| s.id = "another".into()), Refusal::Invalid);
    assert_eq!(broken(|s| s.signing_key = None), Refusal::Invalid);
    assert_eq!(refusal(None, &create(-1), 0), Refusal::Invalid);
    assert_eq!(refusal(None, &Command { scope: None, ..create(0) }, 0), Refusal::Invalid);
    assert_eq!(refusal(None, &Command { change: None, ..create(0) }, 0), Refusal::Invalid);
}

#[test]
fn an_update_takes_what_it_names_and_nothing_else() {
    let created = applied(None, &create(0), 1_000);
    let moved = applied(Some(&created), &update("https://b.example/", Status::Unspecified), 2_000);
    assert_eq!((moved.version, moved.callback_url.as_str()), (2, "https://b.example/"));
    assert_eq!((moved.status(), moved.created_at_ms, moved.updated_at_ms), (Status::Active, 1_000, 2_000));
    assert_eq!(moved.signing_key, created.signing_key);
    let paused = applied(Some(&moved), &update("", Status::Inactive), 1_500);
    assert_eq!((paused.status(), paused.updated_at_ms), (Status::Inactive, 2_000));
    let again = decide(Some(&paused), ID, &update("", Status::Inactive), 3_000);
    assert_eq!(again, Decision::Unchanged(paused.clone()));
    assert_eq!(refusal(Some(&paused), &update("", Status::Unspecified), 0), Refusal::Invalid);
    assert_eq!(refusal(Some(&paused), &update("", Status::Deleted), 0), Refusal::Invalid);
}

#[test]
fn an_expired_one_can_be_changed_but_not_made_active() {
    let created = applied(None, &create(10), 0);
    assert_eq!(refusal(Some(&created), &update("", Status::Active), 10), Refusal::Expired);
    assert_eq!(refusal(Some(&created), &update("https://b.example/", Status::Active), 11), Refusal::Expired);
    applied(Some(&created), &update("https://b.example/", Status::Unspecified), 11);
    applied(Some(&created), &update("", Status::Inactive), 11);
}

#[test]
fn another_pairs_subscription_does_not_exist() {
    let created = applied(None, &create(0), 0);
    assert_eq!(refusal(Some(&created), &delete("other"), 0), Refusal::NotFound);
    assert_eq!(refusal(Some(&created), &Command { scope: None, ..delete("mine") }, 0), Refusal::NotFound);
    let stranger = Command { scope: scope("other"), ..update("", Status::Inactive) };
    assert_eq!(refusal(Some(&created), &stranger, 0), Refusal::NotFound);
    // Nor does the version tell a stranger anything.
    let probing = Command { expected_version: 77, ..stranger };
    assert_eq!(refusal(Some(&created), &probing, 0), Refusal::NotFound);
}

#[test]
fn the_expected_version_is_compared() {
    let created = applied(None, &create(0), 0);
    let stale = Command { expected_version: 2, ..delete("mine") };
    assert_eq!(refusal(Some(&created), &stale, 0), Refusal::VersionMismatch);
    applied(Some(&created), &Command { expected_version: 1, ..delete("mine") }, 0);
}

fn sealed(key_id: &str) -> Option<Sealed> {
    let nonce = bytes::Bytes::copy_from_slice(key_id.as_bytes());
    Some(Sealed { key_id: key_id.into(), nonce, ..Sealed::default() })
}

fn replace(key_id: &str, overlap_ms: i64) -> Command {
    let replacement = ReplaceSigningKey { signing_key: sealed(key_id), overlap_ms };
    command("mine", Change::ReplaceSigningKey(replacement))
}

fn template(header: &str) -> Template {
    Template { headers: sealed("h"), header_names: vec![header.into()], body: "{}".into() }
}

fn authentication() -> Authentication {
    Authentication { r#type: "apiKey".into(), value: sealed("a") }
}

fn change(update: Update) -> Command {
    command("mine", Change::Update(update))
}

/// One that has all there is.
fn full() -> Subscription {
    let created = applied(None, &create(0), 0);
    let update = Update {
        template: Some(template("x-a")),
        all_text: Some(true),
        authentication: Some(authentication()),
        policy: Some("quick".into()),
        ..Update::default()
    };
    applied(Some(&applied(Some(&created), &change(update), 1)), &replace("new", 1_000), 2)
}

#[test]
fn a_template_and_an_authentication_come_and_go() {
    let full = full();
    assert_eq!((full.version, full.policy.as_str(), full.all_text), (3, "quick", true));
    assert_eq!(full.template, Some(template("x-a")));
    let none = Update { template: Some(Template::default()), ..Update::default() };
    let plain = applied(Some(&full), &change(none), 3);
    assert_eq!((&plain.template, plain.authentication.is_some(), plain.all_text), (&None, true, true));
    let none = Update {
        authentication: Some(Authentication::default()),
        all_text: Some(false),
        policy: Some(String::new()),
        ..Update::default()
    };
    let plain = applied(Some(&plain), &change(none.clone()), 4);
    assert_eq!((plain.authentication.clone(), plain.all_text, plain.policy.as_str()), (None, false, ""));
    assert_eq!(decide(Some(&plain), ID, &change(none), 5), Decision::Unchanged(plain));
}

#[test]
fn a_header_has_one_owner_whoever_comes_first() {
    let clash = Update { template: Some(template("x-api-key")), ..Update::default() };
    assert_eq!(refusal(Some(&full()), &change(clash.clone()), 3), Refusal::Conflict);
    let instead = Update { authentication: Some(Authentication::default()), ..clash };
    let with_template = applied(Some(&full()), &change(instead), 3);
    let clash = Update { authentication: Some(authentication()), ..Update::default() };
    assert_eq!(refusal(Some(&with_template), &change(clash), 4), Refusal::Conflict);
    let mut both = create(0);
    if let Some(Change::Create(Create { subscription: Some(state), .. })) = &mut both.change {
        (state.template, state.authentication) = (Some(template("x-api-key")), Some(authentication()));
    }
    assert_eq!(refusal(None, &both, 0), Refusal::Invalid);
}

#[test]
fn a_replaced_key_signs_until_its_overlap_ends() {
    let ids = |state: &Subscription, now_ms| {
        signing_keys(state, now_ms).map(|key| key.key_id.clone()).collect::<Vec<_>>()
    };
    let created = applied(None, &create(0), 0);
    assert_eq!(ids(&created, 0), ["k"]);
    let once = applied(Some(&created), &replace("k2", 1_000), 100);
    assert_eq!((once.version, once.updated_at_ms), (2, 100));
    assert_eq!(
        (ids(&once, 100), ids(&once, 1_099)),
        (vec!["k2".into(), "k".into()], vec!["k2".into(), "k".into()])
    );
    assert_eq!((ids(&once, 1_100), ids(&once, i64::MAX)), (vec!["k2".to_owned()], vec!["k2".to_owned()]));
    let twice = applied(Some(&once), &replace("k3", 50), 200);
    assert_eq!((ids(&twice, 249), ids(&twice, 250)), (vec!["k3".into(), "k2".into()], vec!["k3".to_owned()]));
    let at_once = applied(Some(&twice), &replace("k4", 0), 210);
    assert_eq!((ids(&at_once, 210), &at_once.previous_signing_key), (vec!["k4".to_owned()], &None));
    // What signs no more goes with the next change, and no change is made for it.
    let paused = applied(Some(&once), &update("", Status::Inactive), 1_100);
    assert_eq!(paused.previous_signing_key, None);
    let active = update("", Status::Active);
    assert_eq!(decide(Some(&once), ID, &active, 1_100), Decision::Unchanged(once.clone()));
    assert_eq!(refusal(Some(&once), &replace("k5", -1), 0), Refusal::Invalid);
    let keyless = ReplaceSigningKey { signing_key: None, overlap_ms: 1 };
    assert_eq!(
        refusal(Some(&once), &command("mine", Change::ReplaceSigningKey(keyless)), 0),
        Refusal::Invalid
    );
    let stranger = Command { scope: scope("other"), ..replace("k5", 1) };
    assert_eq!(refusal(Some(&once), &stranger, 0), Refusal::NotFound);
}

fn secrets(state: &Subscription) -> [bool; 4] {
    [
        state.signing_key.is_some(),
        state.previous_signing_key.as_ref().is_some_and(|previous: &PreviousKey| previous.key.is_some()),
        state.template.as_ref().is_some_and(|template| template.headers.is_some()),
        state.authentication.as_ref().is_some_and(|authentication| authentication.value.is_some()),
    ]
}

#[test]
fn secrets_stay_in_the_state_and_go_with_it() {
    let full = full();
    assert_eq!(secrets(&full), [true; 4]);
    let result = Decision::Apply(full.clone()).to_result();
    assert_eq!(result.signing_key_nonce, "new");
    let Some(Outcome::Applied(told)) = result.outcome else { panic!() };
    assert_eq!(secrets(&told), [false; 4]);
    assert_eq!(told.template.unwrap().header_names, ["x-a"]);
    let gone = applied(Some(&full), &delete("mine"), 5);
    assert_eq!((secrets(&gone), &gone.template, &gone.authentication), ([false; 4], &None, &None));
    assert_eq!(gone.previous_signing_key, None);
}

#[test]
fn deleting_leaves_no_secret() {
    let created = applied(None, &create(0), 0);
    let gone = applied(Some(&created), &delete("mine"), 5);
    assert_eq!((gone.status(), gone.version), (Status::Deleted, 2));
    assert_eq!((gone.signing_key.clone(), gone.callback_url.as_str()), (None, ""));
    assert_eq!(gone.scope, created.scope);
}

#[test]
fn results_carry_no_key() {
    let result = Decision::Apply(applied(None, &create(0), 0)).to_result();
    let Some(Outcome::Applied(state)) = result.outcome else { panic!() };
    assert_eq!((state.version, state.signing_key), (1, None));
    let Some(Outcome::Refused(refused)) = not_found().to_result().outcome else { panic!() };
    assert_eq!(Refusal::try_from(refused), Ok(Refusal::NotFound));
}

fn any_command() -> impl Strategy<Value = Command> {
    let change = prop_oneof![
        (0i64..50).prop_map(create),
        (prop_oneof![Just(""), Just("https://b.example/")], 0i32..5).prop_map(|(url, status)| {
            command("mine", Change::Update(Update { callback_url: url.into(), status, ..Update::default() }))
        }),
        Just(delete("mine")),
        Just(deactivate()),
        (0i64..3).prop_map(note),
        (1i64..3).prop_map(give_up),
        Just(renew::renewal()),
        (0i64..50).prop_map(|overlap_ms| replace("other", overlap_ms)),
        (any::<bool>(), any::<bool>()).prop_map(|(with, clash)| {
            let header = if clash { "x-api-key" } else { "x-a" };
            change(Update {
                template: Some(if with { template(header) } else { Template::default() }),
                ..Update::default()
            })
        }),
        any::<bool>().prop_map(|with| {
            let authentication = if with { authentication() } else { Authentication::default() };
            change(Update { authentication: Some(authentication), ..Update::default() })
        }),
    ];
    (change, any::<bool>(), 0u64..4).prop_map(|(command, mine, expected_version)| Command {
        scope: if mine { command.scope } else { scope("other") },
        expected_version,
        ..command
    })
}

proptest! {
    #[test]
    fn rules_hold_along_every_history(history in prop::collection::vec((any_command(), 0i64..100), 0..40)) {
        let mut state: Option<Subscription> = None;
        for (command, now_ms) in history {
            match decide(state.as_ref(), ID, &command, now_ms) {
                Decision::Apply(next) => {
                    let before = state.as_ref();
                    let is_note = matches!(command.change, Some(Change::NoteHealth(_)));
                    prop_assert_eq!(next.version, before.map_or(0, |s| s.version) + u64::from(!is_note));
                    if matches!(&command.change, Some(Change::Deactivate(d)) if d.failing_since_ms != 0) {
                        let noted_ms = before.map_or(0, |s| s.failing_since_ms);
                        prop_assert!(next.gave_up && noted_ms == next.failing_since_ms && noted_ms != 0);
                    }
                    prop_assert!(!next.gave_up || next.status() == Status::Inactive);
                    prop_assert!(before.is_none_or(|s| s.status() != Status::Deleted), "deleted is final");
                    prop_assert!(before.is_none_or(|s| next.updated_at_ms >= s.updated_at_ms));
                    prop_assert!(before.is_none_or(|s| s.scope == next.scope && s.id == next.id));
                    // The first five days of 1970 are all in the window, so here every renewal before the expiry is.
                    let is_renewal = matches!(command.change, Some(Change::Renew(_)));
                    let expiry = |s: &Subscription| match is_renewal {
                        true if now_ms < s.expires_at_ms => one_month_later(s.expires_at_ms),
                        true => None,
                        false => Some(s.expires_at_ms),
                    };
                    prop_assert!(before.is_none_or(|s| expiry(s) == Some(next.expires_at_ms)));
                    if let (Some(before), Status::Active) = (before, next.status()) {
                        prop_assert!(before.status() == Status::Active || !is_expired(before, now_ms));
                    }
                    prop_assert_eq!(next.signing_key.is_none(), next.status() == Status::Deleted);
                    prop_assert!(next.status() != Status::Deleted || secrets(&next) == [false; 4]);
                    prop_assert_eq!(header_clash(&next), None);
                    // A note is no change, and leaves even that as it is.
                    let signs = |previous: &PreviousKey| now_ms < previous.until_ms;
                    prop_assert!(is_note || next.previous_signing_key.as_ref().is_none_or(signs));
                    state = Some(next);
                }
                Decision::Unchanged(same) => prop_assert_eq!(Some(same), state.clone()),
                Decision::Refuse { detail, .. } => prop_assert!(!detail.is_empty()),
            }
        }
    }
}
