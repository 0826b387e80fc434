//! A stage of a workflow as a task on the mesh: how it is named, written, and claimed by one of many.
//!
//! Pure functions of texts; it must not know Redis or what an agent does.

use wire::stable_hash;

use super::event::{RESULTS, TaskEvent};
use crate::json::{Json, parse};

/// Longest part of a task's name that stands in a claim; the hash tells the rest.
const NAME_BYTES_MAX: usize = 64;

/// The channel on which tasks of `capability` are published.
pub(super) fn tasks_channel(capability: &str) -> String {
    format!("tasks:{}", capability.replace(':', "_"))
}

/// The channel on which answers to the stages of one instance are published: the others need not read them.
pub(super) fn results_channel(instance: &str) -> String {
    format!("{RESULTS}:{instance}")
}

/// The event of a stage: a task like any other, which says where its answer is awaited. `data` is a JSON object.
pub(super) fn stage_event(agent: &str, id: &str, data: &str, reply_to: &str) -> String {
    let agent = serde_json::Value::from(agent);
    format!(
        concat!(
            r#"{{"event_type":"A2ATask","data":{},"metadata":{{"event_id":"{}","source_agent":"weaver-bench","#,
            r#""workflow_id":"{}","priority":"normal","metadata":{{"capability":{},"reply_to":"{}"}}}}}}"#
        ),
        data, id, id, agent, reply_to
    )
}

/// A task as it was heard, and the channel on which its answer is awaited.
#[derive(Debug, PartialEq)]
pub(super) struct Heard {
    pub(super) task: TaskEvent,
    pub(super) reply_to: String,
}

impl Heard {
    /// Reads an event, a task's or a result's; none if it is no object with a name and an object of data.
    pub(super) fn read(event: &[u8]) -> Option<Self> {
        let mut event = parse(event).ok()?;
        let metadata = event.field("metadata")?;
        let workflow_id = metadata.field("workflow_id")?.as_text()?.to_owned();
        let reply_to = metadata.field("metadata").and_then(|inner| inner.field("reply_to")?.as_text());
        // Any channel could be named by whoever may publish: only results are answered to.
        let reply_to = reply_to.filter(|channel| channel.starts_with(RESULTS)).unwrap_or(RESULTS).to_owned();
        let Json::Object(fields) = &mut event else { return None };
        let data = fields.iter_mut().find(|(name, _)| name.whole() == Some("data"));
        let data = std::mem::replace(&mut data?.1, Json::Null);
        matches!(data, Json::Object(_)).then_some(Self { task: TaskEvent { workflow_id, data }, reply_to })
    }
}

/// The key by which one of many claims a task. It follows from the whole event, because a client may use the name of
/// a task again.
pub(super) fn claim_key(channel: &[u8], event: &[u8], id: &str) -> String {
    let hash = stable_hash(event) ^ stable_hash(channel).rotate_left(1);
    let end = id.floor_char_boundary(NAME_BYTES_MAX);
    format!("claim:{hash:016x}:{}", &id[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_heard_as_it_was_written() {
        let event = stage_event("the \"agent\"", "id-1", r#"{"n":1}"#, "a2a_results:x");
        let heard = Heard::read(event.as_bytes()).expect("an event");
        assert_eq!((&*heard.task.workflow_id, &*heard.reply_to), ("id-1", "a2a_results:x"));
        assert_eq!(heard.task.data, parse(br#"{"n":1}"#).expect("JSON"));
    }

    #[test]
    fn what_is_heard() {
        for (event, expected) in [
            (r#"{"data":{},"metadata":{"workflow_id":"w"}}"#, Some(("w", RESULTS))),
            (
                r#"{"data":{},"metadata":{"workflow_id":"w","metadata":{"reply_to":"a2a_results:i"}}}"#,
                Some(("w", "a2a_results:i")),
            ),
            (
                r#"{"data":{},"metadata":{"workflow_id":"w","metadata":{"reply_to":"tasks:w"}}}"#,
                Some(("w", RESULTS)),
            ),
            (r#"{"data":{},"metadata":{"workflow_id":"w","metadata":null}}"#, Some(("w", RESULTS))),
            (r#"{"data":[],"metadata":{"workflow_id":"w"}}"#, None),
            (r#"{"metadata":{"workflow_id":"w"}}"#, None),
            (r#"{"data":{},"metadata":{"workflow_id":1}}"#, None),
            ("[]", None),
            ("", None),
        ] {
            let heard = Heard::read(event.as_bytes());
            let got = heard.as_ref().map(|heard| (&*heard.task.workflow_id, &*heard.reply_to));
            assert_eq!(got, expected, "{event}");
        }
    }

    #[test]
    fn a_claim_is_of_one_event_on_one_channel() {
        let key = claim_key(b"tasks:a", b"event", "w");
        assert_eq!(key, claim_key(b"tasks:a", b"event", "w"));
        for other in [claim_key(b"tasks:b", b"event", "w"), claim_key(b"tasks:a", b"event2", "w")] {
            assert_ne!(key, other);
        }
        assert!(claim_key(b"", b"", &"é".repeat(1_000)).len() < 100);
    }
}
