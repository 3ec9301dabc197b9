//! Who signs in: for each flow an operator with contracts and a token of its own.

use crate::setup::Setup;
use anyhow::Result;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

/// The application of all of them.
pub const CLIENT: &str = "partner-app";
/// What somebody may have typed who means no good; contracts are named by who runs the system, not by who uses it.
const HOSTILE: [&str; 4] = ["=1+1", "@SUM(A1:A9)", "<b onclick=alert(1)>\"C'&amp;", "\u{202e}0001-C"];

fn contracts(operator: &str) -> Vec<&'static str> {
    let hostile = if ["excel", "hostile"].contains(&operator) { &HOSTILE[..] } else { &[] };
    [&["C-100", "C-200"], hostile].concat()
}

/// Adds them to those of the other tests.
pub fn write<'a>(setup: &Setup, operators: impl Iterator<Item = &'a str>) -> Result<()> {
    let path = file(setup);
    let mut text = fs::read_to_string(&path)?;
    for operator in operators.chain(["others"]) {
        let contracts = json!(contracts(operator));
        writeln!(text, "\n[[operators]]\nid = \"{operator}\"\ncontracts = {contracts}\n")?;
        for (token, scopes) in
            [(token_of(operator), ""), (reading_token_of(operator), "scopes = [\"read\"]\n")]
        {
            let sha256 = sha256(&token);
            writeln!(
                text,
                "[[tokens]]\nsha256 = \"{sha256}\"\noperator = \"{operator}\"\nclients = [\"{CLIENT}\"]\n{scopes}"
            )?;
        }
    }
    fs::write(path, text)?;
    Ok(())
}

/// From now on the token does not count.
pub fn revoke(setup: &Setup, token: &str) -> Result<()> {
    let path = file(setup);
    let text = fs::read_to_string(&path)?;
    // Nobody knows a token of this hash.
    let text = text.replace(&sha256(token), &sha256("a token that was made and thrown away"));
    // All at once: what is written half is read as a mistake, and said so in a log.
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(new, path)?;
    Ok(())
}

fn file(setup: &Setup) -> PathBuf {
    setup.rig.dir().join("credentials.toml")
}

/// As `portal/browser.mjs` has them.
fn token_of(operator: &str) -> String {
    format!("token of {operator} for the portal")
}

fn reading_token_of(operator: &str) -> String {
    format!("token of {operator} to look only")
}

fn sha256(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
