//! What could never be called is refused at once; and the addresses that calls come from.

use serde_json::json;

use crate::errors::problem;
use crate::openapi::CheckedClient;
use crate::world::{Caller, shared, wish};

#[tokio::test]
async fn what_deliveries_would_never_call_is_refused() {
    let shared = shared();
    let caller = Caller::new(&shared.bases[0], "app-2", "token-of-acme");
    let id = caller.created(&wish()).await;
    for (host, told) in [
        ("10.0.0.1", "10.0.0.1 is not public (private); deliverer.allow_cidrs"),
        ("127.0.0.1", "127.0.0.1 is not public (loopback); deliverer.allow_cidrs"),
        ("2130706433", "127.0.0.1 is not public (loopback)"),
        ("0177.0.0.1", "127.0.0.1 is not public (loopback)"),
        ("0x7f.1", "127.0.0.1 is not public (loopback)"),
        ("169.254.169.254", "(link-local, and metadata of most clouds)"),
        ("[::1]", "::1 is not public (loopback)"),
        ("[fd00:ec2::254]", "(unique local, and metadata of some clouds)"),
        ("[::ffff:10.0.0.1]", "(IPv4-mapped)"),
        ("[64:ff9b::8.8.8.8]", "(NAT64)"),
        ("[2002:a00:1::]", "(6to4)"),
        ("hooks.example.com:22", "port 22 is not allowed; deliverer.allowed_ports"),
        ("hooks.example.com:6379", "port 6379 is known for Redis"),
    ] {
        let url = format!("https://{host}/hu-sh?hu-sh");
        let mut body = wish();
        body["callbackUrl"] = json!(url);
        let changed = caller.patch(&id, &json!({"callbackUrl": url})).await;
        for answer in [caller.post(&body).await, changed] {
            assert_eq!(problem(&answer), (400, vec!["/callbackUrl".to_owned()]), "{url}: {}", answer.text());
            let detail = answer.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
            assert!(detail.starts_with("can't be called: ") && detail.contains(told), "{url}: {detail}");
            assert!(!answer.text().contains("hu-sh"), "{}", answer.text());
        }
        let target = json!({"httpRequest": {"url": url, "jsonBody": {}}});
        let answer = caller.patch(&id, &target).await;
        assert_eq!(problem(&answer), (400, vec!["/httpRequest/url".to_owned()]), "{url}");
    }
    // A network that is allowed, and names, wherever they may lead.
    for host in ["10.1.2.3:8443", "0x0a.66051", "localhost", "8.8.8.8"] {
        let answer = caller.patch(&id, &json!({"callbackUrl": format!("https://{host}/")})).await;
        assert_eq!(answer.status, 200, "{host}: {}", answer.text());
    }
    assert_eq!(caller.delete(&id).await.status, 204);
}

#[tokio::test]
async fn whoever_may_call_is_told_where_deliveries_come_from() {
    let shared = shared();
    let caller = Caller::new(&shared.bases[1], "app-2", "token-of-acme");
    let answer = caller.get("/egress-addresses").await;
    let expected = json!({"addresses": ["203.0.113.7/32", "2001:db8:7::/64"]});
    assert_eq!((answer.status, answer.json()), (200, expected));
    let stranger =
        CheckedClient::new().get(&format!("{}/egress-addresses", shared.bases[0]), &[]).await.unwrap();
    assert_eq!(problem(&stranger), (401, vec![]));
}
