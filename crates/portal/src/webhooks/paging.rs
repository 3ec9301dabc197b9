//! Which of those that fit are drawn.

use std::ops::Range;

/// So many stand on a page.
pub const PER_PAGE: usize = 50;

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    /// Counted from 1.
    page: usize,
    total: usize,
}

impl Paging {
    /// The page that was asked for; the last one when there are not so many.
    pub fn of(page: usize, total: usize) -> Self {
        Self { page: page.clamp(1, total.div_ceil(PER_PAGE).max(1)), total }
    }

    pub fn range(&self) -> Range<usize> {
        let from = (self.page - 1) * PER_PAGE;
        from..self.total.min(from + PER_PAGE)
    }

    pub fn previous(&self) -> Option<usize> {
        (self.page > 1).then(|| self.page - 1)
    }

    /// With how many there are on it.
    pub fn next(&self) -> Option<(usize, usize)> {
        let left = self.total - self.range().end;
        (left > 0).then(|| (self.page + 1, left.min(PER_PAGE)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_always_one_that_there_is() {
        for (page, total, range, previous, next) in [
            (1, 0, 0..0, None, None),
            (1, 50, 0..50, None, None),
            (1, 51, 0..50, None, Some((2, 1))),
            (2, 51, 50..51, Some(1), None),
            (99, 120, 100..120, Some(2), None),
            (0, 120, 0..50, None, Some((2, 50))),
            (usize::MAX, 10_000, 9_950..10_000, Some(199), None),
        ] {
            let paging = Paging::of(page, total);
            assert_eq!(
                (paging.range(), paging.previous(), paging.next()),
                (range, previous, next),
                "{page} {total}"
            );
        }
    }
}
