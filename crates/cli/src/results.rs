//! The results folder: made before the first request, never an older one overwritten, rewritten after every step.

use std::fs;
use std::io;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use measure::export::{results_folder, timestamp};
use measure::units::file_stamp;
use measure::{Run, RunKind};

use crate::exit::Failure;

/// The name of the artefact.
pub(crate) const RUN_FILE: &str = "run.json";
/// Runs that may have started in the same second.
const SAME_SECOND_MAX: u32 = 1000;

/// A results folder.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) folder: PathBuf,
    pub(crate) owner: Owner,
}

/// Whom results are given to: user and group, where they are set.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Owner {
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
}

impl Owner {
    fn take(self, path: &Path) -> io::Result<()> {
        if self.uid.is_none() && self.gid.is_none() { Ok(()) } else { chown(path, self.uid, self.gid) }
    }
}

impl Results {
    /// Makes a new folder below `out`; shows at once that it can be written to.
    pub(crate) fn create(
        out: &Path,
        kind: RunKind,
        started_unix_ns: u64,
        owner: Owner,
    ) -> Result<Self, Failure> {
        let prefix = match kind {
            RunKind::Baseline => "baseline",
            RunKind::Run => "run",
        };
        Self::create_named(out, prefix, started_unix_ns, owner)
    }

    /// The same with a name that begins so.
    pub(crate) fn create_named(
        out: &Path,
        prefix: &str,
        started_unix_ns: u64,
        owner: Owner,
    ) -> Result<Self, Failure> {
        let name = format!("{prefix}_{}", file_stamp(started_unix_ns));
        let failed = |path: &Path, error: io::Error| {
            let place = path.display();
            Failure::usage(format!(
                "{place}: the results cannot be written: {error}; give another folder with --out"
            ))
        };
        fs::create_dir_all(out).map_err(|error| failed(out, error))?;
        for number in 1..=SAME_SECOND_MAX {
            let suffix = if number == 1 { String::new() } else { format!("_{number}") };
            let folder = out.join(format!("{name}{suffix}"));
            match fs::create_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&folder, error)),
                Ok(()) => {
                    owner.take(&folder).map_err(|error| failed(&folder, error))?;
                    return Ok(Self { folder, owner });
                }
            }
        }
        Err(failed(&out.join(name), io::ErrorKind::AlreadyExists.into()))
    }

    /// Removes the folder if nothing was written to it: a run that never began leaves nothing behind.
    pub(crate) fn discard_if_empty(&self) {
        // It fails when there is something in it, as wanted.
        let _ = fs::remove_dir(&self.folder);
    }

    /// Writes the run and everything that is derived from it.
    pub(crate) fn write(&self, run: &Run) -> Result<(), Failure> {
        self.put(RUN_FILE, run.to_json().as_bytes())?;
        self.derive(run)
    }

    /// Writes everything that is derived from the run.
    pub(crate) fn derive(&self, run: &Run) -> Result<(), Failure> {
        let files = results_folder(run, &timestamp(run)).map_err(Failure::usage)?;
        files.iter().try_for_each(|(name, content)| self.put(name, content.as_bytes()))
    }

    /// An empty file that is written to while the run goes on.
    pub(crate) fn create_file(&self, name: &str) -> Result<fs::File, Failure> {
        let path = self.folder.join(name);
        let made = fs::File::create_new(&path).and_then(|file| self.owner.take(&path).map(|()| file));
        made.map_err(|error| not_written(&path, &error))
    }

    /// Whole or not at all: a crash leaves the older file.
    pub(crate) fn put(&self, name: &str, content: &[u8]) -> Result<(), Failure> {
        put(&self.folder.join(name), content, self.owner)
    }
}

/// Shows before a run that its files can be written.
pub(crate) fn check_writable(path: &Path) -> Result<(), Failure> {
    if path.is_dir() {
        return Err(not_written(path, &io::ErrorKind::IsADirectory.into()));
    }
    let half = half(path);
    let tried = fs::File::create(&half).and_then(|_| fs::remove_file(&half));
    tried.map_err(|error| not_written(path, &error))
}

/// What a file is called until it is whole.
fn half(path: &Path) -> PathBuf {
    let mut half = path.as_os_str().to_owned();
    half.push(".part");
    PathBuf::from(half)
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    let place = path.display();
    Failure::usage(format!("{place}: cannot be written: {error}; make room or give another place"))
}

/// Writes a file whole or not at all.
pub(crate) fn put(path: &Path, content: &[u8], owner: Owner) -> Result<(), Failure> {
    let half = half(path);
    let written =
        fs::write(&half, content).and_then(|()| owner.take(&half)).and_then(|()| fs::rename(&half, path));
    written.map_err(|error| not_written(path, &error))
}
