//! The page's own files, which are in the binary. It must not know what is in them.

use bytes::Bytes;

/// A file that the page asks for by itself.
pub(super) struct Asset {
    pub(super) content_type: &'static str,
    pub(super) bytes: Bytes,
    /// Whether it is the same for ever under its name.
    pub(super) lasting: bool,
}

macro_rules! assets {
    ($($name:literal),* $(,)?) => {
        fn own(name: &str) -> Option<&'static [u8]> {
            match name {
                $($name => Some(include_bytes!(concat!("../../web/", $name)).as_slice()),)*
                _ => None,
            }
        }

        /// Their names.
        #[cfg(test)]
        const NAMES: &[&str] = &[$($name),*];
    };
}

assets!(
    "api.js",
    "app.css",
    "app.js",
    "chart.js",
    "charts.js",
    "compare.js",
    "controls.js",
    "diagnosis.js",
    "dom.js",
    "downloads.js",
    "failures.js",
    "form.js",
    "icon.svg",
    "index.html",
    "logs.js",
    "past.js",
    "ratio.js",
    "resources.js",
    "state.js",
    "statistics.js",
    "table.js",
    "tabs.js",
    "theme.js",
    "topbar.js",
    "truth.js",
);

/// The page.
pub(super) fn index() -> Asset {
    asset("index.html").expect("is in the table")
}

/// A file by its name.
pub(super) fn asset(name: &str) -> Option<Asset> {
    let (_, ending) = name.rsplit_once('.')?;
    let content_type = content_type(ending);
    if name == measure::export::SCRIPT_FILE {
        let bytes = Bytes::from_static(measure::export::script().as_bytes());
        return Some(Asset { content_type, bytes, lasting: true });
    }
    Some(Asset { content_type, bytes: Bytes::from_static(own(name)?), lasting: false })
}

/// The type of a file, by how its name ends.
pub(super) fn content_type(ending: &str) -> &'static str {
    match ending {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "html" => "text/html; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "json" => "application/json",
        "xml" => "application/xml",
        "md" => "text/markdown; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_in_the_table() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
        let entries =
            std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let files = entries.filter(|path| path.is_file());
        let mut found: Vec<String> =
            files.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
        found.sort();
        assert_eq!(found, NAMES);
        assert!(NAMES.iter().all(|name| asset(name).is_some_and(|asset| !asset.bytes.is_empty())));
        assert!(asset("nothing.js").is_none() && asset("../Cargo.toml").is_none());
    }
}
