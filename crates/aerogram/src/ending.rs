//! How a command ends that can't go on: told to people, and with `--json` to programs as well.

use std::fmt::Display;
use std::process::ExitCode;

use serde_json::json;

use crate::{FAILED, complain, say};

/// Says why it ends: on standard error, and with `json` on standard output too, where a program looks for an answer.
pub fn fail(json: bool, status: u8, error: &dyn Display) -> ExitCode {
    if json {
        say(&told(error));
    }
    complain(status, error)
}

fn told(error: &dyn Display) -> String {
    json!({ "error": error.to_string() }).to_string()
}

/// The end of a command; a failure is shown with its causes.
pub fn end(json: bool, done: anyhow::Result<ExitCode>) -> ExitCode {
    done.unwrap_or_else(|error| fail(json, FAILED, &format!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_are_told_is_an_object_with_the_error() {
        let value: serde_json::Value = serde_json::from_str(&told(&"401: \"no\"\n    twice")).unwrap();
        assert_eq!(value, json!({"error": "401: \"no\"\n    twice"}));
    }
}
