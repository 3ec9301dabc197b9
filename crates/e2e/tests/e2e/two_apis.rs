//! Two api processes behind a round robin are one api, also to a client that never heard of there being two.

use crate::apis::Apis;
use crate::contract_client::{passes, with_limited};
use crate::rest::{ACME, Rest, Subscription};
use crate::setup::Setup;
use anyhow::{Context, Result};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_apis_in_turn_are_what_a_client_of_the_contract_expects() -> Result<()> {
    let setup = with_limited(Setup::new("two-apis").await?)?;
    let mut apis = Apis::start(setup, &["api-1", "api-2"]).await?;
    let addresses = [apis.address("api-1")?, apis.address("api-2")?];
    passes(&addresses, "https://127.0.0.1:8443/hook", None).await?;

    // What one of them answered outlives it.
    let [first, second] = addresses.map(Rest::new);
    let body = json!({
        "event": "FLIGHT_CREATE", "callbackUrl": "https://example.com/", "signingKey": "your-secret-signing-key-123",
    });
    let created = first.create(ACME, &body).await?;
    assert_eq!(created.status, 201, "{}", created.text());
    apis.cluster.kill9("api-1").await?;
    let id = created.json()["id"].as_str().context("no id")?.to_owned();
    let kept = Subscription { id, path: String::new(), key: String::new(), owner: ACME };
    let shown = second.get(&kept).await?;
    assert_eq!((shown.status, shown.json()), (200, created.json()));
    assert_eq!(second.delete(&kept).await?.status, 204);
    apis.cluster.terminate("api-2").await
}
