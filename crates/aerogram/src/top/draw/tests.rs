use super::super::ask::{Asked, Unreached};
use super::*;
use aerogram_telemetry::top::{Lane, Parked, Sending, TopPage};

const NOW_MS: i64 = 1_800_000_000_000;

fn sending(id: &str, lane: Lane) -> Sending {
    Sending {
        subscription_id: id.into(),
        name: format!("name of {id}"),
        operator: "OPX".into(),
        host: "hooks.example.com:443".into(),
        lane,
        ..Sending::default()
    }
}

fn night() -> Picture {
    let page = TopPage {
        sending_partitions: 6,
        parked_partitions: 6,
        sending: vec![
            Sending {
                failures_in_row: 212,
                failing_since_ms: NOW_MS - 7_380_000,
                answer_ms: 10_000,
                open: 1,
                ..sending("dead", Lane::Shut)
            },
            Sending { waiting: 7, resumes_in_ms: 3_000, ..sending("limited", Lane::Limited) },
            sending("well", Lane::Well),
        ],
        parked: vec![Parked {
            subscription_id: "dead".into(),
            parked: 99_120,
            window: 1,
            shut: true,
            next_probe_in_ms: 12_000,
            ..Parked::default()
        }],
        ..TopPage::default()
    };
    Picture::of(Asked { pages: vec![page], ..Asked::default() }, NOW_MS, 20)
}

#[test]
fn the_worst_is_seen_first_with_what_it_means() {
    let text = lines(&night(), &Paper::default()).join("\n");
    let expected = "\
08:00:00 UTC  1 shut, 1 limited, 1 well  (1 process asked)

STATE    SUBSCRIPTION  NAME             OPERATOR  HOST                   WAITING  PARKED  OPEN  ANSWER  FAILURES      FOR  NEXT
shut     dead          name of dead     OPX       hooks.example.com:443        0  99,120     1    10 s       212  2 h 3 m  probe in 12 s
limited  limited       name of limited  OPX       hooks.example.com:443        7       0     0                             in 3.0 s
well     well          name of well     OPX       hooks.example.com:443        0       0     0

shut    the receiver keeps failing: ";
    assert!(text.starts_with(expected), "{text}");
    assert!(
        text.contains("\nlimited its own limit") && text.contains("\nwell    nothing is wrong"),
        "{text}"
    );
    assert!(!text.contains("\nslow") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn who_could_not_be_asked_is_said_before_anything_else() {
    let unreached = Unreached {
        from: "deliverer:9103".into(),
        address: Some("10.0.0.3:9103".parse().unwrap()),
        error: "connection refused".into(),
    };
    let page = TopPage { sending_partitions: 1, ..TopPage::default() };
    let troubles = vec!["10.0.0.2:9103: kafka connected: waiting for the brokers".to_owned()];
    let picture = Picture::of(Asked { pages: vec![page], unreached: vec![unreached], troubles }, NOW_MS, 20);
    let lines = lines(&picture, &Paper::default());
    assert_eq!(lines[1], "not reached: 10.0.0.3:9103 (deliverer:9103): connection refused");
    assert_eq!(lines[2], "not well: 10.0.0.2:9103: kafka connected: waiting for the brokers");
    assert!(lines[3].contains("nothing is known of what is parked"), "{lines:?}");
}

#[test]
fn the_headline_counts_those_that_are_not_shown() {
    let mut page = TopPage { sending_partitions: 1, parked_partitions: 1, ..TopPage::default() };
    page.sending = (0..200).map(|n| sending(&n.to_string(), Lane::Shut)).collect();
    page.totals.sending = [(Lane::Shut, 2_400), (Lane::Limited, 3)].into();
    page.totals.sending_more_from = Some(Lane::Shut);
    let picture = Picture::of(Asked { pages: vec![page], ..Asked::default() }, NOW_MS, 20);
    let text = lines(&picture, &Paper::default()).join("\n");
    assert!(text.contains("UTC  2,400 or more shut, 3 or more limited  ("), "{text}");
    assert!(text.contains("\n… and 2,383 or more less urgent; --limit N shows more"), "{text}");
}

#[test]
fn it_fits_the_terminal_in_both_directions() {
    let mut picture = night();
    let well = picture.subscriptions[2].clone();
    picture.subscriptions.extend(std::iter::repeat_n(well, 40));
    for size in [(80, 24), (120, 30), (200, 60), (80, 6)] {
        let lines = lines(&picture, &Paper { size: Some(size), ..Paper::default() });
        assert!(lines.len() <= size.1, "{size:?}: {}", lines.len());
        for line in &lines {
            assert!(line.chars().count() <= size.0, "{size:?}: {line}");
        }
        assert!(lines.iter().any(|line| line.starts_with("shut  ")), "{lines:?}");
        assert!(size.1 < 50 || lines.iter().any(|line| line.starts_with("well    nothing")), "{lines:?}");
    }
}

#[test]
fn colour_changes_no_column() {
    let plain = lines(&night(), &Paper::default());
    let painted = lines(&night(), &Paper { colour: true, ..Paper::default() });
    assert!(painted.iter().any(|line| line.contains('\u{1b}')));
    let stripped: Vec<String> =
        painted.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
    assert_eq!(stripped, plain);
}

#[test]
fn what_others_named_does_not_reach_the_terminal_as_it_is() {
    let mut picture = night();
    picture.subscriptions[0].name = "a\u{1b}[2Jb".into();
    assert!(!lines(&picture, &Paper::default()).join("").contains('\u{1b}'));
}

#[test]
fn words_are_wrapped_between_them() {
    assert_eq!(wrap("one two three four", "  ", Some(9)), ["one two", "  three", "  four"]);
    assert_eq!(wrap("one two", "  ", None), ["one two"]);
}
