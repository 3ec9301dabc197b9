//! Opening what is sealed in a subscription.

use aerogram_seal::{OpenError, Sealed, Sealer};
use aerogram_wire::v1;
use secrecy::{ExposeSecret as _, SecretSlice};

/// A secret cannot be used: our own fault, never the receiver's.
#[derive(Debug, thiserror::Error)]
pub enum BadSecret {
    #[error("cannot be opened: {0}")]
    Sealed(#[from] OpenError),
    #[error("is not text")]
    NoText,
}

/// Something opened, wiped when dropped.
pub struct Opened(SecretSlice<u8>);

impl Opened {
    pub fn text(&self) -> Result<&str, BadSecret> {
        std::str::from_utf8(self.0.expose_secret()).map_err(|_| BadSecret::NoText)
    }
}

/// Opens what was sealed for this subscription.
pub fn open(
    sealer: &Sealer,
    sealed: &v1::Sealed,
    subscription: &v1::Subscription,
) -> Result<Opened, BadSecret> {
    let sealed = Sealed {
        key_id: sealed.key_id.clone(),
        nonce: sealed.nonce.to_vec(),
        ciphertext: sealed.ciphertext.to_vec(),
    };
    let operator = subscription.scope.as_ref().map_or("", |scope| scope.operator.as_str());
    Ok(Opened(sealer.open(&sealed, &subscription.id, operator)?))
}
