//! What a measurement was to show, and whether it did.

/// One thing that was meant.
pub struct Judged {
    /// What.
    pub what: String,
    /// What was meant.
    pub meant: &'static str,
    /// What was seen.
    pub seen: String,
    /// Whether that is what was meant.
    pub is_reached: bool,
}

/// The table below the figures.
#[must_use]
pub fn table(rows: impl IntoIterator<Item = Judged>) -> String {
    let mut text = "\n| | meant | seen | |\n|---|---|---|---|\n".to_owned();
    for row in rows {
        let reached = if row.is_reached { "reached" } else { "missed" };
        let Judged {
            what, meant, seen, ..
        } = row;
        text += &format!("| {what} | {meant} | {seen} | {reached} |\n");
    }
    text
}
