//! Files of the run in hand, or of the last one: the same writers as those of a results folder.
//! It must not know where a run comes from.

use axum::response::Response;
use measure::export::{CsvFile, Document};
use measure::{Run, conclude};
use serde_json::{Value, json};

use super::answer;
use super::session::Session;
use crate::exit::Failure;

/// Everything but the steps' CSV files: name, and what kind of file it is.
const DOCUMENTS: [(&str, &str, Option<Document>); 7] = [
    ("run.json", "artefact", None),
    ("report.html", "page", Some(Document::Html)),
    ("report.txt", "text", Some(Document::Text)),
    ("report.md", "markdown", Some(Document::Markdown)),
    ("report.xml", "junit", Some(Document::Junit)),
    ("report.prom", "prometheus", Some(Document::Prometheus)),
    ("report.json", "json", Some(Document::Json)),
];

/// Names of all files, each with its kind.
pub(super) fn names(steps: &[String]) -> Vec<(String, &'static str)> {
    let documents = DOCUMENTS.iter().map(|(name, kind, _)| ((*name).to_owned(), *kind));
    let csv = |step: &String| CsvFile::all(false).map(|file| (file.file_name(step), "csv"));
    documents.chain(steps.iter().flat_map(csv)).collect()
}

/// The content of one of them; `None` when the name is none of them.
pub(super) fn content(run: &Run, name: &str) -> Result<Option<String>, Failure> {
    if let Some((_, _, document)) = DOCUMENTS.iter().find(|(known, _, _)| *known == name) {
        let Some(document) = document else { return Ok(Some(run.to_json())) };
        let conclusion = conclude(run).map_err(Failure::usage)?;
        return document.write(run, &conclusion).map(Some).map_err(Failure::usage);
    }
    for step in &run.steps {
        for file in CsvFile::all(false) {
            if file.file_name(&step.name) == name {
                let summary = measure::Summary::of(step).map_err(Failure::usage)?;
                return file.write(run, step, &summary).map(Some).map_err(Failure::usage);
            }
        }
    }
    Ok(None)
}

/// One file of the run in hand.
pub(super) async fn document(session: &Session, name: &str, save: bool) -> Response {
    let Some(run) = session.board(|board| board.run()).await else { return answer::missing("a run") };
    let owned = name.to_owned();
    match tokio::task::spawn_blocking(move || content(&run, &owned)).await {
        Ok(Ok(Some(text))) => answer::file(name, text, save),
        Ok(Ok(None)) => answer::missing(name),
        Ok(Err(failure)) => answer::refused(&failure),
        Err(error) => answer::refused(&Failure::bug(error)),
    }
}

/// The list of files of the run in hand. They are written when they are asked for: no length is told.
pub(super) async fn list(session: &Session) -> Value {
    let steps = session.board(|board| {
        board.run().map(|run| run.steps.iter().map(|step| step.name.clone()).collect::<Vec<_>>())
    });
    let Some(steps) = steps.await else { return json!({"files": []}) };
    let file = |(name, kind): (String, &str)| json!({"name": name, "href": format!("/api/downloads/{name}"), "kind": kind});
    json!({"files": names(&steps).into_iter().map(file).collect::<Vec<_>>()})
}
