//! Of the whole: what a file means.

use super::*;

mod ends;

/// Long before anything expires.
const NOW: i64 = 1_000;

fn parse(text: &str) -> Result<Credentials, Vec<Problem>> {
    Credentials::parse(text, &Catalogue::builtin())
}

fn sha256(token: &str) -> String {
    hash(token).iter().map(|b| format!("{b:02x}")).collect()
}

fn file() -> String {
    format!(
        r#"
        [[operators]]
        id = "acme"
        contracts = ["C-1", "C-2"]

        [[operators]]
        id = "bluejet"

        [[tokens]]
        sha256 = "{}"
        operator = "acme"
        clients = ["app-1", "app-2"]
        events = ["FLIGHT_*", "PRODUCT_ADDED"]

        [[tokens]]
        sha256 = "{}"
        operator = "bluejet"
        clients = ["app-1"]

        [[publishers]]
        name = "flight-operations"
        sha256 = "{}"
        operators = ["*"]

        [[publishers]]
        name = "orders"
        sha256 = "{}"
        operators = ["acme"]

        [[admins]]
        name = "platform"
        sha256 = "{}"
        "#,
        sha256("acme token"),
        sha256("blue token"),
        sha256("flight token"),
        sha256("order token"),
        sha256("admin token")
    )
}

#[test]
fn a_client_and_a_token_are_a_subscriber() {
    let credentials = parse(&file()).unwrap();
    let acme = credentials.subscriber("app-2", "acme token", NOW).unwrap();
    assert_eq!((acme.partner.as_str(), &*acme.operator), ("app-2", "acme"));
    assert!(acme.has_contract("C-2") && !acme.has_contract("C-3"));
    assert!(acme.may_subscribe("FLIGHT_CREATE") && acme.may_subscribe("PRODUCT_ADDED"));
    assert!(!acme.may_subscribe("PRODUCT_REMOVED") && !acme.may_subscribe("OrderCreated"));
    let blue = credentials.subscriber("app-1", "blue token", NOW).unwrap();
    assert!(blue.contracts.is_empty());
    assert!(
        Catalogue::builtin().types().all(|t| blue.may_subscribe(&t.wire_name)),
        "the default is everything"
    );
}

#[test]
fn everybody_else_is_nobody() {
    let credentials = parse(&file()).unwrap();
    assert_eq!(credentials.subscriber("app-1", "acme", NOW).unwrap_err(), AuthError::Unknown);
    assert_eq!(credentials.subscriber("app-1", "", NOW).unwrap_err(), AuthError::Unknown);
    assert_eq!(credentials.subscriber("app-1", &sha256("acme token"), NOW).unwrap_err(), AuthError::Unknown);
    assert_eq!(
        credentials.subscriber("app-3", "acme token", NOW).unwrap_err().to_string(),
        "the token of operator acme for app-1, app-2 is not for this client id"
    );
    assert_eq!(credentials.subscriber("app-1", "flight token", NOW).unwrap_err(), AuthError::Unknown);
    assert_eq!(credentials.publisher("acme token", NOW), Err(AuthError::Unknown));
}

#[test]
fn a_publisher_speaks_for_its_operators() {
    let credentials = parse(&file()).unwrap();
    let flight = credentials.publisher("flight token", NOW).unwrap();
    assert_eq!(&*flight.scope, "flight-operations");
    assert!(flight.operators.include("anyone"));
    let orders = credentials.publisher("order token", NOW).unwrap();
    assert!(orders.operators.include("acme") && !orders.operators.include("bluejet"));
}

#[test]
fn an_administrator_is_nobody_else() {
    let credentials = parse(&file()).unwrap();
    assert_eq!(credentials.admin("admin token", NOW).map(|admin| &*admin.name), Ok("platform"));
    assert!(credentials.admin("flight token", NOW).is_err() && credentials.admin("", NOW).is_err());
    assert!(credentials.publisher("admin token", NOW).is_err());
    let twice = format!("{}[[admins]]\nname = \"second\"\nsha256 = \"{}\"", file(), sha256("admin token"));
    let problems = parse(&twice).unwrap_err();
    assert_eq!(problems.iter().map(|p| p.place.as_str()).collect::<Vec<_>>(), ["admins[1].sha256"]);
}

#[test]
fn no_client_looks_like_an_administrator_in_records() {
    let problems = parse(&file().replace("\"app-2\"", "\"admin:platform\"")).unwrap_err();
    assert_eq!(problems.iter().map(|p| p.place.as_str()).collect::<Vec<_>>(), ["tokens[0].clients[1]"]);
    assert!(parse(&file().replace("app-2", "administration")).is_ok());
}

#[test]
fn a_pair_is_entitled_to_what_any_of_its_tokens_is() {
    let second = format!(
        "{}[[tokens]]\nsha256 = \"{}\"\noperator = \"acme\"\nclients = [\"app-1\"]\nevents = [\"OrderCreated\"]",
        file(),
        sha256("another acme token")
    );
    let credentials = parse(&second).unwrap();
    let both = credentials.pair("app-1", "acme").unwrap();
    assert_eq!((both.partner.as_str(), &*both.operator), ("app-1", "acme"));
    assert!(both.may_subscribe("FLIGHT_CREATE") && both.may_subscribe("OrderCreated"));
    assert!(both.has_contract("C-1") && !both.may_subscribe("PRODUCT_REMOVED"));
    let one = credentials.pair("app-2", "acme").unwrap();
    assert!(one.may_subscribe("PRODUCT_ADDED") && !one.may_subscribe("OrderCreated"));
    assert_eq!(credentials.pair("app-3", "acme").unwrap_err(), NoPair::Client);
    assert_eq!(credentials.pair("app-2", "bluejet").unwrap_err(), NoPair::Client);
    assert_eq!(credentials.pair("app-1", "nobody").unwrap_err(), NoPair::Operator);
}

#[test]
fn every_problem_is_told_with_its_place() {
    let text = r#"
surprise = 1
[[operators]]
id = "acme"
contract = ["C-1"]
[[operators]]
id = "acme"
[[operators]]
id = "*"
contracts = "C-1"
[[tokens]]
sha256 = "abc"
operator = "nobody"
clients = []
events = ["FLIGHT_UPDATE", "Order*", 7]
[[tokens]]
operator = ""
clients = ["a", "a"]
[[publishers]]
name = "p"
sha256 = "00"
"#;
    let problems = parse(text).unwrap_err();
    let told: Vec<_> = problems.iter().map(|p| (p.line, p.place.as_str())).collect();
    assert_eq!(
        told,
        [
            (2, "surprise"),
            (5, "operators[0].contract"),
            (7, "operators[1].id"),
            (9, "operators[2].id"),
            (10, "operators[2].contracts"),
            (11, "tokens[0].clients"),
            (12, "tokens[0].sha256"),
            (13, "tokens[0].operator"),
            (15, "tokens[0].events[0]"),
            (15, "tokens[0].events[2]"),
            (16, "tokens[1].sha256"),
            (17, "tokens[1].operator"),
            (18, "tokens[1].clients[1]"),
            (19, "publishers[0].operators"),
            (21, "publishers[0].sha256"),
        ],
        "{}",
        problems.iter().map(|p| format!("{p}\n")).collect::<String>()
    );
}

#[test]
fn a_token_belongs_to_one() {
    let twice = file()
        + &format!(
            "[[tokens]]\nsha256 = \"{}\"\noperator = \"acme\"\nclients = [\"x\"]",
            sha256("blue token")
        );
    let problems = parse(&twice).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].place, "tokens[2].sha256");
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let problems = parse("[[operators]]\nid = \n[[tokens\n").unwrap_err();
    assert!(problems.iter().any(|p| p.line == 2 && p.detail.contains("not TOML")), "{problems:?}");
}

#[test]
fn an_empty_file_lets_nobody_in() {
    assert_eq!(parse("").unwrap().subscriber("a", "b", NOW).unwrap_err(), AuthError::Unknown);
}

#[test]
fn event_types_are_those_of_the_catalogue_that_is_configured() {
    let own = include_str!("../../catalogue/own-types.example.toml").to_owned();
    let catalogue = Catalogue::with_files(&[("own.toml".to_owned(), own)]).unwrap();
    let only = |pattern: &str| file().replace("\"PRODUCT_ADDED\"", &format!("{pattern:?}"));
    for pattern in ["FLIGHT_GATE_UPDATE", "FLIGHT_BAGS_*"] {
        let credentials = Credentials::parse(&only(pattern), &catalogue).unwrap();
        let acme = credentials.subscriber("app-1", "acme token", NOW).unwrap();
        assert!(acme.may_subscribe("FLIGHT_BAGS_REPORT") && !acme.may_subscribe("OrderCreated"));
        let problems = parse(&only(pattern)).unwrap_err();
        assert!(problems[0].place == "tokens[0].events[1]" && problems.len() == 1, "{problems:?}");
    }
}
