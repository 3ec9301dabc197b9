//! What is wrong with a receiver's TLS is named in the attempt's record; 1.2 and 1.3 are spoken, nothing older.

use crate::cluster::{Cluster, PATIENCE};
use crate::given_up;
use crate::publish::event;
use crate::rest::{ACME, Subscription};
use crate::setup::Setup;
use aerogram_testkit::ca::{LOCAL_NAMES, Validity, Versions};
use aerogram_testkit::verify::verify_all;
use aerogram_testkit::{Ca, Receiver};
use aerogram_wire::v1::Outcome;
use anyhow::{Context, Result};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const KIND: &str = "FLIGHT_CREATE";

/// A receiver of another program, killed when it is dropped.
struct Old {
    _child: Child,
    said: Lines<BufReader<ChildStdout>>,
    url: String,
}

impl Old {
    async fn start(ca: &Ca, dir: &Path) -> Result<Self> {
        let certificate = ca.write_certificate(dir, &LOCAL_NAMES)?;
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/receivers/tls_1_1.py");
        let mut child = Command::new("python3")
            .arg(program)
            .arg(certificate)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut said = BufReader::new(child.stdout.take().context("no output")?).lines();
        let port = tokio::time::timeout(PATIENCE, said.next_line()).await??;
        let port: u16 = port.context("the receiver with TLS 1.1 ended")?.parse()?;
        Ok(Self { _child: child, said, url: format!("https://127.0.0.1:{port}/old") })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tls_problem_is_named_and_two_versions_are_spoken() -> Result<()> {
    let mut setup = Setup::new("contract-tls").await?;
    setup.policies(&json!({"twice": {"delays_ms": [0]}}));
    let dir = setup.rig.dir().to_owned();
    let stranger = dir.join("stranger");
    fs::create_dir_all(&stranger)?;
    let strange_ca = Ca::new(&stranger)?;
    let cluster = Cluster::start(setup).await?;
    let ca = &cluster.setup.ca;
    let (now, both) = (Validity::Now, Versions::Both);
    let receivers = [
        (
            "certificate_expired",
            ca.server_config_with(&LOCAL_NAMES, Validity::Over, both)?,
            "expired at 2021-02-03",
        ),
        (
            "certificate_not_yet_valid",
            ca.server_config_with(&LOCAL_NAMES, Validity::NotYet, both)?,
            "not valid before 4000-05-06",
        ),
        (
            "certificate_wrong_name",
            ca.server_config(&["hooks.example"])?,
            "is for hooks.example, not for 127.0.0.1",
        ),
        (
            "certificate_unknown_issuer",
            strange_ca.server_config(&LOCAL_NAMES)?,
            "nobody who is trusted here issued",
        ),
        // The same with one version only: the name does not depend on it.
        (
            "certificate_expired",
            ca.server_config_with(&LOCAL_NAMES, Validity::Over, Versions::Only12)?,
            "expired at 2021-02-03",
        ),
    ];
    let subscribe = async |path: &str, url: &str| -> Result<Subscription> {
        cluster.subscribe(ACME, KIND, path, &json!({"callbackUrl": url, "policy": "twice"})).await
    };
    let (mut bad, mut hooks, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    for (n, (kind, tls, text)) in receivers.into_iter().enumerate() {
        let receiver = Receiver::start_with(tls, false).await?;
        hooks.push(subscribe(&format!("/bad-{n}"), &receiver.url("/hook")).await?);
        expected.push((kind, text));
        bad.push(receiver);
    }
    let mut old = Old::start(ca, &dir).await?;
    hooks.push(subscribe("/old", &old.url).await?);
    expected.push(("protocol", "TLS 1.2"));
    let mut good = Vec::new();
    for (path, version) in [("/1.2", Versions::Only12), ("/1.3", Versions::Only13)] {
        let receiver =
            Receiver::start_with(ca.server_config_with(&LOCAL_NAMES, now, version)?, false).await?;
        good.push((subscribe(path, &receiver.url(path)).await?, receiver));
    }

    cluster.upstream.send(&cluster.setup.flights(), &event("one", KIND).structured()).await?;
    for (hook, receiver) in &good {
        receiver.wait_for_count(&hook.path, 1, PATIENCE).await?;
        verify_all(&hook.key, &receiver.requests())?;
        assert_eq!((receiver.count(), receiver.failed_handshakes()), (1, 0), "{}", hook.path);
    }
    let all: Vec<&Subscription> = hooks.iter().collect();
    for (escalation, (kind, text)) in given_up::all(&cluster, &all, PATIENCE).await?.iter().zip(&expected) {
        assert_eq!(escalation.attempts.len(), 2, "{kind}");
        for attempt in &escalation.attempts {
            assert_eq!((attempt.outcome(), attempt.status), (Outcome::Tls, 0), "{kind}");
            assert_eq!(attempt.tls_problem, *kind, "{}", attempt.problem);
            assert!(attempt.problem.starts_with("TLS failed: "), "{}", attempt.problem);
            assert!(attempt.problem.contains(text), "{}", attempt.problem);
            assert_eq!(attempt.excerpt, "", "{kind}");
        }
    }
    for receiver in &bad {
        assert_eq!((receiver.count(), receiver.failed_handshakes()), (0, 2));
    }
    for _ in 0..2 {
        let line = tokio::time::timeout(PATIENCE, old.said.next_line()).await??.context("it ended")?;
        assert!(line.starts_with("refused "), "{line}");
    }
    Ok(())
}
