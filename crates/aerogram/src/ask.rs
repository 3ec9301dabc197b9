//! Asking whoever sits at the terminal.

use std::io::{BufRead as _, Write as _};

use anyhow::Context as _;

/// Whether the answer is yes; silence and an input that is at its end are a no.
///
/// # Errors
/// The answer cannot be read.
pub fn yes(question: &str) -> anyhow::Result<bool> {
    let mut asked = std::io::stderr();
    // Without a place for the question nobody answers it, which is a no.
    let _ = write!(asked, "{question} [y/N] ");
    let _ = asked.flush();
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).context("cannot read the answer; --yes gives it")?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
