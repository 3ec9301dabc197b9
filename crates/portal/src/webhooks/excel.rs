//! The list as a spreadsheet.

use jiff::Timestamp;
use rust_xlsxwriter::{Format, Workbook, XlsxError};

use super::row::Row;
use crate::zone::Zone;

/// A cell of Excel holds so many units of UTF-16.
const CELL_UNITS_MAX: usize = 32_767;
const SHEET: &str = "Webhooks";
/// Its columns, and how wide they are in characters.
const COLUMNS: [(&str, u16); 4] = [("Contract", 18), ("URL", 72), ("Event Type", 34), ("Status", 12)];

/// `Webhooks_DDMMYYYY_HHMM.xlsx`, as the clock of the viewer has it.
pub fn name(zone: &Zone, now: Timestamp) -> String {
    zone.format(now, "Webhooks_%d%m%Y_%H%M.xlsx")
}

/// Every cell is text, whatever it looks like: nothing that somebody typed is worked out, or led to, by opening it.
///
/// # Errors
/// There are more than a sheet has rows.
pub fn workbook(rows: &[&Row]) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.set_name(SHEET)?.set_freeze_panes(1, 0)?;
    let bold = Format::new().set_bold();
    for (place, (title, width)) in (0..).zip(COLUMNS) {
        sheet.set_column_width(place, width)?.write_string_with_format(0, place, title, &bold)?;
    }
    for (line, row) in (1..).zip(rows) {
        let status = if row.is_active() { "Active" } else { "Inactive" };
        let contract = row.of.contract_id.as_deref().unwrap_or_default();
        for (place, text) in (0..).zip([contract, &row.of.callback_url, &row.title, status]) {
            sheet.write_string(line, place, cell(text))?;
        }
    }
    workbook.save_to_buffer()
}

/// As much of a text as a cell holds; an ellipsis stands for the rest.
fn cell(text: &str) -> String {
    if text.encode_utf16().count() <= CELL_UNITS_MAX {
        return text.to_owned();
    }
    let mut left = CELL_UNITS_MAX - 1;
    let fits = |char: &char| {
        let rest = left.checked_sub(char.len_utf16());
        left = rest.unwrap_or(0);
        rest.is_some()
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read as _};

    use super::*;
    use crate::webhooks::testing::row;

    /// A file within it.
    fn part(workbook: &[u8], name: &str) -> String {
        let mut archive = zip::ZipArchive::new(Cursor::new(workbook)).unwrap();
        let mut text = String::new();
        archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn between<'a>(text: &'a str, from: &'a str, to: &'a str) -> impl Iterator<Item = &'a str> {
        text.split(from).skip(1).map(move |rest| rest.split(to).next().unwrap())
    }

    /// Every cell of it: where it is, and its text.
    fn cells(workbook: &[u8]) -> Vec<(String, String)> {
        let shared = part(workbook, "xl/sharedStrings.xml");
        let shared: Vec<_> = between(&shared, "<si>", "</si>")
            .map(|item| between(item, "<t", "</t>").next().unwrap().split_once('>').unwrap().1.to_owned())
            .collect();
        let sheet = part(workbook, "xl/worksheets/sheet1.xml");
        between(&sheet, "<c ", "</c>")
            .map(|cell| {
                assert!(cell.contains("t=\"s\""), "this is no text: {cell}");
                let place = between(cell, "r=\"", "\"").next().unwrap().to_owned();
                let index: usize = between(cell, "<v>", "</v>").next().unwrap().parse().unwrap();
                (place, shared[index].clone())
            })
            .collect()
    }

    #[test]
    fn a_sheet_holds_four_columns_of_text_and_nothing_to_work_out() {
        let mut rows = [
            row(7, "https://a.example/?x=1&y=2"),
            row(3, "=HYPERLINK(\"https://evil.example\")"),
            row(9, "12345"),
            row(1, "+1<b>"),
        ];
        rows[0].of.contract_id = Some("=1+1".to_owned());
        rows[1].of.status = "INACTIVE".to_owned();
        rows[2].title = "@SUM(A1)".into();
        let made = workbook(&rows.iter().collect::<Vec<_>>()).unwrap();
        let expected = [
            ("A1", "Contract"),
            ("B1", "URL"),
            ("C1", "Event Type"),
            ("D1", "Status"),
            ("A2", "=1+1"),
            ("B2", "https://a.example/?x=1&amp;y=2"),
            ("C2", "Product Added"),
            ("D2", "Active"),
            ("B3", "=HYPERLINK(\"https://evil.example\")"),
            ("C3", "Product Added"),
            ("D3", "Inactive"),
            ("B4", "12345"),
            ("C4", "@SUM(A1)"),
            ("D4", "Active"),
            ("B5", "+1&lt;b&gt;"),
            ("C5", "Product Added"),
            ("D5", "Active"),
        ];
        assert_eq!(cells(&made), expected.map(|(place, text)| (place.to_owned(), text.to_owned())));
        let sheet = part(&made, "xl/worksheets/sheet1.xml");
        assert!(!sheet.contains("<f") && !sheet.contains("hyperlink"), "{sheet}");
        assert!(part(&made, "xl/workbook.xml").contains("name=\"Webhooks\""));
    }

    #[test]
    fn no_cell_is_too_long_for_excel() {
        let long = format!("https://a.example/{}", "é🛩".repeat(20_000));
        let made = workbook(&[&row(1, &long)]).unwrap();
        let text = cells(&made).into_iter().find(|(place, _)| place == "B2").unwrap().1;
        assert!(text.starts_with("https://a.example/é") && text.ends_with('…'));
        assert!((CELL_UNITS_MAX - 1..=CELL_UNITS_MAX).contains(&text.encode_utf16().count()));
        let just = "x".repeat(CELL_UNITS_MAX);
        assert_eq!((cell(&just), cell("")), (just.clone(), String::new()));
    }

    #[test]
    fn its_name_has_the_minute_of_the_viewer() {
        let now: Timestamp = "2025-11-26T10:52:59Z".parse().unwrap();
        assert_eq!(name(&Zone::of(Some("Europe/Madrid")), now), "Webhooks_26112025_1152.xlsx");
        assert_eq!(name(&Zone::utc(), now), "Webhooks_26112025_1052.xlsx");
    }
}
