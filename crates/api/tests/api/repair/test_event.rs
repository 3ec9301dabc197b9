//! A test event is sent once, and its answer waited for.

use super::*;

#[tokio::test]
async fn a_test_event_waits_for_the_answer() {
    let ground = Ground::new("api-repair-test", &[("API__COMMAND_TIMEOUT_MS", "5000")]).await;
    let [first, second] = &ground.callers;
    let path = format!("/subscriptions/{}/test-events", ground.subscription);
    let with_key = [("idempotency-key", "t")];
    let late = post(first, &path, &with_key, Some(&json!({"eventType": "FLIGHT_CANCEL"}))).await;
    assert_eq!(late.status, 202, "{}", late.text());
    let late = late.json();
    assert_eq!((text(&late, "status"), &late["attempt"]), ("PENDING", &Value::Null));
    let sent: Value = serde_json::from_str(text(&late, "body")).unwrap();
    assert_eq!((&sent["id"], &sent["type"]), (&late["eventId"], &json!("FLIGHT_CANCEL")));
    let header = |told: &Value, name: &str| {
        let mut headers = told["request"]["headers"].as_array().unwrap().iter();
        headers.find(|header| header["name"] == name).unwrap()["value"].clone()
    };
    assert_eq!(late["request"]["url"], "https://receiver.example/hook");
    assert_eq!(
        (header(&late, "webhook-id"), header(&late, "webhook-signature")),
        (late["id"].clone(), Value::Null)
    );
    let written = entries(&ground.world.rig);
    assert_eq!(written.len(), 1);
    let delivery = written[0].1.delivery.clone().unwrap();
    let event = delivery.event.clone().unwrap();
    assert!(delivery.once && event.id.starts_with("test-") && event.r#type == "FLIGHT_CANCEL");
    assert_eq!(event.id, text(&late, "eventId"));
    // As the deliverer would.
    ground.logs.write_delivery(&delivery).await;
    let epoch = ground.logs.claim(&delivery).await;
    ground.logs.tell(&delivery, epoch, LineKind::Expired, Some(attempt(1, 500, now_ms()))).await;
    let ended = post(second, &path, &with_key, Some(&json!({"eventType": "FLIGHT_CANCEL"}))).await;
    assert_eq!(ended.status, 200, "{}", ended.text());
    let ended = ended.json();
    assert_eq!((&ended["id"], text(&ended, "status")), (&late["id"], "EXPIRED"));
    assert_eq!((&ended["attempt"]["status"], &ended["attempt"]["excerpt"]), (&json!(500), &json!("oh no")));
    // It is not kept, and the example of today may be another one.
    assert_eq!((&ended["body"], &ended["request"]["url"]), (&Value::Null, &late["request"]["url"]));
    assert!(header(&ended, "webhook-timestamp").is_string() && header(&late, "webhook-timestamp").is_null());
    assert_eq!(entries(&ground.world.rig).len(), 1);
    let again = format!("/deliveries/{}/redeliveries", text(&ended, "id"));
    assert_eq!(post(first, &again, &[], None).await.status, 409, "a test is not sent again");

    // Two wait; a third one is refused, and nothing of it is written.
    let third = async {
        eventually("two are written", async || (entries(&ground.world.rig).len() == 3).then_some(())).await;
        post(first, &path, &[], None).await
    };
    let (one, two, third) = tokio::join!(post(first, &path, &[], None), post(first, &path, &[], None), third);
    assert_eq!((one.status, two.status, third.status), (202, 202, 429), "{}", third.text());
    assert!(third.header("retry-after").is_some());
    assert_eq!(entries(&ground.world.rig).len(), 3);

    let unknown = post(first, &path, &[], Some(&json!({"eventType": "FLIGHT_UPDATE"}))).await;
    assert!(unknown.status == 400 && unknown.text().contains("/eventType"), "{}", unknown.text());
    let flights = Caller::new(&ground.instances[0].base, "app-3", "token-of-flights");
    let theirs = flights.created(&wish()).await;
    let beyond = format!("/subscriptions/{theirs}/test-events");
    let beyond = post(&flights, &beyond, &[], Some(&json!({"eventType": "OrderCreated"}))).await;
    assert_eq!(beyond.status, 403, "{}", beyond.text());
    assert_eq!(post(&flights, &path, &[], None).await.status, 404);
    first.patch(&ground.subscription, &json!({"status": "INACTIVE"})).await;
    assert_eq!(post(second, &path, &[], None).await.status, 409);
    ground.stop().await;
}
