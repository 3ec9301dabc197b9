//! The picture as lines: what is wrong at first sight, the table, and what each state in it means.

use anstyle::{AnsiColor, Style};

use super::figures::{count, span};
use super::fit::{Cells, fit};
use super::merge::{Picture, Shown, State};
use super::totals::Total;
use crate::table::cut;

/// With fewer rows on a low terminal the explanations give way.
const ROWS_MIN: usize = 5;

/// What is wrong with the processes leaves room for the table.
const NOTES_MAX: usize = 4;

/// On what it is drawn.
#[derive(Clone, Copy, Debug, Default)]
pub struct Paper {
    pub colour: bool,
    /// Columns and lines; unbounded without.
    pub size: Option<(usize, usize)>,
    /// It is drawn again and again, until Ctrl-C.
    pub live: bool,
}

/// Everything, from top to bottom.
pub fn lines(picture: &Picture, paper: &Paper) -> Vec<String> {
    let width = paper.size.map(|(columns, _)| columns);
    let mut head = vec![paper.paint(Style::new().bold(), &headline(picture, paper.live))];
    let red = Style::new().fg_color(Some(AnsiColor::Red.into()));
    let mut notes = notes(picture);
    if paper.size.is_some() && notes.len() > NOTES_MAX {
        let more = notes.len() - NOTES_MAX;
        notes.truncate(NOTES_MAX);
        notes.push(format!("and {more} more of these; --once shows all"));
    }
    head.extend(notes.iter().flat_map(|note| wrap(note, "  ", width)).map(|line| paper.paint(red, &line)));
    head.push(String::new());
    if picture.subscriptions.is_empty() {
        head.push(nothing(picture).to_owned());
        return head;
    }
    let (mut table, no_room) = fit(picture.subscriptions.iter().map(cells).collect(), width);
    for (line, shown) in table.iter_mut().skip(1).zip(&picture.subscriptions) {
        let word = shown.state.name();
        if let Some(rest) = line.strip_prefix(word) {
            *line = format!("{}{rest}", paper.paint(style(shown.state), word));
        }
    }
    let mut meanings = Vec::new();
    if !no_room.is_empty() {
        let missing = format!("no room for {}; a wider terminal or --once shows all", no_room.join(", "));
        meanings.extend(wrap(&missing, "  ", width));
    }
    meanings.push(String::new());
    for state in
        State::ALL.iter().filter(|state| picture.subscriptions.iter().any(|shown| shown.state == **state))
    {
        meanings.extend(wrap(&format!("{:8}{}", state.name(), meaning(*state)), "        ", width));
    }
    // The heading stays.
    let room = |without: usize| paper.size.map_or(usize::MAX, |(_, lines)| lines.saturating_sub(without + 1));
    let rows = table.len() - 1;
    let with_meanings = room(head.len() + meanings.len());
    let room = if with_meanings >= rows.min(ROWS_MIN) { with_meanings } else { room(head.len()) };
    if room != with_meanings {
        meanings.clear();
    }
    let (mut left_out, mut below) = (picture.left_out, None);
    if rows > room || left_out > 0 {
        // The line that says so takes a place too.
        let kept = rows.min(room.saturating_sub(1));
        left_out = left_out.saturating_add((rows - kept) as u64);
        table.truncate(1 + kept);
        let how =
            if paper.live && picture.left_out == 0 { "--once shows all" } else { "--limit N shows more" };
        let or_more = if picture.states.values().any(|total| total.or_more) { " or more" } else { "" };
        below = Some(format!("… and {}{or_more} less urgent; {how}", count(left_out)));
    }
    [head, table, below.into_iter().collect(), meanings].concat()
}

fn headline(picture: &Picture, live: bool) -> String {
    let time = picture.at.get(11..19).unwrap_or_default();
    let part = |(state, total): (&State, &Total)| {
        let or_more = if total.or_more { " or more" } else { "" };
        format!("{}{or_more} {}", count(total.count), state.name())
    };
    let mut parts: Vec<String> = picture.states.iter().map(part).collect();
    if parts.is_empty() {
        parts.push("nothing wrong".to_owned());
    }
    let processes = match picture.processes {
        1 => "1 process".to_owned(),
        n => format!("{n} processes"),
    };
    let hint = if live { "  Ctrl-C ends" } else { "" };
    format!("{time} UTC  {}  ({processes} asked){hint}", parts.join(", "))
}

/// What somebody has to know before he believes the table.
fn notes(picture: &Picture) -> Vec<String> {
    let mut notes: Vec<String> =
        picture.unreached.iter().map(|one| format!("not reached: {}", cut(&one.to_string(), 300))).collect();
    notes.extend(picture.troubles.iter().map(|text| format!("not well: {}", cut(text, 300))));
    if picture.processes == 0 {
        notes.push("nobody answers: nothing is known at the moment".to_owned());
        return notes;
    }
    if picture.sending_partitions == 0 {
        notes.push(
            "none of those asked is a deliverer with partitions, so nothing is known of what is sent; add --from HOST:9103"
                .to_owned(),
        );
    }
    if picture.parked_partitions == 0 {
        notes.push(
            "none of those asked is a scheduler with partitions, so nothing is known of what is parked; add --from HOST:9104"
                .to_owned(),
        );
    }
    notes
}

fn nothing(picture: &Picture) -> &'static str {
    match picture.processes {
        0 => "",
        _ => "No receiver fails, is slow or limited, and nothing is parked.",
    }
}

fn cells(shown: &Shown) -> Cells {
    let some = |n: u64| if n == 0 { String::new() } else { count(n) };
    let since = u64::try_from(shown.failing_for_ms).unwrap_or(0);
    [
        shown.state.name().to_owned(),
        cut(&shown.subscription_id, 60),
        cut(&shown.name, 60),
        cut(&shown.operator, 40),
        cut(&shown.host, 80),
        count(shown.waiting),
        shown.parked.map_or("?".to_owned(), count),
        count(shown.open),
        if shown.answer_ms == 0 { String::new() } else { span(shown.answer_ms) },
        some(shown.failures_in_row),
        if since == 0 { String::new() } else { span(since) },
        next(shown),
    ]
}

/// What happens next, where something is waited for.
fn next(shown: &Shown) -> String {
    match (shown.state, shown.next_probe_in_ms, shown.resumes_in_ms) {
        (State::Shut | State::Failing, Some(0), _) if shown.outstanding > 0 => "probing".to_owned(),
        (State::Shut | State::Failing, Some(0), _) => "probe now".to_owned(),
        (State::Shut | State::Failing, Some(ms), _) => format!("probe in {}", span(ms)),
        (State::Paused | State::Limited, _, Some(ms)) if ms > 0 => format!("in {}", span(ms)),
        (_, _, _) if shown.parked.is_some_and(|parked| parked > 0) && shown.window > 0 => {
            format!("{} at once", count(shown.window))
        }
        _ => String::new(),
    }
}

/// How a subscription that is in this state does, and what to do about it.
const fn meaning(state: State) -> &'static str {
    match state {
        State::Shut => {
            "the receiver keeps failing: one probe at a time, the rest is parked and nothing is lost. Tell whoever runs \
                 it; `aerogram escalations list --subscription ID` has what was given up"
        }
        State::Failing => {
            "the last attempts failed and are tried again; the log of the deliverer says why (`an attempt failed`)"
        }
        State::Paused => "the receiver asked for patience (Retry-After); it goes on by itself",
        State::Limited => {
            "its own limit or that of its host delays it; if PARKED keeps growing, the limit is too low for it"
        }
        State::Slow => {
            "answers take long, half a second or more unless deliverer.lane_wait_max_ms says otherwise, or what waits would wait \
                 too long; that is parked, and comes as fast as they answer"
        }
        State::Unknown => {
            "its deliverer says a word of a later version; ask with the `aerogram` of that version"
        }
        State::Paced => "what was parked flows back, more at a time with each success; it goes on by itself",
        State::Well => "nothing is wrong; the slowest are shown",
    }
}

const fn style(state: State) -> Style {
    let colour = match state {
        State::Shut => return Style::new().bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red))),
        State::Failing => AnsiColor::Red,
        State::Paused | State::Limited | State::Slow | State::Unknown => AnsiColor::Yellow,
        State::Paced => AnsiColor::Cyan,
        State::Well => AnsiColor::Green,
    };
    Style::new().fg_color(Some(anstyle::Color::Ansi(colour)))
}

impl Paper {
    fn paint(&self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// Lines of so many characters at most, those after the first behind `indent`.
fn wrap(text: &str, indent: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width.filter(|width| *width > 2 * indent.len()) else { return vec![text.to_owned()] };
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_inclusive(' ') {
        let fits = line.chars().count() + word.trim_end().chars().count() <= width;
        if !fits && !line.trim().is_empty() {
            lines.push(std::mem::replace(&mut line, indent.to_owned()).trim_end().to_owned());
        }
        line.push_str(word);
    }
    lines.push(line.trim_end().to_owned());
    lines
}

#[cfg(test)]
mod tests;
