//! `token`: keys, tokens and signed messages, made offline for whoever tries a server by hand or writes a scenario.
//!
//! It must not know how a server checks them. What it prints is secret or opens doors; nothing of it goes elsewhere.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Map, Value, json};
use stub::ApiKeys;
use wire::Clock;
use wire::token::{Budget, Capability, Envelope, PrivateKey, canonical_json, key_pair, unique_id, utc_iso};

use crate::exit::{Exit, Failure};
use crate::files::read_text;
use crate::load::draw_seed;
use crate::say::Stream;

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Prints a JWT for the header `Authorization: Bearer …` (WEAVER_AUTH_MODE=jwt).
    Jwt(JwtArgs),
    /// Prints a list for WEAVER_ALLOWED_API_KEYS with one key, its user, roles and scopes.
    ApiKey(ApiKeyArgs),
    /// Prints a signed message for `POST /a2a/message`; it counts for 30 seconds.
    A2a(A2aArgs),
    /// Writes a new pair of RSA keys: private.pem, which only its owner can read, and public.pem.
    Keys(KeysArgs),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("signer").required(true))]
struct JwtArgs {
    /// Secret that signs by HS256: the server's WEAVER_JWT_PUBLIC_KEY.
    #[arg(long, group = "signer")]
    secret: Option<Hidden>,
    /// File with the private RSA key that signs by RS256, PEM.
    #[arg(long, group = "signer", value_name = "FILE")]
    key: Option<PathBuf>,
    /// Who it is for: the user's id.
    #[arg(long)]
    sub: String,
    /// The user's roles, as one list with commas.
    #[arg(long, value_delimiter = ',')]
    roles: Vec<String>,
    /// The user's scopes, as one list with commas.
    #[arg(long, value_delimiter = ',')]
    scopes: Vec<String>,
    /// How long it counts.
    #[arg(long, value_parser = wire::parse_duration, default_value = "1h")]
    expires_in: Duration,
    /// A further claim, or another value for one of the above, as NAME=JSON; may be repeated.
    #[arg(long = "claim", value_name = "NAME=JSON", value_parser = claim)]
    claims: Vec<(String, Value)>,
}

#[derive(Debug, Args)]
struct ApiKeyArgs {
    /// The key.
    key: Hidden,
    /// The user whom it stands for.
    #[arg(long)]
    user: String,
    /// The user's roles, as one list with commas.
    #[arg(long, value_delimiter = ',')]
    roles: Vec<String>,
    /// The user's scopes, as one list with commas.
    #[arg(long, value_delimiter = ',')]
    scopes: Vec<String>,
}

#[derive(Debug, Args)]
struct A2aArgs {
    /// File with the sender's private RSA key, PEM.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Who sends it; the server knows the public key under this name (WEAVER_MCP_SERVER_PUBLIC_KEYS).
    #[arg(long, value_name = "ID")]
    sender: String,
    /// Whom it is for.
    #[arg(long, value_name = "ID", default_value = "weaver-ai-agent")]
    receiver: String,
    /// What is asked for, such as translation:en-es; may be repeated, but the first one decides.
    #[arg(long = "capability", value_name = "NAME", required = true)]
    capabilities: Vec<String>,
    /// What the agent is given: a JSON object.
    #[arg(long, value_name = "JSON", value_parser = object)]
    payload: Map<String, Value>,
    /// Milliseconds that the agent may take.
    #[arg(long, default_value_t = 30_000, allow_negative_numbers = true)]
    time_ms: i64,
    /// Tokens that it may cost.
    #[arg(long, default_value_t = 1_000, allow_negative_numbers = true)]
    tokens: i64,
    /// Calls of tools that it may take.
    #[arg(long, default_value_t = 3, allow_negative_numbers = true)]
    tool_calls: i64,
    /// Names the message; drawn when not given.
    #[arg(long)]
    request_id: Option<String>,
    /// Is used once; drawn when not given.
    #[arg(long)]
    nonce: Option<String>,
}

#[derive(Debug, Args)]
struct KeysArgs {
    /// Folder that the two files are written to; it is made if it is not there, and nothing in it is overwritten.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// A text that shows in no message.
#[derive(Clone)]
struct Hidden(String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hidden")
    }
}

impl std::str::FromStr for Hidden {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

pub(crate) fn token(args: &TokenArgs) -> Result<Exit, Failure> {
    match &args.what {
        What::Jwt(args) => Stream::Out.line(&jwt(args, Clock::system().unix_ns())?),
        What::ApiKey(args) => Stream::Out.line(&api_key(args)?),
        What::A2a(args) => Stream::Out.line(&message(args, Clock::system().unix_ns())?),
        What::Keys(args) => keys(&args.out)?,
    }
    Ok(Exit::PASSED)
}

fn jwt(args: &JwtArgs, now_ns: u64) -> Result<String, Failure> {
    let key = match (&args.secret, &args.key) {
        (Some(secret), _) if secret.0.is_empty() => {
            return Err(Failure::usage("--secret: is empty; give the server's WEAVER_JWT_PUBLIC_KEY"));
        }
        (Some(secret), _) => PrivateKey::secret(secret.0.as_bytes()),
        (None, path) => private_key(path.as_deref().unwrap_or(Path::new("")))?,
    };
    let expires_s = (now_ns / 1_000_000_000).saturating_add(args.expires_in.as_secs());
    let mut claims = Map::new();
    claims.insert("sub".into(), json!(args.sub));
    claims.insert("exp".into(), json!(expires_s));
    for (name, list) in [("roles", &args.roles), ("scopes", &args.scopes)] {
        if !list.is_empty() {
            claims.insert(name.into(), json!(list));
        }
    }
    claims.extend(args.claims.iter().cloned());
    key.sign(&claims).map_err(|error| Failure::usage(format!("--key: {error}")))
}

fn api_key(args: &ApiKeyArgs) -> Result<String, Failure> {
    let parts = [("KEY", &args.key.0), ("--user", &args.user)];
    let roles = args.roles.iter().map(|role| ("--roles", role));
    for (flag, part) in parts.into_iter().chain(roles) {
        if part.contains(':') {
            // The value is not repeated: it may be the key.
            return Err(Failure::usage(format!("{flag}: holds a colon, which parts an entry; leave it out")));
        }
    }
    if args.key.0.trim().is_empty() {
        return Err(Failure::usage("KEY: is empty, and an empty key opens nothing; give some letters"));
    }
    let mut entry =
        format!("{}:{}:{}:{}", args.key.0, args.user, args.roles.join(","), args.scopes.join(","));
    entry.truncate(entry.trim_end_matches(':').len());
    let list = json!([entry]).to_string();
    ApiKeys::parse(&list)
        .map_err(|error| Failure::usage(format!("KEY: {}; {}", error.problem, error.remedy)))?;
    Ok(list)
}

fn message(args: &A2aArgs, now_ns: u64) -> Result<String, Failure> {
    let key = private_key(&args.key)?;
    let mut drawn = draw_seed(None).stream("token", now_ns);
    let mut or_drawn = |given: &Option<String>| given.clone().unwrap_or_else(|| unique_id(&mut drawn));
    let capability = |name: &String| Capability {
        name: name.clone(),
        version: "1.0.0".into(),
        scopes: vec!["execute".into()],
    };
    let envelope = Envelope {
        request_id: or_drawn(&args.request_id),
        sender_id: args.sender.clone(),
        receiver_id: args.receiver.clone(),
        created_at: utc_iso(now_ns),
        nonce: or_drawn(&args.nonce),
        capabilities: args.capabilities.iter().map(capability).collect(),
        budget: Budget::new(args.tokens, args.time_ms, args.tool_calls),
        payload: canonical_json(&Value::Object(args.payload.clone())),
    };
    envelope.signed(&key).map_err(|error| Failure::usage(format!("--key: {error}")))
}

fn private_key(path: &Path) -> Result<PrivateKey, Failure> {
    let file = read_text(path).map_err(|mistakes| Failure::usage(format!("--key: {mistakes}")))?;
    PrivateKey::rsa(&file.text).map_err(|error| Failure::usage(format!("--key: `{}` {error}", file.name)))
}

fn keys(folder: &Path) -> Result<(), Failure> {
    let failed = |path: &Path, error: std::io::Error| {
        let text =
            format!("--out: `{}` cannot be written: {error}; give a folder of your own", path.display());
        Failure::usage(text)
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let (private, public) = (folder.join("private.pem"), folder.join("public.pem"));
    for path in [&private, &public] {
        if fs::symlink_metadata(path).is_ok() {
            let text = format!("--out: `{}` is there already; give another folder", path.display());
            return Err(Failure::usage(text));
        }
    }
    let pair = key_pair().map_err(|error| Failure::usage(format!("token keys: {error}")))?;
    for (path, pem, mode) in [(&private, &pair.private_pem, 0o600), (&public, &pair.public_pem, 0o644)] {
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
        file.and_then(|mut file| file.write_all(pem.as_bytes())).map_err(|error| failed(path, error))?;
        Stream::Out.line(&path.display().to_string());
    }
    Ok(())
}

fn claim(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("has no `=`; write it like tenant=\"acme\"")?;
    let value = serde_json::from_str(value)
        .map_err(|error| format!("the value of `{name}` is no JSON: {error}; put a text in double quotes"))?;
    Ok((name.to_owned(), value))
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text)
        .map_err(|error| format!("is no JSON object: {error}; write it like {{\"text\": \"Hello\"}}"))
}
