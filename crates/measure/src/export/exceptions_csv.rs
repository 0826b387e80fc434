//! `NAME_exceptions.csv`: always the header alone. Locust lists here what its own scripts threw; a scenario is
//! data and throws nothing, and what goes wrong on the client's side is a failure, counted as one.

/// The file's content.
pub fn exceptions_csv() -> String {
    "Count,Message,Traceback,Nodes\r\n".to_owned()
}
