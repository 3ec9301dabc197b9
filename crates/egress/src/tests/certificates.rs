//! TLS problems and their names.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::authority::{Authority, names};
use super::post::{LONG, post};
use super::receiver::{Receiver, plain};
use crate::{Failure, TlsKind, TlsProblem};

const VERSIONS: [(&SupportedProtocolVersion, ProtocolVersion); 2] =
    [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)];

async fn problem_at(receiver: &Receiver, authority: &Authority) -> TlsProblem {
    let url = format!("https://{}/echo", receiver.address);
    match post(&authority.client(), &url, LONG).await {
        Err(Failure::Tls(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_both_spoken() {
    for (version, spoken) in VERSIONS {
        let authority = Authority::new();
        let config = authority.server(&names(&["127.0.0.1"]), &[version]);
        let receiver = Receiver::with(authority, config).await;
        let response = post(&receiver.client(), &format!("https://{}/echo", receiver.address), LONG).await;
        assert_eq!(response.unwrap().status, 200);
        assert_eq!(receiver.seen.lock().unwrap()[0].version, Some(spoken));
    }
    let newest = Receiver::start(&["127.0.0.1"]).await;
    post(&newest.client(), &format!("https://{}/echo", newest.address), LONG).await.unwrap();
    assert_eq!(newest.seen.lock().unwrap()[0].version, Some(ProtocolVersion::TLSv1_3));
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_named() {
    let mut expired = names(&["127.0.0.1"]);
    (expired.not_before, expired.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 2, 3));
    let mut early = names(&["127.0.0.1"]);
    (early.not_before, early.not_after) = (date_time_ymd(4000, 5, 6), date_time_ymd(4001, 1, 1));
    let mut purpose = names(&["127.0.0.1"]);
    purpose.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let cases: [(CertificateParams, TlsKind, &str); 5] = [
        (expired, TlsKind::Expired, "expired at 2021-02-03T00:00:00Z"),
        (early, TlsKind::NotYetValid, "not valid before 4000-05-06T00:00:00Z"),
        (
            names(&["a.example", "*.b.example"]),
            TlsKind::WrongName,
            "for a.example, *.b.example, not for 127.0.0.1",
        ),
        (names(&["192.0.2.7"]), TlsKind::WrongName, "for 192.0.2.7, not for 127.0.0.1"),
        (purpose, TlsKind::BadCertificate, "cannot be accepted"),
    ];
    for (params, kind, text) in cases {
        for (version, _) in VERSIONS {
            let authority = Authority::new();
            let config = authority.server(&params, &[version]);
            let receiver = Receiver::with(authority, config).await;
            let url = format!("https://{}/echo", receiver.address);
            let failure = post(&receiver.client(), &url, LONG).await.unwrap_err();
            assert_eq!(failure.label(), "tls");
            let Failure::Tls(problem) = failure else { panic!("{failure}") };
            assert_eq!(problem.kind, kind, "{problem}");
            assert!(problem.text.contains(text), "{problem}");
            assert_eq!(receiver.seen.lock().unwrap().len(), 0, "no session");
        }
    }
}

#[tokio::test]
async fn an_issuer_nobody_trusts_is_named() {
    let receiver = Receiver::start(&["127.0.0.1"]).await;
    let problem = problem_at(&receiver, &Authority::new()).await;
    assert_eq!(problem.kind, TlsKind::UnknownIssuer, "{problem}");

    // As openssl and many appliances make them for themselves: an authority of its own, shown as the receiver's.
    let authority = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    for (self_made, kind, text) in [
        (rcgen::IsCa::NoCa, TlsKind::UnknownIssuer, "nobody who is trusted"),
        (authority, TlsKind::BadCertificate, "of an authority, not of a server"),
    ] {
        let mut params = names(&["127.0.0.1"]);
        params.is_ca = self_made;
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der().clone()], key)
                .unwrap();
        let receiver = Receiver::with(Authority::new(), config).await;
        let problem = problem_at(&receiver, &Authority::new()).await;
        assert_eq!(problem.kind, kind, "{problem}");
        assert!(problem.text.contains(text), "{problem}");
    }
}

#[tokio::test]
async fn a_client_certificate_that_is_asked_for_is_named() {
    for (version, _) in VERSIONS {
        let authority = Authority::new();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let roots = Arc::new(authority.roots());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider)).build().unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = authority.certificate(&names(&["127.0.0.1"]), &key);
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let receiver = Receiver::with(authority, config).await;
        let url = format!("https://{}/echo", receiver.address);
        let Err(Failure::Tls(problem)) = post(&receiver.client(), &url, LONG).await else { panic!("taken") };
        assert_eq!(problem.kind, TlsKind::Handshake, "{problem}");
        if *version == TLS13 {
            assert!(problem.text.contains("client certificate"), "{problem}");
        }
    }
}

/// Reads the greeting of every client, answers with these bytes and waits for it to go.
async fn answering(bytes: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let mut greeting = [0; 4_096];
            let _ = tcp.read(&mut greeting).await;
            let _ = tcp.write_all(&bytes).await;
            while matches!(tcp.read(&mut greeting).await, Ok(1..)) {}
        }
    });
    address
}

/// What a server of TLS 1.1 answers: it chooses its own version, or says in an alert that it has no other.
#[tokio::test]
async fn a_receiver_with_older_versions_only_is_named() {
    let mut hello = vec![2, 0, 0, 38, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0xc0, 0x14, 0]);
    let mut chooses_1_1 = vec![22, 3, 2, 0, u8::try_from(hello.len()).unwrap()];
    chooses_1_1.extend(hello);
    let no_such_version = vec![21, 3, 2, 0, 2, 2, 70];
    let authority = Authority::new();
    for answer in [chooses_1_1, no_such_version] {
        let url = format!("https://{}/", answering(answer).await);
        let Err(Failure::Tls(problem)) = post(&authority.client(), &url, LONG).await else { panic!("taken") };
        assert_eq!(problem.kind, TlsKind::Protocol, "{problem}");
        assert!(problem.text.contains("TLS 1.2"), "{problem}");
    }
}

#[tokio::test]
async fn what_does_not_speak_tls_fails_as_tls() {
    let authority = Authority::new();
    let not_tls = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await;
    let hangs_up = plain(b"").await;
    for (address, text) in [(not_tls, "not TLS"), (hangs_up, "broke in the handshake")] {
        let failure = post(&authority.client(), &format!("https://{address}/"), LONG).await.unwrap_err();
        let Failure::Tls(problem) = failure else { panic!("{failure}") };
        assert_eq!(problem.kind, TlsKind::Handshake);
        assert!(problem.text.contains(text), "{problem}");
    }
}
