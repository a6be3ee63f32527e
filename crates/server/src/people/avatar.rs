//! The generated picture: initials on one of twelve colour pairs, the same as the web app draws.
//!
//! `web/src/lib/design/avatar-colors.ts` holds the same pairs and the same hash; a change belongs in both.

use wire::UserId;

/// Ground and ink of each pair; every pair is at least 7:1.
const PAIRS: [(&str, &str); 12] = [
    ("#C9DFF2", "#173A5A"),
    ("#F3DCC2", "#5C3508"),
    ("#DDE6C8", "#38460F"),
    ("#E0D8F3", "#40277A"),
    ("#F4D3D9", "#6B1A2C"),
    ("#CDE8EA", "#0B4C55"),
    ("#EBE2C5", "#544305"),
    ("#D3DAF5", "#23327A"),
    ("#CFE8D3", "#164A24"),
    ("#EFD3E8", "#651E55"),
    ("#F5D5C9", "#6E2410"),
    ("#D5DDE6", "#2C3E50"),
];

/// The picture as SVG.
pub(crate) fn svg(id: &UserId, name: &str) -> String {
    let (ground, ink) = pair(id);
    let initials = escaped(&initials(name));
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" width="64" height="64"><rect width="64" height="64" rx="12" fill="{ground}"/><text x="32" y="32" dy=".36em" text-anchor="middle" font-family="system-ui, sans-serif" font-size="25" font-weight="600" fill="{ink}">{initials}</text></svg>"#
    )
}

fn pair(id: &UserId) -> (&'static str, &'static str) {
    let hash = id.as_str().bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    PAIRS[(hash % 12) as usize]
}

/// The first letters of the first and the last word.
fn initials(name: &str) -> String {
    let mut words = name.split_whitespace();
    let letter = |word: &str| {
        word.chars()
            .next()
            .map(|letter| letter.to_uppercase().to_string())
    };
    let first = words
        .next()
        .and_then(letter)
        .unwrap_or_else(|| "?".to_owned());
    let last = words.next_back().and_then(letter).unwrap_or_default();
    first + &last
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_of_the_first_and_the_last_word() {
        for (name, expected) in [
            ("Ada Lovelace", "AL"),
            ("ada", "A"),
            ("Jean Luc de Baere", "JB"),
            ("", "?"),
            ("ß <x", "SS<"),
        ] {
            assert_eq!(initials(name), expected, "{name}");
        }
        assert!(svg(&"u".into(), "<b>").contains("&lt;</text>"));
    }

    #[test]
    fn a_person_keeps_its_colours() {
        // FNV-1a of "a" is 0xe40c292c, as the algorithm's own test vectors say.
        assert_eq!(pair(&"a".into()), PAIRS[(0xe40c_292c_u32 % 12) as usize]);
    }
}
