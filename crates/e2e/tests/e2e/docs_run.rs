//! Programs of other languages, run for what the documentation says about them.

use crate::docs_page::root;
use anyhow::{Context, Result, ensure};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::OnceCell;

/// A Go program is compiled first, and the compiler shares two cores with everything else.
const ENDS_WITHIN: Duration = Duration::from_secs(180);
/// Packages come over the network the first time.
const INSTALLED_WITHIN: Duration = Duration::from_secs(600);

static CLIENTS: OnceCell<PathBuf> = OnceCell::const_new();

/// Where the packages are that pages of the documentation use or name; installed first where they are missing.
pub async fn clients() -> Result<PathBuf> {
    let install = || async {
        let script = root().join("scripts/sample-clients.sh");
        let said = run_within(&mut Command::new(script), INSTALLED_WITHIN).await?;
        let dir = said.lines().last().context("sample-clients.sh did not say where they are")?;
        Ok::<_, anyhow::Error>(PathBuf::from(dir))
    };
    CLIENTS.get_or_try_init(install).await.cloned()
}

/// Runs a program to its end and returns what it printed. It must succeed.
pub async fn run(command: &mut Command) -> Result<String> {
    run_within(command, ENDS_WITHIN).await
}

/// The same, of a program that takes another while.
pub async fn run_within(command: &mut Command, within: Duration) -> Result<String> {
    let shown = format!("{:?}", command.as_std());
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(within, output)
        .await
        .with_context(|| format!("{shown} did not end within {within:?}"))?
        .with_context(|| {
            format!("starting {shown}; scripts/install-test-deps.sh installs what the tests need")
        })?;
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{shown} ended with {}:\n{said}{complained}", output.status);
    Ok(said.into_owned())
}

/// `go run` or `go vet` in a directory.
pub fn go(dir: &Path, what: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("go");
    // What is packaged for a distribution would not fetch the release that a go.mod asks for.
    if env::var_os("GOTOOLCHAIN").is_none() {
        command.env("GOTOOLCHAIN", "auto");
    }
    // As the embedded broker is built: what is compiled for the one is there for the other.
    command.env("CGO_ENABLED", "0");
    // The directory lies in a repository that has nothing to do with the program.
    command.arg(what).arg("-buildvcs=false").args(arguments).current_dir(dir);
    command
}

/// A file of this crate's `tests/e2e/docs`.
pub fn driver(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/docs").join(name)
}
