//! Keys and tokens for whoever configured none: made once, kept in the data directory.

use std::path::PathBuf;

use aerogram_domain::credentials::token_sha256;
use aerogram_seal::new_key;
use aerogram_settings::Settings;
use anyhow::Context as _;
use secrecy::SecretString;
use uuid::Uuid;

use super::data_dir::DataDir;

/// Id of the key that is made here.
const KEY_ID: &str = "embedded";
const SEAL_KEY: &str = "seal.key";
const TOKENS: &str = "tokens.env";
const CREDENTIALS: &str = "credentials.toml";

/// Fills in what the configuration leaves out. The path returned is the file with the tokens in clear, if they are ours.
pub fn complete(settings: &mut Settings, dir: &DataDir, embedded: bool) -> anyhow::Result<Option<PathBuf>> {
    if settings.seal.keys.is_empty() {
        // A key that lies in one directory would decide over secrets that others see, and be lost with it.
        anyhow::ensure!(
            embedded,
            "seal.keys is not set, and with a Kafka of your own a key is not made up: what is sealed there can be opened \
             with that key only, by every process that uses it. Make one with `openssl rand -base64 32` and set \
             AEROGRAM_SEAL__KEYS__K1 to it, and AEROGRAM_SEAL__CURRENT to k1"
        );
        let made = new_key().context("no key to seal secrets with could be made")?;
        let key = dir.keep(SEAL_KEY, || made)?;
        settings.seal.keys.insert(KEY_ID.to_owned(), SecretString::from(key.trim()));
        KEY_ID.clone_into(&mut settings.seal.current);
    }
    if settings.credentials.file.is_some() {
        return Ok(None);
    }
    let tokens = dir.keep(TOKENS, make_tokens)?;
    let file = credentials(&tokens);
    let kept = dir.keep(CREDENTIALS, || file.clone())?;
    if kept != file {
        tracing::warn!(
            "{} is not as it was made, so the tokens of {TOKENS} may not fit; remove both to have them made anew",
            dir.join(CREDENTIALS).display()
        );
    }
    settings.credentials.file = Some(dir.join(CREDENTIALS));
    Ok(Some(dir.join(TOKENS)))
}

fn make_tokens() -> String {
    let token = || Uuid::new_v4().simple().to_string();
    format!(
        "# Tokens of this installation, to try it with: `. tokens.env` in a shell. credentials.toml has their hashes.\n\
         AEROGRAM_CLIENT_ID=partner-app\nAEROGRAM_OPERATOR_TOKEN={}\nAEROGRAM_PUBLISHER_TOKEN={}\nAEROGRAM_ADMIN_TOKEN={}\n",
        token(),
        token(),
        token()
    )
}

/// The credentials file in which these tokens are good for one operator.
fn credentials(tokens: &str) -> String {
    let value = |name: &str| {
        let found = tokens.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_default().trim()
    };
    let hash = |name: &str| token_sha256(value(name));
    format!(
        "# Made by `aerogram run`; yours to change. A token's hash: printf '%s' TOKEN | sha256sum\n\n\
         [[operators]]\nid = \"OPX\"\ncontracts = [\"C-100\"]\n\n\
         [[tokens]]\nsha256 = \"{}\"\noperator = \"OPX\"\nclients = [\"{}\"]\nevents = [\"*\"]\n\n\
         [[publishers]]\nname = \"operations\"\nsha256 = \"{}\"\noperators = [\"*\"]\n\n\
         [[admins]]\nname = \"admin\"\nsha256 = \"{}\"\n",
        hash("AEROGRAM_OPERATOR_TOKEN"),
        value("AEROGRAM_CLIENT_ID"),
        hash("AEROGRAM_PUBLISHER_TOKEN"),
        hash("AEROGRAM_ADMIN_TOKEN"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_domain::{catalogue::Catalogue, credentials::Credentials};
    use secrecy::ExposeSecret as _;

    #[test]
    fn are_made_once_and_the_credentials_fit_the_tokens() {
        let dir = tempfile::tempdir().unwrap();
        let dir = DataDir::lock(dir.path()).unwrap();
        let (mut first, mut second) = (Settings::default(), Settings::default());
        let tokens = complete(&mut first, &dir, true).unwrap().unwrap();
        complete(&mut second, &dir, true).unwrap();
        let key = |settings: &Settings| settings.seal.keys[KEY_ID].expose_secret().to_owned();
        assert_eq!(key(&first), key(&second));
        let tokens = std::fs::read_to_string(tokens).unwrap();
        let token = tokens.lines().find_map(|line| line.strip_prefix("AEROGRAM_OPERATOR_TOKEN=")).unwrap();
        let file = std::fs::read_to_string(first.credentials.file.unwrap()).unwrap();
        assert!(file.contains(&token_sha256(token)) && !file.contains(token), "{file}");
        assert!(
            complete(&mut Settings::default(), &dir, false).unwrap_err().to_string().contains("seal.keys")
        );
        let credentials = Credentials::parse(&file, &Catalogue::builtin()).unwrap();
        let publisher =
            tokens.lines().find_map(|line| line.strip_prefix("AEROGRAM_PUBLISHER_TOKEN=")).unwrap();
        assert!(credentials.publisher(publisher, 0).is_ok());
    }
}
