//! The credentials file while an instance runs: changes of it, scopes, ends; and limits on who calls.

use std::fs;
use std::path::PathBuf;

use aerogram_testkit::Answer;
use http::Method;

use crate::openapi::CheckedClient;
use crate::world::{Instance, World, eventually, sha256, wish};

type Headers<'a> = &'a [(&'a str, &'a str)];

const ACME: (&str, &str) = ("x-auth-token", "token-of-acme");
const ADMIN: (&str, &str) = ("authorization", "Bearer token-of-admin");
const WRONG: (&str, &str) = ("x-auth-token", "a guess");
/// A subscription that nobody has.
const NOBODYS: &str = "/subscriptions/0192d3a4-0000-7000-8000-00000000dead";

/// For tests that ask with tokens until they count.
const UNTIL_THEY_COUNT: [(&str, &str); 1] = [("API__FAILED_LOGINS_PER_MINUTE", "0")];

const fn app(id: &str) -> (&str, &str) {
    ("x-api-client-id", id)
}

/// The tests stand behind a proxy that is trusted, and so come from where they say.
const fn from(address: &str) -> (&str, &str) {
    ("x-forwarded-for", address)
}

async fn world(test: &str, more: &[(&str, &str)]) -> (World, Instance) {
    let mut settings = vec![("CREDENTIALS__RELOAD_MS", "50"), ("API__TRUSTED_PROXIES", "127.0.0.0/8")];
    settings.extend(more);
    let world = World::new(test, 1, &settings).await;
    let instance = world.instance().await;
    (world, instance)
}

fn file(world: &World) -> PathBuf {
    world.rig.dir().join("credentials.toml")
}

/// Adds tables to the file; `sha256("token")` stands for the hash.
fn add(world: &World, tables: &str) {
    let hashed = tables.split('\n').map(|line| match line.strip_prefix("token = ") {
        Some(token) => format!("sha256 = \"{}\"\n", sha256(token)),
        None => format!("{line}\n"),
    });
    let text = fs::read_to_string(file(world)).unwrap() + &hashed.collect::<String>();
    let new = world.rig.dir().join("credentials.new");
    fs::write(&new, text).unwrap();
    fs::rename(new, file(world)).unwrap();
}

async fn ask(instance: &Instance, method: Method, path: &str, headers: Headers<'_>) -> Answer {
    let body = (method == Method::POST).then(wish);
    let url = format!("{}{path}", instance.base);
    CheckedClient::new().request(method, &url, headers, body.as_ref()).await.unwrap()
}

async fn list(instance: &Instance, headers: Headers<'_>) -> Answer {
    ask(instance, Method::GET, "/subscriptions", headers).await
}

fn assert_later(answer: &Answer, at_most_s: u64) {
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=at_most_s).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn a_changed_file_counts_at_once_and_a_wrong_one_not_at_all() {
    let (world, instance) = world("reload", &UNTIL_THEY_COUNT).await;
    let [old, new] = [ACME, ("x-auth-token", "token-of-later")].map(|token| [app("app-1"), token]);
    let trouble = || instance.health.troubles().into_iter().find(|text| text.contains("credentials file"));
    assert_eq!((list(&instance, &old).await.status, list(&instance, &new).await.status), (200, 401));

    let before = fs::read_to_string(file(&world)).unwrap();
    fs::write(file(&world), before.replace(&sha256("token-of-acme"), &sha256("token-of-later"))).unwrap();
    eventually("the new token counts", async || (list(&instance, &new).await.status == 200).then_some(()))
        .await;
    assert_eq!(list(&instance, &old).await.status, 401);

    add(&world, "[[tokens]]\noperator = \"nobody\"\nsurprise = 1");
    let said = eventually("the mistakes are told", async || trouble()).await;
    assert!(said.contains("surprise") && said.contains("tokens[3].sha256"), "{said}");
    assert_eq!((list(&instance, &old).await.status, list(&instance, &new).await.status), (401, 200));
    assert!(instance.health.is_ready(), "what it said before is in force");

    fs::write(file(&world), before).unwrap();
    eventually("the file is right again", async || trouble().is_none().then_some(())).await;
    assert_eq!((list(&instance, &old).await.status, list(&instance, &new).await.status), (200, 401));
    instance.stop().await;
}

#[tokio::test]
async fn a_token_is_for_what_its_scopes_say_and_until_it_ends() {
    let (world, instance) = world("scopes", &UNTIL_THEY_COUNT).await;
    add(
        &world,
        "[[tokens]]\ntoken = reads\noperator = \"acme\"\nclients = [\"app-1\"]\nscopes = [\"read\"]\n\
         [[tokens]]\ntoken = writes\noperator = \"acme\"\nclients = [\"app-1\"]\nscopes = [\"write\"]\n\
         [[tokens]]\ntoken = ended\noperator = \"acme\"\nclients = [\"app-20\"]\nexpires = \"2020-01-31T00:00:00Z\"\n\
         [[admins]]\nname = \"auditor\"\ntoken = looks\nscopes = [\"read\"]",
    );
    let reads = [app("app-1"), ("x-auth-token", "reads")];
    let writes = [app("app-1"), ("x-auth-token", "writes")];
    eventually("they count", async || (list(&instance, &reads).await.status == 200).then_some(())).await;

    let created = ask(&instance, Method::POST, "/subscriptions", &writes).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let looks = [("authorization", "Bearer looks"), app("app-1"), ("x-operator", "acme")];
    let cases: [(Headers<'_>, Method, &str, u16, &str); 7] = [
        (&reads, Method::POST, "/subscriptions", 403, "scope write"),
        (&reads, Method::DELETE, NOBODYS, 403, "scope write"),
        (&writes, Method::GET, "/subscriptions", 403, "scope read"),
        (&writes, Method::DELETE, NOBODYS, 404, ""),
        (&looks, Method::GET, "/subscriptions", 200, ""),
        (&looks, Method::POST, "/subscriptions", 403, "scope write"),
        (&looks[..1], Method::GET, "/escalations", 200, ""),
    ];
    for (headers, method, path, status, word) in cases {
        let answer = ask(&instance, method.clone(), path, headers).await;
        assert_eq!(answer.status, status, "{method} {path} {headers:?}: {}", answer.text());
        assert!(answer.text().contains(word), "{}", answer.text());
    }

    let ended = [app("app-20"), ("x-auth-token", "ended")];
    assert_eq!(list(&instance, &ended).await.status, 401);
    let for_it = [ADMIN, app("app-20"), ("x-operator", "acme")];
    assert_eq!(list(&instance, &for_it).await.status, 200, "what it made is still there to be looked after");
    instance.stop().await;
}

#[tokio::test]
async fn whoever_guesses_has_to_wait_and_nobody_else() {
    let (_world, instance) = world("guesses", &[("API__FAILED_LOGINS_PER_MINUTE", "2")]).await;
    let there = from("198.51.100.1");
    for _ in 0..9 {
        let without = list(&instance, &[there, app("app-1")]).await;
        assert_eq!(without.status, 401, "this is no guess: {}", without.text());
    }
    for token in ["a guess", "a guess", "token-of-flights", "token-of-flights", "another guess"] {
        let answer = list(&instance, &[there, app("app-nobodys"), ("x-auth-token", token)]).await;
        assert_eq!(
            answer.status,
            401,
            "repeating is not guessing, nor is what somebody has: {}",
            answer.text()
        );
    }
    assert_later(&list(&instance, &[there, app("app-nobodys"), WRONG]).await, 30);
    for token in [WRONG, ("x-auth-token", "another guess")] {
        assert_eq!(list(&instance, &[there, app("app-1"), token]).await.status, 401);
    }
    assert_later(&list(&instance, &[there, app("app-1"), WRONG]).await, 30);
    assert_later(&list(&instance, &[there, app("app-1"), ACME]).await, 30);
    assert_eq!(list(&instance, &[there, app("app-2"), ACME]).await.status, 200, "another client");
    let elsewhere = from("198.51.100.1, 203.0.113.5");
    assert_eq!(list(&instance, &[elsewhere, app("app-1"), ACME]).await.status, 200, "another address");

    for (guess, client) in [("Bearer a guess", "app-1"), ("Bearer another guess", "app-2")] {
        let as_admin = [there, ("authorization", guess), app(client), ("x-operator", "acme")];
        assert_eq!(list(&instance, &as_admin).await.status, 401);
    }
    let as_admin = [there, ADMIN, app("app-1"), ("x-operator", "acme")];
    assert_later(&list(&instance, &as_admin).await, 30);
    let as_admin = [elsewhere, ADMIN, app("app-1"), ("x-operator", "acme")];
    assert_eq!(list(&instance, &as_admin).await.status, 200);
    instance.stop().await;
}

#[tokio::test]
async fn a_client_has_one_limit_whichever_token_it_uses() {
    let limits = [("API__CLIENT_RATE_PER_MINUTE", "1"), ("API__CLIENT_BURST", "4")];
    let (_world, instance) = world("rates", &limits).await;
    // Both tokens are of app-7 and acme.
    let flights = ("x-auth-token", "token-of-flights");
    for token in [ACME, flights, ACME, flights] {
        assert_eq!(list(&instance, &[app("app-7"), token]).await.status, 200);
    }
    for token in [ACME, flights] {
        assert_later(&list(&instance, &[app("app-7"), token]).await, 60);
        assert_later(&list(&instance, &[from("198.51.100.2"), app("app-7"), token]).await, 60);
    }
    assert_eq!(list(&instance, &[app("app-8"), ACME]).await.status, 200, "another client of the operator");
    let blue = ("x-auth-token", "token-of-bluejet");
    assert_eq!(list(&instance, &[app("app-1"), blue]).await.status, 200, "another operator");
    // An administrator has a limit of its own, in whose place ever it acts.
    for client in ["app-7", "app-8", "app-9", "app-10"] {
        assert_eq!(list(&instance, &[ADMIN, app(client), ("x-operator", "acme")]).await.status, 200);
    }
    assert_later(&list(&instance, &[ADMIN, app("app-11"), ("x-operator", "acme")]).await, 60);
    instance.stop().await;
}
