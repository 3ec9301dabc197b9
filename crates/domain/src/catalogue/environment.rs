//! Production or not.

/// Production or not; events and subscriptions of one never meet those of the other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub enum Environment {
    #[default]
    Production,
    NonProduction,
}

impl Environment {
    pub const ALL: [Environment; 2] = [Environment::Production, Environment::NonProduction];

    /// As it stands in records and requests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Environment::Production => "production",
            Environment::NonProduction => "non-production",
        }
    }

    /// `None` for any other text. Nothing stands for production.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "" | "production" => Some(Environment::Production),
            "non-production" => Some(Environment::NonProduction),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environments_survive_their_text() {
        for environment in Environment::ALL {
            assert_eq!(Environment::parse(environment.as_str()), Some(environment));
        }
        assert_eq!(Environment::parse("Production"), None);
    }
}
