//! Stages that travel over the event mesh: what an agent is told there, and what it tells of its work.
//!
//! It must not know how the mesh carries them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Agents;
use crate::json::{Form, Json, Text, parse};
use crate::latency::{DELAY_NS_MAX, capped_ns};
use crate::ledger::{Connect, Part};
use crate::mesh::{RedisMesh, TaskEvent};
use crate::refusal::Refusal;

/// How long a stage may take beyond its own work: queues, and the mesh. Then it is done here.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an agent is told: enough to draw the delay that it would draw anywhere.
#[derive(Serialize, Deserialize)]
struct Order {
    request_id: String,
    stage: usize,
}

/// What it tells.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Report {
    /// How the work went; times in nanoseconds.
    Done {
        queued_ns: u64,
        /// A new connection, planned and as it went.
        connect_ns: Option<(u64, u64)>,
        planned_ns: u64,
        worked_ns: u64,
        batch: Option<u32>,
        replica: Option<u32>,
    },
    /// Its queue was full.
    QueueFull {},
}

impl Agents {
    /// One agent's part in a stage, done by whoever takes it from the mesh; here, if the mesh fails.
    pub(super) async fn over(
        &self,
        mesh: &RedisMesh,
        request_id: &str,
        stage: usize,
        agent: usize,
    ) -> Result<Part, Refusal> {
        let order = Order { request_id: request_id.to_owned(), stage };
        let order = serde_json::to_string(&order).expect("an order is JSON");
        let name = &self.profile.agents[agent].name;
        let work = self.drawn(request_id, stage, agent);
        let own =
            Duration::from_nanos(capped_ns(work.drawn_ns as f64 * (1.0 + self.agents[agent].plan.growth)));
        let answer = mesh.stage(name, &order, own + PATIENCE).await.ok();
        match answer.as_ref().and_then(read::<Report>) {
            None => self.agents[agent].work(agent, work).await,
            Some(Report::QueueFull {}) => Err(Refusal::QueueFull),
            Some(Report::Done { queued_ns, connect_ns, planned_ns, worked_ns, batch, replica }) => Ok(Part {
                agent,
                // Whoever may publish may say anything.
                queued_ns: queued_ns.min(DELAY_NS_MAX),
                connect: connect_ns.map(|(planned_ns, took_ns)| Connect {
                    planned_ns: planned_ns.min(DELAY_NS_MAX),
                    took_ns: took_ns.min(DELAY_NS_MAX),
                }),
                planned_ns: planned_ns.min(DELAY_NS_MAX),
                worked_ns: worked_ns.min(DELAY_NS_MAX),
                done_ns: self.clock.now_ns(),
                batch,
                replica,
            }),
        }
    }

    /// What one agent of this process makes of a task: a stage of a workflow, or any other, whose data it gives back
    /// after its delay. Nothing if its queue was full for it.
    pub(crate) async fn take(&self, agent: usize, task: TaskEvent) -> Option<Json> {
        if let Some(Order { request_id, stage }) = read(&task.data) {
            let outcome = self.agents[agent].work(agent, self.drawn(&request_id, stage, agent)).await;
            let report = match outcome {
                Ok(part) => Report::Done {
                    queued_ns: part.queued_ns,
                    connect_ns: part.connect.map(|connect| (connect.planned_ns, connect.took_ns)),
                    planned_ns: part.planned_ns,
                    worked_ns: part.worked_ns,
                    batch: part.batch,
                    replica: part.replica,
                },
                Err(_) => Report::QueueFull {},
            };
            return parse(&serde_json::to_vec(&report).expect("a report is JSON")).ok();
        }
        let work = self.drawn(&task.workflow_id, 0, agent);
        self.agents[agent].work(agent, work).await.ok()?;
        let text = |text: &str| Text::Whole(text.to_owned());
        let name = Json::Text(text(&self.profile.agents[agent].name));
        Some(Json::Object(vec![(text("agent"), name), (text("output"), task.data)]))
    }
}

fn read<T: for<'a> Deserialize<'a>>(data: &Json) -> Option<T> {
    serde_json::from_str(&data.write(Form::Event).ok()?).ok()
}
