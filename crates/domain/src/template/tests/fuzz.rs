//! Templates that were good once: each change makes one that is refused with reasons or that renders valid JSON.

use super::*;
use fastrand::Rng;

/// Unless the environment says otherwise.
const CASES: usize = 200_000;
const CASES_MIN: usize = 1_000;
const SEED: u64 = 0x5eed_0005;

const GOOD: [&str; 4] = [
    AS_DOCUMENTED,
    r#"{"httpRequest":{"header":{"X-Api-Key":"k {{pnr}}","accept":"*/*"},"jsonBody":[1.10,-1e5,null,true,"{{segments}}",{"a":{"b":["{{ totalAmount }}","{{{{ {{agwID}}, {{agwID}}"]}}]}}"#,
    r#"{"httpRequest":{"url":"https://h.example","jsonBody":{"t\"\\/~":"\u00e9\ud83d\ude00\n{{consumer}}","":"{ } }}"}}}"#,
    r#"{"httpRequest":{"header":{"authorization":"Bearer {{sessionId}}"},"jsonBody":{}}}"#,
];

const SNIPPETS: [&str; 40] = [
    "{{",
    "}}",
    "{",
    "}",
    "{{{{",
    "{{{",
    "[",
    "]",
    "\"",
    "\\",
    ":",
    ",",
    "null",
    "0",
    "1e999",
    "{{agwID}}",
    "{{agwId}}",
    "\"{{pnr}}\"",
    "{{ }}",
    "\\u007b",
    "\\ud800",
    "\\udc00",
    "\\n",
    "\\r\\n",
    "\\u0000",
    "é",
    "\u{2028}",
    "\u{0}",
    "\n",
    " ",
    "header",
    "jsonBody",
    "url",
    "httpRequest",
    "host",
    "content-type",
    "connection",
    "\"a\":1,",
    "[[[[[[[[",
    "~/",
];

const DATA: [&str; 4] = [
    "{}",
    r#"{"agwID":"A\"\\\r\n\ud83d\ude00é","pnr":null,"segments":[ {"origin" : "MAD"}, [] ],"totalAmount":1.10,"consumer":"\/\u0007","sessionId":"a\r\nb: c"}"#,
    r#"{"agwID":{"a":{"b":"\\\""}},"pnr":123456789012345678901234567890,"segments":false,"totalAmount":"","consumer":[],"sessionId":"\ud800"}"#,
    r#"{"agwID":"{{pnr}}","pnr":"{{{{","segments":"}}","totalAmount":1e400,"consumer":true,"agwID":"last"}"#,
];

fn changed(random: &mut Rng) -> String {
    let mut text: Vec<char> = GOOD[random.usize(..GOOD.len())].chars().collect();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..=text.len());
        let until = (at + random.usize(..9)).min(text.len());
        match random.u8(..5) {
            0 => drop(text.drain(at..until)),
            1 | 2 => drop(text.splice(at..at, SNIPPETS[random.usize(..SNIPPETS.len())].chars())),
            3 => drop(text.splice(at..until, SNIPPETS[random.usize(..SNIPPETS.len())].chars())),
            _ => {
                let part = text[at..until].to_vec();
                let to = random.usize(..=text.len());
                text.splice(to..to, part);
            }
        }
    }
    text.into_iter().collect()
}

/// How many cases, and from which seed: always the same, unless `AEROGRAM_FUZZ_CASES` and `AEROGRAM_FUZZ_SEED` say others.
fn cases_and_seed() -> (usize, u64) {
    let number = |name: &str| {
        let text = std::env::var(name).ok()?;
        Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name}={text:?} is no whole number")))
    };
    let cases = number("AEROGRAM_FUZZ_CASES").map_or(CASES, |cases| usize::try_from(cases).unwrap());
    assert!(cases >= CASES_MIN, "AEROGRAM_FUZZ_CASES={cases}: fewer than {CASES_MIN} show nothing");
    let seed = number("AEROGRAM_FUZZ_SEED").unwrap_or(SEED);
    // Shown when it fails.
    println!("AEROGRAM_FUZZ_SEED={seed} AEROGRAM_FUZZ_CASES={cases}");
    (cases, seed)
}

#[test]
fn no_change_of_a_template_breaks_what_is_promised() {
    let (cases, seed) = cases_and_seed();
    let mut random = Rng::with_seed(seed);
    let data = DATA.map(|json| EventData::parse(json.as_bytes()).unwrap());
    let (mut rendered, mut refused) = (0, 0);
    for case in 0..cases {
        let text = changed(&mut random);
        match Template::compile(Source::Target(&text), Fields::Only(&ORDER), &Limits::default()) {
            Ok(Compiled { template, .. }) => {
                rendered += 1;
                for data in &data {
                    check_rendering(&template, data, &text);
                    check_rendering(&template.clone().all_text(true), data, &text);
                }
                assert_eq!(compiled(&template.to_json()).template, template, "case {case}: {text}");
            }
            Err(problems) => {
                refused += 1;
                assert!(!problems.is_empty(), "case {case}: {text}");
                check_pointers(&problems, &text);
            }
        }
    }
    // Otherwise the changes are too many or too few to find anything.
    assert!(rendered > cases / 50 && refused > cases / 4, "{rendered} rendered, {refused} refused");
}

fn check_rendering(template: &Template, data: &EventData<'_>, text: &str) {
    match template.body(data).unwrap_or_else(|error| panic!("{text}\n{error}")) {
        Some(body) => {
            let is_json = serde_json::from_slice::<&RawValue>(&body).is_ok();
            assert!(is_json, "{text}\n{}", String::from_utf8_lossy(&body));
        }
        // The default body, for nothing is said of one. What stands beside may be no number for this reader.
        None => {
            let document = serde_json::from_str::<Value>(text).unwrap_or_default();
            assert!(document.pointer("/httpRequest/jsonBody").is_none_or(Value::is_null), "{text}");
        }
    }
    for (name, value) in template.headers(data) {
        assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text}\n{name}: {value}");
    }
}

/// Of what stands there twice a reader keeps the last only, so pointers may lead into the other.
fn check_pointers(problems: &[Problem], text: &str) {
    let Ok(document) = serde_json::from_str::<Value>(text) else { return };
    if problems.iter().any(|problem| problem.problem.contains("twice")) {
        return;
    }
    for Problem { pointer, problem } in problems {
        assert!(document.pointer(pointer).is_some(), "{pointer}: {problem} in {text}");
    }
}
