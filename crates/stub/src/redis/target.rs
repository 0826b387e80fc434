//! Where Redis is: host, port, database, who we are there, and whether it is reached over TLS.
//!
//! It must not know the environment or connect to anything. No message and no `Debug` holds the password.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::Path;

use percent_encoding::percent_decode_str;
use redis::RedisConnectionInfo;

use super::tls::Tls;

/// Port of Redis unless another is given.
const PORT_DEFAULT: u16 = 6379;

/// Where Redis is and who we are there.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    host: String,
    port: u16,
    database: u32,
    user: Option<String>,
    password: Option<String>,
    tls: Option<Tls>,
}

/// Why a place cannot be used; the URL itself is not repeated, for it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetError {
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub remedy: &'static str,
}

fn wrong<T>(problem: impl Into<String>, remedy: &'static str) -> Result<T, TargetError> {
    Err(TargetError { problem: problem.into(), remedy })
}

impl Target {
    /// Database 0 at `host` and `port`, without user, password or TLS.
    pub fn at(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port, database: 0, user: None, password: None, tls: None }
    }

    /// Reads `redis://[user][:password@]host[:port][/database]`, or `rediss://…` for TLS, where the system's roots
    /// are trusted. What stands before the host is percent-decoded.
    ///
    /// # Errors
    /// When the URL is not of this form.
    pub fn parse(url: &str) -> Result<Self, TargetError> {
        const FORM: &str = "give redis://[user][:password@]host[:port][/database], or rediss://… for TLS";
        let (tls, rest) = match url.trim().split_once("://") {
            Some(("redis", rest)) => (None, rest),
            Some(("rediss", rest)) => (Some(Tls::default()), rest),
            Some((scheme, _)) => return wrong(format!("`{scheme}` is no scheme of redis"), FORM),
            None => return wrong("the url has no scheme", FORM),
        };
        if rest.contains(['?', '#']) {
            return wrong(
                "the url has a part after `?` or `#`",
                "write the database as /number, and nothing else",
            );
        }
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (who, place) = match authority.rsplit_once('@') {
            Some((who, place)) => (Some(who), place),
            None => (None, authority),
        };
        let (host, port) = place_of(place)?;
        let (user, password) = who.map_or(Ok((None, None)), credentials)?;
        Ok(Self { host, port, database: database_of(database)?, user, password, tls })
    }

    /// Trusts the certificates of this PEM file too, beside the system's.
    ///
    /// # Errors
    /// When the place is not reached over TLS, or the file cannot be read or holds no certificate.
    pub fn with_ca_file(mut self, path: &Path) -> Result<Self, TargetError> {
        let shown = path.display();
        let Some(tls) = self.tls.as_mut() else {
            return wrong(format!("`{shown}` is for TLS, which the url does not ask for"), "write rediss://");
        };
        let pem = match std::fs::read(path) {
            Ok(pem) => pem,
            Err(error) => return wrong(format!("`{shown}` cannot be read: {error}"), "give a PEM file"),
        };
        match tls.trust(&pem) {
            Ok(()) => Ok(self),
            Err(problem) => wrong(format!("`{shown}`: {problem}"), "give a PEM file with certificates"),
        }
    }

    /// `host:port`, as it stands in messages.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The host's name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The number of the database.
    pub fn database(&self) -> u32 {
        self.database
    }

    pub(super) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// What is said to Redis first.
    pub(super) fn greeting(&self) -> RedisConnectionInfo {
        let mut greeting =
            RedisConnectionInfo::default().set_db(i64::from(self.database)).set_skip_set_lib_name();
        if let Some(user) = &self.user {
            greeting = greeting.set_username(user);
        }
        if let Some(password) = &self.password {
            greeting = greeting.set_password(password);
        }
        greeting
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "rediss" } else { "redis" };
        let user = self.user.as_deref().unwrap_or_default();
        let who = if self.password.is_some() { format!("{user}:***@") } else { String::new() };
        write!(f, "{scheme}://{who}{}/{}", self.address(), self.database)
    }
}

/// `host`, `host:port`, `[address]` or `[address]:port`; nothing is localhost.
fn place_of(place: &str) -> Result<(String, u16), TargetError> {
    const REMEDY: &str = "give a host, such as localhost, 10.0.0.7 or [::1]";
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let Some((address, after)) = rest.split_once(']') else {
                return wrong(format!("`{place}` has no closing bracket"), REMEDY);
            };
            if address.parse::<Ipv6Addr>().is_err() {
                return wrong(format!("`{address}` is no IPv6 address"), REMEDY);
            }
            match after.strip_prefix(':') {
                Some(port) => (address, Some(port)),
                None if after.is_empty() => (address, None),
                None => return wrong(format!("`{after}` stands after the address"), REMEDY),
            }
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let known = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if !host.chars().all(known) {
        return wrong("the host holds a character that no host has", REMEDY);
    }
    let host = if host.is_empty() { "localhost" } else { host };
    let port = match port {
        None | Some("") => PORT_DEFAULT,
        Some(text) => match text.parse() {
            Ok(port) if port > 0 => port,
            // Not repeated: a password with an `@` or `/` that was not encoded may end up here.
            _ => return wrong("the port is no number from 1 to 65535", "give a port, such as 6379"),
        },
    };
    Ok((host.to_owned(), port))
}

type Credentials = (Option<String>, Option<String>);

fn credentials(who: &str) -> Result<Credentials, TargetError> {
    const REMEDY: &str = "write user:password@ or :password@, with %40 for @, %2F for / and %3A for :";
    let Some((user, password)) = who.split_once(':') else {
        return wrong("the url names a user without a password", REMEDY);
    };
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(|text| text.into_owned());
    let (Ok(user), Ok(password)) = (decoded(user), decoded(password)) else {
        return wrong("user or password are not UTF-8 once they are percent-decoded", REMEDY);
    };
    let some = |text: String| (!text.is_empty()).then_some(text);
    Ok((some(user), some(password)))
}

fn database_of(text: &str) -> Result<u32, TargetError> {
    match text {
        "" => Ok(0),
        text => text.parse().or_else(|_| wrong("the database is no number", "give a number, such as /0")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Result<&str, &str>) {
        let got = Target::parse(url).map(|target| format!("{target:?}"));
        match (&got, expected) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{url}"),
            (Err(got), Err(part)) => {
                assert!(got.problem.contains(part), "{url}: {got:?} is not about {part}")
            }
            _ => panic!("{url}: {got:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn urls_are_read() {
        for (url, shown) in [
            ("redis://localhost", "redis://localhost:6379/0"),
            ("redis://localhost:6380/", "redis://localhost:6380/0"),
            (" redis://10.0.0.7:1/15 ", "redis://10.0.0.7:1/15"),
            ("redis://", "redis://localhost:6379/0"),
            ("redis://:secret@redis:6379/2", "redis://:***@redis:6379/2"),
            ("redis://ann:secret@redis", "redis://ann:***@redis:6379/0"),
            ("redis://ann:s%40c%2Fr:t@redis", "redis://ann:***@redis:6379/0"),
            ("redis://ann:s@c@redis", "redis://ann:***@redis:6379/0"),
            ("rediss://[::1]:7/3", "rediss://::1:7/3"),
            ("redis://[fe80::1]", "redis://fe80::1:6379/0"),
        ] {
            check(url, Ok(shown));
        }
        let target = Target::parse("redis://a%20b:s%40c%2Fr:t@h").expect("right");
        assert_eq!((target.user.as_deref(), target.password.as_deref()), (Some("a b"), Some("s@c/r:t")));
        assert_eq!(Target::at("localhost", 6379), Target::parse("redis://localhost").expect("right"));
    }

    #[test]
    fn wrong_urls_are_explained_and_never_repeated() {
        for (url, problem) in [
            ("localhost:6379", "no scheme"),
            ("http://localhost", "`http` is no scheme"),
            ("redis://localhost:port", "port"),
            ("redis://localhost:0", "port"),
            ("redis://localhost:70000", "port"),
            ("redis://localhost/x", "database"),
            ("redis://localhost/-1", "database"),
            ("redis://localhost/0?db=1", "after `?`"),
            ("redis://ann@localhost", "without a password"),
            ("redis://ann:%ff@localhost", "not UTF-8"),
            ("redis://[::1", "bracket"),
            ("redis://[localhost]", "IPv6"),
            ("redis://[::1]x", "stands after"),
            ("redis://a b", "character"),
        ] {
            check(url, Err(problem));
        }
        for url in
            ["redis://ann:sec/ret@h", "redis://:secret@h:x", "redis://u:sec ret", "redis://u:secret#@h"]
        {
            let error = format!("{:?}", Target::parse(url).expect_err(url));
            assert!(!error.contains("sec") && !error.contains("ret"), "{error}");
        }
    }
}
