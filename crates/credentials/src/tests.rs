use crate::watch::Watcher;
use crate::{InForce, ReadError, Shared};
use aerogram_domain::catalogue::Catalogue;
use aerogram_domain::credentials::token_sha256;
use aerogram_settings::CredentialsSettings;
use aerogram_telemetry::Health;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

fn admins(tokens: &[&str]) -> String {
    let one =
        |token: &&str| format!("[[admins]]\nname = \"{token}\"\nsha256 = \"{}\"\n", token_sha256(token));
    tokens.iter().map(one).collect()
}

fn settings(file: &Path) -> CredentialsSettings {
    CredentialsSettings { file: Some(file.to_owned()), reload_ms: 50 }
}

async fn watch(file: &Path, health: &Health) -> (Watcher, Arc<Shared>) {
    let catalogue = Catalogue::builtin();
    Watcher::start(&settings(file), file.to_owned(), catalogue, health).await.unwrap()
}

fn lets_in(shared: &Shared, token: &str) -> bool {
    shared.get().admin(token, 0).is_ok()
}

#[tokio::test]
async fn what_is_right_is_taken_over_and_what_is_wrong_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("credentials.toml");
    fs::write(&file, admins(&["one"])).unwrap();
    let health = Health::new();
    let (mut watcher, shared) = watch(&file, &health).await;
    assert!(lets_in(&shared, "one") && health.troubles().is_empty());

    fs::write(&file, admins(&["one", "two"])).unwrap();
    watcher.look().await;
    assert!(lets_in(&shared, "one") && lets_in(&shared, "two") && !watcher.is_stale());

    fs::write(&file, format!("{}surprise = 1\n[[tokens]]\n", admins(&["three"]))).unwrap();
    for _ in 0..2 {
        watcher.look().await;
        assert!(lets_in(&shared, "one") && !lets_in(&shared, "three") && watcher.is_stale());
    }
    let trouble = health.troubles().concat();
    assert!(trouble.contains("surprise") && trouble.contains("tokens[0].sha256"), "all of it: {trouble}");

    fs::write(&file, "\n").unwrap();
    watcher.look().await;
    assert!(lets_in(&shared, "two") && health.troubles().concat().contains("is empty"));

    fs::remove_file(&file).unwrap();
    watcher.look().await;
    assert!(lets_in(&shared, "two") && watcher.is_stale());
    assert!(health.troubles().concat().contains("cannot be read"));

    fs::write(&file, admins(&["one", "two"])).unwrap();
    watcher.look().await;
    assert!(!watcher.is_stale() && health.troubles().is_empty(), "it is as it was");

    fs::write(&file, admins(&["two"])).unwrap();
    watcher.look().await;
    assert!(!lets_in(&shared, "one") && lets_in(&shared, "two"));
}

#[tokio::test]
async fn a_mounted_secret_is_swapped_by_a_symbolic_link() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    for (version, token) in [("..1", "one"), ("..2", "two")] {
        fs::create_dir(at(version)).unwrap();
        fs::write(at(version).join("credentials.toml"), admins(&[token])).unwrap();
    }
    symlink("..1", at("..data")).unwrap();
    symlink("..data/credentials.toml", at("credentials.toml")).unwrap();
    let (mut watcher, shared) = watch(&at("credentials.toml"), &Health::new()).await;
    assert!(lets_in(&shared, "one"));
    symlink("..2", at("..new")).unwrap();
    fs::rename(at("..new"), at("..data")).unwrap();
    watcher.look().await;
    assert!(lets_in(&shared, "two") && !lets_in(&shared, "one"));
}

#[tokio::test]
async fn the_file_is_watched_without_being_asked() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("credentials.toml");
    fs::write(&file, admins(&["one"])).unwrap();
    let catalogue = Catalogue::builtin();
    let in_force = InForce::open(&settings(&file), &catalogue, &Health::new()).await.unwrap();
    assert!(in_force.now().admin("one", 0).is_ok());
    fs::write(&file, admins(&["two"])).unwrap();
    let begun = std::time::Instant::now();
    while in_force.now().admin("two", 0).is_err() {
        assert!(begun.elapsed().as_secs() < 30, "it is not read again");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(in_force.now().admin("one", 0).is_err());
}

#[tokio::test]
async fn a_start_needs_a_file_that_is_right_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::builtin();
    let open = async |file: &Path| InForce::open(&settings(file), &catalogue, &Health::new()).await.err();
    let missing = dir.path().join("missing.toml");
    assert!(matches!(open(&missing).await, Some(ReadError::Unreadable { .. })));
    let wrong = dir.path().join("wrong.toml");
    fs::write(&wrong, "[[admins]]\n").unwrap();
    let error = open(&wrong).await.unwrap().to_string();
    assert!(
        error.contains("wrong.toml")
            && error.contains("admins[0].name")
            && error.contains("admins[0].sha256")
    );
    let empty = dir.path().join("empty.toml");
    fs::write(&empty, " \n").unwrap();
    assert!(matches!(open(&empty).await, Some(ReadError::Empty { .. })));
    assert!(matches!(crate::read(&empty, &catalogue), Err(ReadError::Empty { .. })));
    fs::write(&empty, "# nobody\n").unwrap();
    assert!(open(&empty).await.is_none());
    let none = CredentialsSettings { file: None, ..settings(&wrong) };
    assert!(InForce::open(&none, &catalogue, &Health::new()).await.unwrap().now().everyone().is_empty());
}
