//! What is called and what is not, receivers that misbehave, and a real proxy (tinyproxy as Debian has it).

use crate::cluster::{Cluster, PATIENCE, QUIET};
use crate::publish::{event, events, structured};
use crate::rest::{ACME, Subscription};
use crate::setup::Setup;
use crate::topics;
use aerogram_testkit::ports::free_port;
use aerogram_testkit::verify::verify_all;
use aerogram_testkit::{Behaviour, Receiver, Reply};
use aerogram_wire::Topic;
use aerogram_wire::v1::{Escalation, Outcome};
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

const KIND: &str = "FLIGHT_CREATE";
/// Our own faults are tried again after a minute; then the delivery itself.
const AFTER_OUR_FAULT: Duration = Duration::from_secs(180);

/// Two attempts, one right after the other.
async fn start(mut setup: Setup) -> Result<Cluster> {
    setup.policies(&json!({"twice": {"delays_ms": [0]}}));
    setup.set("DELIVERER__REQUEST_TIMEOUT_MS", "2000");
    Cluster::start(setup).await
}

async fn subscribe(cluster: &Cluster, url: &str) -> Result<Subscription> {
    cluster.subscribe(ACME, KIND, url, &json!({"policy": "twice", "callbackUrl": url})).await
}

/// The attempts of the escalation of a subscription's only delivery.
async fn escalated(cluster: &Cluster, subscription: &Subscription) -> Result<Vec<(Outcome, u32)>> {
    let is_it = |e: &Escalation| e.delivery.as_ref().is_some_and(|d| d.subscription_id == subscription.id);
    let there = |found: &[Escalation]| found.iter().any(is_it);
    let found: Vec<Escalation> =
        topics::wait_for(&cluster.setup, Topic::Escalations, PATIENCE, there).await?;
    let escalation = found.iter().find(|e| is_it(e)).context("no escalation")?;
    Ok(escalation.attempts.iter().map(|attempt| (attempt.outcome(), attempt.status)).collect())
}

/// Sends a byte at a time for ever, as something that is no TLS handshake yet.
async fn dripping() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("https://{}/dripping", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut written = tcp.write_all(&[22, 3, 3, 0x40, 0]).await;
                while written.is_ok() {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    written = tcp.write_all(&[2]).await;
                }
                // What is left of the client's greeting; it has gone.
                let _ = tcp.read(&mut [0; 1_024]).await;
            });
        }
    });
    Ok(url)
}

/// What could never be called, in the spellings of the URL standard.
fn refused_at_creation(port: u16) -> Vec<String> {
    let trap = |host: &str| format!("https://{host}:{port}/trap");
    vec![
        "https://10.0.0.1/hook?token=open-sesame".to_owned(),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        trap("127.0.0.2"),
        trap("2130706434"),
        trap("0177.0.0.2"),
        trap("[::1]"),
        trap("[::ffff:127.0.0.1]"),
        trap("[64:ff9b::7f00:1]"),
        trap("[2002:7f00:1::]"),
        "https://127.0.0.1:6379/".to_owned(),
        // RFC 3986 reads a name here.
        "https://%31%30.0.0.1/hook".to_owned(),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_receiver_fails_by_its_own_name_and_no_other_waits_for_it() -> Result<()> {
    let mut setup = Setup::new("egress").await?;
    setup.set("DELIVERER__ALLOW_CIDRS", "127.0.0.1/32");
    let mut cluster = start(setup).await?;
    let port = cluster.receiver.address().port();
    let other_name =
        Receiver::start_with(cluster.setup.ca.server_config(&["receiver.example"])?, false).await?;
    let refused_at_creation = refused_at_creation(port);
    for url in &refused_at_creation {
        let body = json!({"event": KIND, "callbackUrl": url, "signingKey": "k"});
        let answer = cluster.rest.create(ACME, &body).await?;
        let text = answer.text();
        assert!(answer.status == 400 && text.contains("/callbackUrl"), "{url}: {} {text}", answer.status);
        assert!(!text.contains("open-sesame"), "{text}");
    }
    // As if the settings had been wider once: the api is given such, the deliverer has the tight ones.
    cluster.terminate("api").await?;
    cluster.setup.set("DELIVERER__ALLOW_CIDRS", "0.0.0.0/0,::/0");
    cluster.setup.set("DELIVERER__ALLOWED_PORTS", "443,1024-65535,6379");
    cluster.reconfigure("api");
    cluster.start_role("api").await?;
    let receiver = &cluster.receiver;
    receiver.behave("/moved", Behaviour::Always(Reply::with_header(302, "location", &receiver.url("/trap"))));
    receiver.behave("/hang", Behaviour::hang());
    receiver.behave("/close", Behaviour::close());
    let big = Reply::Full { status: 200, headers: Vec::new(), body: vec![b'x'; 20_000_000].into() };
    receiver.behave("/big", Behaviour::Always(big));

    let blocked = Outcome::Blocked;
    let at_sending = [
        (other_name.url("/trap"), (Outcome::Tls, 0)),
        (receiver.url("/moved"), (Outcome::HttpOther, 302)),
        (receiver.url("/hang"), (Outcome::Timeout, 0)),
        (dripping().await?, (Outcome::Timeout, 0)),
        (receiver.url("/close"), (Outcome::Connect, 0)),
    ];
    let failing = refused_at_creation.into_iter().map(|url| (url, (blocked, 0))).chain(at_sending);
    let mut expected = Vec::new();
    for (url, attempt) in failing {
        expected.push((subscribe(&cluster, &url).await?, attempt));
    }
    // The same address as the receiver's own, in two of the forms that a URL may give it.
    let good = [receiver.url("/big"), format!("https://0x7f.1:{port}/hex"), receiver.localhost_url("/named")];
    for url in &good {
        subscribe(&cluster, url).await?;
    }
    cluster.upstream.send(&cluster.setup.flights(), &event("one", KIND).structured()).await?;

    for path in ["/big", "/hex", "/named"] {
        receiver.wait_for_count(path, 1, PATIENCE).await?;
    }
    for (subscription, attempt) in &expected {
        let attempts = escalated(&cluster, subscription).await?;
        assert_eq!(attempts, [*attempt, *attempt], "{}", subscription.path);
    }
    // Each is told, with what there is to do, and without what the URL keeps secret.
    let log = cluster.log("deliverer-1")?;
    let told: Vec<&str> = log.lines().filter(|line| line.contains("an attempt failed: ")).collect();
    let of = |index: usize| -> Result<&str> {
        let id = &expected[index].0.id;
        told.iter().find(|line| line.contains(id)).copied().with_context(|| format!("{id} in {told:#?}"))
    };
    for index in 0..expected.len() {
        of(index)?;
    }
    for (index, text) in [
        (0, "deliverer.allow_cidrs"),
        (9, "deliverer.allowed_ports"),
        (11, "certificate_wrong_name"),
        (12, "the receiver answered 302"),
    ] {
        assert!(of(index)?.contains("\"WARN\"") && of(index)?.contains(text), "{text}: {}", of(index)?);
    }
    assert!(!log.contains("open-sesame"), "a URL's query is logged");
    receiver.wait_until_quiet(QUIET, PATIENCE).await?;
    for (path, requests) in
        [("/trap", 0), ("/moved", 2), ("/hang", 2), ("/close", 2), ("/big", 1), ("/hex", 1), ("/named", 1)]
    {
        assert_eq!(receiver.count_on(path), requests, "{path}");
    }
    assert_eq!((other_name.count(), other_name.failed_handshakes()), (0, 2));
    Ok(())
}

struct Proxy {
    port: u16,
    config: PathBuf,
    log: PathBuf,
}

impl Proxy {
    fn new(directory: &Path) -> Result<Self> {
        let port = free_port()?;
        let (config, log) = (directory.join("proxy.conf"), directory.join("proxy.log"));
        let text = format!(
            "Port {port}\nListen 127.0.0.1\nTimeout 600\nLogFile \"{}\"\nLogLevel Info\nMaxClients 50\n\
             BasicAuth user open-sesame\n",
            log.display()
        );
        fs::write(&config, text)?;
        Ok(Self { port, config, log })
    }

    async fn start(&self) -> Result<Child> {
        let mut command = Command::new("tinyproxy");
        command.arg("-d").arg("-c").arg(&self.config).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().context("tinyproxy is missing: run scripts/install-test-deps.sh")?;
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            if Instant::now() >= until {
                bail!("the proxy does not start");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(child)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_is_down_costs_no_receiver_an_attempt() -> Result<()> {
    const EVENTS: usize = 20;
    let mut setup = Setup::new("proxy").await?;
    let proxy = Proxy::new(setup.rig.dir())?;
    setup.set("DELIVERER__PROXY", format!("http://user:open-sesame@127.0.0.1:{}", proxy.port));
    let cluster = start(setup).await?;
    let (receiver, flights) = (&cluster.receiver, cluster.setup.flights());
    let url = receiver.localhost_url("/proxied");
    let subscription = subscribe(&cluster, &url).await?;

    // The proxy does not run yet.
    cluster.upstream.send(&flights, &event("early", KIND).structured()).await?;
    let until = Instant::now() + PATIENCE;
    while !cluster.log("deliverer-1")?.contains("makes no tunnel") {
        assert!(Instant::now() < until, "the proxy's failure is not told");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let _running = proxy.start().await?;
    cluster.upstream.send_all(&flights, &structured(&events("e", KIND, EVENTS))).await?;
    receiver.wait_for_count("/proxied", EVENTS, PATIENCE).await?;
    receiver.wait_for_count("/proxied", EVENTS + 1, AFTER_OUR_FAULT).await?;
    receiver.wait_until_quiet(QUIET, PATIENCE).await?;

    let requests = receiver.requests_on("/proxied");
    assert_eq!(requests.len(), EVENTS + 1);
    verify_all(&subscription.key, &requests)?;
    let log = fs::read_to_string(&proxy.log)?;
    assert!(log.contains(&format!("CONNECT {} ", receiver.address())), "{log}");
    assert!(!log.contains("CONNECT localhost"), "{log}");
    assert!(!cluster.log("deliverer-1")?.contains("open-sesame"), "the proxy's password is logged");
    let escalations: Vec<Escalation> =
        topics::wait_for(&cluster.setup, Topic::Escalations, PATIENCE, |_| true).await?;
    assert!(escalations.is_empty(), "{escalations:#?}");
    Ok(())
}
