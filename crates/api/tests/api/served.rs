//! What holds for all that the role serves, the portal included.

use aerogram_testkit::HttpClient;

use crate::world::shared;

#[tokio::test]
async fn no_answer_is_to_be_taken_for_something_else() {
    let shared = shared();
    let origin = shared.bases[0].split("/api").next().unwrap();
    let client = HttpClient::new();
    for (path, status) in [
        ("/", 303),
        ("/portal/", 303),
        ("/portal/sign-in", 200),
        ("/portal/nothing", 404),
        ("/nothing", 404),
        ("/api/v2/webhooks/openapi.json", 200),
        ("/api/v2/webhooks/docs/", 200),
        ("/api/v2/webhooks/subscriptions", 401),
    ] {
        let answer = client.get(&format!("{origin}{path}"), &[]).await.unwrap();
        let sniffed = answer.header("x-content-type-options");
        assert_eq!((answer.status, sniffed), (status, Some("nosniff")), "{path}");
    }
}
