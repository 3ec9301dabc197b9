use super::*;

fn of(create: Value) -> Limits {
    super::create(&with("limits", create)).unwrap().limits.unwrap()
}

#[test]
fn each_limit_may_stand_alone_except_a_burst() {
    let all = json!({"ratePerMinute": 1200, "burst": 20, "concurrency": 4, "timeoutMs": 5000});
    assert_eq!(of(all), Limits { rate_per_minute: 1_200, burst: 20, concurrency: 4, timeout_ms: 5_000 });
    assert_eq!(of(json!({"ratePerMinute": 60_000_000})).rate_per_minute, 60_000_000);
    assert_eq!(of(json!({"concurrency": 1, "burst": null})), Limits { concurrency: 1, ..Limits::default() });
    assert_eq!(of(json!({"concurrency": 4.0})), Limits { concurrency: 4, ..Limits::default() });
    assert_eq!(of(json!({"timeoutMs": 500})), Limits { timeout_ms: 500, ..Limits::default() });
    for none in [json!(null), json!({}), json!({"ratePerMinute": null})] {
        assert_eq!(create(&with("limits", none)).unwrap().limits, None);
    }
    assert_eq!(pointers(&create(&with("limits", json!({"burst": 3}))).unwrap_err()), ["/limits/burst"]);
}

#[test]
fn a_wrong_limit_is_told_at_its_place() {
    let wrong = [
        (json!({"ratePerMinute": 0}), "/limits/ratePerMinute", "must be a whole number from 1 to 60000000"),
        (json!({"ratePerMinute": 60_000_001}), "/limits/ratePerMinute", "from 1 to 60000000"),
        (json!({"ratePerMinute": 0.5, "burst": 3}), "/limits/ratePerMinute", "from 1 to 60000000"),
        (json!({"ratePerMinute": "60"}), "/limits/ratePerMinute", "not a string"),
        (json!({"ratePerMinute": 60, "burst": -1}), "/limits/burst", "from 1 to 1000000"),
        (json!({"concurrency": 10_001}), "/limits/concurrency", "from 1 to 10000"),
        (json!({"concurrency": u64::MAX}), "/limits/concurrency", "from 1 to 10000"),
        (json!({"concurrency": 1e300}), "/limits/concurrency", "from 1 to 10000"),
        (json!({"timeoutMs": 499}), "/limits/timeoutMs", "from 500 to 600000"),
        (
            json!({"rate/per": 1}),
            "/limits/rate~1per",
            "there are ratePerMinute, burst, concurrency, timeoutMs",
        ),
        (json!(5), "/limits", "must be an object"),
    ];
    for (limits, pointer, detail) in wrong {
        for errors in [
            create(&with("limits", limits.clone())).unwrap_err(),
            patch(&json!({ "limits": limits })).unwrap_err(),
        ] {
            assert_eq!(pointers(&errors), [pointer], "{limits}");
            assert!(errors[0].detail.contains(detail), "{limits}: {}", errors[0].detail);
        }
    }
}

#[test]
fn a_change_replaces_all_limits_or_takes_them_away() {
    let to = |limits: Value| patch(&json!({ "limits": limits })).unwrap().limits;
    assert_eq!(to(json!({"concurrency": 2})), Some(Some(Limits { concurrency: 2, ..Limits::default() })));
    assert_eq!(to(json!(null)), Some(None));
    assert_eq!(to(json!({})), Some(None));
    assert_eq!(patch(&json!({"allText": true})).unwrap().limits, None);
}
