//! Reads a process's figures from Prometheus text.
//! It must not know where the text comes from.

use measure::ProcessRecord;

/// `process_cpu_seconds_total`, `process_resident_memory_bytes` and `process_open_fds`; `None` without the first.
pub(crate) fn process(text: &str) -> Option<ProcessRecord> {
    let value = |name: &str| -> Option<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix([' ', '{']))?;
        let values = line.rsplit_once('}').map_or(line, |(_, values)| values);
        values
            .split_ascii_whitespace()
            .next()?
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite() && *value >= 0.0)
    };
    Some(ProcessRecord {
        cpu_ns: (value("process_cpu_seconds_total")? * 1e9) as u64,
        memory_bytes: value("process_resident_memory_bytes").map(|bytes| bytes as u64),
        descriptors: value("process_open_fds").map(|count| count as u32),
        sockets: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_their_names() {
        let text = "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total{a=\"x} y\"} 1.5 17000\n\
                    process_open_fds_max 9\nprocess_resident_memory_bytes 2e6\nprocess_open_fds 12\n";
        let expected = ProcessRecord {
            cpu_ns: 1_500_000_000,
            memory_bytes: Some(2_000_000),
            descriptors: Some(12),
            sockets: None,
        };
        assert_eq!(process(text), Some(expected));
        for text in ["", "process_cpu_seconds_total NaN", "process_cpu_seconds_total", "process_open_fds 3"] {
            assert_eq!(process(text), None, "{text}");
        }
    }
}
