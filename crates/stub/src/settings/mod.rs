//! What an operator may set: the real server's variables, and the stub's own.
//!
//! It must not know where the variables come from.

mod limits;
mod read;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::keys::ApiKeys;
use crate::quirk::Repairs;
pub use limits::{Limit, Limits};
pub use read::name_of_variable;

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

/// A text that no log may show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Which other origins' pages may read answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsSettings {
    /// The origins; `*` is all.
    pub origins: Vec<String>,
    /// Whether answers to requests with credentials may be read.
    pub credentials: bool,
    /// Methods that a preflight may ask for; `*` is all.
    pub methods: Vec<String>,
    /// Headers that a preflight may ask for; `*` is all.
    pub headers: Vec<String>,
    /// How long a preflight's answer holds.
    pub max_age_s: i64,
}

impl Default for CorsSettings {
    fn default() -> Self {
        Self {
            origins: vec![],
            credentials: false,
            methods: ["GET", "POST", "PUT", "DELETE", "OPTIONS"].map(str::to_owned).into(),
            headers: vec!["*".to_owned()],
            max_age_s: 600,
        }
    }
}

/// How forged requests of other origins' pages are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsrfSettings {
    /// Signs tokens; without one each process draws its own.
    pub secret: Option<Secret>,
    /// Whether the cookie is for https only.
    pub secure: bool,
    /// Paths that want no token, beside the built-in ones.
    pub exclude_paths: Vec<String>,
}

impl Default for CsrfSettings {
    fn default() -> Self {
        Self { secret: None, secure: true, exclude_paths: vec![] }
    }
}

/// What the security headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecuritySettings {
    /// `max-age` of `strict-transport-security`.
    pub hsts_max_age_s: i64,
    /// Where browsers report breaches to.
    pub csp_report_uri: Option<String>,
}

impl Default for SecuritySettings {
    fn default() -> Self {
        Self { hsts_max_age_s: 31_536_000, csp_report_uri: None }
    }
}

/// Keys of agent-to-agent messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct A2aSettings {
    /// The PEM that the card shows.
    pub public_key: Option<String>,
    /// PEM by sender; an empty one is none.
    pub senders: BTreeMap<String, String>,
}

/// Where Redis is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RedisSettings {
    /// Nowhere: everything runs embedded, and what the real server leaves out without Redis is left out.
    #[default]
    Off,
    /// In this process, without one, up or down when the stub starts. For tests and for virtual time.
    Memory {
        /// Whether it is up at the start.
        up: bool,
    },
    /// `REDIS_HOST` and `REDIS_PORT`, as the real server has them; the port is no number where it cannot be read.
    At {
        /// Host.
        host: String,
        /// Port.
        port: Option<u16>,
    },
    /// A URL, with user, password, TLS and database where it has them.
    Url(Secret),
}

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which quirks of the real server are repaired.
    pub repairs: Repairs,
    /// How callers prove who they are.
    pub auth_mode: AuthMode,
    /// The keys of [`AuthMode::ApiKey`].
    pub api_keys: ApiKeys,
    /// Secret (HS256) or public key in PEM (RS256) of [`AuthMode::Jwt`].
    pub jwt_key: Option<Secret>,
    /// Rate limits.
    pub limits: Limits,
    /// Proxies whose `X-Forwarded-*` count: a comma list of addresses, or `*`.
    pub forwarded_allow_ips: Option<String>,
    /// Host names that are answered; none is all.
    pub allowed_hosts: Vec<String>,
    /// `None` where CORS is switched off.
    pub cors: Option<CorsSettings>,
    /// `None` where CSRF tokens are switched off.
    pub csrf: Option<CsrfSettings>,
    /// `None` where security headers are switched off.
    pub security: Option<SecuritySettings>,
    /// Whether personal data in answers is redacted.
    pub pii_redact: bool,
    /// Folder of `guardrails.yaml` and `roles.yaml`; without one the shipped rules hold.
    pub policies: Option<PathBuf>,
    /// Agent-to-agent messages.
    pub a2a: A2aSettings,
    /// Where Redis is.
    pub redis: RedisSettings,
    /// File with the root certificates of a Redis reached over TLS, PEM; without one the usual ones hold.
    pub redis_ca: Option<PathBuf>,
    /// The name of the stubs that this one is one of, behind one address: over Redis they share ledger and profile too.
    pub replica_of: Option<String>,
    /// Whether the stages of a workflow travel over the event mesh; else they run in process.
    pub stages_on_mesh: bool,
    /// Switches the profile's answer cache on, with this time to live.
    pub answer_cache_ttl: Option<Duration>,
    /// From a request's arrival; past it, 504. Beside the profile's own.
    pub deadline: Option<Duration>,
    /// Whether answers carry `X-Request-Id` and `Server-Timing`, which the real server does not send.
    pub own_headers: bool,
    /// Whether each answer is logged.
    pub access_log: bool,
    /// Opens the operator routes; without it they answer a loopback peer only.
    pub operator_token: Option<Secret>,
    /// Ledger entries kept; older ones are dropped and counted.
    pub ledger_entries_max: usize,
}

impl Default for Settings {
    /// The real server's defaults: no keys, 5 a second and 10 at once for a user.
    fn default() -> Self {
        Self {
            repairs: Repairs::NONE,
            auth_mode: AuthMode::ApiKey,
            api_keys: ApiKeys::default(),
            jwt_key: None,
            limits: Limits::of_user(Limit::per_second(5, 10)),
            forwarded_allow_ips: None,
            allowed_hosts: vec![],
            cors: Some(CorsSettings::default()),
            csrf: Some(CsrfSettings::default()),
            security: Some(SecuritySettings::default()),
            pii_redact: true,
            policies: None,
            a2a: A2aSettings::default(),
            redis: RedisSettings::Off,
            redis_ca: None,
            replica_of: None,
            stages_on_mesh: false,
            answer_cache_ttl: None,
            deadline: None,
            own_headers: true,
            access_log: false,
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
}
