//! The stub from outside: its answers, its queues in virtual time, its sockets.

mod answers;
mod common;
mod queues;
mod sockets;
