//! Negotiating permessage-deflate. RFC 6455 section 9.1 (the header), RFC 7692 sections 5 and 7.1 (the parameters).
//!
//! The only form agreed to is the one whose memory is bounded and whose frames can be shared: every message compressed
//! on its own, in both directions. A window smaller than the format's largest is not made here, so an offer that insists
//! on one is declined.

/// A `Sec-WebSocket-Extensions` header that is not a list of extensions. The handshake fails with it, by RFC 6455.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Sec-WebSocket-Extensions is not a list of extensions")]
pub struct MalformedExtensions;

const NAME: &[u8] = b"permessage-deflate";
const AGREED: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
const AGREED_TO_FULL_WINDOW: &str = "permessage-deflate; server_no_context_takeover; \
     client_no_context_takeover; server_max_window_bits=15";
const FULL_WINDOW_BITS: u8 = 15;

/// What an offer asks for, as far as the answer depends on it.
#[derive(Debug, Default)]
struct Offer {
    seen: [bool; 4],
    server_window_bits: Option<u8>,
    is_declined: bool,
}

/// Reads the offers of a client, all its `Sec-WebSocket-Extensions` headers in their order, and takes the first that can
/// be met. Answers the value of the response's header; `None` to compress nothing.
pub fn negotiate_deflate<'a>(
    headers: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Option<&'static str>, MalformedExtensions> {
    let mut answer = None;
    for header in headers {
        let mut reader = Reader(header);
        loop {
            // Empty elements of a list are allowed (RFC 9110 section 5.6.1).
            while reader.takes(b',') {}
            if reader.is_at_end() {
                break;
            }
            let offer = reader.extension()?;
            answer = answer.or(offer.and_then(Offer::answer));
            if !reader.takes(b',') && !reader.is_at_end() {
                return Err(MalformedExtensions);
            }
        }
    }
    Ok(answer)
}

impl Offer {
    /// Notes a parameter. What is unknown, there twice, or has a value it may not have, declines the offer.
    fn note(&mut self, name: &[u8], value: Option<Vec<u8>>) {
        let (at, is_well_formed) = match (name, value.as_deref()) {
            (b"server_no_context_takeover", value) => (0, value.is_none()),
            (b"client_no_context_takeover", value) => (1, value.is_none()),
            (b"server_max_window_bits", value) => {
                self.server_window_bits = value.and_then(window_bits);
                (2, self.server_window_bits.is_some())
            }
            (b"client_max_window_bits", value) => {
                (3, value.is_none_or(|value| window_bits(value).is_some()))
            }
            _ => {
                self.is_declined = true;
                return;
            }
        };
        let is_repeated = std::mem::replace(&mut self.seen[at], true);
        self.is_declined |= is_repeated || !is_well_formed;
    }

    fn answer(self) -> Option<&'static str> {
        match self.server_window_bits {
            _ if self.is_declined => None,
            None => Some(AGREED),
            Some(FULL_WINDOW_BITS) => Some(AGREED_TO_FULL_WINDOW),
            Some(_) => None,
        }
    }
}

/// 8 to 15, without leading zeros.
fn window_bits(value: &[u8]) -> Option<u8> {
    match value {
        [digit @ b'8'..=b'9'] => Some(digit - b'0'),
        [b'1', digit @ b'0'..=b'5'] => Some(10 + digit - b'0'),
        _ => None,
    }
}

/// What is left of one header.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn skip_space(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }

    fn is_at_end(&mut self) -> bool {
        self.skip_space();
        self.0.is_empty()
    }

    /// Takes this byte and the space before it, if it comes next.
    fn takes(&mut self, wanted: u8) -> bool {
        self.skip_space();
        match self.0 {
            [first, rest @ ..] if *first == wanted => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn token(&mut self) -> Result<&'a [u8], MalformedExtensions> {
        self.skip_space();
        let is_end = |byte: &u8| !is_token_byte(*byte);
        let len = self.0.iter().position(is_end).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(len);
        self.0 = rest;
        if token.is_empty() {
            return Err(MalformedExtensions);
        }
        Ok(token)
    }

    /// A token, or a quoted string that is one when its escapes are undone.
    fn value(&mut self) -> Result<Vec<u8>, MalformedExtensions> {
        if !self.takes(b'"') {
            return self.token().map(<[u8]>::to_vec);
        }
        let mut value = Vec::new();
        loop {
            let (byte, rest) = match self.0 {
                [b'"', rest @ ..] => {
                    self.0 = rest;
                    break;
                }
                [b'\\', byte, rest @ ..] | [byte, rest @ ..] => (*byte, rest),
                [] => return Err(MalformedExtensions),
            };
            if !is_token_byte(byte) {
                return Err(MalformedExtensions);
            }
            value.push(byte);
            self.0 = rest;
        }
        if value.is_empty() {
            return Err(MalformedExtensions);
        }
        Ok(value)
    }

    /// One extension with its parameters; `None` if it is another than ours.
    fn extension(&mut self) -> Result<Option<Offer>, MalformedExtensions> {
        let is_ours = self.token()?.eq_ignore_ascii_case(NAME);
        let mut offer = Offer::default();
        while self.takes(b';') {
            let name = self.token()?;
            let value = match self.takes(b'=') {
                true => Some(self.value()?),
                false => None,
            };
            offer.note(name, value);
        }
        Ok(Some(offer).filter(|_| is_ours))
    }
}

/// RFC 9110 section 5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(header: &str) -> Result<Option<&'static str>, MalformedExtensions> {
        negotiate_deflate([header.as_bytes()])
    }

    #[test]
    fn the_first_offer_that_can_be_met_is_taken() {
        for (header, expected) in [
            ("permessage-deflate", Some(AGREED)),
            ("PerMessage-Deflate", Some(AGREED)),
            ("permessage-deflate; client_max_window_bits", Some(AGREED)),
            (
                "permessage-deflate;client_max_window_bits=10;client_no_context_takeover",
                Some(AGREED),
            ),
            (
                "permessage-deflate; client_max_window_bits=\"1\\0\"",
                Some(AGREED),
            ),
            (
                " , permessage-deflate ; server_max_window_bits = \"15\" , ,",
                Some(AGREED_TO_FULL_WINDOW),
            ),
            (
                "permessage-deflate; server_max_window_bits=10, permessage-deflate",
                Some(AGREED),
            ),
            (
                "x-webkit-deflate-frame; a=\"b\", permessage-deflate; server_no_context_takeover",
                Some(AGREED),
            ),
            ("permessage-bzip2; level=9", None),
            ("", None),
            (",", None),
        ] {
            assert_eq!(answer(header), Ok(expected), "{header}");
        }
    }

    #[test]
    fn an_offer_that_cannot_be_met_is_declined_and_the_connection_goes_on() {
        for parameters in [
            "server_max_window_bits=10",
            "server_max_window_bits=14",
            "server_max_window_bits",
            "server_max_window_bits=16",
            "server_max_window_bits=015",
            "server_max_window_bits=7",
            "client_max_window_bits=7",
            "client_max_window_bits=08",
            "client_max_window_bits=+9",
            "client_max_window_bits; client_max_window_bits",
            "server_no_context_takeover=1",
            "client_no_context_takeover=true",
            "client_no_context_takeover; client_no_context_takeover",
            "something_new",
            "Server_No_Context_Takeover",
        ] {
            let header = format!("permessage-deflate; {parameters}");
            assert_eq!(answer(&header), Ok(None), "{header}");
        }
    }

    #[test]
    fn a_header_that_is_no_list_of_extensions_is_an_error() {
        for header in [
            ";",
            "permessage-deflate;",
            "permessage-deflate; =1",
            "permessage-deflate; a=",
            "permessage-deflate; a=\"\"",
            "permessage-deflate; a=\"b",
            "permessage-deflate; a=\"b c\"",
            "permessage-deflate; a=b c",
            "permessage-deflate x",
            "permessage-deflate; é",
            "permessage-deflate, a=b",
        ] {
            assert_eq!(answer(header), Err(MalformedExtensions), "{header}");
        }
    }

    #[test]
    fn several_headers_are_one_list() {
        let headers: [&[u8]; 2] = [b"permessage-bzip2", b"permessage-deflate"];
        assert_eq!(negotiate_deflate(headers), Ok(Some(AGREED)));
    }
}
