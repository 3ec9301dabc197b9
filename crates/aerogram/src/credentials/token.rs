//! Tokens.

use aerogram_domain::credentials::token_sha256;
use aerogram_seal::new_key;
use anyhow::Context as _;

/// A token that nobody has seen yet.
pub struct Token {
    pub token: String,
    pub sha256: String,
}

impl Token {
    /// 32 random bytes behind a prefix, by which people and scanners of leaked secrets see what it is.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn new(prefix: &str) -> anyhow::Result<Self> {
        let random = new_key().context("no token could be made")?;
        // Base64 as URLs have it: nothing that a shell or a header would mind.
        let random = random.trim_end_matches('=').replace('+', "-").replace('/', "_");
        let token = format!("{prefix}{random}");
        Ok(Self { sha256: token_sha256(&token), token })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_plain_and_different() {
        let (one, other) = (Token::new("aero_adm_").unwrap(), Token::new("aero_adm_").unwrap());
        let random = one.token.strip_prefix("aero_adm_").unwrap();
        assert_eq!(random.len(), 43);
        assert!(random.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')), "{random}");
        assert_ne!(one.token, other.token);
        assert_eq!(one.sha256, token_sha256(&one.token));
    }
}
