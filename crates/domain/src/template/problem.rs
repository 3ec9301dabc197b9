//! What is wrong with a template, and where.

/// One mistake in a template.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// JSON pointer (RFC 6901) to something that is there: of what is missing, the object it is missing from.
    pub pointer: String,
    /// What is wrong and what to do. Never repeats anything of a header's value.
    pub problem: String,
}

/// The mistakes found so far, and where in the template the search stands.
#[derive(Default)]
pub(super) struct Problems {
    list: Vec<Problem>,
    bytes: usize,
    untold: usize,
    here: String,
}

impl Problems {
    /// So that a broken template brings no answer many times its own size.
    const MAX: usize = 50;
    const MAX_BYTES: usize = 65_536;

    /// Goes one step down; the result leads back, by [`Self::leave`].
    pub(super) fn enter(&mut self, step: &str) -> usize {
        let above = self.here.len();
        self.here.push('/');
        for part in step.chars() {
            match part {
                '~' => self.here.push_str("~0"),
                '/' => self.here.push_str("~1"),
                part => self.here.push(part),
            }
        }
        above
    }

    pub(super) fn leave(&mut self, above: usize) {
        self.here.truncate(above);
    }

    /// Tells of something wrong here.
    pub(super) fn tell(&mut self, problem: impl Into<String>) {
        let problem = problem.into();
        let bytes = self.here.len() + problem.len();
        // The first is always told, however deep it lies.
        if !self.list.is_empty() && (self.list.len() >= Self::MAX || self.bytes + bytes > Self::MAX_BYTES) {
            self.untold += 1;
            return;
        }
        self.bytes += bytes;
        self.list.push(Problem { pointer: self.here.clone(), problem });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn into_list(mut self) -> Vec<Problem> {
        if self.untold > 0 {
            let problem = format!("{} more problems are not listed", self.untold);
            self.list.push(Problem { pointer: String::new(), problem });
        }
        self.list
    }
}
