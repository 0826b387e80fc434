//! Events as they stand on the mesh's channels: JSON, field for field as the real server and its agents write it.
//!
//! It must not know how channels work.

use crate::a2a::Envelope;
use crate::json::{Form, Json, Text, Unwritable, append_text, parse};

/// The channel on which agents answer.
pub(crate) const RESULTS: &str = "a2a_results";
/// The writer of events follows lists and objects so deep.
const DEPTH_MAX: usize = 250;

/// A task as it is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// Where: `tasks:` and the capability, with `_` for each `:`.
    pub(crate) channel: String,
    /// Names the task; its answer carries it.
    pub(crate) workflow_id: String,
    /// The event.
    pub(crate) event: String,
}

impl Task {
    /// The task that a message asks of `capability`.
    ///
    /// # Errors
    /// When something in it has no place in JSON.
    pub(crate) fn new(envelope: &Envelope, capability: &Text) -> Result<Self, Unwritable> {
        let text = |text: &Text| {
            let mut out = String::new();
            append_text(text, Form::Event, &mut out).map(|()| out)
        };
        if envelope.payload.depth() > DEPTH_MAX {
            return Err(Unwritable);
        }
        let (id, sender) = (text(&envelope.request_id)?, text(&envelope.sender_id)?);
        let event = format!(
            concat!(
                r#"{{"event_type":"A2ATask","data":{},"metadata":{{"event_id":{},"timestamp":"{}","#,
                r#""source_agent":{},"parent_event_id":null,"correlation_id":null,"workflow_id":{},"#,
                r#""priority":"normal","metadata":{{"capability":{},"budget":{},"a2a_sender":{},"a2a_receiver":{}}}}},"#,
                r#""access_policy":{{"min_level":"public","allowed_roles":[],"denied_roles":[]}}}}"#
            ),
            envelope.payload.write(Form::Event)?,
            id,
            envelope.created_at.event_iso(),
            sender,
            id,
            text(capability)?,
            envelope.budget.json().write(Form::Event)?,
            sender,
            text(&envelope.receiver_id)?
        );
        let name = capability.whole().ok_or(Unwritable)?.replace(':', "_");
        let workflow_id = envelope.request_id.whole().ok_or(Unwritable)?.to_owned();
        Ok(Self { channel: format!("tasks:{name}"), workflow_id, event })
    }
}

/// What an agent reads out of an event: whose task it is, and what is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TaskEvent {
    pub(crate) workflow_id: String,
    pub(crate) data: Json,
}

impl TaskEvent {
    /// Reads an event, a task's or a result's; none if it is no object with both.
    pub(crate) fn read(event: &[u8]) -> Option<Self> {
        let event = parse(event).ok()?;
        let workflow_id = event.field("metadata")?.field("workflow_id")?.as_text()?.to_owned();
        let data = event.field("data").filter(|data| matches!(data, Json::Object(_)))?.clone();
        Some(Self { workflow_id, data })
    }
}

/// The event by which an agent answers.
///
/// # Errors
/// When something in it has no place in JSON.
pub(crate) fn result_event(workflow_id: &str, data: &Json) -> Result<String, Unwritable> {
    let id = serde_json::Value::from(workflow_id);
    Ok(format!(
        r#"{{"event_type":"A2AResult","data":{},"metadata":{{"workflow_id":{id}}}}}"#,
        data.write(Form::Event)?
    ))
}
