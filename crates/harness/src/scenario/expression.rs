//! Expressions of templates: what may stand between `{{` and `}}`, and what each becomes.
//!
//! It must not know where in a request its text goes.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::json;
use wire::nearest;
use wire::token::{Budget, Capability, Envelope, PrivateKey, canonical_json, unique_id, utc_iso};

use super::template::{Bindings, Fault, Lists, Scope, Template};

/// How long a token counts.
const TOKEN_LIFE_S: u64 = 3_600;
/// How long the answer to a message may take, unless the expression says.
const MESSAGE_TIME_MS: i64 = 10_000;

#[derive(Clone, Debug)]
pub(super) enum Expression {
    User,
    RequestNumber,
    RequestId,
    RandomInt(i64, i64),
    RandomFloat(f64, f64),
    RandomString(u32),
    Pick(Arc<[Template]>),
    Jwt(Arc<Token>),
    A2aEnvelope(Arc<Message>),
}

/// A token for one of several users.
#[derive(Debug)]
pub(super) struct Token {
    users: Arc<[Template]>,
    roles: Vec<String>,
    key: Option<PrivateKey>,
}

/// A signed message with one of several texts.
#[derive(Debug)]
pub(super) struct Message {
    sender: String,
    capability: String,
    texts: Arc<[Template]>,
    time_ms: i64,
    key: Option<PrivateKey>,
}

/// What an expression is when it is read.
pub(super) enum Known {
    /// Already a text, the same in every rendering.
    Text(String),
    Expression(Expression),
}

/// The expressions, as an error message lists them.
const KNOWN: [&str; 10] = [
    "user",
    "request_number",
    "request_id",
    "api_key",
    "random_int",
    "random_float",
    "random_string",
    "pick",
    "jwt",
    "a2a_envelope",
];
const REMEDY: &str = "use user, request_number, request_id, api_key, random_int(a, b), random_float(a, b), \
                      random_string(n), pick(list), jwt(list, role, …) or a2a_envelope(sender, capability, list, ms)";

impl Expression {
    pub(super) fn render_into(&self, scope: &mut Scope<'_>, out: &mut String) {
        let id = scope.request_id;
        // Writing to a String cannot fail.
        let _ = match self {
            Self::User => write!(out, "{}", id.user),
            Self::RequestNumber => write!(out, "{}", id.number),
            Self::RequestId => write!(out, "{id}"),
            Self::RandomInt(least, most) => {
                let width = most.abs_diff(*least).saturating_add(1);
                write!(out, "{}", least.wrapping_add_unsigned(scope.stream.below(width)))
            }
            Self::RandomFloat(least, most) => write!(out, "{}", least + (most - least) * scope.stream.unit()),
            Self::RandomString(length) => {
                const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
                out.extend((0..*length).map(|_| char::from(LETTERS[scope.stream.below(36) as usize])));
                Ok(())
            }
            Self::Pick(list) => {
                pick(list, scope, out);
                Ok(())
            }
            Self::Jwt(token) => {
                out.push_str(&token.signed(scope));
                Ok(())
            }
            Self::A2aEnvelope(message) => {
                out.push_str(&message.signed(scope));
                Ok(())
            }
        };
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::User | Self::RequestNumber | Self::RandomInt(..) | Self::RandomFloat(..))
    }

    /// Whether it is to sign, and there is no key.
    pub(super) fn lacks_key(&self) -> bool {
        match self {
            Self::Jwt(token) => token.key.is_none(),
            Self::A2aEnvelope(message) => message.key.is_none(),
            Self::Pick(list) => list.iter().any(Template::lacks_key),
            _ => false,
        }
    }
}

fn pick(list: &[Template], scope: &mut Scope<'_>, out: &mut String) {
    let choice = scope.stream.below(list.len() as u64) as usize;
    list[choice].render_into(scope, out);
}

fn picked(list: &[Template], scope: &mut Scope<'_>) -> String {
    let mut text = String::new();
    pick(list, scope, &mut text);
    text
}

impl Token {
    /// The token; empty, and told, when it could not be signed. A plan lets nothing through that lacks a key.
    fn signed(&self, scope: &mut Scope<'_>) -> String {
        let user = picked(&self.users, scope);
        let expires_s = scope.unix_ns / 1_000_000_000 + TOKEN_LIFE_S;
        let claims = json!({"sub": user, "roles": self.roles, "exp": expires_s});
        signed(scope, self.key.as_ref().map(|key| key.sign(&claims)))
    }
}

impl Message {
    /// The message as JSON; empty, and told, when it could not be signed.
    fn signed(&self, scope: &mut Scope<'_>) -> String {
        let text = picked(&self.texts, scope);
        let capability = Capability {
            name: self.capability.clone(),
            version: "1.0.0".into(),
            scopes: vec!["execute".into()],
        };
        let envelope = Envelope {
            request_id: unique_id(scope.stream),
            sender_id: self.sender.clone(),
            receiver_id: "weaver-ai-agent".into(),
            created_at: utc_iso(scope.unix_ns),
            nonce: unique_id(scope.stream),
            capabilities: vec![capability],
            budget: Budget::new(1_000, self.time_ms, 3),
            payload: canonical_json(&json!({ "text": text })),
        };
        signed(scope, self.key.as_ref().map(|key| envelope.signed(key)))
    }
}

/// What was signed, or nothing and why.
fn signed<E: ToString>(scope: &mut Scope<'_>, result: Option<Result<String, E>>) -> String {
    let why = match result {
        Some(Ok(text)) => return text,
        Some(Err(error)) => error.to_string(),
        None => "there is no key to sign with".to_owned(),
    };
    scope.unsigned = Some(why);
    String::new()
}

pub(super) fn expression(text: &str, bindings: &Bindings, lists: &Lists) -> Result<Known, Fault> {
    let (name, arguments) = match text.split_once('(') {
        None => (text, vec![]),
        Some((name, rest)) => {
            let inner = rest.strip_suffix(')').ok_or_else(|| wrong(text))?;
            (name.trim(), inner.split(',').map(str::trim).collect())
        }
    };
    let whole = !arguments.iter().any(|argument| argument.is_empty());
    Ok(Known::Expression(match (name, arguments.as_slice()) {
        ("api_key", []) => return Ok(Known::Text(bindings.api_key.clone())),
        ("user", []) => Expression::User,
        ("request_number", []) => Expression::RequestNumber,
        ("request_id", []) => Expression::RequestId,
        ("random_int", [a, b]) => {
            let (a, b) = ordered(a.parse().ok(), b.parse().ok()).ok_or_else(|| wrong(text))?;
            Expression::RandomInt(a, b)
        }
        ("random_float", [a, b]) => {
            let (a, b): (f64, f64) = ordered(a.parse().ok(), b.parse().ok()).ok_or_else(|| wrong(text))?;
            if !(b - a).is_finite() {
                return Err(wrong(text));
            }
            Expression::RandomFloat(a, b)
        }
        ("random_string", [n]) => Expression::RandomString(
            n.parse().ok().filter(|n| (1..=100_000).contains(n)).ok_or_else(|| wrong(text))?,
        ),
        ("pick", [list]) => Expression::Pick(list_named(list, lists)?),
        ("jwt", [users, roles @ ..]) if whole => {
            let roles = roles.iter().map(|role| (*role).to_owned()).collect();
            let (users, key) = (list_named(users, lists)?, bindings.signing_key.clone());
            Expression::Jwt(Arc::new(Token { users, roles, key }))
        }
        ("a2a_envelope", [sender, capability, texts, ms @ ..]) if whole && ms.len() <= 1 => {
            let time_ms = ms.first().map_or(Some(MESSAGE_TIME_MS), |ms| ms.parse().ok());
            Expression::A2aEnvelope(Arc::new(Message {
                sender: (*sender).to_owned(),
                capability: (*capability).to_owned(),
                texts: list_named(texts, lists)?,
                time_ms: time_ms.ok_or_else(|| wrong(text))?,
                key: bindings.signing_key.clone(),
            }))
        }
        (known, _) if KNOWN.contains(&known) => return Err(wrong(text)),
        _ => {
            let remedy =
                nearest(name, &KNOWN).map_or(REMEDY.into(), |near| format!("did you mean `{near}`?"));
            return Err((format!("uses the unknown name `{name}` in a template"), remedy));
        }
    }))
}

fn list_named(name: &str, lists: &Lists) -> Result<Arc<[Template]>, Fault> {
    let names: Vec<&str> = lists.iter().map(|(name, _)| name.as_str()).collect();
    let found = lists.iter().find(|(list, _)| list == name);
    found.map(|(_, list)| list.clone()).ok_or_else(|| {
        let remedy = match nearest(name, &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("add `{name} = [\"…\"]` under [data]"),
        };
        (format!("picks from the unknown list `{name}`"), remedy)
    })
}

fn ordered<T: PartialOrd>(a: Option<T>, b: Option<T>) -> Option<(T, T)> {
    let (a, b) = (a?, b?);
    (a <= b).then_some((a, b))
}

fn wrong(text: &str) -> Fault {
    (format!("has wrong arguments in `{{{{ {text} }}}}`"), REMEDY.to_owned())
}

#[cfg(test)]
mod tests {
    use measure::RequestId;
    use serde_json::Value;
    use wire::Seed;
    use wire::token::key_pair;

    use super::*;

    const NOW_NS: u64 = 1_795_426_124_212_381_000;

    fn rendered(text: &str, bindings: &Bindings) -> String {
        let lists: Lists = vec![("users".into(), [Template::literal("ann é")].into())];
        let template = Template::parse(text, bindings, &lists).expect(text);
        let request_id = RequestId { run: 0, user: 12, number: 3 };
        let mut scope =
            Scope { request_id, stream: &mut Seed(1).stream("t", 0), unix_ns: NOW_NS, unsigned: None };
        template.render(&mut scope)
    }

    #[test]
    fn the_same_stream_signs_the_same() {
        let pair = key_pair().expect("a pair");
        let rsa = PrivateKey::rsa(&pair.private_pem).expect("a key");
        for key in [rsa, PrivateKey::secret(b"hush")] {
            let bindings = Bindings { signing_key: Some(key.clone()), ..Bindings::default() };
            let claims = json!({"sub": "ann é", "roles": ["a", "b"], "exp": 1_795_429_724_u64});
            assert_eq!(rendered("{{ jwt(users, a, b) }}", &bindings), key.sign(&claims).expect("a token"));

            let text = "{{ a2a_envelope(me, x:y, users, -5) }}";
            let first = rendered(text, &bindings);
            assert_eq!(first, rendered(text, &bindings));
            let mut sent: Value = serde_json::from_str(&first).expect("JSON");
            let signature = sent.as_object_mut().and_then(|sent| sent.remove("signature")).expect("one");
            assert_eq!(signature, key.sign(&json!({"payload": canonical_json(&sent)})).expect("a signature"));
            assert_eq!(sent["created_at"], "2026-11-23T09:28:44.212381+00:00");
            assert_eq!(sent["payload"], json!({"text": "ann é"}));
            assert_eq!(sent["budget"]["time_ms"], -5);
            assert_ne!(sent["nonce"], sent["request_id"]);
        }
    }

    #[test]
    fn what_cannot_be_signed_is_told() {
        let lists: Lists = vec![("users".into(), [Template::literal("ann")].into())];
        for (text, told) in [
            ("{{ user }}", None),
            ("{{ jwt(users) }}", Some("there is no key to sign with")),
            ("{{ a2a_envelope(me, c, users) }}", Some("there is no key to sign with")),
        ] {
            let template = Template::parse(text, &Bindings::default(), &lists).expect(text);
            let request_id = RequestId { run: 0, user: 12, number: 3 };
            let stream = &mut Seed(1).stream("t", 0);
            let mut scope = Scope { request_id, stream, unix_ns: NOW_NS, unsigned: None };
            template.render(&mut scope);
            assert_eq!(scope.unsigned.as_deref(), told, "{text}");
        }
        let mut scope = Scope {
            request_id: RequestId { run: 0, user: 0, number: 0 },
            stream: &mut Seed(1).stream("t", 0),
            unix_ns: 0,
            unsigned: None,
        };
        assert_eq!(signed(&mut scope, Some(Err("the key is too short".to_owned()))), "");
        assert_eq!(scope.unsigned.as_deref(), Some("the key is too short"));
    }

    #[test]
    fn a_key_is_missed_where_one_is_needed() {
        let with = Bindings { signing_key: Some(PrivateKey::secret(b"hush")), ..Bindings::default() };
        let users: Lists = vec![("users".into(), [Template::literal("ann")].into())];
        for (text, needs) in [
            ("{{ jwt(users) }}", true),
            ("a {{ a2a_envelope(me, c, users) }}", true),
            ("{{ pick(users) }}", false),
        ] {
            let lacks =
                |bindings: &Bindings| Template::parse(text, bindings, &users).expect(text).lacks_key();
            assert_eq!(lacks(&Bindings::default()), needs, "{text}");
            assert!(!lacks(&with), "{text}");
        }
    }

    #[test]
    fn mistakes_name_the_expression() {
        for (text, problem) in [
            ("jwt()", "wrong arguments in `{{ jwt() }}`"),
            ("jwt", "wrong arguments in `{{ jwt }}`"),
            ("jwt(none)", "unknown list `none`"),
            ("a2a_envelope(me, c)", "wrong arguments"),
            ("a2a_envelope(me, c, none)", "unknown list `none`"),
            ("a2a_envelope(me, , none)", "wrong arguments"),
        ] {
            let fault = expression(text, &Bindings::default(), &vec![]).err().expect(text);
            assert!(fault.0.contains(problem) && !fault.1.is_empty(), "{text}: {fault:?}");
        }
    }
}
