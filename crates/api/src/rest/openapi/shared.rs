//! The answers that all calls have in common, by what they take.

use utoipa::PartialSchema as _;
use utoipa::ToSchema as _;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::{
    Components, Content, ContentBuilder, HeaderBuilder, ObjectBuilder, Paths, Ref, RefOr, Response,
    ResponseBuilder, Type,
};

use crate::rest::problem;

/// An answer that several calls give.
struct Shared {
    status: &'static str,
    name: &'static str,
    says: &'static str,
    /// Its header, and what that says.
    header: Option<(&'static str, &'static str)>,
}

const PROBLEM: &str = "application/problem+json";

const RETRY_AFTER: Option<(&str, &str)> = Some(("Retry-After", "When it may be tried again, in seconds."));

const SHARED: [Shared; 10] = [
    Shared {
        status: "400",
        name: "BadRequest",
        says: "What was sent is wrong. Where it is the body or the query, `errors` names every wrong field or parameter.",
        header: None,
    },
    Shared {
        status: "401",
        name: "Unauthorized",
        says: "The credentials are missing, unknown, expired, or do not belong together.",
        header: Some(("WWW-Authenticate", "What is asked for.")),
    },
    Shared {
        status: "403",
        name: "Forbidden",
        says: "The token lacks the scope that this takes, or the entitlement for the event type; or an administrator acts for no \
               pair, or for one that could not call itself.",
        header: None,
    },
    Shared {
        status: "404",
        name: "NotFound",
        says: "There is none (any more), or it is another pair's.",
        header: None,
    },
    Shared { status: "408", name: "RequestTimeout", says: "The body did not arrive in time.", header: None },
    Shared {
        status: "412",
        name: "PreconditionFailed",
        says: "The subscription is not at a version that `If-Match` names.",
        header: None,
    },
    Shared {
        status: "413",
        name: "TooLarge",
        says: "The body is larger than the installation allows.",
        header: None,
    },
    Shared {
        status: "429",
        name: "TooManyRequests",
        says: "There are too many: requests of this client, failed logins, test events that wait, or dry runs.",
        header: RETRY_AFTER,
    },
    Shared {
        status: "500",
        name: "InternalError",
        says: "An error of ours; nothing was changed.",
        header: None,
    },
    Shared {
        status: "503",
        name: "Unavailable",
        says: "It can't be answered up to date, or was not confirmed, at this moment; `detail` says whether anything was changed.",
        header: RETRY_AFTER,
    },
];

/// Puts the answers where calls can refer to them.
pub fn describe(components: &mut Components) {
    let mut schemas = Vec::new();
    problem::Body::schemas(&mut schemas);
    components.schemas.insert(problem::Body::name().into_owned(), problem::Body::schema());
    components.schemas.extend(schemas);
    let shared = SHARED.iter().map(|shared| (shared.name.to_owned(), RefOr::T(problem_response(shared))));
    components.responses.extend(shared);
}

fn problem_response(shared: &Shared) -> Response {
    let mut response = ResponseBuilder::new().description(shared.says).content(PROBLEM, problem());
    if let Some((name, says)) = shared.header {
        let kind = if name == "Retry-After" { Type::Integer } else { Type::String };
        let text = ObjectBuilder::new().schema_type(kind);
        response =
            response.header(name, HeaderBuilder::new().schema(Some(text)).description(Some(says)).build());
    }
    response.build()
}

/// Every call there is.
pub fn operations(paths: &mut Paths) -> impl Iterator<Item = &mut Operation> {
    paths.paths.values_mut().flat_map(of_item)
}

fn of_item(PathItem { get, post, patch, delete, .. }: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [get, post, patch, delete].into_iter().flatten()
}

fn problem() -> Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name(problem::Body::name()))).build()
}

/// Gives every call the answers that go with what it takes, and its own errors their content.
pub fn answers(paths: &mut Paths) {
    for (path, item) in &mut paths.paths {
        for operation in of_item(item) {
            for (status, response) in &mut operation.responses.responses {
                if let (true, RefOr::T(response)) = (status.starts_with('4'), response) {
                    response.content.entry(PROBLEM.to_owned()).or_insert_with(|| problem().into());
                }
            }
            let given: Vec<_> =
                SHARED.iter().filter(|shared| is_given(shared.status, path, operation)).collect();
            for shared in given {
                let answer = RefOr::Ref(Ref::from_response_name(shared.name));
                operation.responses.responses.entry(shared.status.to_owned()).or_insert(answer);
            }
        }
    }
}

fn is_given(status: &str, path: &str, operation: &Operation) -> bool {
    let parameters = || operation.parameters.iter().flatten();
    match status {
        "404" => path.contains('{'),
        "408" | "413" => operation.request_body.is_some(),
        "412" => parameters().any(|parameter| is_header(parameter, "If-Match")),
        _ => true,
    }
}

fn is_header(parameter: &RefOr<Parameter>, name: &str) -> bool {
    match parameter {
        RefOr::T(parameter) => parameter.parameter_in == ParameterIn::Header && parameter.name == name,
        RefOr::Ref(_) => false,
    }
}
