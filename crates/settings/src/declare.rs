//! The macro that declares settings: one line gives field, key, type, default, range and documentation.

use config::{Map, Value, ValueKind};

use crate::collections::{sorted, table_of};
use crate::error::SettingError;
use crate::layers::env_name;
use crate::leaf::{At, Leaf};
use crate::load::Setting;
use crate::rules::Rule;

/// Reads the fields of one table; what nobody asked for is an unknown key.
pub(crate) struct Reader<'a> {
    prefix: String,
    table: Map<String, Value>,
    errors: &'a mut Vec<SettingError>,
    known: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    pub fn open(value: Value, at: &At<'_>, errors: &'a mut Vec<SettingError>) -> Option<Self> {
        let table = table_of(value, at, errors)?;
        let prefix = if at.key.is_empty() { String::new() } else { format!("{}.", at.key) };
        Some(Self { prefix, table, errors, known: Vec::new() })
    }

    pub fn field<T: Leaf>(&mut self, name: &'static str, default: T, rule: &Rule<T>) -> T {
        self.known.push(name);
        let key = format!("{}{name}", self.prefix);
        let at = At { key: &key, allowed: &rule.allowed };
        let Some(value) = self.table.remove(name) else {
            // A default outside its own range marks a setting that must be given.
            if !(rule.accepts)(&default) {
                self.errors.push(at.error(&Value::default(), "is required"));
            }
            return default;
        };
        let origin = Value::new(value.origin().map(str::to_owned).as_ref(), ValueKind::Nil);
        let Some(read) = T::read(value, &at, self.errors) else { return default };
        if (rule.accepts)(&read) {
            return read;
        }
        let shown = read.show().unwrap_or_else(|| "this".to_owned());
        self.errors.push(at.error(&origin, format!("{shown} is not allowed")));
        default
    }

    pub fn close(self) {
        let allowed = self.known.join(", ");
        unknown(&self.prefix, self.table, &allowed, self.errors);
    }
}

/// Settings that there were, and what became of each: for whoever upgrades with a configuration from before.
pub(crate) const REMOVED: &[(&str, &str)] =
    &[("deliverer.lane_capacity", "deliverer.lane_bytes_max, in bytes instead of deliveries")];

/// Names the innermost keys: merged tables do not know which layer they came from, the values in them do.
fn unknown(prefix: &str, table: Map<String, Value>, allowed: &str, errors: &mut Vec<SettingError>) {
    for (name, value) in sorted(table) {
        let key = format!("{prefix}{name}");
        match value.kind {
            ValueKind::Table(inner) if !inner.is_empty() => {
                unknown(&format!("{key}."), inner, allowed, errors);
            }
            _ => {
                let became = REMOVED.iter().find(|(removed, _)| *removed == key).map(|(_, became)| became);
                let problem = became.map_or_else(
                    || "is not a setting".to_owned(),
                    |became| format!("is not a setting any more: it became {became}"),
                );
                errors.push(At { key: &key, allowed }.error(&value, problem));
            }
        }
    }
}

/// The key of a field; some keys are words of Rust's own.
pub(crate) const fn key_of(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

/// Lists one declared setting and what is inside it.
pub(crate) fn describe<T: Leaf>(
    prefix: &str,
    name: &str,
    doc: &str,
    default: &T,
    rule: &Rule<T>,
    out: &mut Vec<Setting>,
) {
    let key = format!("{prefix}{name}");
    if T::TABLE {
        return T::describe(&format!("{key}."), out);
    }
    out.push(Setting {
        env: (!key.contains(['[', '<'])).then(|| env_name(&key)),
        kind: T::KIND,
        default: default.show(),
        allowed: rule.allowed.clone(),
        doc: doc.trim().to_owned(),
        key: key.clone(),
    });
    T::describe(&key, out);
}

macro_rules! settings {
    ($($(#[doc = $about:literal])+ $name:ident {
        $($(#[doc = $doc:literal])+ $field:ident: $ty:ty = $default:expr, $rule:expr;)+
    })+) => {$(
        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $ty,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default),+ }
            }
        }

        impl $crate::leaf::Leaf for $name {
            const TABLE: bool = true;
            const KIND: &'static str = "a table";

            fn read(
                value: config::Value,
                at: &$crate::leaf::At<'_>,
                errors: &mut Vec<$crate::error::SettingError>,
            ) -> Option<Self> {
                let mut reader = $crate::declare::Reader::open(value, at, errors)?;
                let read = Self { $($field: reader.field($crate::declare::key_of(stringify!($field)), $default, &$rule)),+ };
                reader.close();
                Some(read)
            }

            fn show(&self) -> Option<String> {
                let fields: Vec<String> = [
                    $($crate::leaf::Leaf::show(&self.$field).map(|v| format!("{} = {v}", $crate::declare::key_of(stringify!($field))))),+
                ].into_iter().flatten().collect();
                Some(format!("{{ {} }}", fields.join(", ")))
            }

            fn lines(&self) -> Vec<String> {
                let (mut plain, mut tables) = (Vec::new(), Vec::new());
                $(if <$ty as $crate::leaf::Leaf>::TABLE {
                    tables.push(format!("\n[{}]", stringify!($field)));
                    tables.extend($crate::leaf::Leaf::lines(&self.$field));
                } else {
                    plain.push(match $crate::leaf::Leaf::show(&self.$field) {
                        Some(value) => format!("{} = {value}", stringify!($field)),
                        None => format!("# {} is not set", stringify!($field)),
                    });
                })+
                plain.extend(tables);
                plain
            }

            fn describe(prefix: &str, out: &mut Vec<$crate::load::Setting>) {
                $({
                    let (default, rule): ($ty, $crate::rules::Rule<$ty>) = ($default, $rule);
                    let doc = concat!($($doc),+);
                    let name = $crate::declare::key_of(stringify!($field));
                    $crate::declare::describe(prefix, name, doc, &default, &rule, out);
                })+
            }
        }
    )+};
}
pub(crate) use settings;
