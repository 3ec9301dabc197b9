//! From the file to credentials.

use aerogram_domain::catalogue::Catalogue;
use aerogram_domain::credentials::{Credentials, Problem};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Larger is no credentials file, and nothing to read every second.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Why a credentials file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the credentials file {} (credentials.file) cannot be read: {error}", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("the credentials file {} cannot be used:{}", path.display(), lines(problems))]
    Mistakes { path: PathBuf, problems: Vec<Problem> },
    /// Nobody means to shut everybody out by this; a full disk does it.
    #[error("the credentials file {} is empty; to let nobody in, write a comment into it", path.display())]
    Empty { path: PathBuf },
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

/// Reads and checks a credentials file as a start does; the event types in it are those of `catalogue`. It waits for the disk.
///
/// # Errors
/// It cannot be read or is empty, or something in it is wrong: all mistakes at once.
pub fn read(path: &Path, catalogue: &Catalogue) -> Result<Credentials, ReadError> {
    let text = Text::read(path).map_err(|error| ReadError::unreadable(path, error))?;
    text.parse(path, catalogue)
}

impl ReadError {
    pub(crate) fn unreadable(path: &Path, error: io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), error }
    }
}

/// What stands in the file.
pub(crate) struct Text {
    text: String,
    pub hash: [u8; 32],
}

impl Text {
    /// # Errors
    /// It cannot be read, is larger than any credentials file, or is no text.
    pub async fn of(path: &Path) -> io::Result<Self> {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || Self::read(&path)).await.map_err(io::Error::other)?
    }

    fn read(path: &Path) -> io::Result<Self> {
        let mut text = String::new();
        let bytes = File::open(path)?.take(BYTES_MAX + 1).read_to_string(&mut text)?;
        if u64::try_from(bytes).is_ok_and(|bytes| bytes > BYTES_MAX) {
            let detail = format!("it has more than {BYTES_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, detail));
        }
        Ok(Self { hash: Sha256::digest(text.as_bytes()).into(), text })
    }

    pub fn parse(&self, path: &Path, catalogue: &Catalogue) -> Result<Credentials, ReadError> {
        if self.text.trim().is_empty() {
            return Err(ReadError::Empty { path: path.to_owned() });
        }
        Credentials::parse(&self.text, catalogue)
            .map_err(|problems| ReadError::Mistakes { path: path.to_owned(), problems })
    }
}
