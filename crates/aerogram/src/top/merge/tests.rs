use super::*;
use aerogram_telemetry::top::{Lane, Totals};

const NOW_MS: i64 = 1_800_000_000_000;

fn sending(id: &str, lane: Lane) -> Sending {
    Sending { subscription_id: id.into(), lane, host: "hooks.example.com:443".into(), ..Sending::default() }
}

fn parked(id: &str, n: u64, shut: bool) -> Parked {
    Parked { subscription_id: id.into(), parked: n, shut, ..Parked::default() }
}

fn asked(pages: Vec<(Vec<Sending>, Vec<Parked>)>) -> Asked {
    let page = |(sending, parked)| TopPage {
        sending_partitions: 1,
        parked_partitions: 1,
        sending,
        parked,
        ..TopPage::default()
    };
    Asked { pages: pages.into_iter().map(page).collect(), ..Asked::default() }
}

fn states(picture: &Picture) -> Vec<(&str, State)> {
    picture.subscriptions.iter().map(|shown| (shown.subscription_id.as_str(), shown.state)).collect()
}

#[test]
fn deliverer_and_scheduler_make_one_row() {
    let lane = Sending { waiting: 3, ..sending("a", Lane::Slow) };
    let picture =
        Picture::of(asked(vec![(vec![lane], vec![]), (vec![], vec![parked("a", 40, false)])]), NOW_MS, 9);
    let shown = &picture.subscriptions[0];
    assert_eq!((shown.state, shown.waiting, shown.parked), (State::Slow, 3, Some(40)));
    assert_eq!((picture.subscriptions.len(), picture.processes), (1, 2));
}

#[test]
fn what_hurts_most_stands_first() {
    let long =
        |id, lane, failing_for_ms| Sending { failing_since_ms: NOW_MS - failing_for_ms, ..sending(id, lane) };
    let sending = vec![
        Sending { answer_ms: 900, ..sending("well", Lane::Well) },
        sending("limited", Lane::Limited),
        long("a moment", Lane::Failing, 2_000),
        long("once a day", Lane::Failing, 86_400_000),
        long("shut", Lane::Shut, 9_000),
        sending("slow", Lane::Slow),
    ];
    let waits = vec![parked("shut", 5, true), parked("slow", 900, false), parked("flows", 70, false)];
    let picture = Picture::of(asked(vec![(sending, waits)]), NOW_MS, 6);
    assert_eq!(
        states(&picture),
        [
            ("shut", State::Shut),
            ("once a day", State::Failing),
            ("slow", State::Slow),
            ("flows", State::Paced),
            ("a moment", State::Failing),
            ("limited", State::Limited),
        ]
    );
    assert_eq!(picture.left_out, 1);
    let counts: Vec<(State, u64)> =
        picture.states.iter().map(|(state, total)| (*state, total.count)).collect();
    let failing = (State::Failing, 2);
    let rest = [State::Limited, State::Slow, State::Paced, State::Well].map(|state| (state, 1));
    assert_eq!(counts, [vec![(State::Shut, 1), failing], rest.to_vec()].concat());
}

#[test]
fn all_are_counted_although_few_are_shown_or_even_told() {
    let rows = (0..200).map(|n| sending(&n.to_string(), Lane::Shut)).collect();
    let mut asked = asked(vec![(rows, vec![])]);
    asked.pages[0].totals =
        Totals { sending: [(Lane::Shut, 5_000), (Lane::Well, 1)].into(), ..Totals::default() };
    let picture = Picture::of(asked, NOW_MS, 20);
    assert_eq!((picture.subscriptions.len(), picture.left_out), (20, 4_981));
    assert_eq!(picture.states[&State::Shut], Total { count: 5_000, or_more: false });
}

#[test]
fn what_is_only_probed_is_shut_although_its_deliverer_has_just_started() {
    let waits = || vec![parked("new", 9, true), parked("seen", 9, true), parked("well again", 9, true)];
    let lanes = vec![sending("seen", Lane::Failing), sending("well again", Lane::Well)];
    let picture = Picture::of(asked(vec![(lanes, waits())]), NOW_MS, 9);
    assert_eq!(states(&picture), [("new", State::Shut), ("seen", State::Shut), ("well again", State::Paced)]);
}

#[test]
fn a_name_stays_when_the_deliverer_has_nothing_to_tell_for_a_moment() {
    let named = Sending { name: "crew".into(), ..sending("a", Lane::Well) };
    let first = Picture::of(asked(vec![(vec![named], vec![parked("a", 9, false)])]), NOW_MS, 9);
    let next = first.followed_by(asked(vec![(vec![], vec![parked("a", 8, false)])]), NOW_MS, 9);
    assert_eq!(next.subscriptions[0].name, "crew");
    assert_eq!(next.subscriptions[0].host, "hooks.example.com:443");
}

#[test]
fn two_owners_at_once_are_not_counted_as_two_backlogs() {
    let lane = |n| vec![Sending { waiting: n, ..sending("a", Lane::Well) }];
    let picture = Picture::of(
        asked(vec![(lane(2), vec![parked("a", 9, false)]), (lane(3), vec![parked("a", 8, false)])]),
        NOW_MS,
        9,
    );
    assert_eq!((picture.subscriptions[0].waiting, picture.subscriptions[0].parked), (5, Some(9)));
}

#[test]
fn without_a_scheduler_nobody_knows_what_is_parked() {
    let page =
        TopPage { sending_partitions: 1, sending: vec![sending("a", Lane::Slow)], ..TopPage::default() };
    let picture = Picture::of(Asked { pages: vec![page], ..Asked::default() }, NOW_MS, 9);
    assert_eq!(picture.subscriptions[0].parked, None);
    assert!(!picture.is_complete());
    assert!(Picture::of(asked(vec![(vec![], vec![])]), NOW_MS, 9).is_complete());
}
