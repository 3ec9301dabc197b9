//! Numbers as a filter takes them: `2`, `2-5`, `2-`, `-5`.

const WRONG: &str = "Attempts: that is no number of attempts. It can be 2, or 2-5, or 2- for two and more.";

/// From and to, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Range {
    pub min: Option<u32>,
    pub max: Option<u32>,
}

/// # Errors
/// What is wrong, for people.
pub fn range(text: &str) -> Result<Range, String> {
    let number = |text: &str| match text.trim() {
        "" => Ok(None),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().map(Some).map_err(|_| WRONG.to_owned())
        }
        _ => Err(WRONG.to_owned()),
    };
    if text.trim().is_empty() {
        return Ok(Range::default());
    }
    let range = match text.split_once(['-', '–']) {
        Some((min, max)) => Range { min: number(min)?, max: number(max)? },
        None => number(text).map(|number| Range { min: number, max: number })?,
    };
    match range {
        Range { min: None, max: None } => Err(WRONG.to_owned()),
        Range { min: Some(min), max: Some(max) } if max < min => {
            Err(format!("Attempts: from {min} to {max} there are none."))
        }
        range => Ok(range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        let of = |min, max| Ok(Range { min, max });
        assert_eq!(range(" "), of(None, None));
        assert_eq!(range("2"), of(Some(2), Some(2)));
        assert_eq!(range("2-5"), of(Some(2), Some(5)));
        assert_eq!(range(" 2 – 5 "), of(Some(2), Some(5)));
        assert_eq!((range("2-"), range("-5")), (of(Some(2), None), of(None, Some(5))));
        for wrong in ["-", "two", "2-5-7", "+2", "5-2", "99999999999", "2,5", "<b>", "٣"] {
            assert!(range(wrong).unwrap_err().starts_with("Attempts"), "{wrong}");
        }
    }
}
