use super::{load, problem_of};
use crate::Settings;

#[test]
fn times_that_contradict_each_other_are_refused() {
    let set = [
        "scheduler.probe_wait_min_ms=5000",
        "scheduler.probe_wait_max_ms=4999",
        "deliverer.failing_noted_after_ms=5000",
        "deliverer.give_up_after_ms=4999",
    ];
    let errors = load(None, &[], &set).unwrap_err();
    assert_eq!(errors.0.len(), 2, "{errors}");
    problem_of(&errors, "scheduler.probe_wait_min_ms");
    problem_of(&errors, "deliverer.failing_noted_after_ms");
    let never = [
        "scheduler.probe_wait_min_ms=5000",
        "scheduler.probe_wait_max_ms=5000",
        "deliverer.give_up_after_ms=0",
    ];
    load(None, &[], &never).unwrap();
}

#[test]
fn a_setting_that_was_renamed_is_told_its_new_name() {
    let errors = load(None, &[("AEROGRAM_DELIVERER__LANE_CAPACITY", "1000")], &[]).unwrap_err();
    let problem = &problem_of(&errors, "deliverer.lane_capacity").problem;
    assert!(problem.contains("became deliverer.lane_bytes_max"), "{errors}");
    for (_, became) in crate::declare::REMOVED {
        let key = became.split(',').next().unwrap();
        assert!(Settings::list().iter().any(|setting| setting.key == key), "{key}");
    }
}
