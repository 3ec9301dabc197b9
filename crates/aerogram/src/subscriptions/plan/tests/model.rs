//! Carrying out a plan leaves nothing to do.

use super::*;
use proptest::prelude::*;

/// The api, as far as it decides what a plan finds the next time.
#[derive(Clone, Debug, Default)]
struct Model {
    all: Vec<(Pair, Existing)>,
    made: usize,
}

impl Model {
    fn there(&self, pairs: &[Pair]) -> There {
        let of = |pair: &Pair| {
            self.all.iter().filter(|(owner, _)| owner == pair).map(|(_, one)| one.clone()).collect()
        };
        pairs.iter().map(|pair| (pair.clone(), Ok(of(pair)))).collect()
    }

    /// One callback URL for each environment under `staffing`.
    fn blocked(&self, declared: &Declared) -> bool {
        declared.profile.as_deref() == Some("staffing")
            && self.all.iter().any(|(pair, one)| {
                *pair == declared.pair
                    && one.profile == "staffing"
                    && one.environment == declared.environment
                    && one.callback_url != declared.callback_url
            })
    }

    fn create(&mut self, declared: &Declared) -> bool {
        if self.blocked(declared) {
            return false;
        }
        let body: Value =
            serde_json::from_str(&creation(declared, &|_| Ok("hush".into())).unwrap().to_json()).unwrap();
        self.made += 1;
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let mut one = Existing {
            event: text("event").unwrap(),
            callback_url: text("callbackUrl").unwrap(),
            profile: text("profile").unwrap_or_else(|| "order".into()),
            environment: text("environment").unwrap(),
            status: text("status").unwrap_or_else(|| "ACTIVE".into()),
            ..existing(&format!("id-{}", self.made), None)
        };
        Self::set(&mut one, &body);
        self.all.push((declared.pair.clone(), one));
        true
    }

    fn update(&mut self, declared: &Declared, id: &str) {
        let at = self.all.iter().position(|(_, one)| one.id == id).unwrap();
        let (pair, before) = self.all[at].clone();
        let change = change(declared, &before, false, NOW).unwrap();
        let body = patch(declared, &change, &|_| Ok("hush".into())).unwrap().to_json();
        let body: Value = serde_json::from_str(&body).unwrap();
        Self::set(&mut self.all[at].1, &body);
        if before.profile == "staffing"
            && let Some(url) = body["callbackUrl"].as_str()
        {
            let moved = self.all.iter_mut().filter(|(owner, one)| {
                *owner == pair && one.profile == "staffing" && one.environment == before.environment
            });
            moved.for_each(|(_, one)| url.clone_into(&mut one.callback_url));
        }
    }

    fn set(one: &mut Existing, body: &Value) {
        let fields = body.as_object().unwrap();
        let text = |name: &str| fields[name].as_str().map(str::to_owned);
        for name in fields.keys() {
            match name.as_str() {
                "name" => one.name = text("name"),
                "callbackUrl" => one.callback_url = text("callbackUrl").unwrap(),
                "status" => one.status = text("status").unwrap(),
                "policy" => one.policy = text("policy"),
                "allText" => one.all_text = fields["allText"].as_bool().unwrap(),
                "httpRequest" => {
                    let wish = &fields["httpRequest"];
                    one.http_request = wish.get("jsonBody").map(|body| Shown { json_body: json_of(body) });
                    let header = wish.get("header").and_then(Value::as_object);
                    one.headers = header.into_iter().flat_map(|header| header.keys().cloned()).collect();
                }
                "limits" => {
                    one.limits = Some(json_of(&fields["limits"])).filter(|json| !json.value.is_null());
                }
                "authentication" => {
                    let kind = fields["authentication"].get("type").and_then(Value::as_str);
                    one.authentication = kind.map(|kind| Kind { r#type: kind.to_owned() });
                }
                "event" | "profile" | "environment" | "contractId" | "signingKey" => {}
                other => panic!("{other}"),
            }
        }
    }

    fn apply(&mut self, declared: &[Declared], pairs: &[Pair], reach: Reach<'_>) {
        let there = self.there(pairs);
        let mut again = Vec::new();
        for step in plan(declared, &there, reach) {
            match step {
                Step::Create(declared) if !self.create(declared) => again.push(declared),
                Step::Update { declared, existing, .. } => self.update(declared, &existing.id),
                Step::Prune(_, existing) => self.all.retain(|(_, one)| one.id != existing.id),
                Step::Create(_) | Step::Unchanged(..) | Step::Keep { .. } | Step::Cannot { .. } => {}
            }
        }
        for declared in again {
            self.create(declared);
        }
    }
}

prop_compose! {
    fn any_target()(
        header in proptest::option::of(proptest::collection::btree_set(
            proptest::sample::select(vec!["x-a", "x-b"]), 0..3)),
        body in proptest::option::of(0..3_u8),
    ) -> Target {
        let header = header.map(|names| names.into_iter().map(|name| (name.to_owned(), secret())).collect());
        Target { header, body: body.map(|n| json_of(&json!({"n": n}))) }
    }
}

prop_compose! {
    fn any_declared(staffing_url: u8)(
        name in 0..4_u8, partner in 0..2_u8, event in 0..2_u8, url in 0..3_u8, profile in 0..3_u8,
        environment in 0..2_u8, policy in 0..2_u8, status in 0..3_u8, all_text: bool, authentication: bool, limits in 0..3_u8,
        target in proptest::option::of(any_target()),
    ) -> Declared {
        let profile = [None, Some("order"), Some("staffing")][usize::from(profile)];
        let url = if profile == Some("staffing") { staffing_url } else { url };
        Declared {
            pair: Pair { partner: format!("app-{partner}"), ..pair() },
            event: ["OrderCreated", "OrderCanceled"][usize::from(event)].into(),
            callback_url: format!("https://{url}.example/"),
            profile: profile.map(Into::into),
            environment: ["production", "non-production"][usize::from(environment)].into(),
            policy: (policy == 1).then(|| "staffing".into()),
            status: [None, Some("ACTIVE"), Some("INACTIVE")][usize::from(status)].map(Into::into),
            all_text,
            authentication: authentication.then(|| api_key(false)),
            limits: (limits > 0).then(|| json_of(&json!({ "concurrency": limits }))),
            http_request: target,
            ..declared(&format!("n{name}"))
        }
    }
}

fn any_file() -> impl Strategy<Value = Vec<Declared>> {
    (0..3_u8).prop_flat_map(|url| proptest::collection::vec(any_declared(url), 0..8)).prop_map(|mut all| {
        let mut seen = BTreeSet::new();
        all.retain(|one| seen.insert((one.pair.clone(), one.name.clone())));
        all
    })
}

proptest! {
    #[test]
    fn after_a_plan_there_is_nothing_to_do(
        before in any_file(), nameless in proptest::collection::vec(any::<bool>(), 8), file in any_file(),
        prune: bool,
    ) {
        let mut model = Model::default();
        before.iter().for_each(|one| { model.create(one); });
        for ((_, one), nameless) in model.all.iter_mut().zip(nameless) {
            one.name = one.name.take().filter(|_| !nameless);
        }
        let pairs: Vec<Pair> = file.iter().map(|one| one.pair.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        let reach = Reach { prune, ..PLAIN };
        let others = |model: &Model| {
            model.all.iter().filter(|(pair, _)| !pairs.contains(pair)).cloned().collect::<Vec<_>>()
        };
        let untouched = others(&model);
        model.apply(&file, &pairs, reach);
        let there = model.there(&pairs);
        for step in plan(&file, &there, reach) {
            match step {
                Step::Unchanged(..) | Step::Keep { .. } | Step::Cannot { .. } => {}
                other => prop_assert!(false, "{:?}", other),
            }
        }
        prop_assert_eq!(others(&model), untouched);
    }
}
