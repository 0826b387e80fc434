//! Names and values of a query or of a form, as browsers and Locust's scripts send them. Bounded by the body's limit.
//! It must not know what they mean.

use percent_encoding::percent_decode_str;

/// Names and values in their order; a name may come again.
#[derive(Debug, Default)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads `a=b&c=d`.
    pub(super) fn parse(text: &str) -> Self {
        let decoded =
            |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        };
        Self(text.split('&').filter(|pair| !pair.is_empty()).map(pair).collect())
    }

    /// The first value of that name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first value of that name, as a number.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.get(name)?.parse().ok()
    }

    /// All values of that name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let params = Params::parse(
            "user_count=5&host=http%3A%2F%2Fa%3A1&x=a+b&&user_classes=A&user_classes=B&odd=%zz&=1",
        );
        assert_eq!(params.number("user_count"), Some(5));
        assert_eq!(params.get("host"), Some("http://a:1"));
        assert_eq!(params.get("x"), Some("a b"));
        assert_eq!(params.all("user_classes").collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!((params.get("odd"), params.get("nothing")), (Some("%zz"), None));
    }
}
