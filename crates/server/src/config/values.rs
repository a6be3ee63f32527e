//! Reads single values; each error says what is allowed.

use std::time::Duration;

/// `true` or `false`, in any case, or `1` or `0`.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("true or false".to_owned()),
    }
}

/// A whole number within bounds, both included.
pub fn number<T>(text: &str, least: T, most: T) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    text.parse::<T>()
        .ok()
        .filter(|n| *n >= least && *n <= most)
        .ok_or_else(|| format!("a whole number from {least} to {most}"))
}

/// How many proxies stand in front: a number, or `true` for one.
pub fn proxies(text: &str) -> Result<usize, String> {
    boolean(text)
        .map(usize::from)
        .or_else(|_| number(text, 0, 16))
        .map_err(|allowed| format!("true, false, or {allowed}"))
}

/// Seconds within bounds.
pub fn seconds(text: &str, least: u64, most: u64) -> Result<Duration, String> {
    number(text, least, most)
        .map(Duration::from_secs)
        .map_err(|allowed| format!("{allowed}, in seconds"))
}

/// The contract's life of a token: numbers with units, added up; `-1` is for ever (`None`).
pub fn life(text: &str) -> Result<Option<Duration>, String> {
    let allowed =
        || "a number with ms, s, m, h, d or w (4w, 12h, 1h30m), or -1 for ever".to_owned();
    if text == "-1" {
        return Ok(None);
    }
    let (mut total_ms, mut rest) = (0_u64, text);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let n: u64 = rest
            .get(..digits)
            .and_then(|n| n.parse().ok())
            .ok_or_else(allowed)?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_lowercase).count();
        let unit_ms: u64 = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return Err(allowed()),
        };
        total_ms = n
            .checked_mul(unit_ms)
            .and_then(|ms| total_ms.checked_add(ms))
            .ok_or_else(allowed)?;
        rest = &rest[letters..];
    }
    // A hundred years: beyond it a date in the token would overflow other programs' calendars.
    if !(1_000..=3_153_600_000_000).contains(&total_ms) {
        return Err(allowed());
    }
    Ok(Some(Duration::from_millis(total_ms)))
}

/// A list separated by `;`, without empty ends.
pub fn list(text: &str) -> Vec<String> {
    text.split(';')
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

/// A base URL without the slash at its end.
pub fn base_url(text: &str) -> Result<String, String> {
    let url = text.trim_end_matches('/');
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    match rest {
        Some(host) if !host.is_empty() && !host.contains(char::is_whitespace) => Ok(url.to_owned()),
        _ => Err("addresses that begin with http:// or https://, separated by ';'".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_adds_up_its_parts() {
        assert_eq!(life("4w"), Ok(Some(Duration::from_secs(4 * 604_800))));
        assert_eq!(life("1h30m"), Ok(Some(Duration::from_secs(5_400))));
        assert_eq!(life("-1"), Ok(None));
        for wrong in [
            "",
            "4",
            "w",
            "4 w",
            "4y",
            "0s",
            "99999999999999999999w",
            "9999999w",
        ] {
            assert!(life(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_wrong_value_is_told_what_is_allowed() {
        assert_eq!(
            number::<u16>("70000", 0, 65535),
            Err("a whole number from 0 to 65535".to_owned())
        );
        assert!(boolean("True") == Ok(true) && boolean("yes").is_err());
        assert_eq!(
            ["true", "1", "3", "0", "false"].map(proxies),
            [Ok(1), Ok(1), Ok(3), Ok(0), Ok(0)]
        );
        assert!(proxies("yes").is_err() && proxies("17").is_err());
        assert!(base_url("http://localhost:11434/") == Ok("http://localhost:11434".to_owned()));
        assert!(base_url("localhost:11434").is_err() && base_url("https://").is_err());
    }
}
