//! What an address, a name and a password may be.

use crate::error::Error;

/// The longest address, in bytes.
const MAX_EMAIL_BYTES: usize = 254;

/// The longest name, in characters.
const MAX_NAME_CHARACTERS: usize = 100;

/// The shortest and the longest password, in bytes.
const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 8..=256;

/// The address in lower case.
///
/// # Errors
/// When it is none.
pub fn email(text: &str) -> Result<String, Error> {
    let email = text.trim().to_lowercase();
    let is_one = email.split_once('@').is_some_and(|(name, host)| {
        let labels = host.split('.').count();
        !name.is_empty()
            && !host.contains('@')
            && labels > 1
            && host.split('.').all(|label| !label.is_empty())
    });
    let is_plain = !email
        .chars()
        .any(|character| character.is_whitespace() || character.is_control());
    if is_one && is_plain && email.len() <= MAX_EMAIL_BYTES {
        Ok(email)
    } else {
        Err(Error::refused(
            "email_invalid",
            "this is not an e-mail address; one looks like name@example.com",
        ))
    }
}

/// The name without spaces around it.
///
/// # Errors
/// When it is empty, too long, or has control characters.
pub fn name(text: &str) -> Result<String, Error> {
    let name = text.trim();
    let length = name.chars().count();
    if length == 0 || length > MAX_NAME_CHARACTERS || name.chars().any(char::is_control) {
        let detail = format!("a name has 1 to {MAX_NAME_CHARACTERS} characters and no line breaks");
        return Err(Error::refused("name_invalid", detail));
    }
    Ok(name.to_owned())
}

/// # Errors
/// When the password is too short or too long.
pub fn password(text: &str) -> Result<(), Error> {
    if PASSWORD_BYTES.contains(&text.len()) {
        return Ok(());
    }
    let detail = format!(
        "a password has {} to {} bytes",
        PASSWORD_BYTES.start(),
        PASSWORD_BYTES.end()
    );
    Err(Error::refused("password_invalid", detail))
}

/// Whether an account may have this password: it is not too long. Old ones may be shorter than new ones must be.
#[must_use]
pub fn may_be_password(text: &str) -> bool {
    text.len() <= *PASSWORD_BYTES.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_name_and_a_host() {
        assert_eq!(email(" Ada@Example.COM ").unwrap(), "ada@example.com");
        let long = format!("{}@example.com", "a".repeat(250));
        for wrong in [
            "",
            "not-an-email",
            "@example.com",
            "a@",
            "a@b",
            "a@b.",
            "a@.b",
            "a@b@c.d",
            "a b@c.d",
            &long,
        ] {
            assert!(email(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_name_has_characters_of_any_script() {
        assert_eq!(name("  عادل ").unwrap(), "عادل");
        for wrong in ["", "  ", "a\nb", &"x".repeat(101)] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
    }
}
