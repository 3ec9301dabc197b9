//! Event types of a platform team.

use std::fs;

use aerogram_settings::{RoleArgs, Settings};
use aerogram_telemetry::{Health, Shutdown};
use serde_json::json;

use crate::world::{Caller, shared, wish};

#[tokio::test]
async fn a_type_of_a_platform_team_can_be_subscribed_to() {
    let shared = shared();
    let caller = Caller::new(&shared.bases[1], "app-6", "token-of-flights");
    let mut own = wish();
    own["event"] = json!("FLIGHT_GATE_UPDATE");
    let created = caller.post(&own).await;
    let body = created.json();
    assert_eq!((created.status, &body["event"], &body["profile"]), (201, &own["event"], &json!("flight")));
    assert_eq!(caller.delete(body["id"].as_str().unwrap()).await.status, 204);
    own["event"] = json!("FLIGHT_GATE_CHANGE");
    let refused = caller.post(&own).await;
    assert_eq!((refused.status, &refused.json()["errors"][0]["pointer"]), (400, &json!("/event")));
}

#[tokio::test]
async fn mistakes_in_files_of_event_types_end_the_start_and_are_told_at_once() {
    let shared = shared();
    let dir = shared.world.rig.dir();
    let (bad, gone) = (dir.join("bad.toml"), dir.join("gone.toml"));
    fs::write(&bad, "family = \"cargo\"\n[[types]]\nname = \"FLIGHT_CREATE\"\n").unwrap();
    let files = format!("{},{}", bad.display(), gone.display());
    let env = [("AEROGRAM_CATALOGUE__FILES".into(), files.into())];
    let settings = Settings::load_from(&RoleArgs::default(), env).unwrap();
    let error =
        aerogram_api::start(settings, Health::new(), Shutdown::new()).await.err().unwrap().to_string();
    for told in [
        "bad.toml line 1: family: is \"cargo\", must be one of flight, order, product",
        "bad.toml line 3: types[0].name: \"FLIGHT_CREATE\" is defined in the built-in catalogue already",
        "bad.toml line 2: FLIGHT_CREATE.title: is required",
        "gone.toml: cannot be read",
    ] {
        assert!(error.contains(told), "{told}\nis not in\n{error}");
    }
}
