//! Templates that are ready to render, each made once for a version of its subscription.

use crate::secrets::{self, BadSecret};
use aerogram_domain::template::{Limits, Problem, Template};
use aerogram_seal::Sealer;
use aerogram_wire::v1::{self, Subscription};
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

/// Memory for templates, of all partitions of the process; beyond it those not used lately are made again.
const BYTES_MAX: u64 = 32 * 1_024 * 1_024;
/// How many there probably are: a first guess of the space for keys.
const EXPECTED: usize = 1_024;

/// A stored template cannot be used: our own fault. Nothing of a header's value is repeated.
#[derive(Debug, thiserror::Error)]
pub enum BadTemplate {
    #[error("its headers' secret {0}")]
    Secret(#[from] BadSecret),
    #[error("its template cannot be used: {}", list(.0))]
    Problems(Vec<Problem>),
}

/// Bounded in bytes.
pub struct Templates(Cache<Key, Template, Bytes>);

/// Subscription and version. A later version is another key; the one before is forgotten in time.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key(Box<str>, u64);

#[derive(Hash)]
struct KeyRef<'a>(&'a str, u64);

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        (self.0, self.1) == (&*key.0, key.1)
    }
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Template> for Bytes {
    fn weight(&self, key: &Key, template: &Template) -> u64 {
        (size_of::<(Key, Template)>() + key.0.len() + template.bytes()) as u64
    }
}

impl Default for Templates {
    fn default() -> Self {
        Self::of(BYTES_MAX)
    }
}

impl Templates {
    fn of(bytes_max: u64) -> Self {
        Self(Cache::with_weighter(EXPECTED, bytes_max, Bytes))
    }

    /// The template of a subscription; `None`: it has none.
    ///
    /// # Errors
    /// What is stored cannot be used. It is tried anew with the next delivery.
    pub fn of_subscription(
        &self,
        sealer: &Sealer,
        subscription: &Subscription,
    ) -> Result<Option<Template>, BadTemplate> {
        let Some(stored) = &subscription.template else { return Ok(None) };
        if let Some(known) = self.0.get(&KeyRef(&subscription.id, subscription.version)) {
            return Ok(Some(known));
        }
        let template = restore(sealer, subscription, stored)?;
        self.0.insert(Key(subscription.id.as_str().into(), subscription.version), template.clone());
        Ok(Some(template))
    }
}

fn restore(
    sealer: &Sealer,
    subscription: &Subscription,
    stored: &v1::Template,
) -> Result<Template, BadTemplate> {
    let headers = stored.headers.as_ref().map(|sealed| secrets::open(sealer, sealed, subscription));
    let headers = headers.transpose()?;
    let headers = headers.as_ref().map(secrets::Opened::text).transpose()?;
    let body = (!stored.body.is_empty()).then_some(stored.body.as_str());
    let template = Template::restore(headers, body, &Limits::default()).map_err(BadTemplate::Problems)?;
    Ok(template.all_text(subscription.all_text))
}

fn list(problems: &[Problem]) -> String {
    let told: Vec<_> = problems.iter().map(|found| format!("{} {}", found.pointer, found.problem)).collect();
    told.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_settings::SealSettings;

    fn sealer() -> Sealer {
        let mut settings = SealSettings::default();
        settings.keys.insert("k1".to_owned(), aerogram_seal::new_key().unwrap().into());
        settings.current = "k1".to_owned();
        Sealer::from_settings(&settings).unwrap()
    }

    fn subscription(sealer: &Sealer, id: &str, version: u64, body: &str) -> Subscription {
        let sealed = sealer.seal(br#"{"authorization":"Basic hush"}"#, id, "").unwrap();
        let headers = v1::Sealed {
            key_id: sealed.key_id,
            nonce: sealed.nonce.into(),
            ciphertext: sealed.ciphertext.into(),
        };
        let template =
            v1::Template { headers: Some(headers), body: body.to_owned(), ..v1::Template::default() };
        Subscription { id: id.to_owned(), version, template: Some(template), ..Subscription::default() }
    }

    #[test]
    fn one_is_made_once_for_a_version() {
        let (sealer, templates) = (sealer(), Templates::default());
        let first = subscription(&sealer, "s", 1, r#"{"n":1}"#);
        let made = templates.of_subscription(&sealer, &first).unwrap().unwrap();
        assert_eq!(made.body_json(), Some(r#"{"n":1}"#));
        // The same version is not looked at again, another one is.
        let broken = subscription(&sealer, "s", 1, "broken");
        assert_eq!(templates.of_subscription(&sealer, &broken).unwrap(), Some(made.clone()));
        let later = subscription(&sealer, "s", 2, r#"{"n":2}"#);
        assert_ne!(templates.of_subscription(&sealer, &later).unwrap(), Some(made));
        let other = Subscription { template: None, ..first };
        assert_eq!(templates.of_subscription(&sealer, &other).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_used_shows_no_secret() {
        let (sealer, templates) = (sealer(), Templates::default());
        let broken = subscription(&sealer, "s", 1, "broken");
        let error = templates.of_subscription(&sealer, &broken).unwrap_err();
        assert!(matches!(error, BadTemplate::Problems(_)) && !format!("{error} {error:?}").contains("hush"));
        let elsewhere = Subscription { id: "t".to_owned(), ..broken };
        let error = templates.of_subscription(&sealer, &elsewhere).unwrap_err();
        assert!(matches!(error, BadTemplate::Secret(BadSecret::Sealed(_))), "{error}");
    }

    #[test]
    fn memory_is_bounded() {
        let (sealer, templates) = (sealer(), Templates::of(100_000));
        let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(10_000));
        for version in 1..100 {
            let state = subscription(&sealer, "s", version, &body);
            assert!(templates.of_subscription(&sealer, &state).unwrap().is_some());
        }
        assert!(templates.0.weight() <= 100_000 && templates.0.len() < 10);
    }
}
