//! With which variables the real server started, and with which it did not: the binary does the same, and names the
//! variable.

use std::collections::BTreeMap;

use tempfile::TempDir;

use crate::server::Server;

/// The variables of the real compose file.
const COMPOSE: [(&str, &str); 8] = [
    ("WEAVER_MODEL_PROVIDER", "stub"),
    ("WEAVER_AUTH_MODE", "api_key"),
    ("WEAVER_ALLOWED_API_KEYS", "test-api-key"),
    ("WEAVER_RATELIMIT_RPS", "100"),
    ("WEAVER_RATELIMIT_BURST", "200"),
    ("WEAVER_REQUEST_TIMEOUT_MS", "30000"),
    ("WEAVER_TELEMETRY_ENABLED", "true"),
    ("REDIS_URL", "redis://redis:6379"),
];

/// These and no others.
pub(crate) fn compose() -> BTreeMap<String, String> {
    COMPOSE.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn what_kept_the_real_server_from_starting_keeps_this_one() {
    let folder = TempDir::new().expect("a folder");
    for (name, value, starts) in [
        ("WEAVER_AUTH_MODE", "api_key", true),
        ("WEAVER_MODEL_PROVIDER", "foo", false),
        ("WEAVER_AUTH_MODE", "oauth", false),
        ("WEAVER_AUTH_MODE", "none", false),
        ("WEAVER_RATELIMIT_RPS", "abc", false),
        ("WEAVER_RATELIMIT_RPS", "1.5", false),
        ("WEAVER_RATELIMIT_RPS", "", false),
        ("WEAVER_RATELIMIT_RPS", "-1", true),
        ("WEAVER_CORS_ORIGINS", "http://a,http://b", false),
        ("WEAVER_CORS_ORIGINS", "http://a", false),
        ("WEAVER_CORS_ORIGINS", "", false),
        ("WEAVER_CORS_ORIGINS", "null", true),
        ("WEAVER_CORS_ORIGINS", "none", false),
        ("WEAVER_CORS_ORIGINS", "[1]", false),
        ("WEAVER_URL_DENYLIST", "none", false),
        ("WEAVER_RATELIMIT_RPS", "1_000.0", true),
        ("WEAVER_CSRF_EXCLUDE_PATHS", "/a,/b", false),
        ("WEAVER_URL_ALLOWLIST", "https://a", false),
        ("WEAVER_MCP_SERVER_PUBLIC_KEYS", "x", false),
        ("WEAVER_MCP_SERVER_PUBLIC_KEYS", "", false),
        ("WEAVER_MCP_SERVER_PUBLIC_KEYS", "none", false),
        ("WEAVER_MCP_SERVER_PUBLIC_KEYS", "{\"a\":1}", false),
        ("WEAVER_MCP_SERVER_PUBLIC_KEYS", "{\"a\":null}", false),
        ("WEAVER_MCP_SERVER_PUBLIC_KEYS", "[1]", false),
        ("WEAVER_MCP_SERVER_PUBLIC_KEYS", "null", true),
        ("WEAVER_MCP_SERVER_PUBLIC_KEYS", "[]", true),
        ("WEAVER_ALLOWED_API_KEYS", "none", true),
        ("WEAVER_ALLOWED_API_KEYS", "{\"a\":1}", true),
        ("WEAVER_ALLOWED_API_KEYS", "5", true),
        ("WEAVER_ALLOWED_API_KEYS", "[\"a\"", true),
        ("WEAVER_PII_REDACT", "yes", true),
        ("WEAVER_PII_REDACT", "maybe", false),
        ("REDIS_PORT", "x", true),
        ("weaver_auth_mode", "jwt", true),
        ("weaver_RATELIMIT_rps", "x", false),
        ("WEAVER_FOO", "1", true),
    ] {
        let mut variables = compose();
        variables.insert(name.to_owned(), value.to_owned());
        match Server::start(folder.path(), &variables) {
            Ok(_) => assert!(starts, "{name}={value}: it starts"),
            Err((code, said)) => {
                assert!(!starts, "{name}={value}: {said}");
                assert!(
                    code == Some(2) && said.contains(&name.to_uppercase()),
                    "{name}={value}: {code:?}, {said}"
                );
            }
        }
    }
}
