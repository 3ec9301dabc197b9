//! Who may call in this run: tokens made anew, and the file that holds their hashes.

use anyhow::{Context as _, Result};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The tokens of a run.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Of each operator, in the order in which they were named.
    operators: Vec<(&'static str, String)>,
    /// Bearer token of `POST /v1/events`, for all operators.
    pub publisher: String,
    /// The file with the hashes.
    pub file: PathBuf,
}

impl Credentials {
    /// Makes tokens for operators, each with the applications that may use it, and writes their hashes to `dir`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn create(dir: &Path, operators: &[(&'static str, Vec<&str>)]) -> Result<Self> {
        let mut text = String::new();
        let mut tokens = Vec::new();
        for (operator, clients) in operators {
            let token = token();
            let (hash, clients) = (sha256(&token), json!(clients));
            write!(
                text,
                "[[operators]]\nid = \"{operator}\"\n\n\
                 [[tokens]]\nsha256 = \"{hash}\"\noperator = \"{operator}\"\nclients = {clients}\n\n"
            )?;
            tokens.push((*operator, token));
        }
        let publisher = token();
        let hash = sha256(&publisher);
        write!(text, "[[publishers]]\nname = \"demo\"\nsha256 = \"{hash}\"\noperators = [\"*\"]\n")?;
        let file = dir.join("credentials.toml");
        fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
        Ok(Self { operators: tokens, publisher, file })
    }

    /// The `X-Auth-Token` of an operator.
    ///
    /// # Errors
    /// It has none.
    pub fn of(&self, operator: &str) -> Result<&str> {
        let found = self.operators.iter().find(|(name, _)| *name == operator);
        found.map(|(_, token)| token.as_str()).with_context(|| format!("{operator} has no token"))
    }
}

/// 32 random bytes as base64: a key for sealing, or for signing behind `whsec_`.
pub fn random_key() -> String {
    let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
    BASE64_STANDARD.encode([first.into_bytes(), second.into_bytes()].concat())
}

/// Short enough to be read aloud; it guards a loopback port for as long as the demo runs.
pub fn token() -> String {
    let text = Uuid::new_v4().simple().to_string();
    format!("demo-{}", text.get(..16).unwrap_or(&text))
}

fn sha256(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_only_their_hashes_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let credentials =
            Credentials::create(dir.path(), &[("A", vec!["app"]), ("B", vec!["x", "y"])]).unwrap();
        let text = fs::read_to_string(&credentials.file).unwrap();
        for token in [credentials.of("A").unwrap(), credentials.of("B").unwrap(), &credentials.publisher] {
            assert!(!text.contains(token));
            assert!(text.contains(&sha256(token)));
        }
        assert_ne!(credentials.of("A").unwrap(), credentials.of("B").unwrap());
        assert!(text.contains(r#"clients = ["x","y"]"#));
        assert!(credentials.of("C").is_err());
        assert_eq!(BASE64_STANDARD.decode(random_key()).unwrap().len(), 32);
    }
}
