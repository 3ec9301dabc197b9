//! A table that is as wide as the terminal at most: first texts are cut, then what can be done without is left out. What
//! somebody copies, the id, is always whole.

use crate::table::{Table, cut};

pub const COLUMNS: [&str; 12] = [
    "STATE",
    "SUBSCRIPTION",
    "NAME",
    "OPERATOR",
    "HOST",
    "WAITING",
    "PARKED",
    "OPEN",
    "ANSWER",
    "FAILURES",
    "FOR",
    "NEXT",
];
const RIGHT: [&str; 6] = ["WAITING", "PARKED", "OPEN", "ANSWER", "FAILURES", "FOR"];
const BETWEEN: usize = 2;

/// Cut a column to so many characters; 0: leave it out. In this order until it fits.
const STEPS: [(&str, usize); 16] = [
    ("HOST", 40),
    ("NAME", 30),
    ("OPERATOR", 12),
    ("HOST", 28),
    ("NAME", 20),
    ("HOST", 20),
    ("OPERATOR", 8),
    ("NAME", 12),
    ("OPEN", 0),
    ("WAITING", 0),
    ("FAILURES", 0),
    ("HOST", 16),
    ("ANSWER", 0),
    ("OPERATOR", 0),
    ("HOST", 0),
    ("NAME", 0),
];

pub type Cells = [String; COLUMNS.len()];

/// The lines of the table, its heading first, and which columns there was no room for.
pub fn fit(mut rows: Vec<Cells>, width: Option<usize>) -> (Vec<String>, Vec<&'static str>) {
    let mut left_out = Vec::new();
    for (name, chars_max) in STEPS {
        if width.is_none_or(|width| width_of(&rows) <= width) {
            break;
        }
        let Some(column) = COLUMNS.iter().position(|column| *column == name) else { continue };
        if chars_max == 0 && rows.iter().any(|cells| !cells[column].is_empty()) {
            left_out.push(name);
        }
        for cells in &mut rows {
            // A column that is empty in every row is left out.
            cells[column] = if chars_max == 0 { String::new() } else { cut(&cells[column], chars_max) };
        }
    }
    let mut table = Table::new(&COLUMNS).right(&RIGHT);
    for cells in rows {
        table.push(cells.into(), Vec::new());
    }
    (table.render().lines().map(str::to_owned).collect(), left_out)
}

fn width_of(rows: &[Cells]) -> usize {
    let widths = COLUMNS.iter().enumerate().filter_map(|(column, name)| {
        let widest = rows.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
        (widest > 0).then(|| widest.max(name.len()) + BETWEEN)
    });
    widths.sum::<usize>().saturating_sub(BETWEEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01a1ff04-2a0f-7659-b23f-c78d18467e80";

    fn row() -> Cells {
        [
            "shut",
            ID,
            "a name that somebody thought about for long",
            "an-operator-of-note",
            "hooks.of.a.large.customer.example.com:8443",
            "1",
            "99,120",
            "1",
            "10 s",
            "212",
            "2 h 3 m",
            "probe in 12 s",
        ]
        .map(str::to_owned)
    }

    #[test]
    fn it_is_as_wide_as_the_terminal_at_most_and_the_id_is_whole() {
        for width in [80, 100, 120, 160, 200] {
            let (lines, left_out) = fit(vec![row()], Some(width));
            for line in &lines {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
            assert!(lines[1].starts_with(&format!("shut   {ID}  ")), "{lines:?}");
            assert!(lines[1].contains("99,120") && lines[1].contains("probe in 12 s"), "{lines:?}");
            assert_eq!(left_out.is_empty(), width >= 160, "{width}: {left_out:?}");
        }
    }

    #[test]
    fn where_there_is_room_nothing_is_cut() {
        let (lines, left_out) = fit(vec![row()], None);
        assert!(row().iter().all(|cell| lines[1].contains(cell.as_str())) && left_out.is_empty());
    }
}
