use super::*;
use crate::time::iso_millis;
use aerogram_wire::v1::Renew;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

pub(super) fn renewal() -> Command {
    command("mine", Change::Renew(Renew {}))
}

fn at(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

fn expiring(text: &str) -> Subscription {
    let created_ms = at(text) - 30 * DAY_MS;
    applied(None, &create(30 * DAY_MS), created_ms)
}

fn refused(current: &Subscription, now_ms: i64) -> (Refusal, String) {
    match decide(Some(current), ID, &renewal(), now_ms) {
        Decision::Refuse { refusal, detail } => (refusal, detail),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_renewal_adds_a_calendar_month_to_the_expiry_whenever_it_is_asked_for() {
    for (expiry, renewed) in [
        ("2023-01-31T10:30:00.123Z", "2023-02-28T10:30:00.123Z"),
        ("2024-01-31T23:59:59.999Z", "2024-02-29T23:59:59.999Z"),
        ("2024-02-29T00:00:00.000Z", "2024-03-29T00:00:00.000Z"),
        ("2024-03-31T02:30:00.001Z", "2024-04-30T02:30:00.001Z"),
        ("2024-12-31T12:00:00.000Z", "2025-01-31T12:00:00.000Z"),
    ] {
        let current = expiring(expiry);
        assert_eq!(iso_millis(current.expires_at_ms), expiry);
        for now_ms in [current.expires_at_ms - 5 * DAY_MS, current.expires_at_ms - 1] {
            let next = applied(Some(&current), &renewal(), now_ms);
            assert_eq!(iso_millis(next.expires_at_ms), renewed);
            let expected = Subscription {
                version: 2,
                updated_at_ms: now_ms,
                expires_at_ms: next.expires_at_ms,
                ..current.clone()
            };
            assert_eq!(next, expected, "nothing else changes");
        }
    }
}

#[test]
fn the_window_is_the_five_days_before_the_expiry_to_the_millisecond() {
    let current = expiring("2024-06-30T12:00:00.500Z");
    let expiry_ms = current.expires_at_ms;
    let window = "from 2024-06-25T12:00:00.500Z";
    for early_ms in [current.created_at_ms, expiry_ms - 5 * DAY_MS - 1] {
        let (refusal, detail) = refused(&current, early_ms);
        assert_eq!(refusal, Refusal::NotRenewable);
        assert!(detail.contains(window) && detail.contains("2024-06-30T12:00:00.500Z"), "{detail}");
    }
    for inside_ms in [expiry_ms - 5 * DAY_MS, expiry_ms - 4 * DAY_MS, expiry_ms - 1] {
        applied(Some(&current), &renewal(), inside_ms);
    }
    for late_ms in [expiry_ms, expiry_ms + 1, expiry_ms + 400 * DAY_MS] {
        let (refusal, detail) = refused(&current, late_ms);
        assert_eq!(refusal, Refusal::Expired);
        assert!(detail.contains(window) && detail.contains("create a new subscription"), "{detail}");
    }
}

#[test]
fn the_second_of_two_renewals_is_out_of_its_window() {
    let current = expiring("2024-01-31T00:00:00.000Z");
    let now_ms = current.expires_at_ms - DAY_MS;
    let once = applied(Some(&current), &renewal(), now_ms);
    let (refusal, detail) = refused(&once, now_ms);
    assert_eq!(refusal, Refusal::NotRenewable);
    assert!(detail.contains("from 2024-02-24T00:00:00.000Z"), "{detail}");
    // The next window is that of the new expiry, which the day of the month was cut for.
    let twice = applied(Some(&once), &renewal(), once.expires_at_ms - 5 * DAY_MS);
    assert_eq!((twice.version, iso_millis(twice.expires_at_ms)), (3, "2024-03-29T00:00:00.000Z".into()));
}

#[test]
fn what_is_paused_is_renewed_and_stays_paused_and_can_be_made_active() {
    let current = expiring("2024-01-31T00:00:00.000Z");
    let expiry_ms = current.expires_at_ms;
    let paused = applied(Some(&current), &update("", Status::Inactive), expiry_ms - 10 * DAY_MS);
    let renewed = applied(Some(&paused), &renewal(), expiry_ms - 1);
    assert_eq!(renewed.status(), Status::Inactive);
    let active = applied(Some(&renewed), &update("", Status::Active), expiry_ms + 1);
    assert_eq!((active.status(), is_expired(&active, expiry_ms + 1)), (Status::Active, false));
    let gone = applied(Some(&current), &deactivate(), expiry_ms - DAY_MS);
    let renewed = applied(Some(&gone), &renewal(), expiry_ms - 1);
    assert_eq!((renewed.status(), renewed.status_reason.as_str()), (Status::Inactive, "gone"));
}

#[test]
fn what_never_expires_what_is_gone_and_what_is_anothers_is_not_renewed() {
    let forever = applied(None, &create(0), 0);
    assert_eq!(refused(&forever, 1).0, Refusal::NotRenewable);
    let current = expiring("2024-01-31T00:00:00.000Z");
    let now_ms = current.expires_at_ms - 1;
    let stranger = Command { scope: scope("other"), ..renewal() };
    assert_eq!(refusal(Some(&current), &stranger, now_ms), Refusal::NotFound);
    assert_eq!(refusal(None, &renewal(), now_ms), Refusal::NotFound);
    let gone = applied(Some(&current), &delete("mine"), now_ms);
    assert_eq!(refusal(Some(&gone), &renewal(), now_ms), Refusal::NotFound);
    let stale = Command { expected_version: 2, ..renewal() };
    assert_eq!(refusal(Some(&current), &stale, now_ms), Refusal::VersionMismatch);
    assert_eq!(applied(Some(&current), &Command { expected_version: 1, ..renewal() }, now_ms).version, 2);
    let last = jiff::Timestamp::MAX.as_millisecond();
    let last = Subscription { expires_at_ms: last, ..current };
    assert_eq!(refused(&last, last.expires_at_ms - 1).0, Refusal::NotRenewable);
}
