//! Any template with any data: the body is what a plain description of the rules says.

use super::*;
use proptest::prelude::*;

const FIELDS: [&str; 5] = ["agwID", "b", "with blank", "quo\"te", "ключ"];

/// What a string of a template is made of.
#[derive(Clone, Debug)]
enum Part {
    Literal(String),
    Braces,
    Field(usize, &'static str),
}

/// A template, before it is written down.
#[derive(Clone, Debug)]
enum Node {
    Leaf(Value),
    Text(Vec<Part>),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    fn written(&self) -> Value {
        match self {
            Node::Leaf(value) => value.clone(),
            Node::Text(parts) => parts.iter().map(written).collect::<String>().into(),
            Node::Array(items) => items.iter().map(Node::written).collect(),
            Node::Object(members) => {
                members.iter().map(|(name, node)| (name.clone(), node.written())).collect()
            }
        }
    }

    fn rendered(&self, data: &Value, all_text: bool) -> Value {
        match self {
            Node::Leaf(value) => value.clone(),
            Node::Text(parts) => match parts.as_slice() {
                [Part::Field(field, _)] if !all_text => {
                    data.get(FIELDS[*field]).cloned().unwrap_or(Value::Null)
                }
                parts => parts.iter().map(|part| rendered(part, data)).collect::<String>().into(),
            },
            Node::Array(items) => items.iter().map(|node| node.rendered(data, all_text)).collect(),
            Node::Object(members) => {
                members.iter().map(|(name, node)| (name.clone(), node.rendered(data, all_text))).collect()
            }
        }
    }
}

fn written(part: &Part) -> String {
    match part {
        Part::Literal(text) => text.clone(),
        Part::Braces => "{{{{".to_owned(),
        Part::Field(field, space) => format!("{{{{{space}{}{space}}}}}", FIELDS[*field]),
    }
}

fn rendered(part: &Part, data: &Value) -> String {
    match part {
        Part::Literal(text) => text.clone(),
        Part::Braces => "{{".to_owned(),
        Part::Field(field, _) => match data.get(FIELDS[*field]) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        },
    }
}

fn texts() -> impl Strategy<Value = Vec<Part>> {
    let part = prop_oneof![
        "[^{]{1,6}".prop_map(Part::Literal),
        Just(Part::Braces),
        (0..FIELDS.len(), prop::sample::select(vec!["", " ", "\t", "\n "]))
            .prop_map(|(field, space)| Part::Field(field, space)),
    ];
    prop::collection::vec(part, 0..5)
}

fn nodes() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        leaves().prop_map(Node::Leaf),
        texts().prop_map(Node::Text),
        texts().prop_map(Node::Text)
    ];
    let inner = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Node::Array),
            prop::collection::btree_map("[^{]{0,4}", inner, 0..4)
                .prop_map(|members| Node::Object(members.into_iter().collect())),
        ]
    });
    prop::collection::vec(inner, 0..4).prop_map(Node::Array)
}

/// Numbers that every reader keeps exactly, booleans and null.
fn leaves() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        leaves(),
        any::<String>().prop_map(Value::from),
        "[\\x00-\\x7f\"]{0,8}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..3).prop_map(|members| json!(members)),
        ]
    })
}

fn events() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(prop::sample::select(FIELDS.to_vec()), values(), 0..=FIELDS.len())
        .prop_map(|fields| json!(fields))
}

/// As a reader sees it, who may round a number.
fn read(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_body_is_what_the_rules_say(node in nodes(), data in events(), all_text: bool, pretty: bool) {
        let template = node.written().to_string();
        let source = Source::Parts { header: None, json_body: Some(&template) };
        let compiled = Template::compile(source, Fields::Only(&FIELDS), &Limits::default());
        let template = compiled.map_err(|problems| TestCaseError::fail(format!("{problems:?}")))?.template;
        // White space in the data changes nothing.
        let json = if pretty { serde_json::to_string_pretty(&data).unwrap() } else { data.to_string() };
        let found = body(&template.clone().all_text(all_text), &json);
        prop_assert_eq!(read(&found), read(&node.rendered(&read(&json), all_text).to_string()));
        let stored = template.to_json();
        let again = Template::compile(Source::Target(&stored), Fields::Only(&FIELDS), &Limits::default());
        prop_assert_eq!(again.unwrap().template, template);
    }

    #[test]
    fn a_header_is_one_line_of_ascii(parts in texts(), data in events(), max in 0_usize..40) {
        let header = json!({"x-a": parts.iter().map(written).collect::<String>()}).to_string();
        let source = Source::Parts { header: Some(&header), json_body: None };
        let limits = Limits { header_value_max_bytes: max, ..Limits::default() };
        let Ok(compiled) = Template::compile(source, Fields::Only(&FIELDS), &limits) else { return Ok(()) };
        let json = data.to_string();
        let data_read = EventData::parse(json.as_bytes()).unwrap();
        let (_, value) = compiled.template.headers(&data_read).remove(0);
        prop_assert!(value.len() <= max && value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{value:?}");
        prop_assert_eq!(value.trim(), &value);
        let plain: String = parts.iter().map(|part| rendered(part, &data)).collect();
        if plain.bytes().all(|byte| (b'!'..=b'~').contains(&byte)) && plain.len() <= max {
            prop_assert_eq!(value, plain);
        }
    }

    /// Whatever is wrong with a template, it is somewhere in it.
    #[test]
    fn pointers_lead_somewhere(mut target in values(), inner in values(), text in "[{} a\"\\r]{0,8}") {
        if let Some(members) = target.as_object_mut() {
            let header = json!({(text.as_str()): text});
            let inner = json!({"jsonBody": inner, "header": header, (text.as_str()): text, "url": "{{"});
            members.insert("httpRequest".to_owned(), inner);
        }
        let written = target.to_string();
        let problems = Template::compile(Source::Target(&written), Fields::Only(&FIELDS), &Limits::default());
        for Problem { pointer, problem } in problems.map(|_| ()).unwrap_err() {
            prop_assert!(target.pointer(&pointer).is_some(), "{pointer}: {problem} in {target}");
        }
    }
}
