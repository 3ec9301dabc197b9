//! Files of a platform team.

use super::*;

const OWN: &str = include_str!("../../../catalogue/own-types.example.toml");

fn with(text: &str) -> Result<Catalogue, Vec<String>> {
    with_all(&[("own.toml", text)])
}

fn with_all(files: &[(&str, &str)]) -> Result<Catalogue, Vec<String>> {
    let files: Vec<_> = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
    Catalogue::with_files(&files)
        .map_err(|problems| problems.iter().map(|problem| format!("{problem}\n")).collect())
}

fn problems(text: &str) -> Vec<String> {
    with(text).unwrap_err()
}

/// A file with one type that carries one field of this definition.
fn field(definition: &str) -> String {
    format!(
        "family = \"order\"\n[fields]\nf = {{ {definition} }}\n[[types]]\nname = \"T\"\ntitle = \"T\"\nwhen = \"W.\"\n\
         kind = \"fact\"\nrequired = [\"f\"]\n"
    )
}

/// A file with one type.
fn own_type(lines: &str) -> String {
    format!("family = \"flight\"\n[[types]]\ntitle = \"T\"\nwhen = \"W.\"\n{lines}\n")
}

#[test]
fn the_example_of_the_documentation_adds_two_types() {
    let catalogue = with(OWN).unwrap();
    assert_eq!(catalogue.types().count(), 61);
    let report = catalogue.lookup("FLIGHT_BAGS_REPORT").unwrap();
    assert_eq!(
        (report.family, report.kind, report.subject.as_deref()),
        (Family::Flight, Kind::Fact, Some("flightId"))
    );
    assert_eq!(report.example["bags"], json!([{"tag": "XX000002", "status": "FOUND"}]));
    let built_in = Catalogue::builtin().lookup("FLIGHT_CREATE").unwrap().clone();
    let departure = |t: &EventType| t.fields.iter().find(|f| f.name == "departure").cloned();
    assert_eq!(
        departure(report),
        departure(&built_in),
        "the family's fields are those of the built-in types"
    );
    for own in ["FLIGHT_BAGS_REPORT", "FLIGHT_GATE_UPDATE"] {
        let own = catalogue.lookup(own).unwrap();
        assert!(validator(own).is_valid(&own.example));
    }
}

#[test]
fn an_example_happened_when_the_type_says_or_the_file_or_else_at_a_fixed_time() {
    let time = |text: &str, name: &str| {
        with(text).map(|catalogue| catalogue.lookup(name).unwrap().example_event()["time"].clone())
    };
    assert_eq!(time(OWN, "FLIGHT_GATE_UPDATE"), Ok(json!("2026-05-04T06:30:00Z")));
    let file = OWN.replace("[common]", "example_time = \"2026-05-01T00:00:00Z\"\n[common]");
    assert_eq!(time(&file, "FLIGHT_GATE_UPDATE"), Ok(json!("2026-05-01T00:00:00Z")));
    let own = file.replace(
        "required = [\"bags\"]",
        "required = [\"bags\"]\nexample_time = \"2026-05-02T00:00:00+02:00\"",
    );
    assert_eq!(time(&own, "FLIGHT_BAGS_REPORT"), Ok(json!("2026-05-02T00:00:00+02:00")));
    assert_eq!(time(&own, "FLIGHT_GATE_UPDATE"), Ok(json!("2026-05-01T00:00:00Z")));
    let wrong = own.replace("2026-05-02T00:00:00+02:00", "yesterday");
    let said = time(&wrong, "FLIGHT_BAGS_REPORT").unwrap_err().concat();
    assert!(said.contains("FLIGHT_BAGS_REPORT.example_time: does not fit: \"yesterday\""), "{said}");
}

#[test]
fn several_files_add_up() {
    let other = OWN.replace("FLIGHT_", "OUR_");
    assert_eq!(with_all(&[("a.toml", OWN), ("b.toml", &other)]).unwrap().types().count(), 63);
    assert_eq!(with_all(&[]).unwrap().types().count(), 59);
}

#[test]
fn a_name_is_taken_once() {
    let found = with_all(&[("a.toml", OWN), ("b.toml", OWN)]).unwrap_err();
    assert_eq!(
        found,
        [
            "b.toml line 26: types[0].name: \"FLIGHT_GATE_UPDATE\" is defined in a.toml already; take another name\n",
            "b.toml line 34: types[1].name: \"FLIGHT_BAGS_REPORT\" is defined in a.toml already; take another name\n",
        ]
    );
    let built_in = own_type("name = \"FLIGHT_CREATE\"\nkind = \"fact\"\nrequired = [\"flightId\"]");
    assert_eq!(
        problems(&built_in),
        [
            "own.toml line 5: types[0].name: \"FLIGHT_CREATE\" is defined in the built-in catalogue already; take \
             another name\n"
        ]
    );
    let twice = OWN.replace("FLIGHT_BAGS_REPORT", "FLIGHT_GATE_UPDATE");
    assert_eq!(
        problems(&twice),
        ["own.toml line 34: types[1].name: \"FLIGHT_GATE_UPDATE\" stands there twice\n"]
    );
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let wrong = r#"
family = "cargo"
surprise = 1
[common]
always = ["gate"]
[fields]
gate = { type = "text", meaning = "M.", example = "B42" }
stand = { type = "string", example = "7", meening = "M." }
bags = { type = "array", meaning = "M.", example = [] }
count = { type = "integer", meaning = "M.", example = "three", enum = ["one"] }
status = { type = "string", enum = ["A", "A"], meaning = "M.", example = "B", optional = true }
"a b" = { type = "string", meaning = "M.", example = "" }
at = { type = "date-time", meaning = "M.", example = "2026-05-04T09:30:00" }
box = { type = "object", meaning = "M.", items = "string" }
[[types]]
name = "GATE CHANGE"
title = ""
kind = "event"
required = ["gate", "nowhere", "stand"]
optional = ["stand"]
[[types]]
name = "GATE_CHANGE"
title = "Gate changed"
when = "W."
kind = "state"
required = []
example = { gate = 1 }
"#;
    let found: String = problems(wrong).concat();
    let places: Vec<_> =
        found.lines().map(|line| line.splitn(3, ": ").take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        places,
        [
            "own.toml line 2 family",
            "own.toml line 3 surprise",
            "own.toml line 5 common.always",
            "own.toml line 7 fields.gate.type",
            "own.toml line 8 fields.stand.meaning",
            "own.toml line 8 fields.stand.meening",
            "own.toml line 9 fields.bags.items",
            "own.toml line 10 fields.count.example",
            "own.toml line 10 fields.count.enum",
            "own.toml line 11 fields.status.enum[1]",
            "own.toml line 11 fields.status.example",
            "own.toml line 11 fields.status.optional",
            "own.toml line 12 fields.a b",
            "own.toml line 13 fields.at.example",
            "own.toml line 14 fields.box.fields",
            "own.toml line 14 fields.box.items",
            "own.toml line 15 types[0].when",
            "own.toml line 16 types[0].name",
            "own.toml line 17 types[0].title",
            "own.toml line 18 types[0].kind",
            "own.toml line 19 types[0].required[1]",
            "own.toml line 20 types[0].optional[0]",
            "own.toml line 21 GATE_CHANGE.subject",
            "own.toml line 27 GATE_CHANGE.example.gate",
        ],
        "{found}"
    );
}

#[test]
fn messages_say_what_to_do() {
    for (text, message) in [
        (
            field(r#"type = "strnig", meaning = "M.", example = "x""#),
            "is \"strnig\", must be one of string, integer, number",
        ),
        (
            field(r#"type = "array", items = "array", meaning = "M.", example = []"#),
            "make it an object that holds one",
        ),
        (field(r#"type = "array", meaning = "M.", example = []"#), "is required for an array"),
        (field(r#"type = "object", meaning = "M.""#), "is required for an object"),
        (field(r#"type = "integer", fields = {}, meaning = "M.", example = 1"#), "belongs to objects"),
        (field(r#"type = "number", meaning = "M.""#), "is required: a value it may have"),
        (
            field(r#"type = "boolean", meaning = "M.", example = "yes""#),
            "does not fit: \"yes\" is not of type \"boolean\"",
        ),
        (field(r#"type = "string", meaning = 7, example = "x""#), "must be a text"),
        ("family = \"flight\"".to_owned(), "types: is required: the event types, each headed [[types]]"),
        ("family = ".to_owned(), "is not TOML"),
        (String::new(), "family: is required"),
        (
            own_type("name = \"N\"\nkind = \"fact\"\nrequired = [\"gate\"]"),
            "there is no field \"gate\"; define it in [fields]",
        ),
        (
            own_type("name = \"N\"\nkind = \"fact\"\nsubject = \"departure\"\nrequired = [\"departure\"]"),
            "must name a required text",
        ),
        (
            own_type("name = \"N\"\nkind = \"fact\"\nrequired = [\"flightId\"]\nexample = { departure = 1 }"),
            "add it to required or optional",
        ),
        (
            own_type("name = \"N\"\nkind = \"maybe\"\nrequired = [\"flightId\"]"),
            "must be state (a newer event",
        ),
        (own_type("name = \"1N\"\nkind = \"fact\"\nrequired = [\"flightId\"]"), "is no name of a type"),
    ] {
        let found = problems(&text).concat();
        assert!(found.contains(message), "{found}");
    }
}

#[test]
fn nothing_is_without_limit() {
    let type_of = |n: usize| {
        format!(
            "[[types]]\nname = \"T{n}\"\ntitle = \"T\"\nwhen = \"W.\"\nkind = \"fact\"\nrequired = [\"flightId\"]\n"
        )
    };
    let types =
        |count: usize| format!("family = \"flight\"\n{}", (0..count).map(type_of).collect::<String>());
    assert_eq!(with(&types(TYPES_MAX - 59)).unwrap().types().count(), TYPES_MAX);
    assert_eq!(
        problems(&types(TYPES_MAX - 58)),
        ["own.toml: makes it 1001 event types, at most 1000 are allowed\n"]
    );

    let long = format!("{OWN}#{}", "x".repeat(1024 * 1024 - OWN.len() - 1));
    assert!(with(&long).is_ok());
    assert!(problems(&(long + "x"))[0].contains("has 1048577 bytes, at most 1048576 are read"));

    let deep = |levels: usize| {
        let inner = (1..levels)
            .fold(r#"type = "string", meaning = "M.", example = "x""#.to_owned(), |inner, _| {
                format!(r#"type = "object", meaning = "M.", fields = {{ f = {{ {inner} }} }}"#)
            });
        field(&inner)
    };
    assert!(with(&deep(5)).is_ok());
    assert!(problems(&deep(6)).concat().contains("goes deeper than 5 fields"));

    let wide = |count: usize| {
        let fields: String = (0..count)
            .map(|n| format!("f{n} = {{ type = \"boolean\", meaning = \"M.\", example = true }}, "))
            .collect();
        field(&format!("type = \"object\", meaning = \"M.\", fields = {{ {fields} }}"))
    };
    assert!(with(&wide(200)).is_ok());
    assert!(problems(&wide(201)).concat().contains("has 201 fields, at most 200"));
}

#[test]
fn a_file_that_cannot_be_read_does_not_hide_the_mistakes_of_others() {
    let read = |path: &Path| match path.to_str() {
        Some("gone.toml") => Err(io::Error::from(io::ErrorKind::NotFound)),
        Some("bad.toml") => Ok("family = \"cargo\"\n[[types]]".to_owned()),
        _ => Ok(OWN.to_owned()),
    };
    let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
    let error = Catalogue::load(&paths(&["gone.toml", "own.toml", "bad.toml"]), read).unwrap_err();
    let told = error.to_string();
    assert!(told.contains("\n  gone.toml: cannot be read: "), "{told}");
    assert!(told.contains("\n  bad.toml line 1: family: is \"cargo\""), "{told}");
    assert!(!told.contains("own.toml"), "{told}");
    assert_eq!(Catalogue::load(&paths(&["own.toml"]), read).unwrap().types().count(), 61);
    assert!(Arc::ptr_eq(&Catalogue::load(&[], read).unwrap(), &Catalogue::builtin()));
}

proptest! {
    /// Whatever stands in it, something is said.
    #[test]
    fn no_file_is_too_strange(cut in any::<prop::sample::Index>(), junk in "[\\[\\]{}=\"a-z \n]{0,12}") {
        let mut at = cut.index(OWN.len());
        while !OWN.is_char_boundary(at) {
            at -= 1;
        }
        let text = format!("{}{junk}{}", &OWN[..at], &OWN[at..]);
        if let Err(problems) = with(&text) {
            prop_assert!(!problems.is_empty());
        }
    }
}
