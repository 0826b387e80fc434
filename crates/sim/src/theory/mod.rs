//! What textbooks say: queues, closed networks, and the statistics by which a measurement is held against them.
//!
//! Pure functions of numbers, each with its source. It must not know the stub, the harness or a clock.

mod batches;
mod closed;
mod distribution;
mod goodness;
mod line;
mod queue;
mod sorted;
mod spread;

pub use batches::{BatchMeans, Interval};
pub use closed::{Closed, closed};
pub use distribution::{normal_quantile, student_quantile};
pub use goodness::{Goodness, poisson_tail, uniform};
pub use line::WaitingLine;
pub use queue::{erlang_b, erlang_c, m_g_1_wait_s, m_m_1_variance_of_means, m_m_c_wait_s};
pub use sorted::{Ascending, nearest_rank};
pub use spread::{Queue, Service};
