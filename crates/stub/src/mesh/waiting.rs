//! Who waits for which answer: a bounded number, each forgotten as soon as it no longer waits.
//!
//! It must not know where answers come from.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::json::Json;

/// Answers that may be waited for.
pub(super) const WAITING_MAX: usize = 4_096;

/// All who wait, by the name of their task.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Table>);

#[derive(Default)]
struct Table {
    named: HashMap<Box<str>, (u64, oneshot::Sender<Json>)>,
    tickets: u64,
}

/// One who waits. Dropped, it is forgotten.
pub(super) struct Waiter<'a> {
    all: &'a Waiting,
    name: &'a str,
    ticket: u64,
    answer: oneshot::Receiver<Json>,
}

impl Waiting {
    /// Waits for the answer to the task of this name; none if too many wait already. Of two that wait under one
    /// name the later one gets the answer.
    pub(super) fn wait_for<'a>(&'a self, name: &'a str) -> Option<Waiter<'a>> {
        let mut table = self.table();
        if table.named.len() >= WAITING_MAX {
            return None;
        }
        let (give, answer) = oneshot::channel();
        table.tickets += 1;
        let ticket = table.tickets;
        table.named.insert(name.into(), (ticket, give));
        Some(Waiter { all: self, name, ticket, answer })
    }

    /// Hands over an answer; one that nobody waits for is dropped.
    pub(super) fn give(&self, name: &str, answer: Json) {
        let waiter = self.table().named.remove(name);
        if let Some((_, waiter)) = waiter {
            // Whoever gave up in this moment needs no answer.
            let _ = waiter.send(answer);
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.table().named.len()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter<'_> {
    /// The answer; it never comes if another waits under the same name by now.
    pub(super) async fn answer(mut self) -> Json {
        match (&mut self.answer).await {
            Ok(answer) => answer,
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut table = self.all.table();
        if table.named.get(self.name).is_some_and(|(ticket, _)| *ticket == self.ticket) {
            table.named.remove(self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn each_is_answered_once_and_then_forgotten() {
        let waiting = Waiting::default();
        let (a, b) = (waiting.wait_for("a").expect("room"), waiting.wait_for("b").expect("room"));
        waiting.give("b", Json::Bool(true));
        waiting.give("b", Json::Bool(false));
        waiting.give("c", Json::Null);
        assert_eq!((b.answer().now_or_never(), waiting.len()), (Some(Json::Bool(true)), 1));
        let later = waiting.wait_for("a").expect("room");
        drop(a);
        assert_eq!(waiting.len(), 1, "the earlier one took the later one with it");
        waiting.give("a", Json::Null);
        assert_eq!(later.answer().now_or_never(), Some(Json::Null));
        assert_eq!(waiting.len(), 0);
    }

    #[test]
    fn there_is_room_for_so_many() {
        let waiting = Waiting::default();
        let names: Vec<_> = (0..=WAITING_MAX).map(|n| n.to_string()).collect();
        let mut waiters: Vec<_> = names.iter().map(|name| waiting.wait_for(name)).collect();
        assert!(waiters.pop().expect("the last").is_none() && waiters.iter().all(Option::is_some));
        drop(waiters);
        assert_eq!(waiting.len(), 0);
    }
}
