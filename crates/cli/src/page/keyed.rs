//! Users by keys in the terminal, while the page is served. It must not know where keys come from.

use super::session::Session;

impl Session {
    /// Asks the run for `by` users more; the answer says so, or why not.
    pub(super) fn turn(&self, by: i32) -> String {
        let mut runs = self.runs();
        let Some(current) = runs.current.as_mut().filter(|current| current.stops == 0) else {
            return "no run goes on; start one in the page".to_owned();
        };
        let view = current.view.borrow().clone();
        current.dial.turn(&current.commands, &view, &current.plan.steps, by)
    }
}
