//! What people see: a line for each delivery, and a summary that stays at the bottom of a terminal.

use crate::ledger::{Figures, Ledger, Meaning, Signature};
use crate::watch::Arrival;
use anstyle::{AnsiColor, Style};
use anyhow::{Context as _, Result};
use std::io::{IsTerminal as _, Write as _, stdout};
use std::time::{Duration, Instant};

/// Between summaries where none can stay at the bottom.
const SUMMARY_EVERY: Duration = Duration::from_secs(10);
const CLEAR_LINE: &str = "\r\x1b[2K";
/// From here on there is room for the route beside the flight.
const WIDE: usize = 92;

/// Standard output.
pub struct Screen {
    paint: Paint,
    /// The summary is redrawn in place.
    live: bool,
    columns: usize,
    summary: String,
    summary_at: Instant,
}

impl Screen {
    /// Colour as the terminal and NO_COLOR wish.
    pub fn new(columns: usize) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let colour = anstream::AutoStream::choice(&stdout()) != anstream::ColorChoice::Never;
        Self {
            paint: Paint(colour),
            live: stdout().is_terminal() && !dumb,
            columns: columns.max(40),
            summary: String::new(),
            summary_at: Instant::now(),
        }
    }

    pub fn paint(&self) -> Paint {
        self.paint
    }

    /// A line above the summary.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub fn line(&mut self, text: &str) -> Result<()> {
        if self.live {
            self.write(&format!("{CLEAR_LINE}{text}\n{}", self.summary))
        } else {
            self.write(&format!("{text}\n"))
        }
    }

    /// A delivery.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub fn arrival(&mut self, arrival: &Arrival) -> Result<()> {
        self.line(&delivery(arrival, self.columns, self.paint))
    }

    /// The running summary: at the bottom of a terminal with a hint, elsewhere a line from time to time.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub fn summary(&mut self, running: Duration, ledger: &Ledger, hint: &str) -> Result<()> {
        if self.live {
            // A line that wraps could not be redrawn.
            let text: String =
                format!("{}  {hint}", summary(running, ledger)).chars().take(self.columns - 1).collect();
            let text = self.paint.dim(&text);
            if text == self.summary {
                return Ok(());
            }
            self.write(&format!("{CLEAR_LINE}{text}"))?;
            self.summary = text;
        } else if self.summary_at.elapsed() >= SUMMARY_EVERY {
            self.summary_at = Instant::now();
            self.write(&format!("{}\n", self.paint.dim(&summary(running, ledger))))?;
        }
        Ok(())
    }

    /// Takes the summary away.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub fn end_summary(&mut self) -> Result<()> {
        self.summary.clear();
        if self.live { self.write(CLEAR_LINE) } else { Ok(()) }
    }

    fn write(&self, text: &str) -> Result<()> {
        let mut out = stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("writing to standard output")
    }
}

/// Colours, where they are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Paint(pub bool);

impl Paint {
    pub fn bold(self, text: &str) -> String {
        self.styled(Style::new().bold(), text)
    }

    pub fn dim(self, text: &str) -> String {
        self.styled(Style::new().dimmed(), text)
    }

    pub fn cyan(self, text: &str) -> String {
        self.styled(AnsiColor::Cyan.on_default(), text)
    }

    pub fn green(self, text: &str) -> String {
        self.styled(AnsiColor::Green.on_default(), text)
    }

    pub fn yellow(self, text: &str) -> String {
        self.styled(AnsiColor::Yellow.on_default(), text)
    }

    pub fn red(self, text: &str) -> String {
        self.styled(AnsiColor::Red.on_default().bold(), text)
    }

    fn styled(self, style: Style, text: &str) -> String {
        if self.0 { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// Time, event type, subscriber, flight or order, attempt, signature, answer, milliseconds since publishing.
fn delivery(arrival: &Arrival, columns: usize, paint: Paint) -> String {
    let (label, label_width) = if columns >= WIDE {
        (arrival.label.as_str(), 15)
    } else {
        (arrival.label.split(' ').next().unwrap_or_default(), 7)
    };
    let attempt = format!("#{}", arrival.attempt);
    let signature = match arrival.signature {
        Signature::Valid => paint.green("✓ signature"),
        Signature::Failed => paint.red("FAILED     "),
        Signature::Unknown => paint.yellow("? key      "),
    };
    let status = arrival.status.map_or_else(|| "---".to_owned(), |status| status.to_string());
    let after = arrival.after_ms.map_or_else(String::new, |ms| format!("{ms} ms"));
    let note = match arrival.meaning {
        Meaning::Own if columns > WIDE + 6 => paint.dim("  yours"),
        Meaning::Unexpected => paint.red("  not for this subscriber"),
        Meaning::Repeated => paint.yellow("  repeated"),
        Meaning::Delivered | Meaning::NotYet | Meaning::Own => String::new(),
    };
    let good = matches!(arrival.status, Some(200..300));
    format!(
        "{} {} {:10.10} {label:label_width$.label_width$} {} {signature} {} {after:>8}{note}",
        paint.dim(&clock(arrival.at_ms)),
        paint.cyan(&format!("{:25.25}", arrival.kind)),
        arrival.subscriber,
        if arrival.attempt > 1 { paint.yellow(&attempt) } else { attempt },
        if good { paint.green(&status) } else { paint.yellow(&status) },
    )
}

fn summary(running: Duration, ledger: &Ledger) -> String {
    let Figures { events, deliveries, retries, missing, .. } = ledger.figures();
    let seconds = running.as_secs();
    let median = match ledger.first_attempt_within(0.5) {
        Some(median) => format!(", median {} ms", median.as_millis()),
        None => String::new(),
    };
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let counts =
        format!("{events} events, {deliveries} deliveries, {retries} retries, {missing} due{median}");
    format!("{minutes:02}:{seconds:02}  {counts}")
}

/// The time of day here.
fn clock(at_ms: u64) -> String {
    let time = i64::try_from(at_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let local = time.unwrap_or_default().to_zoned(jiff::tz::TimeZone::system());
    local.strftime("%H:%M:%S").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival() -> Arrival {
        Arrival {
            at_ms: 1_705_314_600_000,
            subscriber: "flight ops".to_owned(),
            kind: "FLIGHT_POST_FLIGHT_STATUS".to_owned(),
            event_id: "e".to_owned(),
            label: "SH1042 ZRH-LHR".to_owned(),
            attempt: 3,
            signature: Signature::Valid,
            status: Some(200),
            after_ms: Some(3_011),
            meaning: Meaning::Delivered,
        }
    }

    #[test]
    fn a_delivery_is_one_readable_line() {
        let line = delivery(&arrival(), 100, Paint(false));
        let (time, rest) = line.split_once(' ').unwrap();
        assert_eq!(time.len(), 8);
        assert_eq!(rest, "FLIGHT_POST_FLIGHT_STATUS flight ops SH1042 ZRH-LHR  #3 ✓ signature 200  3011 ms");
        assert!(line.chars().count() <= WIDE, "{}", line.chars().count());
        let narrow = delivery(&arrival(), 80, Paint(false));
        assert!(narrow.contains(" SH1042  #3 "), "{narrow}");
        assert!(narrow.chars().count() <= 82, "{}", narrow.chars().count());
    }

    #[test]
    fn what_is_wrong_stands_out() {
        let wrong = Arrival {
            signature: Signature::Failed,
            status: Some(503),
            meaning: Meaning::Unexpected,
            ..arrival()
        };
        let line = delivery(&wrong, 100, Paint(true));
        assert!(line.contains("FAILED") && line.contains("not for this subscriber"), "{line}");
        assert!(line.contains("\x1b[33m503\x1b[0m"), "{line:?}");
        assert!(!delivery(&wrong, 100, Paint(false)).contains('\x1b'));
    }

    #[test]
    fn the_summary_fits_a_narrow_terminal() {
        let text = summary(Duration::from_secs(3_671), &Ledger::default());
        assert_eq!(text, "61:11  0 events, 0 deliveries, 0 retries, 0 due");
    }
}
