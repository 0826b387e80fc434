//! Keys, tokens and signed messages: what `token` prints and writes, and what it refuses.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::common::{Done, Running, bench, folder, run, words};

/// Runs with `args`, and one more that may hold blanks.
fn with(place: &Path, args: &str, last: &str) -> Done {
    let mut command = bench(place, words(args));
    command.arg(last);
    Running::start(command).end()
}

/// Header and claims of a compact JWS.
fn parts(token: &str) -> [Value; 2] {
    let part = |n: usize| {
        let text = token.trim().split('.').nth(n).expect("three parts");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64url")).expect("JSON")
    };
    [part(0), part(1)]
}

#[test]
fn keys_are_written_once_and_for_their_owner() {
    let place = folder(&[]);
    run(place.path(), "token keys --out k").exits(0).says(&["k/private.pem", "k/public.pem"]);
    let private = place.path().join("k/private.pem");
    let before = fs::read_to_string(&private).expect("a key");
    assert!(
        before.starts_with("-----BEGIN PRIVATE KEY-----\n")
            && before.ends_with("-----END PRIVATE KEY-----\n")
    );
    assert_eq!(fs::metadata(&private).expect("a file").permissions().mode() & 0o777, 0o600);
    run(place.path(), "token keys --out k").exits(2).says(&["--out: `k/private.pem` is there already"]);
    fs::remove_file(&private).expect("it is ours");
    run(place.path(), "token keys --out k").exits(2).says(&["k/public.pem"]);
    assert!(!private.exists(), "nothing is half written");
}

#[test]
fn tokens_claim_what_they_are_told() {
    let place = folder(&[]);
    run(place.path(), "token keys --out k").exits(0);
    let common = "--sub ann --roles user,admin --expires-in 30m --claim iat=5 --claim";
    for (signer, algorithm) in [("--secret hush", "HS256"), ("--key k/private.pem", "RS256")] {
        let done = with(place.path(), &format!("token jwt {signer} {common}"), "x={\"a\": \"b c\"}").exits(0);
        let [header, claims] = parts(&done.out);
        assert_eq!(header["alg"], algorithm);
        let expires_s = claims["exp"].as_u64().expect("a time");
        let expected =
            json!({"sub": "ann", "roles": ["user", "admin"], "iat": 5, "x": {"a": "b c"}, "exp": expires_s});
        assert_eq!(claims, expected);
    }
    let [_, claims] = parts(&run(place.path(), "token jwt --secret s --sub a --claim exp=1").exits(0).out);
    assert_eq!(claims, json!({"sub": "a", "exp": 1}));
}

#[test]
fn entries_of_keys() {
    let place = folder(&[]);
    for (args, expected) in [
        ("k --user ann", "[\"k:ann\"]\n"),
        ("k --user ann --roles user,admin", "[\"k:ann:user,admin\"]\n"),
        ("k --user ann --scopes tool:python_eval,x", "[\"k:ann::tool:python_eval,x\"]\n"),
    ] {
        assert_eq!(run(place.path(), &format!("token api-key {args}")).exits(0).out, expected);
    }
}

#[test]
fn messages_are_signed_as_they_are_sent() {
    let place = folder(&[]);
    run(place.path(), "token keys --out k").exits(0);
    let args = "token a2a --key k/private.pem --sender me --capability a:b --capability c --time-ms -5 --nonce n --payload";
    let done = with(place.path(), args, "{\"text\": \"Grüße\", \"n\": 1e20}").exits(0);
    let mut sent: Value = serde_json::from_str(&done.out).expect("JSON");
    let signature = sent.as_object_mut().and_then(|sent| sent.remove("signature")).expect("a signature");
    let [_, claims] = parts(signature.as_str().expect("a text"));
    let signed = claims["payload"].as_str().expect("a text");
    assert_eq!(serde_json::from_str::<Value>(signed).expect("JSON"), sent);
    for part in [r#""n":1e+20"#, r#""text":"Gr\u00fc\u00dfe""#, r#""nonce":"n""#, r#""time_ms":-5"#, "+00:00"]
    {
        assert!(signed.contains(part), "{part} is missing in {signed}");
    }
}

#[test]
fn mistakes_name_the_flag_and_the_remedy() {
    let place = folder(&[("broken.pem", "not a key")]);
    let payload = "token a2a --key broken.pem --sender me --capability a --payload";
    for (args, parts) in [
        ("token jwt --sub a", &["--secret", "--key"][..]),
        ("token jwt --sub a --secret s --key k", &["cannot be used"]),
        ("token jwt --sub a --key none.pem", &["--key", "none.pem", "give"]),
        ("token jwt --sub a --key broken.pem", &["--key", "`broken.pem` is no private RSA key of", "give"]),
        ("token jwt --sub a --secret s --claim x", &["--claim", "has no `=`"]),
        ("token jwt --sub a --secret s --claim x=y", &["--claim", "`x` is no JSON", "double quotes"]),
        ("token api-key hu:sh --user a", &["KEY", "colon"]),
        ("token api-key k --user a:b", &["--user", "colon"]),
        (&format!("{payload} []"), &["--payload", "no JSON object", "write it like"]),
        (&format!("{payload} {{}}"), &["--key", "broken.pem"]),
    ] {
        let done = run(place.path(), args).exits(2).says(parts);
        assert!(!done.err.contains("hu:sh"), "the key is told: {}", done.err);
    }
}
