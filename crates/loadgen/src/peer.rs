//! A server that is measured, as the command line names it: `name=program argument…`, to which `--port N` is added.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// How to start one of the room servers.
#[derive(Debug, Clone)]
pub struct Peer {
    /// As the report calls it, with its version.
    pub name: String,
    /// What to run.
    pub program: PathBuf,
    /// What comes before `--port N`.
    pub arguments: Vec<String>,
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, words) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}` is not name=program"))?;
        let mut words = words.split_whitespace();
        let program = words
            .next()
            .ok_or_else(|| format!("`{text}` names no program"))?;
        Ok(Self {
            name: name.to_owned(),
            program: program.into(),
            arguments: words.map(str::to_owned).collect(),
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.program.display())?;
        self.arguments
            .iter()
            .try_for_each(|word| write!(f, " {word}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Peer;

    #[test]
    fn a_peer_is_a_name_and_a_command() {
        let peer: Peer = "socket.io 4.8=node server.mjs".parse().unwrap();
        assert_eq!(peer.name, "socket.io 4.8");
        assert_eq!(peer.program.to_str(), Some("node"));
        assert_eq!(peer.arguments, ["server.mjs"]);
        assert_eq!(peer.to_string(), "socket.io 4.8=node server.mjs");
        assert!("socket.io".parse::<Peer>().is_err());
        assert!("socket.io=".parse::<Peer>().is_err());
    }
}
