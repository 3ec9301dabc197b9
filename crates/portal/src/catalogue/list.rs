//! All types.

use askama::Template;
use axum::extract::Query;
use axum::response::{IntoResponse as _, Response};

use super::choose::{Chosen, FAMILY, TEXT};
use super::words;
use crate::address::Address;
use crate::frame::{Frame, Page};
use crate::html::number;
use crate::model::EventTypes;
use crate::rest::Refused;
use crate::viewer::Viewing;

const HERE: &str = "/portal/catalogue";

#[derive(Template)]
#[template(path = "catalogue.html")]
struct Whole<'a> {
    frame: Frame,
    chosen: Chosen<'a>,
}

/// What changes while somebody types.
#[derive(Template)]
#[template(path = "catalogue-part.html")]
struct Part<'a> {
    chosen: Chosen<'a>,
}

pub async fn list(
    Viewing(viewer): Viewing,
    Query(given): Query<Vec<(String, String)>>,
) -> Result<Response, Refused> {
    let types = viewer.rest.get::<EventTypes>("/event-types").await?;
    let address = Address::of(HERE, given, &[TEXT, FAMILY]);
    let chosen = Chosen::of(address, &types.event_types, viewer.may_write());
    if viewer.wants_part {
        let address = [("hx-push-url", chosen.address.href())];
        return Ok((address, Page(Part { chosen })).into_response());
    }
    Ok(Page(Whole { frame: Frame::new(&viewer, "catalogue", "Catalogue"), chosen }).into_response())
}

/// How many types are shown.
fn count(chosen: &Chosen<'_>) -> String {
    let number = |of: usize| number(of as u64);
    let types = if chosen.total == 1 { "type" } else { "types" };
    match chosen.shown == chosen.total {
        true => {
            let families = chosen.families.len();
            let noun = if families == 1 { "family" } else { "families" };
            format!("{} {types} in {} {noun}", number(chosen.total), number(families))
        }
        false => format!("{} of {} {types}", number(chosen.shown), number(chosen.total)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::choose::tests::types;

    fn part(query: &str, types: &EventTypes) -> String {
        let given = vec![(TEXT.to_owned(), query.to_owned())];
        let chosen = Chosen::of(Address::of(HERE, given, &[TEXT]), &types.event_types, true);
        Part { chosen }.render().unwrap()
    }

    #[test]
    fn what_was_found_is_said_and_told() {
        let types = types();
        let all = part("", &types);
        assert!(all.contains("4 types in 3 families") && all.contains("The newest counts"), "{all}");
        assert!(all.contains(r#"<a class="name" href="/portal/catalogue/FLIGHT_CREATE">Flight created</a>"#));
        assert_eq!(all.matches(">Add webhook<").count(), 3);
        let one = part("seat", &types);
        assert!(one.contains("1 of 4 types") && !one.contains("FLIGHT_CREATE"), "{one}");
    }

    #[test]
    fn nothing_found_says_what_to_do_and_shows_what_was_asked_as_text() {
        let none = part("<img src=x onerror=\"a'\">", &types());
        assert!(none.contains("Clear the search") && none.contains("0 of 4 types"), "{none}");
        assert!(!none.contains("<img") && none.contains("&#60;img"), "{none}");
    }

    #[test]
    fn a_family_that_there_is_not_is_said_to_be_none() {
        let types = types();
        let given = vec![(FAMILY.to_owned(), "<i>rail".to_owned()), (TEXT.to_owned(), "seat".to_owned())];
        let chosen = Chosen::of(Address::of(HERE, given, &[TEXT, FAMILY]), &types.event_types, true);
        let none = Part { chosen }.render().unwrap();
        assert!(
            none.contains("There is no family <bdi>&#60;i&#62;rail</bdi>") && !none.contains("<i>"),
            "{none}"
        );
        assert!(none.contains(r#"href="/portal/catalogue?q=seat">See all families"#), "{none}");
        assert!(!none.contains("No type fits"), "{none}");
    }

    #[test]
    fn names_of_others_are_text() {
        let mut types = types();
        let evil = &mut types.event_types[0];
        (evil.title, evil.when, evil.name) =
            ("<b>\"x".to_owned(), "</td><script>".to_owned(), "a/../b?<i>".to_owned());
        let page = part("", &types);
        for markup in ["<b>", "<script>", "<i>"] {
            assert!(!page.contains(markup), "{markup} in {page}");
        }
        assert!(page.contains("/portal/catalogue/a%2F..%2Fb%3F%3Ci%3E"), "{page}");
    }
}
