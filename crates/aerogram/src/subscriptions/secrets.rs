//! Where the secrets of a file come from.

use std::path::Path;

use aerogram_domain::toml_reading::Problem;

use super::declared::{Secret, Source};

/// Longest file of a secret, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Fetches secrets, and keeps what went wrong.
pub struct Secrets<'a> {
    look: &'a dyn Fn(&Source) -> Result<String, String>,
    pub problems: Vec<Problem>,
}

impl<'a> Secrets<'a> {
    pub fn new(look: &'a dyn Fn(&Source) -> Result<String, String>) -> Self {
        Self { look, problems: Vec::new() }
    }

    /// The secret; where it can't be had, nothing, and that is kept among the problems.
    pub fn of(&mut self, secret: &Secret) -> String {
        (self.look)(&secret.source).unwrap_or_else(|why| {
            self.problems.push(secret.place.problem(why));
            String::new()
        })
    }
}

/// Looks in the environment, and in files of `dir`.
///
/// # Errors
/// It is not there, or nothing that could be a secret.
pub fn look(source: &Source, dir: &Path) -> Result<String, String> {
    let found = match source {
        Source::Given(text) => return Ok(text.clone()),
        Source::Env(name) => match std::env::var(name) {
            Ok(text) => text,
            Err(std::env::VarError::NotPresent) => return Err(format!("the variable {name} is not set")),
            Err(std::env::VarError::NotUnicode(_)) => return Err(format!("the variable {name} is no text")),
        },
        Source::File(path) => {
            let path = dir.join(path);
            let shown = path.display();
            let unreadable = |error: std::io::Error| format!("{shown} cannot be read: {error}");
            let bytes = std::fs::metadata(&path).map_err(unreadable)?.len();
            if bytes > FILE_BYTES_MAX {
                return Err(format!("{shown} has {bytes} bytes; a secret has at most {FILE_BYTES_MAX}"));
            }
            let text = std::fs::read_to_string(&path).map_err(unreadable)?;
            // The line end that editors put there is no part of it.
            let text = text.strip_suffix('\n').unwrap_or(&text);
            text.strip_suffix('\r').unwrap_or(text).to_owned()
        }
    };
    match found.is_empty() {
        true => Err(match source {
            Source::Env(name) => format!("the variable {name} is empty"),
            Source::File(path) => format!("{} is empty", path.display()),
            Source::Given(_) => "is empty".to_owned(),
        }),
        false => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_a_secret_without_its_line_end() {
        let dir = tempfile::tempdir().unwrap();
        let of = |name: &str| look(&Source::File(name.into()), dir.path());
        for (name, holds) in [("plain", "hush"), ("line", "hush\n"), ("windows", "hush\r\n")] {
            std::fs::write(dir.path().join(name), holds).unwrap();
            assert_eq!(of(name), Ok("hush".to_owned()));
        }
        std::fs::write(dir.path().join("empty"), "\n").unwrap();
        assert!(of("empty").unwrap_err().contains("is empty"));
        assert!(of("missing").unwrap_err().contains("cannot be read"));
        let unset = Source::Env("AEROGRAM_NO_SUCH_VARIABLE".into());
        assert_eq!(look(&unset, dir.path()), Err("the variable AEROGRAM_NO_SUCH_VARIABLE is not set".into()));
    }
}
