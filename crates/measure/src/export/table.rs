//! A table in plain text: the first column to the left, the others to the right.
//! It must not know what is in the cells.

/// Lines of the table, each indented by two; the first row is the head, and a line is drawn below it.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(&format!("  {}\n", line.trim_end()));
        if at == 0 {
            let rule = widths.iter().map(|&width| "-".repeat(width)).collect::<Vec<_>>().join("  ");
            text.push_str(&format!("  {rule}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let text = table(&[row(["step", "users", "p95"]), row(["single_user", "1", "1200.5"])]);
        assert_eq!(
            text,
            "  step         users     p95\n  -----------  -----  ------\n  single_user      1  1200.5\n"
        );
    }
}
