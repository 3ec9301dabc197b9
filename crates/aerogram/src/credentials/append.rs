//! Adding lines to a credentials file that others read at any moment.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use aerogram_domain::catalogue::Catalogue;
use aerogram_domain::credentials::Credentials;
use anyhow::{Context as _, anyhow};

use super::with_problems;

/// Of a file that is made; it has no secrets in clear, but it is nobody's business either.
const MODE: u32 = 0o600;

/// Why the lines are not in the file.
#[derive(Debug, thiserror::Error)]
pub enum NotAppended {
    /// It would not do.
    #[error("{0}")]
    Wrong(String),
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
}

/// Adds the lines, if all of the file can be used then: a new file takes the place of the old one, so that nobody ever reads
/// half of it. A file that is not there is made; a symbolic link stays one.
///
/// # Errors
/// Nothing was changed.
pub fn append(file: &Path, lines: &str, catalogue: &Catalogue) -> Result<(), NotAppended> {
    let file = &resolved(file)?;
    let shown = file.display();
    // First of all: what somebody else is adding must be read, or it would be lost.
    let beside = Beside::new(file)?;
    let (text, known) = match fs::read_to_string(file) {
        Ok(text) => (text, Some(fs::metadata(file).with_context(|| format!("--append {shown}"))?)),
        Err(error) if error.kind() == ErrorKind::NotFound => (String::new(), None),
        Err(error) => return Err(anyhow!(error).context(format!("--append {shown} cannot be read")).into()),
    };
    let gap = match text.trim_end() {
        "" => "",
        _ if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let whole = format!("{text}{gap}{lines}");
    if let Err(problems) = Credentials::parse(&whole, catalogue) {
        let what = format!("{shown} stays as it is, for with these lines it could not be used:");
        return Err(NotAppended::Wrong(with_problems(&what, &problems)));
    }
    let replaced = write(&beside.file, &whole, known.as_ref()).and_then(|()| beside.put_in_place(file));
    replaced.with_context(|| format!("--append {shown}: it stays as it is")).map_err(NotAppended::Failed)
}

/// The file itself, so that what is renamed does not take the place of a link to it.
fn resolved(file: &Path) -> Result<PathBuf, NotAppended> {
    let told = |error: anyhow::Error| error.context(format!("--append {}", file.display()));
    match fs::canonicalize(file) {
        Ok(path) => Ok(path),
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::symlink_metadata(file) {
            Ok(_) => {
                Err(told(anyhow!("it is a symbolic link to what is not there; name the file itself")).into())
            }
            Err(_) => Ok(file.to_owned()),
        },
        Err(error) => Err(told(anyhow!(error)).into()),
    }
}

/// A new file beside it. Always the same, so that of two who add at the same time one is told. It is removed unless it was put
/// in place.
struct Beside {
    path: PathBuf,
    file: File,
    is_in_place: bool,
}

impl Beside {
    fn new(file: &Path) -> anyhow::Result<Self> {
        let name = file.file_name().context("--append must name a file")?;
        let path = file.with_file_name(format!(".{}.new", name.to_string_lossy()));
        match OpenOptions::new().write(true).create_new(true).mode(MODE).open(&path) {
            Ok(file) => Ok(Self { path, file, is_in_place: false }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(anyhow!(
                "{} is there: somebody else is changing the file, or was interrupted; look, and remove it",
                path.display()
            )),
            Err(error) => Err(anyhow!(error).context(format!("{} cannot be made", path.display()))),
        }
    }

    fn put_in_place(mut self, file: &Path) -> anyhow::Result<()> {
        fs::rename(&self.path, file)?;
        self.is_in_place = true;
        // Without this the new name might not outlive a power failure; the file is in place all the same.
        let directory =
            file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if let Err(error) = File::open(directory).and_then(|directory| directory.sync_all()) {
            tracing::warn!("{} is in place, but perhaps not on the disk yet: {error}", file.display());
        }
        Ok(())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if !self.is_in_place {
            // Ours, for it was made new; that it can't be removed is not what went wrong.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whoever could read the old one can read the new one, and nobody else.
fn write(mut file: &File, text: &str, known: Option<&fs::Metadata>) -> anyhow::Result<()> {
    file.write_all(text.as_bytes())?;
    if let Some(known) = known {
        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (known.uid(), known.gid()) {
            fchown(file, Some(known.uid()), Some(known.gid()))
                .context("the new file cannot be given to the owner of the old one")?;
        }
        file.set_permissions(Permissions::from_mode(known.mode() & 0o7777))?;
    }
    file.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_domain::credentials::token_sha256;

    fn admin(token: &str) -> String {
        format!("[[admins]]\nname = \"{token}\"\nsha256 = \"{}\"\n", token_sha256(token))
    }

    #[test]
    fn lines_are_added_and_the_mode_and_links_stay() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("credentials.toml"), dir.path().join("link.toml"));
        let catalogue = Catalogue::builtin();
        append(&file, &admin("one"), &catalogue).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("credentials.toml", &link).unwrap();
        append(&link, &admin("two"), &catalogue).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("{}\n{}", admin("one"), admin("two")));
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left behind");
    }

    #[test]
    fn a_file_that_would_be_wrong_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("credentials.toml");
        let catalogue = Catalogue::builtin();
        fs::write(&file, admin("one")).unwrap();
        let twice = append(&file, &admin("one"), &catalogue).unwrap_err();
        assert!(matches!(&twice, NotAppended::Wrong(why) if why.contains("stands there twice")), "{twice}");
        let token = format!(
            "[[tokens]]\nsha256 = \"{}\"\noperator = \"OPX\"\nclients = [\"a\"]\n",
            token_sha256("t")
        );
        let unknown = append(&file, &token, &catalogue).unwrap_err().to_string();
        assert!(unknown.contains("add [[operators]] with id = \"OPX\""), "{unknown}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left behind");
        fs::write(dir.path().join(".credentials.toml.new"), "").unwrap();
        let busy = append(&file, &admin("two"), &catalogue).unwrap_err();
        assert!(
            matches!(&busy, NotAppended::Failed(_)) && busy.to_string().contains("interrupted"),
            "{busy}"
        );
        assert!(dir.path().join(".credentials.toml.new").exists(), "it is somebody else's");
        assert_eq!(fs::read_to_string(&file).unwrap(), admin("one"));
    }

    #[test]
    fn who_adds_at_the_same_time_takes_nothing_away() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("credentials.toml");
        let catalogue = Catalogue::builtin();
        std::thread::scope(|scope| {
            for who in 0..4 {
                let (file, catalogue) = (&file, &catalogue);
                scope.spawn(move || {
                    for one in 0..5 {
                        let lines = admin(&format!("{who}-{one}"));
                        while let Err(busy) = append(file, &lines, catalogue) {
                            assert!(busy.to_string().contains("somebody else"), "{busy}");
                            std::thread::yield_now();
                        }
                    }
                });
            }
        });
        assert_eq!(fs::read_to_string(&file).unwrap().matches("[[admins]]").count(), 20);
    }

    #[test]
    fn a_link_to_nothing_stays_one() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link.toml");
        std::os::unix::fs::symlink("nowhere.toml", &link).unwrap();
        let refused = append(&link, &admin("one"), &Catalogue::builtin()).unwrap_err().to_string();
        assert!(refused.contains("symbolic link"), "{refused}");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
