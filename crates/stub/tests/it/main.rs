//! The stub from outside: its answers, its queues in virtual time, its sockets, its Redis.

mod abuse;
mod answers;
mod common;
mod document;
mod fault_sockets;
mod fault_worlds;
mod faults;
mod limits;
mod manners;
mod patches;
mod queues;
mod quirk_worlds;
mod quirks;
mod redis_connection;
mod redis_proxy;
mod redis_server;
mod redis_store;
mod server;
mod sockets;
mod switches;
