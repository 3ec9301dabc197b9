//! What becomes of a run of a delivery, as the log tells it: by the lines of `attempts`, which alone decide, and by the
//! records that it travels in, which say what the lines are about and what was told before the oldest line there is.
//!
//! `deliveries`, `attempts` and `pending` are read each on its own, so what is known must not depend on which was read first:
//! a run only ever gets further, and of what is known twice the same is kept.

mod answers;
mod attempts;
mod claims;
mod hours;
mod progress;
mod status;
mod tear;
#[cfg(test)]
mod tests;
mod void;
mod words;

pub use answers::Answers;
pub use attempts::{ATTEMPTS_MAX, TEXTS_MAX, shorten};
pub use claims::Claims;
pub use hours::{Failure, HOUR_MS, Hour, Hours, Success, count, hour_of};
pub use progress::{Progress, Record, Stage};
pub use status::Status;
pub use tear::{Away, Log, Tear};
pub(crate) use void::{is_void, number};
pub use words::{SEARCHED_FIELDS, WORD_BYTES_MAX, WORDS_MAX, search_word, search_words};
