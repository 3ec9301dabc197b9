//! Where signing keys go that are told once.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;

use super::declared::Declared;

/// A new file that nobody else may read.
pub struct KeysOut {
    file: File,
}

impl KeysOut {
    /// # Errors
    /// It exists already, or can't be made.
    pub fn create(path: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let shown = path.display();
        Ok(Self { file: file.with_context(|| format!("--keys-out {shown} must be a new file"))? })
    }

    /// Writes a key down for good: nobody can ask for it again.
    ///
    /// # Errors
    /// It is not written.
    pub fn write(&mut self, declared: &Declared, id: &str, key: &str) -> std::io::Result<()> {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let entry = format!(
            "[[keys]]\npartner = {}\noperator = {}\nname = {}\nid = {}\nsigningKey = {}\n\n",
            quoted(&declared.pair.partner),
            quoted(&declared.pair.operator),
            quoted(declared.label()),
            quoted(id),
            quoted(key)
        );
        self.file.write_all(entry.as_bytes())?;
        self.file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn it_is_for_nobody_else_and_never_another_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys.toml");
        KeysOut::create(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(KeysOut::create(&path).is_err());
    }
}
