//! What a fault does to the connection that an answer leaves on. It travels among the response's extensions, so that
//! whoever carries the answer, a socket or a simulation, does the same with it.

/// A fault on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionFault {
    /// The connection is reset before the first byte of the answer.
    Reset,
    /// The head promises the whole body, `bytes` of it are sent, and the connection is closed.
    Truncate {
        /// Bytes of the body that are sent; fewer than it has.
        bytes: u64,
    },
    /// The answer is whole; then the connection is closed without a word before.
    Close,
}
