//! What Open WebUI 0.7.2 needs for the same, measured earlier on another machine of this kind and quoted here.

/// What for, and how much.
const FIGURES: [(&str, &str); 5] = [
    ("start, until it listens", "9-11 s"),
    ("memory at rest", "272 MB"),
    ("server CPU per connect and join", "4-8 ms"),
    ("server CPU per posted message, nobody listens", "27-38 ms"),
    ("the same with 500 listeners", "108-111 ms"),
];

/// Its figures beside ours, which come in the same order; none where the measurement has none.
#[must_use]
pub fn table(ours: [Option<String>; 5]) -> String {
    let mut text =
        "\n| | Tidings | Open WebUI 0.7.2 (quoted, another machine of this kind) |\n|---|---:|---:|\n"
            .to_owned();
    for ((what, theirs), ours) in FIGURES.iter().zip(ours) {
        let ours = ours.as_deref().unwrap_or("-");
        text += &format!("| {what} | {ours} | {theirs} |\n");
    }
    text
}
