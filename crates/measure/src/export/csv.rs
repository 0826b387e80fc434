//! CSV as Locust writes it: CRLF row ends, quotes only where needed, `"` doubled.
//! It must not know what is in the cells.

use crate::histogram::Quantile;
use crate::units;

/// Stands where there is no time to show.
const NONE: &str = "N/A";

/// Adds a row.
pub(super) fn push_row<'a>(csv: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            csv.push(',');
        }
        if cell.contains([',', '"', '\r', '\n']) {
            csv.push('"');
            csv.push_str(&cell.replace('"', "\"\""));
            csv.push('"');
        } else {
            csv.push_str(cell);
        }
    }
    csv.push_str("\r\n");
}

/// A cell with a time in ms.
pub(super) fn time(ns: Option<u64>) -> String {
    ns.map_or_else(|| NONE.to_owned(), |ns| units::ms(ns).to_string())
}

/// The eleven percentile cells.
pub(super) fn percentiles(found: Option<Vec<u64>>) -> Vec<String> {
    match found {
        Some(found) => found.into_iter().map(|ns| time(Some(ns))).collect(),
        None => vec![NONE.to_owned(); Quantile::COLUMNS.len()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_stand_only_where_needed() {
        let mut csv = String::new();
        push_row(&mut csv, ["POST", "/ask (named, \"quoted\")", "", "a\nb", "HTTPError('401: no')"]);
        assert_eq!(csv, "POST,\"/ask (named, \"\"quoted\"\")\",,\"a\nb\",HTTPError('401: no')\r\n");
    }

    #[test]
    fn times_have_up_to_three_decimals() {
        assert_eq!(time(Some(11_000_000)), "11");
        assert_eq!(time(Some(11_234_567)), "11.235");
        assert_eq!(time(None), "N/A");
    }
}
