//! The form as it is filled in, whatever stands in it.

use secrecy::{ExposeSecret as _, SecretString};

use crate::filled::Filled;

/// There are so many empty rows for headers below those that are filled in.
const EMPTY_ROWS: usize = 2;
/// REST takes no more.
const HEADERS_MAX: usize = 32;

/// What is typed stands here as it was, blanks around it apart. Secrets are of a type that no template can show.
#[derive(Clone, Debug, Default)]
pub struct Form {
    pub contract: String,
    pub url: String,
    pub event: String,
    /// `active` or `inactive`.
    pub status: String,
    /// Empty: that of the event type.
    pub profile: String,
    /// Empty: that of the profile.
    pub policy: String,
    pub environment: String,
    pub name: String,
    /// `keep`, `default` or `own`.
    pub body: String,
    pub template: String,
    pub headers: Vec<Header>,
    pub all_text: bool,
    /// `keep`, `none`, `signature`, `key`, `basic` or `bearer`.
    pub auth: String,
    pub secret: SecretString,
    pub key: SecretString,
    pub user: String,
    pub password: SecretString,
    pub token: SecretString,
    pub rate: String,
    pub burst: String,
    pub open: String,
    pub timeout: String,
}

#[derive(Clone, Debug, Default)]
pub struct Header {
    pub name: String,
    pub value: SecretString,
}

/// A row of the form, counted from 1.
pub struct Row<'a> {
    pub number: usize,
    pub name: &'a str,
    pub name_id: String,
    pub value_id: String,
}

impl Form {
    pub fn blank() -> Self {
        let text = str::to_owned;
        Self {
            status: text("active"),
            environment: text("production"),
            body: text("default"),
            auth: text("none"),
            ..Self::default()
        }
    }

    pub fn of(filled: &Filled) -> Self {
        let text = |name: &str| filled.get(name).trim().to_owned();
        let secret = |name: &str| SecretString::from(filled.get(name));
        let or = |name: &str, default: &str| match filled.get(name) {
            "" => default.to_owned(),
            given => given.to_owned(),
        };
        let headers = filled.all("header-name").zip(filled.all("header-value"));
        let headers = headers
            .map(|(name, value)| Header { name: name.trim().to_owned(), value: SecretString::from(value) });
        Self {
            contract: text("contract"),
            url: text("url"),
            event: text("event"),
            status: or("status", "active"),
            profile: text("profile"),
            policy: text("policy"),
            environment: or("environment", "production"),
            name: text("name"),
            body: or("body", "default"),
            template: filled.get("template").to_owned(),
            headers: headers.filter(Header::is_filled).collect(),
            all_text: filled.has("all-text"),
            auth: or("auth", "none"),
            secret: secret("auth-signature-secret"),
            key: secret("auth-key-value"),
            user: filled.get("auth-user").to_owned(),
            password: secret("auth-pass"),
            token: secret("auth-bearer-token"),
            rate: text("rate"),
            burst: text("burst"),
            open: text("open"),
            timeout: text("timeout"),
        }
    }

    /// Whether this of several is chosen.
    pub fn chose(&self, name: &str, value: &str) -> bool {
        let chosen = match name {
            "status" => &self.status,
            "body" => &self.body,
            "auth" => &self.auth,
            _ => return false,
        };
        chosen == value
    }

    /// What people call the way of authentication; `None`: the one that there is.
    pub fn authentication(&self) -> Option<&'static str> {
        Some(match self.auth.as_str() {
            "keep" => return None,
            "signature" => "payload signature",
            "key" => "API key",
            "basic" => "basic",
            "bearer" => "bearer token",
            _ => "signature only",
        })
    }

    /// Those that are filled in, and some more.
    pub fn rows(&self) -> Vec<Row<'_>> {
        let names = self.headers.iter().map(|header| header.name.as_str());
        let names =
            names.chain(std::iter::repeat_n("", EMPTY_ROWS)).take(HEADERS_MAX.max(self.headers.len()));
        let row = |(index, name)| Row {
            number: index + 1,
            name,
            name_id: format!("header-name-{}", index + 1),
            value_id: format!("header-value-{}", index + 1),
        };
        names.enumerate().map(row).collect()
    }

    /// Whether there is one that is lost when the page is made anew.
    pub fn holds_secrets(&self) -> bool {
        let own_headers = self.body == "own" && !self.headers.is_empty();
        own_headers || !matches!(self.auth.as_str(), "none" | "keep")
    }

    /// All but secrets, as another form posts it.
    pub fn pairs(&self) -> Vec<(&'static str, &str)> {
        let mut pairs = vec![
            ("contract", self.contract.as_str()),
            ("url", &self.url),
            ("event", &self.event),
            ("status", &self.status),
            ("profile", &self.profile),
            ("policy", &self.policy),
            ("environment", &self.environment),
            ("name", &self.name),
            ("body", &self.body),
            ("template", &self.template),
            ("auth", &self.auth),
            ("auth-user", &self.user),
            ("rate", &self.rate),
            ("burst", &self.burst),
            ("open", &self.open),
            ("timeout", &self.timeout),
        ];
        for header in &self.headers {
            pairs.extend([("header-name", header.name.as_str()), ("header-value", "")]);
        }
        if self.all_text {
            pairs.push(("all-text", "on"));
        }
        pairs
    }
}

impl Header {
    fn is_filled(&self) -> bool {
        !self.name.is_empty() || !self.value.expose_secret().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_kept_and_comes_back_but_for_secrets() {
        let typed = [
            ("url", " https://a.example/<b>\"'&\u{202e} "),
            ("status", "inactive"),
            ("body", "own"),
            ("template", " {\"a\": \"{{agwID}}\"}\n"),
            ("header-name", "x-a"),
            ("header-value", " hush "),
            ("header-name", ""),
            ("header-value", ""),
            ("header-name", ""),
            ("header-value", "nameless"),
            ("all-text", "on"),
            ("auth", "basic"),
            ("auth-user", " u "),
            ("auth-pass", "hush"),
        ];
        let filled: Filled =
            typed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let form = Form::of(&filled);
        assert_eq!(form.url, "https://a.example/<b>\"'&\u{202e}");
        assert_eq!((form.environment.as_str(), form.user.as_str()), ("production", " u "));
        assert_eq!(form.headers.len(), 2);
        assert_eq!(form.headers[0].value.expose_secret(), " hush ");
        assert!(form.chose("status", "inactive") && form.holds_secrets() && form.all_text);
        let names: Vec<_> = form.rows().iter().map(|row| row.name.to_owned()).collect();
        assert_eq!(names, ["x-a", "", "", ""]);
        let pairs = form.pairs();
        assert!(pairs.iter().all(|(_, value)| !value.contains("hush") && !value.contains("nameless")));
        assert!(!format!("{form:?}").contains("hush"));
        let again = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let again = Form::of(&again);
        assert_eq!((again.template, again.headers.len(), again.auth), (form.template.clone(), 1, form.auth));
    }

    #[test]
    fn an_empty_form_is_that_of_a_new_webhook() {
        let (empty, blank) = (Form::of(&Filled::default()), Form::blank());
        assert_eq!(empty.pairs(), blank.pairs());
        assert!(!blank.holds_secrets());
    }
}
