//! The document of the API says what is: it is compared with the one in the repository, its examples are run, and whatever a test
//! of this crate is answered has to be what it says.

mod examples;

use std::collections::HashMap;
use std::sync::LazyLock;
use std::{env, fs};

use aerogram_domain::catalogue::Catalogue;
use aerogram_testkit::{Answer, HttpClient};
use http::Method;
use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

use crate::world::shared;

const BASE: &str = "/api/v2/webhooks";
const IN_THE_REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::to_value(aerogram_api::document(&Catalogue::builtin()).unwrap()).unwrap());
static ANSWERS: LazyLock<HashMap<(String, String, String), Described>> = LazyLock::new(answers);

/// What the document says of an answer.
struct Described {
    headers: Vec<String>,
    /// By content type.
    bodies: HashMap<String, Validator>,
}

/// By path, method and status.
fn answers() -> HashMap<(String, String, String), Described> {
    let mut all = HashMap::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let answer = followed(answer);
                let headers =
                    answer["headers"].as_object().into_iter().flat_map(|headers| headers.keys().cloned());
                let bodies = answer["content"].as_object().into_iter().flatten();
                let bodies =
                    bodies.map(|(kind, content)| (kind.clone(), exact(&content["schema"]))).collect();
                let described = Described { headers: headers.collect(), bodies };
                all.insert((path.clone(), method.to_uppercase(), status.clone()), described);
            }
        }
    }
    all
}

/// What a reference stands for.
fn followed(value: &Value) -> &Value {
    match value["$ref"].as_str() {
        Some(reference) => DOCUMENT.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
        None => value,
    }
}

/// Of a whole answer, which has no fields that are not described.
fn exact(schema: &Value) -> Validator {
    let mut components = DOCUMENT["components"].clone();
    for schema in components["schemas"].as_object_mut().unwrap().values_mut() {
        *schema = without_more(schema);
    }
    validator_with(&components, &without_more(schema))
}

/// The same schema for objects that have no other fields.
fn without_more(schema: &Value) -> Value {
    match schema {
        // Each part sees only its own fields; the whole has all of them.
        Value::Object(parts) if parts.contains_key("allOf") => {
            let parts: Vec<_> =
                parts["allOf"].as_array().unwrap().iter().map(|part| members(followed(part))).collect();
            json!({"allOf": parts, "unevaluatedProperties": false})
        }
        Value::Object(_) if schema["properties"].is_object() => {
            let mut schema = members(schema);
            schema["unevaluatedProperties"] = false.into();
            schema
        }
        Value::Object(_) => members(schema),
        other => other.clone(),
    }
}

fn members(schema: &Value) -> Value {
    let of_list = |list: &Value| list.as_array().unwrap().iter().map(without_more).collect::<Value>();
    let mut schema = schema.clone();
    for (name, value) in schema.as_object_mut().unwrap() {
        match name.as_str() {
            "properties" => {
                value.as_object_mut().unwrap().values_mut().for_each(|value| *value = without_more(value));
            }
            "items" => *value = without_more(value),
            "oneOf" | "anyOf" | "allOf" => *value = of_list(value),
            _ => {}
        }
    }
    schema
}

fn validator(schema: &Value) -> Validator {
    validator_with(&DOCUMENT["components"], schema)
}

fn validator_with(components: &Value, schema: &Value) -> Validator {
    let whole = json!({"components": components, "allOf": [schema]});
    let options =
        jsonschema::options().offline().with_draft(Draft::Draft202012).should_validate_formats(true);
    options.build(&whole).unwrap()
}

/// The path of the document that this one is.
fn described_path(path: &str) -> Option<&'static str> {
    let path = format!("{BASE}{}", path.split('?').next().unwrap_or_default());
    let fits = |described: &&String| {
        let (ours, theirs) = (described.split('/'), path.split('/'));
        ours.clone().count() == theirs.clone().count()
            && ours
                .zip(theirs)
                .all(|(ours, theirs)| ours == theirs || ours.starts_with('{') && !theirs.is_empty())
    };
    DOCUMENT["paths"].as_object().unwrap().keys().find(fits).map(String::as_str)
}

/// Fails unless the document knows this answer. What it has no words for is what it does not describe at all: other paths and
/// methods.
pub fn is_described(method: &Method, path: &str, answer: &Answer) {
    let is_head = method == Method::HEAD;
    let method = if is_head { &Method::GET } else { method };
    let Some(path) = described_path(path) else { return };
    let operation = &DOCUMENT["paths"][path][method.as_str().to_lowercase()];
    if operation.is_null() {
        return;
    }
    let what = format!("{method} {path} answered {}: {}", answer.status, answer.text());
    let key = (path.to_owned(), method.as_str().to_owned(), answer.status.to_string());
    let described = ANSWERS.get(&key).unwrap_or_else(|| panic!("not in the document: {what}"));
    for header in &described.headers {
        let given = answer.header(header).is_some();
        // Only where there is another page.
        let expected = header != "Link" || is_head || answer.json()["next"].is_string();
        assert!(given == expected || header == "Link" && is_head, "{header} is given: {given}: {what}");
    }
    if is_head || described.bodies.is_empty() {
        assert!(answer.body.is_empty(), "{what}");
        return;
    }
    let kind = answer.header("content-type").unwrap_or_default();
    let body =
        described.bodies.get(kind).unwrap_or_else(|| panic!("no content of the type {kind:?}: {what}"));
    let json = answer.json();
    let wrong: Vec<_> =
        body.iter_errors(&json).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "not as described: {wrong:#?} {what}");
}

/// A client that takes nothing but what the document describes.
#[derive(Clone)]
pub struct CheckedClient(HttpClient);

impl CheckedClient {
    pub fn new() -> Self {
        Self(HttpClient::new())
    }

    pub async fn get(&self, url: &str, headers: &[(&str, &str)]) -> anyhow::Result<Answer> {
        self.request(Method::GET, url, headers, None).await
    }

    pub async fn request(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> anyhow::Result<Answer> {
        let answer = self.0.request(method.clone(), url, headers, body).await?;
        if let Some((_, path)) = url.split_once(BASE) {
            is_described(&method, path, &answer);
        }
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{method} {url}");
        Ok(answer)
    }
}

#[test]
fn the_document_in_the_repository_is_that_of_the_code() {
    let mut document = DOCUMENT.clone();
    // They follow from the schemas that the repository has one by one.
    document.as_object_mut().unwrap().remove("webhooks");
    let mut text = serde_json::to_string_pretty(&document).unwrap();
    text.push('\n');
    if fs::read_to_string(IN_THE_REPOSITORY).ok().as_deref() != Some(text.as_str()) {
        let new = env::temp_dir().join("aerogram-openapi.json");
        fs::write(&new, text).unwrap();
        panic!(
            "docs/openapi.json is not what the code says; if that is meant: cp {} docs/openapi.json",
            new.display()
        );
    }
}

#[tokio::test]
async fn everybody_may_read_the_document_and_the_page_without_the_internet() {
    let shared = shared();
    let client = HttpClient::new();
    let answer = client.get(&format!("{}/openapi.json", shared.bases[0]), &[]).await.unwrap();
    let served = answer.json();
    assert_eq!(answer.status, 200);
    assert!(served["openapi"].as_str().unwrap().starts_with("3.1"), "{}", served["openapi"]);
    let names = served["components"]["schemas"]["EventType"]["enum"].as_array().unwrap();
    assert!(
        names.contains(&json!("FLIGHT_CREATE")) && names.len() > 59,
        "the installation's own are missing"
    );
    assert_eq!((&served["paths"], &served["security"]), (&DOCUMENT["paths"], &DOCUMENT["security"]));
    let tag = answer.header("etag").unwrap();
    let again =
        client.get(&format!("{}/openapi.json", shared.bases[1]), &[("if-none-match", tag)]).await.unwrap();
    assert_eq!((again.status, again.body.len()), (304, 0));

    let page = client.get(&format!("{}/docs/", shared.bases[0]), &[]).await.unwrap();
    assert_eq!((page.status, page.header("content-type").unwrap_or_default()), (200, "text/html"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'self'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    let mut looked_at = 0;
    for part in page.text().split('"').filter(|part| part.starts_with("./")) {
        let url = format!("{}/docs/{}", shared.bases[0], part.trim_start_matches("./"));
        let file = client.get(&url, &[]).await.unwrap();
        assert_eq!(file.status, 200, "{url}");
        looked_at += 1;
    }
    assert!(looked_at >= 3, "{}", page.text());
    assert!(!page.text().contains("//"), "something comes from elsewhere: {}", page.text());
    let set_up =
        client.get(&format!("{}/docs/swagger-initializer.js", shared.bases[0]), &[]).await.unwrap().text();
    assert!(
        set_up.contains(&format!("{BASE}/openapi.json")) && set_up.contains("\"validatorUrl\": \"none\""),
        "{set_up}"
    );
}

/// An administrator that names no pair may make those calls that the document offers it, and no others.
#[tokio::test]
async fn who_may_call_is_as_described() {
    let (shared, client) = (shared(), CheckedClient::new());
    let mut offered = 0;
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path
                .strip_prefix(BASE)
                .unwrap()
                .replace("{subscriptionId}", "0192d3a4-0000-7000-8000-0000000000ff");
            let url = format!("{}{path}", shared.bases[0]);
            let headers = [("authorization", "Bearer token-of-admin")];
            // What there is to change is not there: nothing is.
            let body = (method == Method::POST).then(|| json!({"status": 7}));
            let answer = client.request(method.clone(), &url, &headers, body.as_ref()).await.unwrap();
            let alone = json!({"administrator": []});
            let may = operation["security"].as_array().is_some_and(|ways| ways.contains(&alone));
            assert_eq!(answer.status != 403, may, "{method} {path}: {}", answer.text());
            offered += usize::from(may);
        }
    }
    assert!(offered > 10);
}

#[test]
fn examples_of_answers_are_as_they_say() {
    let schemas = DOCUMENT["components"]["schemas"].as_object().unwrap();
    let mut tried = 0;
    for (name, schema) in schemas {
        for example in schema["examples"].as_array().into_iter().flatten() {
            let validator = exact(schema);
            let wrong: Vec<_> = validator.iter_errors(example).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{name}: {wrong:?}");
            let mut more = example.clone();
            more["more"] = true.into();
            assert!(!validator.is_valid(&more), "{name} may have fields that are not described");
            tried += 1;
        }
    }
    assert!(tried >= 3);
}

/// What a receiver makes of the schemas would refuse the examples else.
#[test]
fn what_receivers_are_sent_is_described_for_every_event_type() {
    let catalogue = Catalogue::builtin();
    let webhooks = DOCUMENT["webhooks"].as_object().unwrap();
    let mut described: Vec<_> = webhooks.keys().map(String::as_str).collect();
    let mut names: Vec<_> = catalogue.types().map(|event_type| event_type.wire_name.as_ref()).collect();
    described.sort_unstable();
    names.sort_unstable();
    assert_eq!(described, names);
    for event_type in catalogue.types() {
        let content = &webhooks[&*event_type.wire_name]["post"]["requestBody"]["content"]["application/json"];
        let validator = validator(&content["schema"]);
        assert!(validator.is_valid(&content["example"]), "{}", event_type.wire_name);
        let mut other = content["example"].clone();
        other["data"] = json!({});
        let takes_nothing = event_type.fields.iter().all(|field| !field.required);
        assert_eq!(validator.is_valid(&other), takes_nothing, "{}", event_type.wire_name);
    }
}

/// Else nobody could tell two of them apart.
#[test]
fn every_call_has_a_name_a_sentence_and_the_answers_of_all() {
    let mut names = Vec::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            names.push(operation["operationId"].as_str().unwrap().to_owned());
            assert!(
                operation["summary"].as_str().is_some_and(|said| !said.is_empty()),
                "{what} has no summary"
            );
            for status in ["401", "403", "429", "503"] {
                assert!(operation["responses"][status].is_object(), "{what} has no {status}");
            }
        }
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "{names:?}");
}
