//! What proxies of ours say of a request that passed them, `X-Forwarded-For` and `X-Forwarded-Host`; and whether a page
//! of the same origin sent it.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, header};

/// The `X-Forwarded-*` headers of a request, as far as they can be believed.
///
/// Each is a list: a proxy appends what it saw to what it was sent (Apache's `mod_proxy` to all of them, most others to
/// `X-Forwarded-For`), and whoever asks may have sent something. So as many entries from the end are believed as there
/// are proxies of ours, and of these the first, which the outermost of them wrote: the rule of Werkzeug's `ProxyFix`.
#[derive(Debug, Clone, Copy)]
pub struct Forwarded<'a> {
    headers: &'a HeaderMap,
    trusted_proxies: usize,
}

impl<'a> Forwarded<'a> {
    /// Of a request that passed so many proxies of ours; with 0 nothing is believed.
    pub fn new(headers: &'a HeaderMap, trusted_proxies: usize) -> Forwarded<'a> {
        Forwarded {
            headers,
            trusted_proxies,
        }
    }

    /// The address that the outermost proxy of ours was called from. None if fewer addresses are there than proxies.
    pub fn address(&self) -> Option<IpAddr> {
        let (entries, from_end) = self.entries("x-forwarded-for")?;
        let address = entries.get(entries.len().checked_sub(from_end)?)?;
        // Some proxies write the port too.
        let with_port = || address.parse().map(|address: SocketAddr| address.ip());
        address.parse().or_else(|_| with_port()).ok()
    }

    /// The host, with its port if it has one, that the outermost proxy of ours was asked for. Most proxies write it anew
    /// instead of appending to it: a list that is shorter than the proxies are many is theirs from its beginning.
    pub fn host(&self) -> Option<&'a str> {
        let (entries, from_end) = self.entries("x-forwarded-host")?;
        let host = entries.get(entries.len().saturating_sub(from_end))?;
        Some(*host).filter(|host| !host.is_empty())
    }

    /// Whether the `Origin` is that of a page from where the request was sent to: the same host and port. What is no page's
    /// (no `Origin`, `null`, another scheme than http and https) is not.
    ///
    /// Which of the two schemes it is, is not judged: behind proxies it is not known, and where several end TLS one after
    /// the other, the inner ones know only their own.
    pub fn is_same_origin(&self) -> bool {
        let text = |name| self.headers.get(name)?.to_str().ok();
        let origin = text(header::ORIGIN).and_then(|origin| origin.split_once("://"));
        let host = self.host().or_else(|| text(header::HOST));
        let (Some((scheme, origin)), Some(host)) = (origin, host) else {
            return false;
        };
        // Browsers leave out the port that the scheme implies; some proxies add it.
        let implied = match scheme {
            "https" => ":443",
            "http" => ":80",
            _ => return false,
        };
        let host = host.strip_suffix(implied).unwrap_or(host);
        !host.is_empty() && origin.eq_ignore_ascii_case(host)
    }

    /// All entries of a header, however many lines it has, and how many of them from the end may be ours.
    fn entries(&self, name: &str) -> Option<(Vec<&'a str>, usize)> {
        if self.trusted_proxies == 0 {
            return None;
        }
        let lines = self.headers.get_all(name).iter();
        let lines = lines.filter_map(|line| line.to_str().ok());
        let entries = lines.flat_map(|line| line.split(',')).map(str::trim);
        Some((entries.collect(), self.trusted_proxies))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name, line.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_as_many_addresses_are_believed_as_there_are_proxies() {
        let chain = headers("x-forwarded-for", &["6.6.6.6, 1.1.1.1", "2.2.2.2"]);
        let seen = |proxies| {
            let address = Forwarded::new(&chain, proxies).address();
            address.map(|address| address.to_string())
        };
        assert_eq!(seen(0), None);
        assert_eq!(seen(1).as_deref(), Some("2.2.2.2"));
        assert_eq!(seen(2).as_deref(), Some("1.1.1.1"));
        assert_eq!(seen(4), None);
        for (text, address) in [
            ("1.2.3.4:567", Some("1.2.3.4")),
            ("[2001:db8::1]:567", Some("2001:db8::1")),
            ("unknown", None),
            ("1.2.3.4,", None),
        ] {
            let headers = headers("x-forwarded-for", &[text]);
            let seen = Forwarded::new(&headers, 1).address();
            assert_eq!(seen, address.map(|address| address.parse().unwrap()));
        }
    }

    #[test]
    fn the_host_is_what_the_outermost_proxy_of_ours_was_asked_for() {
        for (lines, proxies, host) in [
            (&["chat.example"][..], 0, None),
            (&[], 1, None),
            (&[""], 1, None),
            (&["chat.example"], 1, Some("chat.example")),
            (&["chat.example:8443"], 1, Some("chat.example:8443")),
            // The inner proxy wrote it anew.
            (&["chat.example"], 2, Some("chat.example")),
            (&["chat.example, inner"], 2, Some("chat.example")),
            (&["chat.example", "inner"], 2, Some("chat.example")),
            // The first entry is the client's own.
            (&["evil.example, chat.example"], 1, Some("chat.example")),
            (
                &["evil.example , chat.example,inner"],
                2,
                Some("chat.example"),
            ),
        ] {
            let headers = headers("x-forwarded-host", lines);
            assert_eq!(Forwarded::new(&headers, proxies).host(), host, "{lines:?}");
        }
    }

    #[test]
    fn a_page_is_of_the_same_origin_whatever_writes_the_port_that_is_implied() {
        let is_same = |origin: &str, host: &str| {
            let mut headers = headers("host", &[host]);
            headers.insert("origin", origin.parse().unwrap());
            Forwarded::new(&headers, 0).is_same_origin()
        };
        for (origin, host) in [
            ("https://chat.example", "chat.example"),
            ("https://chat.example", "Chat.Example"),
            ("https://chat.example", "chat.example:443"),
            ("http://chat.example", "chat.example:80"),
            ("https://chat.example:8443", "chat.example:8443"),
            ("http://[::1]:8080", "[::1]:8080"),
            ("https://[2001:db8::443]", "[2001:db8::443]"),
            ("https://[2001:db8::443]", "[2001:db8::443]:443"),
        ] {
            assert!(is_same(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("https://evil.example", "chat.example"),
            ("https://chat.example.evil", "chat.example"),
            ("https://chat.example", "chat.example:80"),
            ("http://chat.example", "chat.example:443"),
            ("https://chat.example", "chat.example:8443"),
            ("https://chat.example:8443", "chat.example"),
            ("https://[2001:db8:]", "[2001:db8::443]"),
            ("http://[::2]:8080", "[::1]:8080"),
            ("app://chat.example", "chat.example"),
            ("null", "chat.example"),
            ("https://", ""),
            ("https://", ":443"),
        ] {
            assert!(!is_same(origin, host), "{origin} {host}");
        }
        let without = |headers| Forwarded::new(&headers, 0).is_same_origin();
        assert!(!without(headers("host", &["chat.example"])));
        assert!(!without(headers("origin", &["https://chat.example"])));
    }

    #[test]
    fn behind_proxies_the_origin_is_that_of_the_host_that_the_outermost_was_asked_for() {
        let is_same = |proxies, host: &str, forwarded: &str| {
            let mut headers = headers("host", &[host]);
            headers.insert("origin", "https://chat.example".parse().unwrap());
            headers.insert("x-forwarded-host", forwarded.parse().unwrap());
            Forwarded::new(&headers, proxies).is_same_origin()
        };
        assert!(!is_same(0, "inner:80", "chat.example"));
        assert!(is_same(0, "chat.example:443", "evil.example"));
        assert!(is_same(1, "inner:80", "chat.example"));
        assert!(is_same(1, "inner:80", "chat.example:443"));
        assert!(!is_same(1, "inner:80", "chat.example:80"));
        assert!(is_same(1, "inner:80", "evil.example, chat.example"));
        assert!(!is_same(1, "inner:80", "chat.example, middle"));
        assert!(is_same(2, "inner:80", "chat.example, middle"));
        assert!(is_same(2, "inner:80", "chat.example:443, middle:80"));
        assert!(!is_same(
            2,
            "inner:80",
            "chat.example, evil.example, middle"
        ));
        // A proxy that passes the host on has nothing to add.
        assert!(is_same(1, "chat.example", ""));
    }
}
