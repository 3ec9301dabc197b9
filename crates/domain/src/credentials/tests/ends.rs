//! What is optional in a file: scopes, ends, names. And what two readings differ in.

use super::*;

const DAY_MS: i64 = 86_400_000;
/// 2027-01-31T00:00:00Z
const END: i64 = 1_801_353_600_000;

fn with(more: &str) -> String {
    // Into the tables of acme's token, the publisher of flights and the administrator.
    ["PRODUCT_ADDED\"]\n", "operators = [\"*\"]\n", "name = \"platform\"\n"]
        .into_iter()
        .fold(file(), |text, line| text.replace(line, &format!("{line}{more}\n")))
}

#[test]
fn what_expires_is_nobodys_from_then_on() {
    for more in ["expires = \"2027-01-31T00:00:00Z\"", "expires = 2027-01-31T01:00:00+01:00"] {
        let credentials = parse(&with(more)).unwrap();
        assert!(credentials.subscriber("app-1", "acme token", END - 1).is_ok());
        assert!(credentials.publisher("flight token", END - 1).is_ok());
        assert!(credentials.admin("admin token", END - 1).is_ok());
        let expired = |who: &str| AuthError::Expired(who.into());
        assert_eq!(
            credentials.subscriber("app-1", "acme token", END).unwrap_err(),
            expired("token of operator acme for app-1, app-2")
        );
        assert_eq!(
            credentials.publisher("flight token", END).unwrap_err(),
            expired("publisher \"flight-operations\"")
        );
        assert_eq!(credentials.admin("admin token", END).unwrap_err(), expired("admin \"platform\""));
        assert!(credentials.subscriber("app-1", "blue token", i64::MAX).is_ok(), "this one never does");
        assert!(credentials.pair("app-1", "acme").is_ok(), "what it made has to be looked after");
        assert_eq!((credentials.next_expiry_ms(END - 1), credentials.next_expiry_ms(END)), (Some(END), None));
    }
    assert_eq!(parse(&file()).unwrap().next_expiry_ms(NOW), None);
}

#[test]
fn scopes_are_both_unless_the_file_says_less() {
    let scopes = |more: &str| {
        let text = with("").replace("PRODUCT_ADDED\"]\n", &format!("PRODUCT_ADDED\"]\n{more}\n"));
        let text = text.replace("name = \"platform\"\n", &format!("name = \"platform\"\n{more}\n"));
        let credentials = parse(&text).unwrap();
        let of_admin = credentials.admin("admin token", NOW).unwrap().scopes;
        assert_eq!(credentials.subscriber("app-1", "acme token", NOW).unwrap().scopes, of_admin);
        [Scope::Read, Scope::Write, Scope::Publish, Scope::Admin].map(|scope| of_admin.include(scope))
    };
    assert_eq!(scopes(""), [true, true, false, false]);
    assert_eq!(scopes("scopes = [\"write\", \"read\"]"), [true, true, false, false]);
    assert_eq!(scopes("scopes = [\"read\"]"), [true, false, false, false]);
    assert_eq!(scopes("scopes = [\"write\"]"), [false, true, false, false]);
}

#[test]
fn mistakes_in_what_is_optional_are_told_with_their_places() {
    let text = r#"
[[operators]]
id = "acme"
[[tokens]]
name = ""
sha256 = "HASH"
operator = "acme"
clients = ["a"]
scopes = ["read", "publish", "all"]
expires = "tomorrow"
[[publishers]]
name = "p"
sha256 = "HASH"
operators = ["*"]
scopes = ["publish"]
expires = 2027-01-31
[[admins]]
name = "a"
sha256 = "HASH"
scopes = []
expires = 7
"#;
    let problems = parse(&text.replace("HASH", &sha256("t"))).unwrap_err();
    let told: Vec<_> = problems.iter().map(|p| (p.line, p.place.as_str())).collect();
    assert_eq!(
        told,
        [
            (5, "tokens[0].name"),
            (9, "tokens[0].scopes[1]"),
            (9, "tokens[0].scopes[2]"),
            (10, "tokens[0].expires"),
            (15, "publishers[0].scopes"),
            (16, "publishers[0].expires"),
            (17, "admins[0].scopes"),
            (21, "admins[0].expires"),
        ],
        "{}",
        problems.iter().map(|p| format!("{p}\n")).collect::<String>()
    );
    assert!(problems[1].detail.contains("[[publishers]]"), "{}", problems[1].detail);
}

#[test]
fn who_has_to_renew_hears_of_it_once_a_day() {
    let credentials = parse(&with("expires = \"2027-01-31T00:00:00Z\"")).unwrap();
    let mut reminders = Reminders::default();
    let mut due = |now_ms| reminders.due(&credentials, now_ms).len();
    assert_eq!(due(END - EXPIRES_SOON_MS - 1), 0);
    assert_eq!(due(END - EXPIRES_SOON_MS), 3);
    assert_eq!(due(END - EXPIRES_SOON_MS + DAY_MS - 1), 0);
    assert_eq!(due(END - EXPIRES_SOON_MS + DAY_MS), 3);
    assert_eq!((due(END - 1), due(END)), (3, 0));
    let told: Vec<String> =
        Reminders::default().due(&credentials, END - 1).into_iter().map(|one| one.who).collect();
    assert_eq!(
        told,
        ["admin \"platform\"", "publisher \"flight-operations\"", "token of operator acme for app-1, app-2"]
    );
}

#[test]
fn two_readings_differ_in_numbers() {
    let before = parse(&file()).unwrap();
    assert_eq!(parse(&file()).unwrap().changes_since(&before), Changes::default());
    let text = file()
        .replace(&sha256("blue token"), &sha256("new token"))
        .replace("\"C-2\"", "\"C-3\"")
        .replace("FLIGHT_*", "Order*");
    let now = parse(&format!("{text}[[operators]]\nid = \"third\"")).unwrap();
    let changes = now.changes_since(&before);
    assert_eq!(changes.tokens, Count { added: 1, removed: 1, changed: 1 });
    assert_eq!(changes.operators, Count { added: 1, removed: 0, changed: 1 });
    assert_eq!(before.changes_since(&now).operators, Count { added: 0, removed: 1, changed: 1 });
    assert_eq!(changes.tokens.to_string(), "1 added, 1 removed, 1 changed");
}

#[test]
fn everyone_is_listed_without_hashes() {
    let named =
        with("expires = \"2027-01-31T00:00:00Z\"").replace("[[tokens]]\n", "[[tokens]]\nname = \"n\"\n");
    let credentials = parse(&named).unwrap();
    let everyone = credentials.everyone();
    let shown: Vec<String> = everyone.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "token \"n\" of operator acme for app-1, app-2",
            "token \"n\" of operator bluejet for app-1",
            "publisher \"flight-operations\"",
            "publisher \"orders\"",
            "admin \"platform\"",
        ]
    );
    assert_eq!(everyone[0].events, ["FLIGHT_*", "PRODUCT_ADDED"]);
    assert_eq!(everyone[1].scopes, ["read", "write"]);
    assert_eq!((everyone[2].scopes.clone(), everyone[2].expires_at_ms), (vec!["publish"], Some(END)));
    assert_eq!(everyone[4].scopes, ["admin", "read", "write"]);
    assert!(!format!("{everyone:?}").contains(&sha256("acme token")));
}
