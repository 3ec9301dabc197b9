//! How large the large tests are: `AEROGRAM_TEST_SCALE_PERCENT` of what they are meant for, a tenth unless it says otherwise.

use std::env;
use std::time::Duration;

const NAME: &str = "AEROGRAM_TEST_SCALE_PERCENT";
const UNLESS_SAID: usize = 10;
/// What is waited for takes no longer than this for each delivery, on a machine that does much else.
const EACH: Duration = Duration::from_millis(15);
const AT_LEAST: Duration = Duration::from_secs(60);

/// # Panics
/// It is no whole number from 1 to 100.
pub fn percent() -> usize {
    let Ok(said) = env::var(NAME) else { return UNLESS_SAID };
    match said.parse() {
        Ok(percent @ 1..=100) => percent,
        _ => panic!("{NAME} is {said:?}; it must be a whole number from 1 to 100"),
    }
}

/// The share of `full` that this run has.
pub fn scaled(full: usize) -> usize {
    (full * percent() / 100).max(1)
}

/// How long this run waits for so many deliveries.
pub fn patience(deliveries: usize) -> Duration {
    AT_LEAST + EACH * u32::try_from(deliveries).unwrap_or(u32::MAX)
}
