//! Doing what a plan says, one subscription at a time.

use std::collections::BTreeMap;
use std::io::Write as _;

use aerogram_domain::subscription::Profile;
use aerogram_domain::toml_reading::Problem;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::change::{change, new_signing_key, patch};
use super::client::{Client, etag};
use super::declared::{Declared, Pair, Source};
use super::existing::Existing;
use super::keys::KeysOut;
use super::plan::{Step, kept_because};
use super::report::{Line, State};
use super::request::{creation, wish};
use super::secrets::Secrets;

/// How often a subscription that others change at the same time is read again.
const READ_MAX: usize = 3;
/// Creations and deletions of one name in a day, at most.
const GENERATIONS_MAX: u32 = 100;
/// Of these, refused as used up, at most.
const CONFLICTS_MAX: u32 = 20;
/// After so many requests without an answer the rest is not tried.
const SILENCES_MAX: u32 = 3;

/// Carries out steps.
pub struct Carrier<'a> {
    pub client: &'a Client,
    pub look: &'a dyn Fn(&Source) -> Result<String, String>,
    pub set_secrets: bool,
    /// The time, as the api writes it.
    pub now: &'a str,
    pub keys: Option<KeysOut>,
    /// Whether each is said as it comes.
    pub aloud: bool,
}

/// Why something is not done.
enum Failure {
    /// The request was refused, or can't be made.
    Refused { status: u16, why: Vec<String> },
    /// There was no answer.
    Silence(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Silence(error)
    }
}

fn refused(why: impl Into<String>) -> Failure {
    Failure::Refused { status: 0, why: vec![why.into()] }
}

fn unknown(problems: &[Problem]) -> Failure {
    Failure::Refused { status: 0, why: problems.iter().map(ToString::to_string).collect() }
}

impl Carrier<'_> {
    /// Does all of it as far as it can be done, and says what became of each.
    pub async fn carry_out(&mut self, steps: &[Step<'_>]) -> Vec<Line> {
        let (mut lines, mut again, mut silences) = (Vec::new(), Vec::new(), 0);
        // Of each pair, what did not become what it should be: what is to be replaced by it must go on receiving.
        let mut failed: BTreeMap<&Pair, &str> = BTreeMap::new();
        for step in steps {
            let pair_is_pruned =
                |pair: &Pair| steps.iter().any(|step| matches!(step, Step::Prune(of, _) if *of == pair));
            let mut line = Line::of(step, self.now);
            if let (Step::Prune(pair, existing), Some(label)) = (step, failed.get(step.pair())) {
                let kept = Step::Keep { pair, existing, why: kept_because(label, "failed") };
                lines.push(self.said(Line::of(&kept, self.now), Ok(())));
                continue;
            }
            let done = match silences {
                SILENCES_MAX => Err(refused("not tried: the api does not answer")),
                _ => self.step(step, &mut line).await,
            };
            silences = match &done {
                Err(Failure::Silence(_)) => silences + 1,
                Err(Failure::Refused { .. }) if silences == SILENCES_MAX => silences,
                _ => 0,
            };
            // What is to be deleted may stand in its way, as the one callback URL there may be.
            if let (Step::Create(declared), Err(Failure::Refused { status: 409, .. })) = (step, &done)
                && pair_is_pruned(&declared.pair)
                && line.id.is_none()
            {
                again.push(step);
                continue;
            }
            if let (Step::Create(declared) | Step::Update { declared, .. }, Err(_)) = (step, &done) {
                failed.entry(step.pair()).or_insert(declared.label());
            }
            lines.push(self.said(line, done));
        }
        for step in again {
            let mut line = Line::of(step, self.now);
            let done = self.step(step, &mut line).await;
            lines.push(self.said(line, done));
        }
        lines
    }

    fn said(&self, mut line: Line, done: Result<(), Failure>) -> Line {
        match done {
            Ok(()) if line.state == State::Planned => line.state = State::Done,
            Ok(()) => {}
            Err(failure) => {
                line.state = State::Failed;
                line.why.extend(match failure {
                    Failure::Refused { why, .. } => why,
                    Failure::Silence(error) => vec![format!("{error:#}")],
                });
            }
        }
        if self.aloud && line.is_news() {
            // A reader that closes the pipe early has had what it wanted.
            let _ = writeln!(std::io::stdout(), "{}", line.render());
        }
        line
    }

    async fn step(&mut self, step: &Step<'_>, line: &mut Line) -> Result<(), Failure> {
        match step {
            Step::Create(declared) => self.create(declared, line).await,
            Step::Update { declared, existing, .. } => self.update(declared, &existing.id).await,
            Step::Prune(pair, existing) => {
                let answer = self.client.delete(pair, &existing.id).await?;
                match answer.status {
                    // Gone is gone.
                    200..300 | 404 => Ok(()),
                    _ => Err(problem(&answer)),
                }
            }
            Step::Unchanged(..) | Step::Keep { .. } | Step::Cannot { .. } => Ok(()),
        }
    }

    /// What it is now is read anew: another update may have moved it along, or somebody else changed it.
    async fn update(&self, declared: &Declared, id: &str) -> Result<(), Failure> {
        for _ in 0..READ_MAX {
            let Some((existing, mut tag)) = self.client.get(&declared.pair, id).await? else {
                return Err(refused("it was deleted meanwhile; apply again to create it"));
            };
            let change = change(declared, &existing, self.set_secrets, self.now)
                .map_err(|why| Failure::Refused { status: 0, why })?;
            if change.needs_patch() {
                let body = patch(declared, &change, self.look).map_err(|problems| unknown(&problems))?;
                let answer = self.client.patch(&declared.pair, id, &tag, body.to_json()).await?;
                match answer.status {
                    200..300 => tag = etag(&answer),
                    412 => continue,
                    _ => return Err(problem(&answer)),
                }
            }
            if change.needs_signing_key() {
                let key = new_signing_key(declared, self.look).map_err(|problems| unknown(&problems))?;
                let answer = self.client.replace_key(&declared.pair, id, &tag, &key).await?;
                match answer.status {
                    200..300 => {}
                    412 => continue,
                    _ => return Err(problem(&answer)),
                }
            }
            return Ok(());
        }
        Err(refused("others change it at the same time; apply again"))
    }

    async fn create(&mut self, declared: &Declared, line: &mut Line) -> Result<(), Failure> {
        let body = creation(declared, self.look).map_err(|problems| unknown(&problems))?.to_json();
        for generation in 0..GENERATIONS_MAX {
            let key = idempotency_key(declared, self.now, generation);
            let answer = self.client.create(&declared.pair, &key, body.clone()).await?;
            if answer.status == 409 && generation < CONFLICTS_MAX && !self.has_another_url(declared).await? {
                // Most likely the key was used for one that was deleted since.
                continue;
            }
            if !answer.is_success() {
                return Err(problem(&answer));
            }
            let Created { id, signing_key } = answer.json()?;
            let told = signing_key.is_some();
            if let Some(key) = signing_key {
                // At once: nobody can ask for it again, whatever becomes of the rest.
                line.id = Some(id.clone());
                self.tell(declared, &id, key, line);
            }
            // Where such a use of the key is answered as it was the first time, what is answered is not there any more,
            // or has become another one.
            let Some((existing, _)) = self.client.get(&declared.pair, &id).await? else { continue };
            if existing.name != declared.name {
                continue;
            }
            line.id = Some(id.clone());
            if !told && declared.signing_key.is_none() {
                let note = "its signing key was told when it was created first; whoever has lost it asks for another one";
                line.notes.push(note.to_owned());
            }
            return Ok(());
        }
        Err(refused("it was created and deleted too often today; use another name"))
    }

    /// Whether it would be the second URL where one is allowed.
    async fn has_another_url(&self, declared: &Declared) -> Result<bool, Failure> {
        let profile = declared.profile.as_deref().and_then(Profile::parse);
        if !profile.is_some_and(Profile::one_callback_url) {
            return Ok(false);
        }
        let there: Vec<Existing> = self.client.list(&declared.pair).await?.json()?;
        Ok(there.iter().any(|one| {
            Some(one.profile.as_str()) == declared.profile.as_deref()
                && one.environment == declared.environment
                && one.callback_url != declared.callback_url
        }))
    }

    fn tell(&mut self, declared: &Declared, id: &str, key: String, line: &mut Line) {
        match self.keys.as_mut().map(|keys| keys.write(declared, id, &key)) {
            Some(Ok(())) => line.notes.push("its signing key stands in the file of --keys-out".to_owned()),
            Some(Err(error)) => {
                line.notes.push(format!("the file of --keys-out can't be written: {error}"));
                line.signing_key = Some(key);
            }
            None => line.signing_key = Some(key),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    id: String,
    #[serde(default)]
    signing_key: Option<String>,
}

fn problem(answer: &crate::http::Answer) -> Failure {
    Failure::Refused { status: answer.status, why: vec![answer.problem().to_string()] }
}

/// The same for the same wish on the same day, so that one whose answer was lost is not created twice; what is said of a
/// subscription and the day are part of it, because the api takes a key for one wish only. Secrets are not.
fn idempotency_key(declared: &Declared, now: &str, generation: u32) -> String {
    let nothing = |_: &Source| Ok(String::new());
    let wish = wish(declared, &mut Secrets::new(&nothing)).to_json();
    let day = now.split('T').next().unwrap_or_default();
    let mut hasher = Sha256::new();
    for part in [&declared.pair.partner, &declared.pair.operator, declared.label(), day, &wish] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.update(generation.to_be_bytes());
    let hash: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("apply-{hash}")
}

#[cfg(test)]
mod tests;
