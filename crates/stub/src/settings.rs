//! What an operator may set: read from `WEAVER_*` variables, with every mistake reported at once.
//!
//! It must not know where the variables come from; unknown ones are ignored, as the real server does.

use std::collections::BTreeMap;

use wire::{Mistakes, OPERATOR_TOKEN_VARIABLE};

use crate::keys::ApiKeys;

/// Ledger entries that are kept unless the settings say otherwise.
pub const LEDGER_ENTRIES_MAX_DEFAULT: usize = 65_536;
const LEDGER_ENTRIES_MAX_GREATEST: usize = 4_194_304;

/// How callers prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// The header `X-API-Key`.
    ApiKey,
    /// A JWT in the header `Authorization`.
    Jwt,
}

/// One rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Lifted: nothing is counted.
    Off,
    /// A bucket of `burst` requests, refilled at `rate` a second; a 0 in either refuses everything.
    PerSecond {
        /// Requests a second.
        rate: u32,
        /// Requests at once.
        burst: u32,
    },
}

impl Limit {
    /// A limit of `rate` a second with `burst` at once.
    pub const fn per_second(rate: u32, burst: u32) -> Self {
        Self::PerSecond { rate, burst }
    }

    /// Half of it, rounded down: what the real server gives one address of what it gives one user.
    pub const fn halved(self) -> Self {
        match self {
            Self::Off => Self::Off,
            Self::PerSecond { rate, burst } => Self::PerSecond { rate: rate / 2, burst: burst / 2 },
        }
    }
}

/// The three rate limits, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of each user.
    pub user: Limit,
    /// Of each client address.
    pub address: Limit,
    /// Of all together.
    pub global: Limit,
}

impl Limits {
    /// No limit at all.
    pub const OFF: Self = Self { user: Limit::Off, address: Limit::Off, global: Limit::Off };

    /// The limits that follow from the user's as in the real server: half for an address, 100 in all.
    pub const fn of_user(user: Limit) -> Self {
        Self { user, address: user.halved(), global: Limit::per_second(100, 100) }
    }
}

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How callers prove who they are.
    pub auth_mode: AuthMode,
    /// The keys of [`AuthMode::ApiKey`].
    pub api_keys: ApiKeys,
    /// Secret (HS256) or public key in PEM (RS256) of [`AuthMode::Jwt`].
    pub jwt_key: Option<String>,
    /// Rate limits.
    pub limits: Limits,
    /// Opens the operator routes; without it they answer a loopback peer only.
    pub operator_token: Option<String>,
    /// Ledger entries kept; older ones are dropped and counted.
    pub ledger_entries_max: usize,
}

impl Default for Settings {
    /// The real server's defaults: no keys, 5 a second and 10 at once for a user.
    fn default() -> Self {
        Self {
            auth_mode: AuthMode::ApiKey,
            api_keys: ApiKeys::default(),
            jwt_key: None,
            limits: Limits::of_user(Limit::per_second(5, 10)),
            operator_token: None,
            ledger_entries_max: LEDGER_ENTRIES_MAX_DEFAULT,
        }
    }
}

impl Settings {
    /// The settings of the real compose file, which the baseline suite uses: `test-api-key`, 100 and 200.
    pub fn suite() -> Self {
        Self {
            api_keys: ApiKeys::single("test-api-key").unwrap_or_default(),
            limits: Limits::of_user(Limit::per_second(100, 200)),
            ..Self::default()
        }
    }

    /// Reads the settings out of all variables of a process; names are case-insensitive.
    ///
    /// # Errors
    /// Every variable whose value cannot be used.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Result<Self, Mistakes> {
        let named = variables.into_iter().map(|(name, value)| (name.to_ascii_uppercase(), value));
        let mut reader = Reader {
            values: named.filter(|(n, _)| n.starts_with("WEAVER_")).collect(),
            wrong: Mistakes::default(),
        };
        let default = Self::default();
        let (rate, burst) = (reader.limit("WEAVER_RATELIMIT_RPS"), reader.limit("WEAVER_RATELIMIT_BURST"));
        let base = Limits::of_user(with(default.limits.user, rate, burst));
        let settings = Self {
            auth_mode: reader.auth_mode().unwrap_or(default.auth_mode),
            api_keys: reader.api_keys().unwrap_or_default(),
            jwt_key: reader.text("WEAVER_JWT_PUBLIC_KEY"),
            limits: Limits {
                user: base.user,
                address: reader.own_limit("ADDRESS", base.address),
                global: reader.own_limit("GLOBAL", base.global),
            },
            operator_token: reader.text(OPERATOR_TOKEN_VARIABLE),
            ledger_entries_max: reader.ledger_entries_max().unwrap_or(default.ledger_entries_max),
        };
        reader.wrong.or(settings)
    }
}

/// One number of a limit, as it is written.
#[derive(Clone, Copy)]
enum Part {
    Off,
    Number(u32),
}

/// `limit` with what was written in place of its rate and burst; `off` in either lifts it.
fn with(limit: Limit, rate_written: Option<Part>, burst_written: Option<Part>) -> Limit {
    if matches!(rate_written, Some(Part::Off)) || matches!(burst_written, Some(Part::Off)) {
        return Limit::Off;
    }
    let (rate, burst) = (number(rate_written), number(burst_written));
    match (limit, rate.or(burst)) {
        (_, None) => limit,
        // Over a lifted limit one number stands for both.
        (Limit::Off, Some(n)) => Limit::PerSecond { rate: rate.unwrap_or(n), burst: burst.unwrap_or(n) },
        (Limit::PerSecond { rate: rate_before, burst: burst_before }, _) => {
            Limit::PerSecond { rate: rate.unwrap_or(rate_before), burst: burst.unwrap_or(burst_before) }
        }
    }
}

fn number(part: Option<Part>) -> Option<u32> {
    match part {
        Some(Part::Number(n)) => Some(n),
        Some(Part::Off) | None => None,
    }
}

struct Reader {
    values: BTreeMap<String, String>,
    wrong: Mistakes,
}

impl Reader {
    /// A text; empty and `none` mean that there is none.
    fn text(&self, name: &str) -> Option<String> {
        self.values.get(name).filter(|text| !text.is_empty() && *text != "none").cloned()
    }

    fn auth_mode(&mut self) -> Option<AuthMode> {
        match self.values.get("WEAVER_AUTH_MODE")?.as_str() {
            "api_key" => Some(AuthMode::ApiKey),
            "jwt" => Some(AuthMode::Jwt),
            other => {
                let problem = format!("`{other}` is no way to authenticate");
                self.wrong.push("WEAVER_AUTH_MODE", problem, "give api_key or jwt");
                None
            }
        }
    }

    fn api_keys(&mut self) -> Option<ApiKeys> {
        let text = self.text("WEAVER_ALLOWED_API_KEYS")?;
        match ApiKeys::parse(&text) {
            Ok(keys) => Some(keys),
            // The value is not repeated: it holds secrets.
            Err(error) => {
                self.wrong.push("WEAVER_ALLOWED_API_KEYS", error.problem, error.remedy);
                None
            }
        }
    }

    /// A limit of ours: the two variables over `base`.
    fn own_limit(&mut self, which: &str, base: Limit) -> Limit {
        let rate = self.limit(&format!("WEAVER_STUB_RATELIMIT_{which}_RPS"));
        let burst = self.limit(&format!("WEAVER_STUB_RATELIMIT_{which}_BURST"));
        with(base, rate, burst)
    }

    /// A number or `off`; the real server takes negative numbers too, they refuse everything like 0.
    fn limit(&mut self, name: &str) -> Option<Part> {
        let text = self.values.get(name)?;
        if text.trim().eq_ignore_ascii_case("off") {
            return Some(Part::Off);
        }
        let Ok(number) = text.trim().parse::<i64>() else {
            let problem = format!("`{text}` is not a whole number");
            self.wrong.push(
                name,
                problem,
                "give requests, such as 100, 0 to refuse all, or off to lift the limit",
            );
            return None;
        };
        Some(Part::Number(number.clamp(0, i64::from(u32::MAX)) as u32))
    }

    fn ledger_entries_max(&mut self) -> Option<usize> {
        let name = "WEAVER_STUB_LEDGER_ENTRIES_MAX";
        let text = self.values.get(name)?;
        let entries = text.trim().parse().ok().filter(|n| *n <= LEDGER_ENTRIES_MAX_GREATEST);
        if entries.is_none() {
            let problem = format!("`{text}` is not a number of entries");
            self.wrong.push(name, problem, format!("give 0 to {LEDGER_ENTRIES_MAX_GREATEST}"));
        }
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, Mistakes> {
        Settings::from_variables(variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn limits_follow_the_users() {
        let at = Limit::per_second;
        for (variables, user, address, global) in [
            (&[][..], at(5, 10), at(2, 5), at(100, 100)),
            (
                &[("WEAVER_RATELIMIT_RPS", "100"), ("weaver_ratelimit_burst", "200")],
                at(100, 200),
                at(50, 100),
                at(100, 100),
            ),
            (&[("WEAVER_RATELIMIT_RPS", "-3")], at(0, 10), at(0, 5), at(100, 100)),
            (&[("WEAVER_RATELIMIT_RPS", "off")], Limit::Off, Limit::Off, at(100, 100)),
            (&[("WEAVER_STUB_RATELIMIT_GLOBAL_RPS", "OFF")], at(5, 10), at(2, 5), Limit::Off),
            (&[("WEAVER_STUB_RATELIMIT_ADDRESS_BURST", "7")], at(5, 10), at(2, 7), at(100, 100)),
        ] {
            let limits = read(variables).expect("right").limits;
            assert_eq!(limits, Limits { user, address, global }, "{variables:?}");
        }
    }

    #[test]
    fn the_suite_is_what_the_compose_file_says() {
        let variables = [
            ("WEAVER_AUTH_MODE", "api_key"),
            ("WEAVER_ALLOWED_API_KEYS", "test-api-key"),
            ("WEAVER_RATELIMIT_RPS", "100"),
            ("WEAVER_RATELIMIT_BURST", "200"),
            ("WEAVER_MODEL_PROVIDER", "stub"),
            ("PATH", "/bin"),
        ];
        assert_eq!(read(&variables), Ok(Settings::suite()));
    }

    #[test]
    fn all_mistakes_at_once() {
        let wrong = read(&[
            ("WEAVER_RATELIMIT_RPS", "many"),
            ("WEAVER_AUTH_MODE", "none"),
            ("WEAVER_STUB_LEDGER_ENTRIES_MAX", "-1"),
            ("WEAVER_ALLOWED_API_KEYS", "[1]"),
        ]);
        let mut places: Vec<_> = wrong.expect_err("four").0.into_iter().map(|m| m.place).collect();
        places.sort();
        assert_eq!(
            places,
            [
                "WEAVER_ALLOWED_API_KEYS",
                "WEAVER_AUTH_MODE",
                "WEAVER_RATELIMIT_RPS",
                "WEAVER_STUB_LEDGER_ENTRIES_MAX"
            ]
        );
    }
}
