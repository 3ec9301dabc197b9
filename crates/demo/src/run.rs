//! The demo from top to bottom: ground, system, subscriptions; publish and watch; wait, judge, end.

use crate::addresses::Addresses;
use crate::credentials::Credentials;
use crate::customers::{self, CUSTOMERS, FAILING};
use crate::ledger::Ledger;
use crate::opening::{opening, short};
use crate::options::Options;
use crate::report::{DELIVERIES, Report};
use crate::screen::Screen;
use crate::signals::Signals;
use crate::stories::Stories;
use crate::system::System;
use crate::watch::Watch;
use aerogram_testkit::{Behaviour, Ca, HttpClient, Receiver, Reply, Upstream};
use anyhow::{Context as _, Result};
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// How long what is due may take after the last event, and after Ctrl-C.
const ALL_WITHIN: Duration = Duration::from_secs(60);
const ALL_WITHIN_ASKED: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const CHECK_EVERY: Duration = Duration::from_millis(500);
/// What was published is remembered to the end; this many events take hours, and some hundred megabytes.
const EVENTS_MAX: u64 = 250_000;
const SHOWN_MISSING_MAX: usize = 20;

/// Runs the demo; true when everything came that was due.
///
/// # Errors
/// Something could not be started, or broke.
pub async fn run(options: Options) -> Result<bool> {
    let signals = Signals::listen(options.parent)?;
    fs::create_dir_all(&options.dir).with_context(|| format!("making {}", options.dir.display()))?;
    let options = Options { dir: options.dir.canonicalize()?, ..options };
    let addresses = Addresses::choose(&options)?;
    let credentials = Credentials::create(&options.dir, &customers::operators())?;
    let ca = Ca::new(&options.dir)?;
    let receiver = Receiver::start(&ca).await?;
    behave(&receiver);

    let mut system = System::new(&options, &addresses, &credentials, &ca);
    let mut ground = Ground {
        screen: Screen::new(options.columns),
        http: HttpClient::new(),
        options,
        addresses,
        credentials,
        ca,
        receiver,
        signals,
    };
    let shown = ground.show(&mut system).await;
    // Whatever came of it: nothing may be left behind.
    let stopped = system.stop().await;
    let Some(mut show) = shown? else {
        return stopped.map(|()| true);
    };
    // What came while the processes ended, such as a delivery that should not have come twice.
    ground.look(&mut show)?;
    let good = ground.judge(&mut show)?;
    stopped.map(|()| good)
}

/// The failing endpoint, and who answers something else than 200.
fn behave(receiver: &Receiver) {
    receiver.behave_otherwise(Behaviour::custom(|arrival| {
        let of = |customer: &&customers::Customer| {
            let prefix = format!("/{}/", customer.name.replace(' ', "-"));
            arrival.path.starts_with(&prefix)
        };
        let failing = arrival.path.ends_with(FAILING);
        match arrival.nth {
            1 if failing => Reply::Status(503),
            2 if failing => Reply::Status(500),
            _ => Reply::Status(CUSTOMERS.iter().find(of).map_or(200, |customer| customer.answers)),
        }
    }));
}

/// What a run stands on.
struct Ground {
    options: Options,
    addresses: Addresses,
    credentials: Credentials,
    ca: Ca,
    receiver: Receiver,
    signals: Signals,
    screen: Screen,
    http: HttpClient,
}

/// What is being shown.
struct Show {
    watch: Watch,
    ledger: Ledger,
    report: Report,
    began: Instant,
}

impl Ground {
    /// `None`: an end was asked for before it began.
    async fn show(&mut self, system: &mut System) -> Result<Option<Show>> {
        let signals = self.signals.clone();
        let prepared = tokio::select! {
            prepared = self.prepare(system) => Some(prepared?),
            () = signals.asked(1) => None,
        };
        let Some(mut show) = prepared else { return Ok(None) };
        self.publish_and_watch(system, &mut show).await?;
        Ok(Some(show))
    }

    async fn prepare(&mut self, system: &mut System) -> Result<Show> {
        let starting = self.screen.paint().dim("starting Aerogram");
        self.screen.line(&starting)?;
        system.start().await?;
        let subscriptions =
            customers::subscribe(&self.http, &self.addresses, &self.credentials, &self.receiver).await?;
        let report = Report::new(
            &self.options,
            &self.addresses,
            &self.credentials,
            (&self.receiver, &self.ca),
            &subscriptions,
            &system.processes(),
        )?;
        let watch = Watch::new(subscriptions, &self.options.dir.join(DELIVERIES))?;
        let opening =
            opening(&self.options, &self.addresses, &self.credentials, &self.receiver, self.screen.paint())?;
        // Last: whoever waits for it finds everything else there.
        report.write()?;
        self.screen.line(&opening)?;
        Ok(Show { watch, ledger: Ledger::default(), report, began: Instant::now() })
    }

    async fn publish_and_watch(&mut self, system: &mut System, show: &mut Show) -> Result<()> {
        let upstream = Arc::new(Upstream::new(&self.addresses.kafka)?);
        let mut stories = Stories::new();
        let mut acknowledged: JoinSet<Result<(i32, i64)>> = JoinSet::new();
        let mut pace = interval(Duration::from_secs(1) / self.options.rate);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut check = interval(CHECK_EVERY);
        let end = (self.options.seconds > 0).then(|| show.began + Duration::from_secs(self.options.seconds));
        let mut until: Option<Instant> = None;
        let signals = self.signals.clone();
        loop {
            tokio::select! {
                _ = pace.tick(), if until.is_none() => {
                    if end.is_some_and(|end| Instant::now() >= end) || show.ledger.figures().events >= EVENTS_MAX {
                        until = Some(Instant::now() + ALL_WITHIN);
                        continue;
                    }
                    let next = stories.next();
                    show.ledger.publish(&next.event, &next.label, show.watch.subscriptions());
                    let (upstream, record) = (Arc::clone(&upstream), next.record());
                    acknowledged.spawn(async move { upstream.send(next.topic, &record).await });
                }
                _ = look.tick() => self.look(show)?,
                _ = check.tick() => system.check()?,
                Some(sent) = acknowledged.join_next() => {
                    sent?.context("publishing an event to Kafka")?;
                }
                () = signals.asked(1), if until.is_none() => until = Some(Instant::now() + ALL_WITHIN_ASKED),
                () = signals.asked(2) => break,
            }
            let due = show.ledger.figures().missing > 0 || !acknowledged.is_empty();
            if until.is_some_and(|until| !due || Instant::now() >= until) {
                break;
            }
            let hint = if until.is_none() { "Ctrl-C ends" } else { "waiting" };
            self.screen.summary(show.began.elapsed(), &show.ledger, hint)?;
        }
        self.screen.end_summary()
    }

    fn look(&mut self, show: &mut Show) -> Result<()> {
        for arrival in show.watch.look(&self.receiver, &mut show.ledger)? {
            self.screen.arrival(&arrival)?;
        }
        Ok(())
    }

    fn judge(&mut self, show: &mut Show) -> Result<bool> {
        let figures = show.ledger.figures();
        show.report.finish(&figures)?;
        let paint = self.screen.paint();
        for (id, label, at) in show.ledger.missing().take(SHOWN_MISSING_MAX) {
            let subscription = show.watch.subscriptions().get(at);
            let (event, to) = subscription.map_or(("", ""), |s| (s.event, s.subscriber));
            self.screen.line(&paint.red(&format!("missing: {event} {label} for {to} (event {id})")))?;
        }
        if !figures.is_good() {
            let logs = format!("look into the logs and {DELIVERIES} in {}", short(&self.options.dir));
            self.screen.line(&paint.red(&logs))?;
        }
        let mut text = format!("{} signatures checked, {} wrong", figures.checked, figures.failed_signatures);
        let within = |share| show.ledger.first_attempt_within(share).map(|within| within.as_millis());
        if let (Some(half), Some(most)) = (within(0.5), within(0.95)) {
            text += &format!("; first attempts after {half} ms (median), {most} ms (95 %)");
        }
        let more = [
            (figures.own, "of your own"),
            (figures.unexpected, "UNEXPECTED"),
            (figures.repeated, "repeated"),
        ];
        for (count, what) in more.into_iter().filter(|(count, _)| *count > 0) {
            text += &format!(", {count} {what}");
        }
        self.screen.line(&format!("\n{text}"))?;
        let (events, deliveries, retries) = (figures.events, figures.deliveries, figures.retries);
        self.screen.line(&format!(
            "{events} events, {deliveries} deliveries, {retries} retries, {} missing",
            figures.missing
        ))?;
        Ok(figures.is_good())
    }
}
