//! Reading the file again and again.

use crate::Shared;
use crate::read::{ReadError, Text};
use aerogram_domain::catalogue::Catalogue;
use aerogram_domain::credentials::{Changes, Reminders};
use aerogram_domain::time::iso_millis;
use aerogram_settings::CredentialsSettings;
use aerogram_telemetry::{Condition, Health, names, wall_ms};
use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// Who writes a file in place is done with it after so long: half of it could be a file without mistakes that lets half of them in.
const SETTLES_WITHIN: Duration = Duration::from_millis(40);
/// What `/readyz` calls it.
const NOTICE: &str = "credentials file in force";

pub(crate) struct Watcher {
    path: PathBuf,
    catalogue: Arc<Catalogue>,
    every: Duration,
    shared: Arc<Shared>,
    /// What is in force.
    in_force: [u8; 32],
    /// What is wrong with the file as it is, so that it is said once.
    wrong: Option<Wrong>,
    reminders: Reminders,
    notice: Condition,
}

#[derive(PartialEq, Eq)]
enum Wrong {
    Content([u8; 32]),
    Unreadable(io::ErrorKind),
}

impl Watcher {
    /// Reads the file for the first time.
    pub async fn start(
        settings: &CredentialsSettings,
        path: PathBuf,
        catalogue: Arc<Catalogue>,
        health: &Health,
    ) -> Result<(Self, Arc<Shared>), ReadError> {
        let text = Text::of(&path).await.map_err(|error| ReadError::unreadable(&path, error))?;
        let shared = Arc::new(Shared::default());
        shared.set(Arc::new(text.parse(&path, &catalogue)?));
        let watcher = Self {
            path,
            catalogue,
            every: Duration::from_millis(settings.reload_ms),
            shared: Arc::clone(&shared),
            in_force: text.hash,
            wrong: None,
            reminders: Reminders::default(),
            notice: health.notice(NOTICE),
        };
        watcher.show();
        Ok((watcher, shared))
    }

    /// Looks again for ever.
    pub async fn run(mut self) -> Infallible {
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.remind();
            ticks.tick().await;
            self.look().await;
        }
    }

    /// Takes over what the file says now, unless that is wrong.
    pub async fn look(&mut self) {
        match self.settled().await {
            Ok(None) => {}
            Ok(Some(text)) => self.judge(&text),
            Err(error) => {
                let wrong = Wrong::Unreadable(error.kind());
                self.complain(wrong, &ReadError::unreadable(&self.path, error));
            }
        }
        self.show();
    }

    fn judge(&mut self, text: &Text) {
        let file = self.path.display();
        if text.hash == self.in_force {
            if self.wrong.take().is_some() {
                tracing::info!(%file, "the credentials file is as it was");
            }
            return;
        }
        let wrong = Wrong::Content(text.hash);
        if self.wrong.as_ref() == Some(&wrong) {
            return;
        }
        match text.parse(&self.path, &self.catalogue) {
            Ok(credentials) => {
                let credentials = Arc::new(credentials);
                let Changes { tokens, operators } = credentials.changes_since(&self.shared.get());
                self.shared.set(credentials);
                (self.in_force, self.wrong) = (text.hash, None);
                tracing::info!(%file, %tokens, %operators, "the credentials file was read again");
            }
            Err(error) => self.complain(wrong, &error),
        }
    }

    /// What stands in the file; `None`: it is being written, the next look will tell.
    async fn settled(&self) -> io::Result<Option<Text>> {
        let text = Text::of(&self.path).await?;
        if text.hash == self.in_force {
            return Ok(Some(text));
        }
        sleep(SETTLES_WITHIN).await;
        let again = Text::of(&self.path).await?;
        Ok((again.hash == text.hash).then_some(again))
    }

    /// Once for each thing that is wrong.
    fn complain(&mut self, wrong: Wrong, error: &ReadError) {
        if self.wrong.as_ref() == Some(&wrong) {
            return;
        }
        tracing::error!("{error}\nWhat it said before stays in force");
        self.notice.set(false, format!("{error}; what it said before is in force"));
        self.wrong = Some(wrong);
    }

    fn show(&self) {
        if self.wrong.is_none() {
            self.notice.set(true, "as the file says");
        }
        let now_ms = wall_ms();
        let left_s = match self.shared.get().next_expiry_ms(now_ms) {
            #[allow(clippy::cast_precision_loss, reason = "milliseconds until a year with four digits")]
            Some(at_ms) => (at_ms - now_ms) as f64 / 1_000.0,
            None => f64::INFINITY,
        };
        metrics::gauge!(names::CREDENTIALS_STALE).set(f64::from(u8::from(self.wrong.is_some())));
        metrics::gauge!(names::CREDENTIALS_VALID_FOR).set(left_s);
    }

    /// Says what expires soon.
    fn remind(&mut self) {
        for one in self.reminders.due(&self.shared.get(), wall_ms()) {
            let expires = iso_millis(one.at_ms);
            tracing::warn!(
                expires,
                "a credential expires soon: {}; `aerogram credentials new` makes another",
                one.who
            );
        }
    }

    #[cfg(test)]
    pub fn is_stale(&self) -> bool {
        self.wrong.is_some()
    }
}
