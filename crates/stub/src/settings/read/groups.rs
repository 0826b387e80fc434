//! The settings that are more than one variable: CORS, CSRF, security headers, A2A keys, Redis, deadline.

use std::collections::BTreeMap;
use std::time::Duration;

use super::value::{Reader, whole};
use crate::quirk::Quirk;
use crate::redis::Target;
use crate::settings::{A2aSettings, CorsSettings, CsrfSettings, RedisSettings, Secret, SecuritySettings};

pub(super) fn cors(reader: &mut Reader) -> Option<CorsSettings> {
    let default = CorsSettings::default();
    let enabled = reader.switch("WEAVER_CORS_ENABLED").unwrap_or(true);
    let settings = CorsSettings {
        origins: reader.list("WEAVER_CORS_ORIGINS").unwrap_or_default(),
        credentials: reader.switch("WEAVER_CORS_ALLOW_CREDENTIALS").unwrap_or(false),
        methods: reader.list("WEAVER_CORS_ALLOW_METHODS").unwrap_or(default.methods),
        headers: reader.list("WEAVER_CORS_ALLOW_HEADERS").unwrap_or(default.headers),
        max_age_s: reader.number("WEAVER_CORS_MAX_AGE").unwrap_or(default.max_age_s),
    };
    enabled.then_some(settings)
}

pub(super) fn csrf(reader: &mut Reader) -> Option<CsrfSettings> {
    let enabled = reader.switch("WEAVER_CSRF_ENABLED").unwrap_or(true);
    let settings = CsrfSettings {
        secret: reader
            .secret("WEAVER_CSRF_SECRET_KEY")
            .or_else(|| reader.plain("CSRF_SECRET_KEY").map(Secret)),
        secure: reader.switch("WEAVER_CSRF_COOKIE_SECURE").unwrap_or(true),
        exclude_paths: reader.list("WEAVER_CSRF_EXCLUDE_PATHS").unwrap_or_default(),
    };
    enabled.then_some(settings)
}

pub(super) fn security(reader: &mut Reader) -> Option<SecuritySettings> {
    let enabled = reader.switch("WEAVER_SECURITY_HEADERS_ENABLED").unwrap_or(true);
    let hsts_max_age_s = reader.number("WEAVER_HSTS_MAX_AGE");
    let csp_report_uri = reader.text("WEAVER_CSP_REPORT_URI").filter(|uri| {
        let fits = http::HeaderValue::from_str(uri).is_ok();
        if !fits {
            reader.wrong.push("WEAVER_CSP_REPORT_URI", "it does not fit a header", "give a plain URI");
        }
        fits
    });
    let default = SecuritySettings::default();
    enabled.then(|| SecuritySettings {
        hsts_max_age_s: hsts_max_age_s.unwrap_or(default.hsts_max_age_s),
        csp_report_uri,
    })
}

pub(super) fn a2a(reader: &mut Reader) -> A2aSettings {
    let name = "WEAVER_MCP_SERVER_PUBLIC_KEYS";
    let text = reader.raw(name).unwrap_or("null");
    let senders = match serde_json::from_str::<Option<BTreeMap<String, String>>>(text) {
        Ok(senders) => senders.unwrap_or_default(),
        // The real server starts with an empty list.
        Err(_) if serde_json::from_str::<[(); 0]>(text).is_ok() => BTreeMap::new(),
        Err(_) => {
            let remedy = "write it like {\"sender\": \"-----BEGIN PUBLIC KEY-----…\"}";
            reader.wrong.push(name, "it is no JSON object of PEM texts", remedy);
            BTreeMap::new()
        }
    };
    A2aSettings { public_key: reader.text("WEAVER_A2A_SIGNING_PUBLIC_KEY_PEM"), senders }
}

/// `WEAVER_STUB_REDIS` is a URL, `memory`, `memory-down` or `off`. Without it REDIS_HOST and REDIS_PORT count, and REDIS_URL where
/// that quirk is repaired.
pub(super) fn redis(reader: &mut Reader) -> RedisSettings {
    if let Some(own) = reader.plain("WEAVER_STUB_REDIS") {
        return match own.as_str() {
            "off" => RedisSettings::Off,
            "memory" => RedisSettings::Memory { up: true },
            "memory-down" => RedisSettings::Memory { up: false },
            _ => redis_url(reader, "WEAVER_STUB_REDIS", own),
        };
    }
    let (host, port) = (reader.plain("REDIS_HOST"), reader.plain("REDIS_PORT"));
    if host.is_some() || port.is_some() {
        return RedisSettings::At {
            host: host.unwrap_or_else(|| "localhost".to_owned()),
            port: port.map_or(Some(6379), |port| port.trim().parse().ok()),
        };
    }
    match reader.plain("REDIS_URL") {
        Some(url) if reader.repairs.has(Quirk::RedisUrl) => redis_url(reader, "REDIS_URL", url),
        _ => RedisSettings::Off,
    }
}

/// The URL, if it can be one. It is not repeated: it holds a password.
fn redis_url(reader: &mut Reader, name: &str, url: String) -> RedisSettings {
    if let Err(error) = Target::parse(&url) {
        reader.wrong.push(name, error.problem, error.remedy);
    }
    RedisSettings::Url(Secret(url))
}

/// `WEAVER_STUB_REPLICA_OF`, which wants a Redis server.
pub(super) fn replica_of(reader: &mut Reader, redis: &RedisSettings) -> Option<String> {
    const NAME: &str = "WEAVER_STUB_REPLICA_OF";
    let name = reader.plain(NAME)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.len() > 64 || !name.chars().all(fits) {
        reader.wrong.push(
            NAME,
            format!("`{name}` is no name"),
            "give 1 to 64 letters, digits, `.`, `_` or `-`",
        );
    }
    if !matches!(redis, RedisSettings::Url(_) | RedisSettings::At { port: Some(_), .. }) {
        let remedy =
            "give the URL of the Redis server that all of them share with --redis (WEAVER_STUB_REDIS)";
        reader.wrong.push(NAME, "replicas share over Redis, and none is named", remedy);
    }
    Some(name)
}

pub(super) fn deadline(reader: &Reader) -> Option<Duration> {
    let number =
        reader.raw("WEAVER_REQUEST_TIMEOUT_MS").and_then(whole).and_then(|ms| u64::try_from(ms).ok());
    number.filter(|ms| *ms > 0 && reader.repairs.has(Quirk::DeadSettings)).map(Duration::from_millis)
}
