//! `healthcheck`: one GET, for containers and scripts.

use harness::{Call, HttpOptions, HttpTransport, Target, Transport};
use wire::{Clock, OPERATOR_TOKEN_HEADER, OPERATOR_TOKEN_VARIABLE};

use crate::args::{HealthcheckArgs, target_host};
use crate::exit::{Exit, Failure};
use crate::runtime::runtime;
use crate::say::Stream;

pub(crate) fn healthcheck(args: &HealthcheckArgs) -> Result<Exit, Failure> {
    // Dots that stand for folders would lead elsewhere than the path seems to say.
    if !args.path.starts_with('/') || args.path.contains("..") || args.path.to_lowercase().contains("%2e") {
        let text = format!("--path: `{}` is no plain path; give one like /health", args.path);
        return Err(Failure::usage(text));
    }
    let host = target_host(args.host.as_deref()).unwrap_or_else(|| "http://127.0.0.1:8000".to_owned());
    let target = Target::parse(&host)?;
    let url = format!("{}{}", target.shown(), args.path);
    let runtime = runtime()?;
    let status = runtime.block_on(ask(target, args))?;
    match status {
        Ok(status @ 200..=299) => {
            Stream::Out.line(&format!("{url} answers {status}"));
            Ok(Exit::PASSED)
        }
        Ok(status) => {
            Err(Failure::unreachable(format!("{url} answers {status}: the server is there, but not healthy")))
        }
        Err(reason) => Err(Failure::unreachable(format!(
            "{url} does not answer: {reason}; start the server, or give the right address with -H"
        ))),
    }
}

async fn ask(target: Target, args: &HealthcheckArgs) -> Result<Result<u16, String>, Failure> {
    let transport = HttpTransport::new(target, &HttpOptions::default())?;
    let mut call =
        Call { method: "GET".parse().map_err(Failure::usage)?, path: args.path.clone(), ..Call::default() };
    #[expect(clippy::disallowed_methods, reason = "the environment enters in `cli`")]
    let token = || std::env::var(OPERATOR_TOKEN_VARIABLE).ok().and_then(|token| token.parse().ok());
    // No other path, and so no other server, is to see it.
    if let Some(token) = token().filter(|_| args.path.starts_with("/_stub/")) {
        call.headers.insert(OPERATOR_TOKEN_HEADER, token);
    }
    let answer = Clock::system().timeout(args.timeout, transport.send(call)).await;
    Ok(match answer {
        Ok(Ok(reply)) => Ok(reply.status),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("nothing came within {}", wire::format_duration(args.timeout))),
    })
}
