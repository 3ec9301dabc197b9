use crate::testing::World;

#[tokio::test]
async fn the_catalogue_can_be_looked_through_and_shared() {
    let world = World::of(Vec::new());
    let all = world.get("/portal/catalogue").await;
    assert!(all.page.contains("2 types in 2 families"), "{}", all.page);
    let part = world.part("/portal/catalogue?q=disrupted&family=", "types").await;
    assert_eq!(part.pushed, "/portal/catalogue?q=disrupted");
    assert!(
        part.page.starts_with(r#"<div id="types""#) && part.page.contains("hx-swap-oob"),
        "{}",
        part.page
    );
    assert!(!part.page.contains("FLIGHT_TIME_UPDATE") && part.page.contains("1 of 2 types"), "{}", part.page);
}

#[tokio::test]
async fn a_type_has_its_fields_and_an_example() {
    let world = World::of(Vec::new());
    let one = world.get("/portal/catalogue/FLIGHT_TIME_UPDATE").await.page;
    for part in [
        "legs[].<wbr>origin",
        "<code>MAD</code>, <code>LHR</code>",
        "always",
        "The newest counts",
        "&#34;a&#34;: [",
    ] {
        assert!(one.contains(part), "{part}: {one}");
    }
    assert!(one.contains("/portal/webhooks/new?event=FLIGHT_TIME_UPDATE"), "{one}");
    assert_eq!(world.get("/portal/catalogue/Zeppelin").await.status.as_u16(), 404);
}
