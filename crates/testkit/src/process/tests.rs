use super::*;
use std::os::unix::process::ExitStatusExt;
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(20);

/// A shell script in place of a role binary; its `/readyz` is answered by the test itself.
fn role(dir: &TempDir, script: &str) -> Role {
    Role::new("/bin/bash", dir.path()).named("role-1").arg("-c").arg(script)
}

async fn answer_ready(status: &'static str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let _read = stream.read(&mut request).await.unwrap();
            let text = "waiting for: topics";
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
                text.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn is_ready_stops_and_goes_on_and_ends() {
    let dir = tempfile::tempdir().unwrap();
    let admin = answer_ready("200 OK").await;
    let role = role(&dir, "trap 'echo draining; exit 7' TERM; echo up $MARK; while :; do sleep 0.02; done")
        .env("AEROGRAM_TELEMETRY__ADMIN_LISTEN", admin)
        .env("MARK", "here");
    let mut process = role.start().await.unwrap();
    process.wait_for_log("up here", SOON).await.unwrap();
    assert_eq!(process.readyz().await.unwrap(), (200, "waiting for: topics".to_owned()));
    assert!(process.cpu_seconds().unwrap() >= 0.0);
    assert!(process.peak_memory_bytes().unwrap() > 0);

    process.pause().unwrap();
    process.signal(Signal::TERM).unwrap();
    assert!(process.wait_exit(Duration::from_millis(200)).await.is_err());
    process.resume().unwrap();
    assert_eq!(process.wait_exit(SOON).await.unwrap().code(), Some(7));
    assert!(process.log().unwrap().ends_with("draining\n"));
    assert!(process.pause().is_err());

    let again = role.env("MARK", "again").start().await.unwrap();
    again.wait_for_log("up again", SOON).await.unwrap();
    assert_eq!(again.terminate(SOON).await.unwrap().code(), Some(7));
}

#[tokio::test]
async fn kill_waits_until_it_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let mut process = role(&dir, "trap '' TERM; echo up; while :; do sleep 0.02; done").spawn().unwrap();
    process.wait_for_log("up", SOON).await.unwrap();
    process.signal(Signal::TERM).unwrap();
    assert!(process.wait_exit(Duration::from_millis(100)).await.is_err());
    let pid = process.pid();
    process.kill9().await.unwrap();
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[tokio::test]
async fn not_becoming_ready_shows_why() {
    let dir = tempfile::tempdir().unwrap();
    let error =
        role(&dir, "echo topics are missing >&2; exit 3").start().await.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("exit status: 3") && error.contains("topics are missing"), "{error}");

    let admin = answer_ready("503 Service Unavailable").await;
    let waiting = role(&dir, "sleep 60").env("AEROGRAM_TELEMETRY__ADMIN_LISTEN", admin);
    let error =
        waiting.ready_within(Duration::from_millis(200)).start().await.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("/readyz: 503 waiting for: topics"), "{error}");
}

#[tokio::test]
async fn a_command_is_run_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let finished = role(&dir, "echo out; echo err >&2; kill -9 $$").run(SOON).await.unwrap();
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("out\n", "err\n"));
    assert_eq!(finished.status.signal(), Some(9));
    let error = Role::new("no-such-role", dir.path()).spawn().map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("cargo build --workspace --bins"), "{error}");
}
