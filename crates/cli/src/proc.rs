//! What /proc says of a process: processor time, memory, descriptors, threads. Elsewhere than on Linux it says nothing.
//! It must not know why anybody asks.

use std::fs::{read_dir, read_link, read_to_string};
use std::path::{Path, PathBuf};

use measure::{ProcessRecord, ThreadRecord};
use nix::unistd::{SysconfVar, sysconf};

/// Descriptors that are looked at one by one, to tell sockets; with more the sockets are not told.
const DESCRIPTORS_MAX: usize = 20_000;

/// A process, by number.
pub(crate) fn process(pid: &str) -> Option<ProcessRecord> {
    let folder = PathBuf::from("/proc").join(pid);
    let cpu_ns = stat_cpu_ns(&read_to_string(folder.join("stat")).ok()?)?;
    let (descriptors, sockets) = descriptors(&folder).unzip();
    let memory_bytes = read_to_string(folder.join("statm")).ok().and_then(|statm| resident_bytes(&statm));
    Some(ProcessRecord { cpu_ns, memory_bytes, descriptors, sockets: sockets.flatten() })
}

/// The threads of this process.
pub(crate) fn threads() -> Vec<(u64, ThreadRecord)> {
    let Ok(tasks) = read_dir("/proc/self/task") else { return vec![] };
    let thread = |task: std::io::Result<std::fs::DirEntry>| {
        let task = task.ok()?;
        let read = |name| read_to_string(task.path().join(name)).ok();
        let id = task.file_name().to_str()?.parse().ok()?;
        // A kernel without the scheduler's figures still counts ticks.
        let (cpu_ns, waited_ns) = read("schedstat")
            .and_then(|text| schedule(&text))
            .or_else(|| Some((stat_cpu_ns(&read("stat")?)?, 0)))?;
        Some((id, ThreadRecord { name: read("comm")?.trim().to_owned(), cpu_ns, waited_ns }))
    };
    tasks.filter_map(thread).collect()
}

/// Time on a processor, and time ready for one, of `schedstat`.
fn schedule(text: &str) -> Option<(u64, u64)> {
    let mut fields = text.split_ascii_whitespace().map(str::parse);
    Some((fields.next()?.ok()?, fields.next()?.ok()?))
}

/// User and system time of `stat`: its 14th and 15th field, the name of the program being the 2nd and in brackets.
fn stat_cpu_ns(text: &str) -> Option<u64> {
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    let ticks_per_s = sysconf(SysconfVar::CLK_TCK).ok().flatten().filter(|ticks| *ticks > 0).unwrap_or(100);
    Some((u128::from(ticks) * 1_000_000_000 / ticks_per_s.unsigned_abs() as u128) as u64)
}

/// The second field of `statm`, in pages.
fn resident_bytes(text: &str) -> Option<u64> {
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten().filter(|bytes| *bytes > 0).unwrap_or(4_096);
    Some(pages * page.unsigned_abs())
}

/// How many are open, and how many are sockets; another user's cannot be counted.
fn descriptors(folder: &Path) -> Option<(u32, Option<u32>)> {
    let open: Vec<_> = read_dir(folder.join("fd")).ok()?.filter_map(Result::ok).collect();
    let is_socket = |entry: &&std::fs::DirEntry| {
        read_link(entry.path()).is_ok_and(|to| to.as_os_str().as_encoded_bytes().starts_with(b"socket:"))
    };
    let sockets = (open.len() <= DESCRIPTORS_MAX).then(|| open.iter().filter(is_socket).count() as u32);
    Some((open.len() as u32, sockets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_whatever_a_program_is_called() {
        assert_eq!(schedule("83170 69165 2\n"), Some((83_170, 69_165)));
        assert_eq!(schedule("nonsense"), None);
        let stat = "77 (a b) c) S 1 77 77 0 -1 4194560 105 0 0 0 250 50 0 0 20 0 1 0 9 0 0";
        let ticks_per_s = sysconf(SysconfVar::CLK_TCK).expect("is known").expect("has a value");
        assert_eq!(stat_cpu_ns(stat), Some(300 * 1_000_000_000 / ticks_per_s as u64));
        assert_eq!(stat_cpu_ns("77 (short) S 1"), None);
        assert_eq!(resident_bytes("900"), None);
    }

    #[test]
    fn this_process_can_be_read() {
        let process = process("self").expect("is there");
        assert!(process.memory_bytes.is_some_and(|bytes| bytes > 100_000));
        assert!(process.descriptors > process.sockets && process.sockets.is_some());
        assert!(!threads().is_empty());
    }
}
