//! The table of what may be set, and what may not.

use super::*;
use crate::settings::{Limit, RedisSettings};

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
        (&[("WEAVER_RATELIMIT_RPS", "-3")], at(-3, 10), at(-2, 5), at(100, 100)),
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

#[test]
fn redis_and_what_is_repaired() {
    let at = |host: &str, port| RedisSettings::At { host: host.to_owned(), port };
    let url = || RedisSettings::Url(crate::settings::Secret("redis://r/1".to_owned()));
    for (variables, expected) in [
        (&[][..], RedisSettings::Off),
        (&[("REDIS_PORT", "x")], at("localhost", None)),
        (&[("REDIS_HOST", "r")], at("r", Some(6379))),
        (&[("redis_host", "r"), ("Redis_Port", "1")], RedisSettings::Off),
        (&[("weaver_stub_redis", "memory")], RedisSettings::Memory { up: true }),
        (&[("REDIS_URL", "redis://r/1")], RedisSettings::Off),
        (&[("REDIS_URL", "redis://r/1"), ("WEAVER_STUB_REPAIR", "head, redis-url")], url()),
        (&[("REDIS_HOST", "x"), ("WEAVER_STUB_REDIS", "redis://r/1")], url()),
        (&[("REDIS_HOST", "x"), ("WEAVER_STUB_REDIS", "memory")], RedisSettings::Memory { up: true }),
    ] {
        assert_eq!(read(variables).expect("right").redis, expected, "{variables:?}");
    }
    let repaired =
        read(&[("WEAVER_STUB_FIDELITY", "repaired"), ("WEAVER_CORS_ORIGINS", "http://a,http://b")]);
    let repaired = repaired.expect("right");
    assert_eq!(repaired.repairs, Repairs::ALL);
    assert_eq!(repaired.cors.expect("on").origins, ["http://a", "http://b"]);
    let wrong = read(&[("WEAVER_STUB_REPAIR", "heads")]).expect_err("no such quirk").to_string();
    assert!(wrong.contains("`heads`") && wrong.contains("csrf-500"), "{wrong}");
}

#[test]
fn repaired_a_comma_list_of_keys_must_be_clear() {
    for (keys, is_clear) in [
        ("key1,key2:user2", true),
        ("key1, key2:user2:admin", true),
        ("key1:user1:admin,", true),
        ("key1:user1:admin,user:read,write", false),
        ("key1:user1:admin,key2", false),
        (r#"["key1:user1:admin,user:read,write", "key2"]"#, true),
    ] {
        let keys = ("WEAVER_ALLOWED_API_KEYS", keys);
        assert!(read(&[keys]).is_ok(), "{keys:?} as it is");
        let repaired = read(&[keys, ("WEAVER_STUB_REPAIR", "comma-keys")]);
        assert_eq!(repaired.is_ok(), is_clear, "{keys:?} repaired");
    }
}

#[test]
fn none_is_no_secret_where_there_is_a_prefix() {
    for (variables, expected) in [
        (&[("CSRF_SECRET_KEY", "none")][..], Some("none")),
        (&[("WEAVER_CSRF_SECRET_KEY", "none")], None),
        (&[("WEAVER_CSRF_SECRET_KEY", "none"), ("CSRF_SECRET_KEY", "x")], Some("x")),
        (&[("WEAVER_CSRF_SECRET_KEY", "y"), ("CSRF_SECRET_KEY", "x")], Some("y")),
        (&[("csrf_secret_key", "x")], None),
    ] {
        let secret = read(variables).expect("right").csrf.expect("on").secret;
        assert_eq!(secret.map(|secret| secret.0).as_deref(), expected, "{variables:?}");
    }
}

#[test]
fn keys_of_senders_and_lists() {
    let (keys, list) = ("WEAVER_MCP_SERVER_PUBLIC_KEYS", "WEAVER_CSRF_EXCLUDE_PATHS");
    for (name, text, is_right) in [
        (keys, r#"{"a":"pem"}"#, true),
        (keys, "{}", true),
        (keys, "null", true),
        (keys, "[]", true),
        (keys, "[1]", false),
        (keys, r#"{"a":1}"#, false),
        (keys, r#"{"a":null}"#, false),
        (keys, "none", false),
        (keys, "", false),
        (list, "null", true),
        (list, "[]", true),
        (list, "none", false),
        (list, "[null]", false),
    ] {
        assert_eq!(read(&[(name, text)]).is_ok(), is_right, "{name}={text}");
    }
    let repaired = read(&[(list, "none"), ("WEAVER_STUB_REPAIR", "json-lists")]);
    let wrong = repaired.expect_err("none is no path").to_string();
    assert!(wrong.contains(list), "{wrong}");
}

#[test]
fn replicas_want_a_name_and_a_redis() {
    let url = ("WEAVER_STUB_REDIS", "redis://r/1");
    for (name, redis, mistakes) in [
        ("", None, 0),
        ("scaled", Some(url), 0),
        ("a-B_9.c", Some(("REDIS_HOST", "r")), 0),
        ("scaled", None, 1),
        ("scaled", Some(("WEAVER_STUB_REDIS", "memory")), 1),
        ("scaled", Some(("REDIS_PORT", "x")), 1),
        ("two words", Some(url), 1),
        ("a:b", None, 2),
    ] {
        let variables: Vec<_> = redis.into_iter().chain([("WEAVER_STUB_REPLICA_OF", name)]).collect();
        let read = read(&variables);
        let found = read.as_ref().err().map_or(0, |wrong| wrong.0.len());
        assert_eq!(found, mistakes, "{variables:?}: {read:?}");
        let named = read.ok().and_then(|settings| settings.replica_of);
        assert_eq!(
            named.as_deref(),
            Some(name).filter(|_| mistakes == 0 && !name.is_empty()),
            "{variables:?}"
        );
    }
}
