//! What a page is made of: a few kinds of blocks, filled with text that the template escapes.
//! It must not know what any of them says.

use askama::Template;

use crate::export::figures::clipped;

/// Rows that a table shows; the others are counted below it.
pub(super) const ROWS_MAX: usize = 200;
/// Characters of a text from outside that a page shows.
const TEXT_MAX: usize = 300;

/// A whole page.
#[derive(Template)]
#[template(path = "page.html")]
pub(super) struct Page<'a> {
    pub(super) title: &'a str,
    pub(super) style: &'static str,
    /// What draws the charts, if the page carries it inside.
    pub(super) script_inside: Option<&'a str>,
    /// The file beside the page that draws the charts, if it does not.
    pub(super) script_file: &'static str,
    /// Ours: puts the charts into the page.
    pub(super) starter: &'static str,
    /// The charts' data, by element id, as JSON that is safe inside a script element.
    pub(super) figures: &'a str,
    pub(super) blocks: &'a [Block],
}

/// A part of a page.
pub(super) enum Block {
    /// The page's name, and beside it what matters first.
    Title { text: String, badges: Vec<Badge> },
    /// What matters first of a section.
    Badges(Vec<Badge>),
    /// Where else to look: name and address.
    Links(Vec<(String, String)>),
    /// A section begins.
    Section { id: String, text: String },
    /// A part of a section begins.
    Part(String),
    /// Names and values.
    Facts(Vec<(String, String)>),
    /// Something to know before reading on, good or bad.
    List { tone: Tone, lines: Vec<String> },
    /// Some words.
    Note(String),
    /// A table.
    Table(Table),
    /// A chart; its data stands in [`Page::figures`] under the same id.
    Chart { id: String, caption: String },
    /// Something to copy.
    Code(String),
    /// Something long that is folded away.
    Folded { summary: String, code: String },
}

/// How something should look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tone {
    #[default]
    Plain,
    Good,
    Doubtful,
    Bad,
}

impl Tone {
    /// The class in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Doubtful => "doubtful",
            Self::Bad => "bad",
        }
    }
}

/// A word or two in a frame.
pub(super) struct Badge {
    pub(super) text: String,
    pub(super) tone: Tone,
}

/// A table: the first columns are text, the others numbers.
#[derive(Default)]
pub(super) struct Table {
    pub(super) caption: String,
    pub(super) head: Vec<String>,
    /// How many columns, from the left, are text.
    pub(super) text_columns: usize,
    pub(super) rows: Vec<Vec<Cell>>,
    /// Set apart at the end.
    pub(super) total: Option<Vec<Cell>>,
    /// Below the table.
    pub(super) notes: Vec<String>,
}

impl Table {
    /// A table without rows.
    pub(super) fn new(caption: impl Into<String>, text_columns: usize, head: &[&str]) -> Self {
        let head = head.iter().map(|name| (*name).to_owned()).collect();
        Self { caption: cut(&caption.into()), head, text_columns, ..Self::default() }
    }

    /// Adds a row, unless there are too many already; then it is counted.
    pub(super) fn fill<T>(&mut self, what: &str, items: &[T], row: impl Fn(&T) -> Vec<Cell>) {
        self.rows.extend(items.iter().take(ROWS_MAX).map(row));
        if items.len() > ROWS_MAX {
            let more = items.len() - ROWS_MAX;
            self.notes
                .push(format!("{more} more {what} are left out here; the CSV and JSON files have them."));
        }
    }

    pub(super) fn is_text(&self, column: &usize) -> bool {
        *column < self.text_columns
    }
}

/// A table's cell.
#[derive(Default)]
pub(super) struct Cell {
    pub(super) text: String,
    /// Where it leads, if anywhere.
    pub(super) link: Option<String>,
    pub(super) tone: Tone,
}

impl Cell {
    /// A cell of this text, cut if it is very long.
    pub(super) fn of(text: impl ToString) -> Self {
        Self { text: cut(&text.to_string()), ..Self::default() }
    }

    /// The same, with a look.
    pub(super) fn toned(text: impl ToString, tone: Tone) -> Self {
        Self { tone, ..Self::of(text) }
    }
}

/// Text from outside, cut if it is very long.
pub(super) fn cut(text: &str) -> String {
    clipped(text, TEXT_MAX)
}
