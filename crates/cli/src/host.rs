//! The generator's machine.

use std::fs::read_to_string;

use measure::Host;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// The machine, for the run file.
pub(crate) fn host() -> Host {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let cpuinfo = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let meminfo = read_to_string("/proc/meminfo").unwrap_or_default();
    let memory_kib = field(&meminfo, "MemTotal").and_then(|v| v.split(' ').next()?.parse::<u64>().ok());
    Host {
        name: name.unwrap_or_default(),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        cpus: std::thread::available_parallelism().map_or(1, |n| n.get() as u32),
        cpu_model: field(&cpuinfo, "model name").unwrap_or_default().to_owned(),
        memory_bytes: memory_kib.unwrap_or(0) * 1024,
    }
}

/// Lets the process open as many connections as it is allowed to: the usual soft limit is a mere 1024.
pub(crate) fn raise_descriptor_limit() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    {
        tracing::warn!("only {soft} descriptors: {error}; raise the limit with ulimit -n");
    }
}

fn field<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    line.split_once(':').map(|(_, value)| value.trim())
}
