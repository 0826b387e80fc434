//! Draws a moment of a run: a pure function of what there is to show, and of the room. It must not know terminals.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::charts::charts;
use super::columns::fitting;
use super::picture::Picture;
use super::state::{Room, State};
use super::table::{TABLE_HEAD, table};
use super::text;

/// How it may look. Colour never says what words do not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) color: bool,
}

impl Look {
    /// Colours, unless the variable `NO_COLOR` holds something.
    pub(super) fn of_environment() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the environment enters in `cli`")]
        let variable = std::env::var_os("NO_COLOR");
        Self { color: variable.is_none_or(|text| text.is_empty()) }
    }

    fn in_color(self, color: Color) -> Style {
        if self.color { Style::new().fg(color) } else { Style::new() }
    }

    pub(super) fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(super) fn bar(self) -> Style {
        self.in_color(Color::Cyan)
    }

    pub(super) fn bad(self) -> Style {
        self.in_color(Color::Red)
    }

    fn good(self) -> Style {
        self.in_color(Color::Green)
    }

    fn alarm(self) -> Style {
        self.bad().add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }
}

/// Where everything goes, from above.
struct Places {
    head: Rect,
    trust: Rect,
    table: Rect,
    charts: Rect,
    failures: Rect,
    notes: Rect,
    keys: Rect,
}

/// What is least needed goes first where there is little room; the table takes what is left.
fn places(area: Rect) -> Places {
    let by_height = |rows: [(u16, u16); 2]| {
        rows.into_iter().find(|(from, _)| area.height >= *from).map_or(0, |(_, height)| height)
    };
    let mut rest = area;
    let mut above = |height: u16| {
        let height = height.min(rest.height);
        let place = Rect { height, ..rest };
        rest = Rect { y: rest.y + height, height: rest.height - height, ..rest };
        place
    };
    let (head, trust) = (above(4), above(by_height([(34, 3), (5, 1)])));
    let below = [
        by_height([(34, 7), (20, 4)]),
        by_height([(34, 6), (16, 3)]),
        by_height([(34, 4), (12, 2)]),
        by_height([(7, 1), (7, 1)]),
    ];
    let table = above(rest_of(area.height, head.height + trust.height + below.iter().sum::<u16>()));
    let [charts, failures, notes, keys] = below.map(above);
    Places { head, trust, table, charts, failures, notes, keys }
}

fn rest_of(all: u16, taken: u16) -> u16 {
    all.saturating_sub(taken)
}

/// What fits into the table.
pub(super) fn room(picture: &Picture, area: Rect) -> Room {
    let table = places(area).table;
    Room {
        entries: picture.entries.len(),
        seen: usize::from(table.height.saturating_sub(TABLE_HEAD)),
        columns: fitting(table.width).len(),
    }
}

/// Draws all of it.
pub(super) fn draw(picture: &Picture, state: &State, look: Look, area: Rect, buffer: &mut Buffer) {
    let places = places(area);
    head(picture, look, places.head, buffer);
    trust(picture, look, places.trust, buffer);
    if state.help {
        let height = places.keys.y.saturating_sub(places.table.y);
        let middle = Rect { height, ..places.table };
        for (row, text) in (0..).zip(HELP) {
            line(text, Style::new(), middle, row, buffer);
        }
    } else {
        table(picture, state, look, places.table, buffer);
        charts(&picture.seconds, look, places.charts, buffer);
        failures(picture, look, places.failures, buffer);
        notes(picture, state, places.notes, buffer);
    }
    let keys = " w W +1 +10 users   s S -1 -10   q stop   1-9 ←→ sort   ↑↓ PgUp PgDn   ? help";
    line(keys, Style::new().add_modifier(Modifier::REVERSED), places.keys, 0, buffer);
}

const HELP: &[&str] = &[
    "keys",
    "  w  W           one user more, ten users more",
    "  s  S           one user less, ten users less",
    "  q  Ctrl-C      stop: answers are waited for; once more: they are cut off",
    "  1 to 9         sort by the column with this number; once more: the other way",
    "  left right     sort by the column beside",
    "  up down        scroll; also PageUp, PageDown, Home, End",
    "  ?  Esc         this help; back",
    "",
    "rps and now are of the last ten seconds, all else is of the step",
    "times are of successes alone; throttled requests are no failures",
];

/// Writes a line into a row of `area`, if there is one.
pub(super) fn line(text: &str, style: Style, area: Rect, row: u16, buffer: &mut Buffer) {
    if row < area.height && area.width > 0 {
        let fitted = text::fitted(text, usize::from(area.width));
        buffer.set_string(area.x, area.y + row, fitted, style);
    }
}

fn head(picture: &Picture, look: Look, area: Rect, buffer: &mut Buffer) {
    let Picture { state, host, seed, step, steps, step_name, total, .. } = picture;
    let first = format!("weaver-bench  {}  seed {seed}  {host}", state.to_uppercase());
    line(&first, look.title(), area, 0, buffer);
    let which = if *steps > 1 { format!("step {step} of {steps} {step_name}") } else { step_name.clone() };
    let at = picture.elapsed_s;
    let progress = match picture.run_time_s {
        None => format!("{which}  {at:.0} s, until it is stopped"),
        Some(of_s) => format!("{which}  {}  {at:.0} of {of_s:.0} s", bar(at / of_s.max(1e-9))),
    };
    line(&progress, Style::new(), area, 1, buffer);
    let users = match picture.users_asked {
        Some(asked) => format!("users {} of {asked}", picture.users),
        None => format!("in progress {}", picture.users),
    };
    let load = format!(
        "{users}  in flight {}  rps {}  failed {} ({}/s)  throttled {} ({}/s)",
        picture.in_flight,
        text::rate(total.rps),
        text::count(total.failures),
        text::rate(total.failures_per_s),
        text::count(total.throttled),
        text::rate(total.throttled_per_s),
    );
    line(&load, Style::new(), area, 2, buffer);
    let three = |[p50, p95, p99]: [Option<f64>; 3]| {
        format!("p50 {}  p95 {}  p99 {}", text::ms(p50), text::ms(p95), text::ms(p99))
    };
    let times = format!("ms  now {}   step {}", three(total.now_ms), three(total.times_ms));
    line(&times, Style::new(), area, 3, buffer);
}

/// How much of it is done.
fn bar(ratio: f64) -> String {
    const CELLS: usize = 24;
    let full = ((ratio.clamp(0.0, 1.0) * CELLS as f64) as usize).min(CELLS);
    format!("[{}{}]", "#".repeat(full), "-".repeat(CELLS - full))
}

fn trust(picture: &Picture, look: Look, area: Rect, buffer: &mut Buffer) {
    let trust = &picture.trust;
    let judged = match picture.passed {
        None => "",
        Some(true) => "; targets met so far",
        Some(false) => "; targets missed so far",
    };
    match trust.valid {
        None => line("no numbers yet", Style::new(), area, 0, buffer),
        Some(true) => {
            let warned = match trust.warnings.len() {
                0 => String::new(),
                count => format!("; {count} to heed"),
            };
            let text = format!("OK: the numbers can be trusted so far{judged}{warned}");
            line(&text, look.good(), area, 0, buffer);
        }
        Some(false) => {
            let hidden = trust.reasons.len().saturating_sub(usize::from(area.height));
            let more = if hidden > 0 { format!("(and {hidden} more) ") } else { String::new() };
            for (row, reason) in (0..area.height).zip(&trust.reasons) {
                let head = if row == 0 { format!("NOT TO BE TRUSTED: {more}") } else { "  ".to_owned() };
                line(&format!("{head}{reason}"), look.alarm(), area, row, buffer);
            }
        }
    }
}

fn failures(picture: &Picture, look: Look, area: Rect, buffer: &mut Buffer) {
    let kinds = picture.failures.len() + picture.failures_hidden;
    if kinds == 0 {
        line("no failures", Style::new(), area, 0, buffer);
        return;
    }
    let title = format!("failures by kind: {kinds}, the latest first");
    line(&title, look.title(), area, 0, buffer);
    for (row, failure) in (1..area.height).zip(&picture.failures) {
        let text = format!("{:>6} × {}: {}", text::count(failure.occurrences), failure.name, failure.error);
        line(&text, look.bad(), area, row, buffer);
    }
}

/// Notes above, warnings below them in at most half of the room.
fn notes(picture: &Picture, state: &State, area: Rect, buffer: &mut Buffer) {
    let warned = picture.trust.warnings.len().min(usize::from(area.height / 2));
    let noted = usize::from(area.height) - warned;
    let notes = state.notes.iter().take(noted).map(|note| format!("- {note}"));
    let warnings = picture.trust.warnings.iter().take(warned).map(|warning| format!("! {warning}"));
    for (row, text) in (0..).zip(notes.chain(warnings)) {
        line(&text, Style::new(), area, row, buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::picture::{Entry, Failure, Second, Trust};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn entry(name: &str, requests: u64, failures: u64) -> Entry {
        let times_ms = [Some(12.34), Some(830.0), Some(12_345.0)];
        let rates = (requests as f64 / 10.0, failures as f64 / 10.0);
        let (name, now_ms) = (name.to_owned(), [Some(1.5), None, None]);
        Entry {
            name,
            requests,
            failures,
            rps: rates.0,
            failures_per_s: rates.1,
            times_ms,
            now_ms,
            ..Entry::default()
        }
    }

    fn picture() -> Picture {
        let second = |at: u32| Second { rps: f64::from(at), p95_ms: (at > 2).then_some(9.0), valid: at != 4 };
        Picture {
            state: "running",
            host: "http://127.0.0.1:8000".into(),
            seed: 7,
            step: 2,
            steps: 6,
            step_name: "light_load".into(),
            elapsed_s: 15.2,
            run_time_s: Some(60.0),
            users: 49,
            users_asked: Some(50),
            in_flight: 12,
            total: Entry { throttled: 20, ..entry("", 1_234, 3) },
            entries: vec![entry("GET /health", 4, 0), entry("POST /日本語/\u{1b}[2J\u{202e}", 1_230, 3)],
            seconds: (0..9).map(second).collect(),
            failures: vec![Failure {
                name: "POST /ask".into(),
                error: "HTTP 500\r\nowned".into(),
                occurrences: 3,
            }],
            trust: Trust { valid: Some(true), warnings: vec!["few: run longer".into()], ..Trust::default() },
            passed: Some(true),
            ..Picture::default()
        }
    }

    fn drawn(picture: &Picture, state: &State, (width, height): (u16, u16)) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a screen");
        let look = Look { color: false };
        let done = terminal.draw(|frame| draw(picture, state, look, frame.area(), frame.buffer_mut()));
        let buffer = done.expect("is drawn").buffer;
        assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
        let row = |y: u16| {
            // The cell after a wide character is its second half.
            let (mut text, mut x) = (String::new(), 0);
            while x < width {
                let symbol = buffer[(x, y)].symbol();
                text.push_str(symbol);
                x += u16::try_from(ratatui::text::Span::raw(symbol).width().max(1)).expect("is narrow");
            }
            text.trim_end().to_owned()
        };
        (0..height).map(row).collect()
    }

    #[track_caller]
    fn check(picture: &Picture, state: &State, size: (u16, u16), expected: &str) {
        let found = drawn(picture, state, size).join("\n");
        assert_eq!(found.trim_end(), expected.trim_matches('\n'), "\n{found}\n");
    }

    fn noted() -> State {
        State { notes: ["asked for 50 users (+1)".to_owned()].into(), ..State::default() }
    }

    #[test]
    fn eighty_by_twenty_four() {
        check(&picture(), &noted(), (80, 24), SMALL);
    }

    #[test]
    fn a_wide_screen_has_all_columns() {
        let rows = drawn(&picture(), &noted(), (120, 40));
        assert_eq!(rows[7], WIDE_HEAD);
    }

    #[test]
    fn little_room_keeps_the_head() {
        check(&picture(), &noted(), (30, 5), TINY);
        for width in 0..40 {
            for height in 0..26 {
                drawn(&picture(), &State { help: height % 2 == 0, ..noted() }, (width, height));
            }
        }
    }

    #[test]
    fn what_cannot_be_trusted_says_so_without_colour() {
        let reasons = vec!["the generator was late".to_owned(), "too few".to_owned()];
        let trust = Trust { valid: Some(false), reasons, ..Trust::default() };
        let rows = drawn(&Picture { trust, ..picture() }, &State::default(), (80, 24));
        assert_eq!(rows[4], "NOT TO BE TRUSTED: (and 1 more) the generator was late");
    }

    #[test]
    fn help_names_every_key() {
        let state = State { help: true, ..State::default() };
        let screen = drawn(&picture(), &state, (80, 24)).join("\n");
        assert!(HELP.iter().all(|line| screen.contains(line.trim_end())), "{screen}");
    }

    const SMALL: &str = r"
weaver-bench  RUNNING  seed 7  http://127.0.0.1:8000
step 2 of 6 light_load  [######------------------]  15 of 60 s
users 49 of 50  in flight 12  rps 123.4  failed 3 (0.3/s)  throttled 20 (0.0/s)
ms  now p50 1.5  p95 –  p99 –   step p50 12.3  p95 830  p99 12.3s
OK: the numbers can be trusted so far; targets met so far; 1 to heed
1 name▴                  2 reqs  3 fail  4 throt   5 rps   6 p50   7 p95   8 p99
all 2 entries              1234       3       20   123.4    12.3     830   12.3s
GET /health                   4       0        0     0.4    12.3     830   12.3s
POST /日本語/\u{1b}[2J…    1230       3        0   123.0    12.3     830   12.3s





rps 8.0, highest 8.0, 1 s doubtful       p95 ms 9.0, highest 9.0, 1 s doubtful
      ▂▅█                                   ██████
   ▁▄▇███                                   ██████
 ▃▆██████                                   ██████
failures by kind: 1, the latest first
     3 × POST /ask: HTTP 500\u{d}\u{a}owned

- asked for 50 users (+1)
! few: run longer
 w W +1 +10 users   s S -1 -10   q stop   1-9 ←→ sort   ↑↓ PgUp PgDn   ? help
";
    const WIDE_HEAD: &str = "1 name▴                                 2 reqs  3 fail  4 throt   5 rps   6 p50   7 p95   8 p99  9 now50   now95   now99";
    const TINY: &str = r"
weaver-bench  RUNNING  seed 7…
step 2 of 6 light_load  [####…
users 49 of 50  in flight 12 …
ms  now p50 1.5  p95 –  p99 –…
OK: the numbers can be truste…
";
}
