//! What a person may choose as a picture: the generated one, an image sent as a `data:` address, one on the web.

use crate::error::Error;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use store::users::{GENERATED_PICTURE, Picture};
use wire::UserId;

/// The largest picture, in bytes of the `data:` address.
const MAX_DATA_BYTES: usize = 256 * 1024;

/// The longest address on the web, in bytes.
const MAX_URL_BYTES: usize = 2_048;

/// The kinds of image that are stored, with what their files begin with.
const KINDS: [(&str, &[u8]); 4] = [
    ("image/png", b"\x89PNG"),
    ("image/jpeg", b"\xff\xd8\xff"),
    ("image/gif", b"GIF8"),
    ("image/webp", b"RIFF"),
];

/// A choice, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// As it is.
    Keep,
    /// The generated one.
    Generated,
    /// This image.
    Given(Picture),
    /// The image at this address.
    Elsewhere(String),
}

/// Reads what was sent as `profile_image_url`.
///
/// # Errors
/// When it is no picture, or too large.
pub(crate) fn parse(id: Option<&UserId>, sent: Option<&str>) -> Result<Choice, Error> {
    let Some(sent) = sent.map(str::trim) else {
        return Ok(Choice::Keep);
    };
    if sent.is_empty() || sent == GENERATED_PICTURE {
        return Ok(Choice::Generated);
    }
    if id.is_some_and(|id| sent.starts_with(&path(id))) {
        return Ok(Choice::Keep);
    }
    if let Some(data) = sent.strip_prefix("data:") {
        return image(data).map(Choice::Given);
    }
    if sent.starts_with("https://")
        && sent.len() <= MAX_URL_BYTES
        && sent.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Ok(Choice::Elsewhere(sent.to_owned()));
    }
    Err(refused())
}

/// Where a stored picture is read.
pub(crate) fn path(id: &UserId) -> String {
    format!("/api/v1/users/{id}/profile/image")
}

/// What stands in the account for a choice; `version` makes browsers fetch a new picture.
pub(crate) fn url(id: &UserId, choice: &Choice, version: i64) -> Option<String> {
    match choice {
        Choice::Keep => None,
        Choice::Generated => Some(GENERATED_PICTURE.to_owned()),
        Choice::Given(_) => Some(format!("{}?v={version}", path(id))),
        Choice::Elsewhere(url) => Some(url.clone()),
    }
}

fn image(data: &str) -> Result<Picture, Error> {
    if data.len() > MAX_DATA_BYTES {
        return Err(Error::TooLarge {
            what: "the picture in bytes",
            len: data.len(),
            max: MAX_DATA_BYTES,
        });
    }
    let (media_type, text) = data.split_once(";base64,").ok_or_else(refused)?;
    let (media_type, start) = KINDS
        .into_iter()
        .find(|(kind, _)| *kind == media_type)
        .ok_or_else(refused)?;
    let bytes = STANDARD.decode(text).map_err(|_| refused())?;
    if !bytes.starts_with(start) {
        return Err(refused());
    }
    Ok(Picture {
        media_type: media_type.to_owned(),
        bytes,
    })
}

fn refused() -> Error {
    Error::refused(
        "picture_invalid",
        "a picture is a PNG, JPEG, GIF or WebP image of at most 256 KiB, or an https address",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_images_are_pictures() {
        let ada = UserId::from("ada");
        let check = |sent: &str| parse(Some(&ada), Some(sent));
        assert_eq!(parse(Some(&ada), None).unwrap(), Choice::Keep);
        assert_eq!(check("/user.png").unwrap(), Choice::Generated);
        assert_eq!(
            check("/api/v1/users/ada/profile/image?v=3").unwrap(),
            Choice::Keep
        );
        assert_eq!(
            check("https://example.com/a.png").unwrap(),
            Choice::Elsewhere("https://example.com/a.png".into())
        );
        let Choice::Given(picture) = check("data:image/png;base64,iVBORw==").unwrap() else {
            panic!()
        };
        assert_eq!(
            (picture.media_type.as_str(), picture.bytes.as_slice()),
            ("image/png", b"\x89PNG".as_slice())
        );
        for wrong in [
            "/api/v1/users/bob/profile/image",
            "http://example.com/a.png",
            "javascript:alert(1)",
            "https://example.com/\u{7f}",
            "https://example.com/ä",
            "data:image/svg+xml;base64,PHN2Zz4=",
            "data:image/png;base64,PHN2Zz4=",
            "data:image/png;base64,*",
            "data:image/png,iVBORw==",
        ] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
        let large = format!("data:image/png;base64,{}", "A".repeat(MAX_DATA_BYTES));
        assert!(matches!(check(&large), Err(Error::TooLarge { .. })));
    }
}
