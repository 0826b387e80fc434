//! The faults by name: what each does, and by which parameters.
//!
//! It must not know how: a fault's effect is planned in `plan` and carried out by those whom it strikes.

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $parameters:literal;)+) => {
        /// One fault of the catalogue. Its documentation says what a struck request sees.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault { $($(#[doc = $doc])+ $variant,)+ }

        impl Fault {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name by which it is called in profiles, and by which the ledger marks the struck.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What a struck request sees.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc,)+).trim_ascii(),)+ }
            }

            /// Its own parameters, each with what holds when it is left out.
            pub const fn parameters(self) -> &'static str {
                match self { $(Self::$variant => $parameters,)+ }
            }
        }
    };
}

faults! {
    /// It is refused with `status` and the body that the real server would send, before anything is done for it.
    ErrorBurst = "error_burst", "`status` 400–599 (503)";
    /// The first `count` are refused with `status`, in order of arrival; from then on all is well.
    FailFirst = "fail_first", "`count`, `status` 400–599 (503)";
    /// It is refused with 429 in the real limiter's form, once it is authenticated.
    ThrottleStorm = "throttle_storm", "`layer` `\"user\"`, `\"address\"` or `\"global\"` (`\"user\"`)";
    /// It takes a token from a bucket that throws fractions away: each attempt adds ⌊`rate` × the time since the last
    /// attempt⌋ tokens, so who asks more often than `rate` a second gets none back, and is refused with 429 for ever.
    TokenStarvation = "token_starvation", "`rate` a second, `burst` (`rate`), `layer` (`\"user\"`)";
    /// It is answered as ever, but the connection is reset in place of the answer's first byte.
    Reset = "reset", "none";
    /// Its answer's head promises the whole body; so much of it is sent, and the connection closes.
    Truncate = "truncate", "`bytes`, or `body_share` 0–1 (0.5)";
    /// Its answer's body is as long as ever, but the last byte makes it no JSON.
    Corrupt = "corrupt", "none";
    /// Its answer is whole; then the connection is closed without `connection: close` having been said.
    KeepAliveClose = "keep_alive_close", "none";
    /// Its answer is ready, and is held for `delay` before its first byte.
    SlowFirstByte = "slow_first_byte", "`delay`";
    /// Its answer, ready between `start` and `end`, is held until `end`; requests are taken and worked at all the time.
    Freeze = "freeze", "none; `end` is needed";
    /// Every `every` from `start` on there is a pause of `length`; an answer that is ready in a pause is held to its end.
    Stall = "stall", "`every`, `length`";
    /// It takes longer by `delay_per_s` for each second since `start`, at most by `delay_max`; and the process holds
    /// `memory_per_s` bytes more each second, at most `memory_max`, freed at the end.
    Leak = "leak", "`delay_per_s` (0s), `delay_max` (10s), `memory_per_s` (0), `memory_max` (268435456)";
    /// It takes longer by `delay` at `start`, and by half as much after each `half_life`.
    ColdStart = "cold_start", "`delay`, `half_life`";
    /// All agents' work for the struck goes through `workers` slots, first come, first served, as behind blocking code.
    Plateau = "plateau", "`workers` (1)";
    /// With n requests in flight on its routes, itself among them, it takes longer by `cost` × (n − `knee`)² / `knee`
    /// where n is above `knee`.
    Collapse = "collapse", "`knee`, `cost`";
    /// Both caches are emptied at `start`; until `end` they keep nothing and find nothing.
    LostCache = "lost_cache", "none; `route` is (`\"*\"`)";
    /// Redis refuses connections (`"down"`) or accepts and never answers (`"frozen"`), for all; the requests that ask
    /// it are marked.
    RedisOutage = "redis_outage", "`how` (`\"down\"`); neither `share` nor `route`";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own() {
        let mut names: Vec<_> = Fault::ALL.iter().map(|fault| fault.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Fault::ALL.len());
        assert!(Fault::ALL.iter().all(|fault| fault.about().ends_with('.') && !fault.about().contains('|')));
    }
}
