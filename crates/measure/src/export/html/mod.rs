//! Pages for a browser, with charts to hover over, zoom and switch series on and off; no network is needed.
//!
//! A results folder has one page a step, one for the suite, and one script file beside them; a document has all of it
//! inside. Element ids are fixed, so that a page depends on the run alone. It must not decide anything.

mod analysis;
mod block;
mod chart;
mod over_time;
mod script;
mod seconds;
mod spread;
mod stages;
mod step;
mod suite;
mod tables;

use askama::Template;

use block::{Block, Page};
use chart::{Chart, figures_json};
use seconds::Seconds;
use step::{StepBlocks, badges, step_blocks};

use crate::{Conclusion, Run, RunError, RunKind, analyze};

pub use script::{SCRIPT_FILE, script};

/// The page of the whole suite in a results folder.
const SUITE_PAGE: &str = "report.html";
/// Points of a chart of the whole suite at most.
const SUITE_POINTS_MAX: usize = 2_000;
/// Steps whose charts and tables a document has at most; a results folder has a page for each.
const STEPS_MAX: usize = 50;

/// Ours, and small: everything but the charting library.
const STYLE: &str = include_str!("../../../templates/style.css");
const STARTER: &str = include_str!("../../../templates/starter.js");

/// The pages of a results folder, by name: `NAME.html` a step, and `report.html` for a suite. They need the file
/// [`SCRIPT_FILE`] with the content [`script`] beside them.
///
/// # Errors
/// [`RunError::Damaged`] when a step contradicts itself.
pub fn html_pages(run: &Run, conclusion: &Conclusion) -> Result<Vec<(String, String)>, RunError> {
    let seconds = all_seconds(run)?;
    let mut pages = vec![];
    for ((record, step), seconds) in run.steps.iter().zip(&conclusion.steps).zip(&seconds) {
        let found = step_blocks(run, record, step, seconds)?;
        let text = format!("{}, {}", record.name, suite::heading(run));
        let mut blocks = vec![Block::Title { text: text.clone(), badges: badges(record, step) }];
        if run.kind == RunKind::Baseline {
            blocks.push(Block::Links(vec![("All steps".to_owned(), SUITE_PAGE.to_owned())]));
        }
        blocks.push(suite::facts(run));
        let alone = (run.kind == RunKind::Run).then(|| analyze(run, conclusion)).transpose()?;
        blocks.extend(alone.iter().flat_map(analysis::diagnosis));
        blocks.extend(found.blocks);
        blocks.extend(alone.iter().flat_map(|analysis| analysis::bursts(&analysis.bursts)));
        blocks.extend(suite::repeat(run));
        pages.push((page_name(&record.name), rendered(&text, None, &blocks, &found.charts)));
    }
    if run.kind == RunKind::Baseline {
        let (mut blocks, charts) = suite_blocks(run, conclusion, &seconds, page_name)?;
        blocks.extend(suite::repeat(run));
        pages.push((SUITE_PAGE.to_owned(), rendered(&suite::heading(run), None, &blocks, &charts)));
    }
    Ok(pages)
}

/// The whole run as one page that needs no other file.
///
/// # Errors
/// [`RunError::Damaged`] when a step contradicts itself.
pub fn html_document(run: &Run, conclusion: &Conclusion) -> Result<String, RunError> {
    let seconds = all_seconds(run)?;
    let anchor = |name: &str| format!("#step-{name}");
    let (mut blocks, mut charts) = suite_blocks(run, conclusion, &seconds, anchor)?;
    let steps = run.steps.iter().zip(&conclusion.steps).zip(&seconds);
    for ((record, step), seconds) in steps.take(STEPS_MAX) {
        let StepBlocks { blocks: found, charts: drawn } = step_blocks(run, record, step, seconds)?;
        blocks.push(Block::Section { id: format!("step-{}", record.name), text: record.name.clone() });
        blocks.push(Block::Badges(badges(record, step)));
        blocks.extend(found);
        charts.extend(drawn);
    }
    if run.steps.len() > STEPS_MAX {
        let more = run.steps.len() - STEPS_MAX;
        blocks.push(Block::Note(format!(
            "{more} more steps are left out; a results folder has a page for each."
        )));
    }
    blocks.extend(suite::repeat(run));
    Ok(rendered(&suite::heading(run), Some(script()), &blocks, &charts))
}

fn all_seconds(run: &Run) -> Result<Vec<Seconds>, RunError> {
    run.steps.iter().map(Seconds::of).collect()
}

fn suite_blocks(
    run: &Run,
    conclusion: &Conclusion,
    seconds: &[Seconds],
    link: impl Fn(&str) -> String,
) -> Result<(Vec<Block>, Vec<Chart>), RunError> {
    let found = analyze(run, conclusion)?;
    let mut blocks = vec![suite::title_block(run, conclusion)];
    blocks.extend(suite::reasons(conclusion));
    blocks.push(suite::facts(run));
    blocks.extend(analysis::diagnosis(&found));
    let (overview, mut charts) = suite::overview(run, conclusion, link);
    blocks.extend(overview);
    let steps: Vec<_> = run.steps.iter().zip(seconds).collect();
    if let Some(chart) = over_time::suite_over_time(&steps, SUITE_POINTS_MAX) {
        blocks.push(step::chart_block(&chart));
        charts.push(chart);
    }
    let (scaling, drawn) = analysis::scalability(&found.scaling);
    blocks.extend(scaling);
    charts.extend(drawn);
    blocks.extend(analysis::bursts(&found.bursts));
    Ok((blocks, charts))
}

/// A step may be called as the suite's page is.
fn page_name(step: &str) -> String {
    let page = format!("{step}.html");
    if page == SUITE_PAGE { format!("{step}-step.html") } else { page }
}

fn rendered(title: &str, script_inside: Option<&str>, blocks: &[Block], charts: &[Chart]) -> String {
    let figures = figures_json(charts);
    let page = Page {
        title,
        style: STYLE,
        script_inside,
        script_file: SCRIPT_FILE,
        starter: STARTER,
        figures: &figures,
        blocks,
    };
    page.render().expect("writing to memory does not fail")
}
