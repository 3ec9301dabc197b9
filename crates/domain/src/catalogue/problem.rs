//! What is wrong with a platform team's own file of event types.

use std::fmt;

/// One mistake in a file of event types.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CatalogueProblem {
    /// The file, as it was named.
    pub file: String,
    /// From 1; `None`: the file as a whole.
    pub line: Option<usize>,
    /// For example `types[2] CABIN_READY.required[1]`; empty: the file as a whole.
    pub place: String,
    /// What is wrong and what to do.
    pub detail: String,
}

impl fmt::Display for CatalogueProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, " line {line}")?;
        }
        if !self.place.is_empty() {
            write!(f, ": {}", self.place)?;
        }
        write!(f, ": {}", self.detail)
    }
}

/// Everything that is wrong with the files of event types; at least one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the files of event types cannot be used:{}", self.0.iter().map(|p| format!("\n  {p}")).collect::<String>())]
pub struct CatalogueProblems(pub Vec<CatalogueProblem>);
