//! Rows for people, in columns.

/// Rows with a heading; lines that belong to a row stand below it.
pub struct Table {
    heading: Vec<&'static str>,
    /// Columns whose cells end below each other.
    right: Vec<&'static str>,
    rows: Vec<(Vec<String>, Vec<String>)>,
}

impl Table {
    pub fn new(heading: &[&'static str]) -> Self {
        Self { heading: heading.to_vec(), right: Vec::new(), rows: Vec::new() }
    }

    /// The same with numbers in these columns: their cells end below each other.
    #[must_use]
    pub fn right(self, columns: &[&'static str]) -> Self {
        Self { right: columns.to_vec(), ..self }
    }

    /// Adds a row, and lines below it.
    pub fn push(&mut self, cells: Vec<String>, below: Vec<String>) {
        self.rows.push((cells, below));
    }

    /// All of it, without a line end at the end. Columns that are empty in every row are left out.
    pub fn render(&self) -> String {
        let cell = |cells: &[String], column: usize| cells.get(column).map_or(0, |text| text.chars().count());
        let widths: Vec<usize> = self
            .heading
            .iter()
            .enumerate()
            .map(|(column, name)| match self.rows.iter().map(|(cells, _)| cell(cells, column)).max() {
                None | Some(0) => 0,
                Some(widest) => widest.max(name.chars().count()),
            })
            .collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let shown = cells.zip(widths.iter().zip(&self.heading)).filter(|(_, (width, _))| **width > 0);
            let padded: Vec<String> = shown
                .map(|(text, (width, name))| match self.right.contains(name) {
                    true => format!("{text:>width$}"),
                    false => format!("{text:width$}"),
                })
                .collect();
            padded.join("  ").trim_end().to_owned()
        };
        let mut lines = vec![line(&mut self.heading.iter().copied())];
        for (cells, below) in &self.rows {
            lines.push(line(&mut cells.iter().map(|cell| cell.as_str())));
            lines.extend(below.iter().map(|text| format!("    {text}")));
        }
        lines.join("\n")
    }
}

/// Whether a character of somebody else must not reach a terminal: it controls it, or is there without being seen, or makes
/// what stands around it look like something else (directions of writing, zero width, other line ends, tags).
pub fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The beginning of a text, on one line, without characters of others that must not reach a terminal.
pub fn cut(text: &str, chars_max: usize) -> String {
    let mut cut: String =
        text.chars().take(chars_max).map(|c| if is_treacherous(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(chars_max).is_some() {
        cut.pop();
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["ID", "NOTHING", "WHAT"]);
        table.push(vec!["1".into(), String::new(), "é".into()], vec!["below".into()]);
        table.push(vec!["1000".into(), String::new(), "later".into()], Vec::new());
        assert_eq!(table.render(), "ID    WHAT\n1     é\n    below\n1000  later");
    }

    #[test]
    fn numbers_end_below_each_other() {
        let mut table = Table::new(&["N", "OF"]).right(&["N"]);
        table.push(vec!["7".into(), "a".into()], Vec::new());
        table.push(vec!["70".into(), "b".into()], Vec::new());
        assert_eq!(table.render(), " N  OF\n 7  a\n70  b");
    }

    #[test]
    fn a_cut_text_says_so() {
        assert_eq!((cut("abc", 3), cut("abcd", 3)), ("abc".into(), "ab…".into()));
        assert_eq!(cut("a\u{1b}[31m\n", 9), "a\u{fffd}[31m\u{fffd}");
    }

    #[test]
    fn what_looks_like_another_name_is_seen() {
        for hidden in
            ['\u{7f}', '\u{9b}', '\u{200b}', '\u{202e}', '\u{2066}', '\u{feff}', '\u{2028}', '\u{e0041}']
        {
            assert_eq!(cut(&format!("or{hidden}ders"), 9), "or\u{fffd}ders", "{hidden:?}");
        }
        let plain = "Ünïcode – 日本語 ✈ שלום";
        assert_eq!(cut(plain, 99), plain);
    }
}
