//! Pages of `docs/`, and the blocks of code that stand in them: what a reader copies is what the tests run.

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A page of the documentation.
pub struct Page {
    name: String,
    blocks: Vec<(String, String)>,
}

impl Page {
    /// A page by its path in the repository.
    pub fn read(name: &str) -> Result<Self> {
        let path = root().join(name);
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self { name: name.to_owned(), blocks: blocks(&text) })
    }

    /// The one block of a language, as it stands there.
    pub fn block(&self, language: &str) -> Result<&str> {
        self.block_with(language, "")
    }

    /// The one block of a language that holds `part`.
    pub fn block_with(&self, language: &str, part: &str) -> Result<&str> {
        let found: Vec<&str> = self
            .blocks
            .iter()
            .filter(|(of, text)| of == language && text.contains(part))
            .map(|(_, text)| text.as_str())
            .collect();
        ensure!(
            found.len() == 1,
            "{} has {} blocks of {language} with {part:?}; the tests run exactly one",
            self.name,
            found.len()
        );
        found.first().copied().context("no block")
    }
}

/// The fenced blocks of a page with their languages.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((language.to_owned(), block.join("\n") + "\n"));
        }
    }
    blocks
}

/// Where a page's links lead that stay in the repository: the path, and the heading's anchor or nothing.
fn links(text: &str) -> Vec<(&str, &str)> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let own = targets.filter(|target| !target.contains("://"));
    own.map(|target| target.split_once('#').unwrap_or((target, ""))).collect()
}

/// The anchors of a page's headings, as code hosts make them.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#'));
    let kept = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let slug = |heading: &str| heading.trim().to_lowercase().replace(|c| !kept(c), "").replace(' ', "-");
    headings.map(slug).collect()
}

#[test]
fn every_link_leads_somewhere() {
    for name in [
        "README.md",
        "CONTRIBUTING.md",
        "docs/administer.md",
        "docs/architecture.md",
        "docs/publish.md",
        "docs/receive.md",
        "docs/rest.md",
    ] {
        let page = root().join(name);
        let text = fs::read_to_string(&page).unwrap();
        for (path, anchor) in links(&text) {
            let target = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            assert!(target.exists(), "{name} links to {path}, which does not exist");
            let there = anchor.is_empty()
                || anchors(&fs::read_to_string(&target).unwrap()).iter().any(|a| a == anchor);
            assert!(there, "{name} links to {path}#{anchor}; there is no such heading");
        }
    }
}

#[test]
fn a_block_is_what_stands_between_its_fences() {
    let text = "a\n```sh\necho '``'\n\nls\n```\n```\nnone\n```\n```sh\nlast\n";
    let expected = [("sh", "echo '``'\n\nls\n"), ("", "none\n"), ("sh", "last\n")];
    assert_eq!(blocks(text), expected.map(|(of, block)| (of.to_owned(), block.to_owned())));
}
