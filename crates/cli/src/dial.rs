//! Users added and taken away by single keys, as in Locust: what a press asks of the run, from what is there.
//! It must not know where keys come from.

use harness::{Command, Load, StepPlan, View};
use measure::RunKind;
use tokio::sync::mpsc;

/// Users that come a second when a key asks for them, as Locust has it.
const RATE_PER_S: f64 = 100.0;

/// What a key adds: `w` one user, `W` ten; `s` and `S` take as many away.
pub(crate) fn turn_of(key: char) -> Option<i32> {
    match key {
        'w' => Some(1),
        'W' => Some(10),
        's' => Some(-1),
        'S' => Some(-10),
        _ => None,
    }
}

/// The users last asked for. A view is up to a second old: presses count from here, not from what it shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dial(Option<(usize, u32)>);

impl Dial {
    /// So many were asked for in a step.
    pub(crate) fn set(&mut self, step: usize, users: u32) {
        self.0 = Some((step, users));
    }

    /// Asks the run for `by` users more than were asked for; the answer says so, or why not.
    pub(crate) fn turn(
        &mut self,
        commands: &mpsc::Sender<Command>,
        view: &View,
        steps: &[StepPlan],
        by: i32,
    ) -> String {
        // Before the first view there is nothing to add to.
        let Some(step) = steps.get(view.step).filter(|_| view.head.is_some()) else {
            return "no step has begun yet".to_owned();
        };
        let asked = self.turned(view, &step.load, by).and_then(|(users, spawn_rate_per_s)| {
            let sent = commands.try_send(Command::Edit { users, spawn_rate_per_s });
            sent.map(|()| users).map_err(|_| "the run is busy or has just ended; try again".to_owned())
        });
        match asked {
            Ok(users) => {
                self.set(view.step, users);
                format!("asked for {users} users ({by:+})")
            }
            Err(why) => why,
        }
    }

    /// What was asked for in a step.
    pub(crate) fn users(&self, step: usize) -> Option<u32> {
        self.0.filter(|(at, _)| *at == step).map(|(_, users)| users)
    }

    /// Users and their rate when there are to be `by` more than were asked for.
    ///
    /// # Errors
    /// Why it cannot be, in words.
    fn turned(&self, view: &View, load: &Load, by: i32) -> Result<(u32, f64), String> {
        let baseline = view.head.as_ref().is_some_and(|run| run.kind == RunKind::Baseline);
        let no = |why: &str| Err(why.to_owned());
        if baseline {
            return no("users stay as they are: the baseline keeps its plan; start a run of your own");
        }
        if load.is_open() {
            return no(
                "arrivals follow their schedule: there are no users to add; start another run to change it",
            );
        }
        if view.stopping || view.cooling {
            return no("users stay as they are: the step is over");
        }
        let asked = Some(view.asked.0).filter(|users| *users > 0);
        let before = self.users(view.step).or(asked).unwrap_or(load.users());
        let users = before.saturating_add_signed(by).max(1);
        if users == before {
            return no("one user is the least; to end the run, stop it");
        }
        // Who is still coming comes as planned.
        let rate = if view.steady || view.asked.1 <= 0.0 { RATE_PER_S } else { view.asked.1 };
        load.edited(users, rate).map_err(|mistakes| mistakes.to_string())?;
        Ok((users, rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness::Arrivals;

    #[test]
    fn presses_add_up_and_end_at_the_limits() {
        let closed = |users| Load::Closed { users, spawn_rate_per_s: 2.0 };
        let open = Load::Open { arrivals: Arrivals::Replay([0].into()), in_flight_max: 5 };
        let view = |asked, steady| View { asked, steady, ..View::default() };
        let over = View { stopping: true, ..View::default() };
        for (set, view, load, by, expected) in [
            (None, view((0, 0.0), false), closed(5), 1, Ok((6, 100.0))),
            (None, view((8, 2.0), false), closed(5), 10, Ok((18, 2.0))),
            (None, view((8, 2.0), true), closed(5), -1, Ok((7, 100.0))),
            (Some((0, 20)), view((8, 2.0), true), closed(5), 1, Ok((21, 100.0))),
            (Some((1, 20)), view((8, 2.0), true), closed(5), 1, Ok((9, 100.0))),
            (None, view((3, 2.0), true), closed(3), -10, Ok((1, 100.0))),
            (None, view((1, 2.0), true), closed(3), -1, Err("one user is the least")),
            (None, view((1_000_000, 2.0), true), closed(3), 1, Err("give 1 to 1000000 users")),
            (None, over, closed(3), 1, Err("the step is over")),
            (None, view((0, 0.0), true), open, 1, Err("arrivals follow their schedule")),
        ] {
            let found = Dial(set).turned(&view, &load, by);
            match expected {
                Ok(expected) => assert_eq!(found, Ok(expected), "{set:?} {:?} {by}", view.asked),
                Err(part) => {
                    let why = found.expect_err("is refused");
                    assert!(why.contains(part), "{why}");
                }
            }
        }
    }
}
