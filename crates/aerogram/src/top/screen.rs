//! Standard output: a terminal on which the picture is drawn in place, or anything else, to which it is written again and
//! again.

use std::io::{self, IsTerminal as _, Write as _, stdout};

use super::draw::{Paper, lines};
use super::merge::Picture;

/// Another screen, so that what stood there is there again afterwards; no cursor; no line goes on in the next.
const OPEN: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
const CLOSE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
const TO_END_OF_LINE: &str = "\x1b[K";
const TO_END_OF_SCREEN: &str = "\x1b[J";

/// Given back when it is dropped.
pub struct Screen {
    in_place: bool,
    colour: bool,
}

/// What is written once: colour as the terminal and NO_COLOR wish, and nothing is cut.
pub fn plain() -> Paper {
    Paper { colour: colour(), size: None, live: false }
}

fn colour() -> bool {
    anstream::AutoStream::choice(&stdout()) != anstream::ColorChoice::Never
}

impl Screen {
    pub fn open() -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        let in_place = stdout().is_terminal() && !dumb;
        if in_place {
            // A terminal that is gone is found out with the first picture.
            let _ = write(OPEN);
        }
        Self { in_place, colour: colour() }
    }

    /// # Errors
    /// Nobody reads any more.
    pub fn show(&mut self, picture: &Picture) -> io::Result<()> {
        if !self.in_place {
            return write(&format!("{}\n\n", lines(picture, &plain()).join("\n")));
        }
        let paper = Paper { colour: self.colour, size: size(), live: true };
        let drawn = lines(picture, &paper).join(&format!("{TO_END_OF_LINE}\n"));
        write(&format!("{HOME}{drawn}{TO_END_OF_LINE}{TO_END_OF_SCREEN}"))
    }

    /// The last picture stays.
    pub fn close(self, picture: &Picture) {
        if self.in_place {
            drop(self);
            // Nothing is left to be done when nobody reads it.
            let _ = write(&format!("{}\n", lines(picture, &plain()).join("\n")));
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.in_place {
            // A terminal that is gone needs nothing back.
            let _ = write(CLOSE);
        }
    }
}

/// Columns and lines of the terminal; `None` where it does not tell.
fn size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then(|| (usize::from(size.ws_col), usize::from(size.ws_row)))
}

/// # Errors
/// Nobody reads any more.
pub fn write(text: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
