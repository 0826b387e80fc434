//! Files that a person names: read whole, with errors that say which and what to do.

use std::path::{Path, PathBuf};

use harness::ScenarioFile;
use wire::Mistakes;

/// Reads a text file.
pub(crate) fn read_text(path: &Path) -> Result<ScenarioFile, Mistakes> {
    let name = path.display().to_string();
    let mut mistakes = Mistakes::default();
    match std::fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => return Ok(ScenarioFile { name, text }),
        Ok(Err(error)) => mistakes.push(name, format!("not UTF-8: {error}"), "save it as UTF-8"),
        Err(error) => mistakes.push(name, format!("cannot be read: {error}"), "give a file that is there"),
    }
    Err(mistakes)
}

/// Reads scenario files; a folder stands for the `.toml` files in it, by name.
pub(crate) fn scenario_files(paths: &[PathBuf]) -> Result<Vec<ScenarioFile>, Mistakes> {
    let mut mistakes = Mistakes::default();
    let mut files = vec![];
    for path in paths {
        let inside = if path.is_dir() { toml_files(path) } else { Ok(vec![path.clone()]) };
        match inside {
            Ok(inside) => {
                for path in inside {
                    read_text(&path).map_or_else(|found| mistakes.append(found), |file| files.push(file));
                }
            }
            Err(found) => mistakes.append(found),
        }
    }
    mistakes.or(files)
}

fn toml_files(folder: &Path) -> Result<Vec<PathBuf>, Mistakes> {
    let name = folder.display().to_string();
    let mut mistakes = Mistakes::default();
    match std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => {
            let paths = entries.into_iter().map(|entry| entry.path());
            let mut paths: Vec<_> = paths.filter(|p| p.extension().is_some_and(|e| e == "toml")).collect();
            paths.sort();
            if !paths.is_empty() {
                return Ok(paths);
            }
            mistakes.push(name, "holds no .toml file", "name a folder with scenario files");
        }
        Err(error) => mistakes.push(name, format!("cannot be read: {error}"), "give a folder that is there"),
    }
    Err(mistakes)
}
