use std::collections::BTreeMap;

use aerogram_settings::SealSettings;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{KeyProblem, OpenError, Sealed, Sealer};

fn settings(keys: &[(&str, u8)], current: &str) -> SealSettings {
    let key = |byte: u8| SecretString::from(STANDARD.encode([byte; 32]));
    let keys: BTreeMap<_, _> = keys.iter().map(|&(id, byte)| (id.to_owned(), key(byte))).collect();
    SealSettings { keys, current: current.to_owned() }
}

fn sealer(keys: &[(&str, u8)], current: &str) -> Sealer {
    Sealer::from_settings(&settings(keys, current)).unwrap()
}

fn sealed(sealer: &Sealer) -> Sealed {
    sealer.seal(b"signing key", "sub-1", "operator-1").unwrap()
}

#[test]
fn what_is_sealed_can_be_opened() {
    let sealer = sealer(&[("k1", 1)], "k1");
    let sealed = sealed(&sealer);
    assert_eq!((sealed.key_id.as_str(), sealed.nonce.len()), ("k1", 12));
    assert_eq!(sealed.ciphertext.len(), b"signing key".len() + 16);
    assert!(!sealed.ciphertext.windows(7).any(|part| part == b"signing"));
    assert_eq!(sealer.open(&sealed, "sub-1", "operator-1").unwrap().expose_secret(), b"signing key");
    let empty = sealer.seal(b"", "sub-1", "operator-1").unwrap();
    assert_eq!(sealer.open(&empty, "sub-1", "operator-1").unwrap().expose_secret(), b"");
}

#[test]
fn every_nonce_is_fresh() {
    let sealer = sealer(&[("k1", 1)], "k1");
    let nonces: std::collections::BTreeSet<_> = (0..1_000).map(|_| sealed(&sealer).nonce).collect();
    assert_eq!(nonces.len(), 1_000);
}

#[test]
fn it_opens_for_its_subscription_and_operator_only() {
    let sealer = sealer(&[("k1", 1)], "k1");
    let sealed = sealed(&sealer);
    for (subscription, operator) in
        [("sub-2", "operator-1"), ("sub-1", "operator-2"), ("sub-1operator-1", ""), ("", "sub-1operator-1")]
    {
        let error = sealer.open(&sealed, subscription, operator).unwrap_err();
        assert_eq!(error, OpenError::Refused { key_id: "k1".to_owned() });
    }
}

#[test]
fn a_changed_secret_is_refused() {
    let sealer = sealer(&[("k1", 1), ("k2", 2)], "k1");
    let good = sealed(&sealer);
    for index in 0..good.ciphertext.len() {
        let mut bad = good.clone();
        bad.ciphertext[index] ^= 1;
        assert!(matches!(sealer.open(&bad, "sub-1", "operator-1"), Err(OpenError::Refused { .. })));
    }
    let mut bad = good.clone();
    bad.nonce[0] ^= 1;
    assert!(matches!(sealer.open(&bad, "sub-1", "operator-1"), Err(OpenError::Refused { .. })));
    bad.nonce.pop();
    assert_eq!(sealer.open(&bad, "sub-1", "operator-1").unwrap_err(), OpenError::BadNonce { bytes: 11 });
    let other_key = Sealed { key_id: "k2".to_owned(), ..good.clone() };
    assert!(matches!(sealer.open(&other_key, "sub-1", "operator-1"), Err(OpenError::Refused { .. })));
    let cut = Sealed { ciphertext: Vec::new(), ..good };
    assert!(matches!(sealer.open(&cut, "sub-1", "operator-1"), Err(OpenError::Refused { .. })));
}

#[test]
fn an_old_key_still_opens_after_rotation_and_a_removed_one_is_named() {
    let old = sealed(&sealer(&[("k1", 1)], "k1"));
    let rotated = sealer(&[("k1", 1), ("k2", 2)], "k2");
    assert_eq!(rotated.open(&old, "sub-1", "operator-1").unwrap().expose_secret(), b"signing key");
    assert_eq!(sealed(&rotated).key_id, "k2");
    let error = sealer(&[("k2", 2)], "k2").open(&old, "sub-1", "operator-1").unwrap_err();
    assert!(matches!(&error, OpenError::UnknownKey { key_id, .. } if key_id == "k1"));
    assert!(error.to_string().contains("seal.keys") && error.to_string().contains("k2"), "{error}");
}

#[test]
fn all_wrong_keys_are_named_at_once_without_showing_them() {
    let mut settings = settings(&[("k1", 1)], "k9");
    settings.keys.insert("k2".to_owned(), SecretString::from("hunter2!"));
    settings.keys.insert("k3".to_owned(), SecretString::from(STANDARD.encode([7; 16])));
    let error = Sealer::from_settings(&settings).unwrap_err();
    assert_eq!(
        error.0,
        [
            KeyProblem::NotBase64 { id: "k2".to_owned() },
            KeyProblem::WrongLength { id: "k3".to_owned(), bytes: 16 },
            KeyProblem::CurrentMissing { id: "k9".to_owned(), known: "k1, k2, k3".to_owned() },
        ]
    );
    assert!(!error.to_string().contains("hunter2"));
    let error = Sealer::from_settings(&SealSettings::default()).unwrap_err();
    assert_eq!(error.0, [KeyProblem::NoCurrent]);
    assert_eq!(format!("{:?}", sealer(&[("k1", 1)], "k1")), "Sealer { current: \"k1\", keys: [\"k1\"], .. }");
}
