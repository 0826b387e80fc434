//! The real server's quirks by name: each is imitated, or repaired into what its authors meant.
//!
//! It must not know how: whoever imitates a quirk asks [`Repairs`] whether it is repaired.

use std::fmt;

macro_rules! quirks {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// One quirk of the real server. Its documentation says what the real server does, and after the arrow what
        /// it does repaired.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Quirk { $($(#[doc = $doc])+ $variant,)+ }

        impl Quirk {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name by which it is repaired.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What the real server does, and after the arrow what it does repaired.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc,)+).trim_ascii(),)+ }
            }
        }
    };
}

quirks! {
    /// A cached /whoami answers anyone, whatever key is sent → the caller is part of the cache's key.
    CacheIdentity = "cache-identity",
    /// A refused CSRF token is a bare 500 → 403 with a detail.
    Csrf500 = "csrf-500",
    /// A sum such as `2 + 2` never gets an answer → the calculator answers it, with a citation.
    Arithmetic = "arithmetic",
    /// A bucket throws fractions of a token away, so steady clients starve → GCRA, with `Retry-After` and `RateLimit-*`.
    Refill = "refill",
    /// The limit of all together is fixed at 100 a second → ten times a user's, unless it is set.
    GlobalLimit = "global-limit",
    /// A comma list of keys takes roles for keys → such a list is refused when the server starts.
    CommaKeys = "comma-keys",
    /// An API key with bytes above 127 is a bare 500 → 401.
    NonAsciiKey = "non-ascii-key",
    /// A token whose roles or scopes are no list of texts is a bare 500 → 401.
    RolesClaim = "roles-claim",
    /// A PEM with `\n` written out is a bare 500 → it is read.
    EscapedPem = "escaped-pem",
    /// A bare 500 closes the connection without saying so → the connection stays open.
    SilentClose = "silent-close",
    /// HEAD is 405, and 200 if the GET is cached → HEAD is answered like GET, without the body.
    Head = "head",
    /// Cached answers carry one client's cookie and CORS headers to all → these are made anew.
    CacheHeaders = "cache-headers",
    /// REDIS_URL is ignored, and nonces want Redis on localhost:6379 → REDIS_URL is honoured, nonces too.
    RedisUrl = "redis-url",
    /// A nonce is burnt before the signature is checked → after it.
    NonceOrder = "nonce-order",
    /// A time without a zone in an A2A message is a 500 → it is taken for UTC.
    NaiveTime = "naive-time",
    /// After a start without Redis the A2A router hears no answer for ever → it recovers.
    DeafRouter = "deaf-router",
    /// From loopback any `X-Forwarded-For` makes a fresh address → it counts only where FORWARDED_ALLOW_IPS says so.
    ForwardedFor = "forwarded-for",
    /// Phone numbers and dates such as `3-4` or `12/25` are sums → minus and slash want blanks around them.
    SumMatch = "sum-match",
    /// `#`, `--`, `0xFF`, `sleep (`, Greek letters and emoji are refused as attacks → only real attacks are.
    FalseRefusals = "false-refusals",
    /// Decimals, Unix times and the like are redacted as cards and phones → only whole numbers that could be one.
    FalseRedactions = "false-redactions",
    /// Text between `<` and `>` vanishes, `a < b and c > d` too → only tags do.
    AngleBrackets = "angle-brackets",
    /// The counters of /metrics stay 0 and `http_cache` is missing → both are there and count.
    Metrics = "metrics",
    /// WEAVER_REQUEST_TIMEOUT_MS does nothing → it is the deadline of a request, 504 past it.
    DeadSettings = "dead-settings",
    /// Lists in variables must be JSON → comma lists are read too.
    JsonLists = "json-lists",
    /// A blank at the end of a key, user or token counts → it is trimmed.
    TrailingBlanks = "trailing-blanks",
    /// The guardrail file is read again at each request, a missing one is a bare 500 → read when it changes, a broken
    /// one leaves the last good one in force.
    PolicyReload = "policy-reload",
    /// /docs cannot work under its own security policy and wants scripts from the internet → it works offline.
    Docs = "docs",
    /// While Redis hangs, a cached path takes 10 s → a request waits for Redis 0.25 s at most.
    RedisHang = "redis-hang",
}

/// The quirks that are repaired.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Repairs(u32);

impl Repairs {
    /// None: the real server as it is.
    pub const NONE: Self = Self(0);
    /// All of them.
    pub const ALL: Self = Self((1 << Quirk::ALL.len()) - 1);

    /// These, and `quirk` too.
    #[must_use]
    pub const fn with(self, quirk: Quirk) -> Self {
        Self(self.0 | 1 << quirk as u32)
    }

    /// Whether `quirk` is repaired.
    pub const fn has(self, quirk: Quirk) -> bool {
        self.0 & 1 << quirk as u32 != 0
    }

    /// The names of those that are repaired.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Quirk::ALL.iter().copied().filter(move |quirk| self.has(*quirk)).map(Quirk::name)
    }
}

impl fmt::Debug for Repairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_and_both_halves_of_a_line() {
        let mut names: Vec<_> = Quirk::ALL.iter().map(|quirk| quirk.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Quirk::ALL.len());
        for quirk in Quirk::ALL {
            assert_eq!(quirk.about().matches(" → ").count(), 1, "{quirk:?}: {}", quirk.about());
            assert!(Repairs::ALL.has(*quirk) && !Repairs::NONE.has(*quirk));
            let only: Vec<_> = Repairs::NONE.with(*quirk).names().collect();
            assert_eq!(only, [quirk.name()]);
        }
    }
}
