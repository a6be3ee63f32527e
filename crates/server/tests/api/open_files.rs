//! The program itself where the system lets it have few files open.

use crate::limits::says_on;
use futures_util::future::join_all;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// What the log says where too many connections are allowed.
const TOO_MANY: &str = "more connections are allowed than the limit of open files leaves room for";

/// The program; killed when it is dropped.
struct Tidings {
    child: Child,
    folder: TempDir,
    addr: SocketAddr,
}

impl Tidings {
    /// Starts it under these limits of open files, and in an environment of its own.
    fn under(soft: u32, hard: u32, settings: &[(&str, &str)]) -> Tidings {
        let folder = tempfile::tempdir().expect("a folder");
        let limits = format!("ulimit -Sn {soft}; ulimit -Hn {hard}; exec \"$0\" serve");
        let mut child = Command::new("sh")
            .args(["-c", &limits, env!("CARGO_BIN_EXE_tidings")])
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("DATA_DIR", folder.path())
            .env("PORT", "0")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.path().join("log")).expect("a log"))
            .spawn()
            .expect("the program starts");
        let mut said = String::new();
        BufReader::new(child.stdout.take().expect("its output"))
            .read_line(&mut said)
            .expect("it says something");
        let port = said
            .trim()
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok());
        Tidings {
            child,
            folder,
            addr: ([127, 0, 0, 1], port.expect("it says where it listens")).into(),
        }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("the log")
    }
}

impl Drop for Tidings {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn the_limit_of_open_files_is_raised_as_far_as_it_may_be_and_said() {
    let tidings = Tidings::under(64, 1024, &[]);
    let log = tidings.log();
    let raised = "may have 1024 files open; at its start it was 64";
    assert!(log.contains(raised), "{log}");
    let limits = fs::read_to_string(format!("/proc/{}/limits", tidings.child.id())).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    assert_eq!(soft, Some("1024"));
    let connections = log
        .lines()
        .find(|line| line.contains("\"TIDINGS_OPEN_CONNECTIONS\""));
    assert!(connections.unwrap().contains("768"), "{log}");
    assert!(!log.contains(TOO_MANY), "{log}");
}

#[tokio::test]
async fn more_connections_than_the_files_leave_room_for_are_warned_of() {
    for (connections, is_warned) in [("768", false), ("1000", true)] {
        let settings = [("TIDINGS_OPEN_CONNECTIONS", connections)];
        let log = Tidings::under(1024, 1024, &settings).log();
        assert_eq!(log.contains(TOO_MANY), is_warned, "{log}");
    }
}

#[tokio::test]
async fn with_few_files_who_finds_no_place_is_told_and_who_has_one_is_served() {
    let tidings = Tidings::under(256, 256, &[]);
    let connect = |_| async { TcpStream::connect(tidings.addr).await.expect("it listens") };
    let mut places = join_all((0..128).map(connect)).await;
    let without = join_all((0..64).map(connect)).await;
    let form = r#"{"name":"ada","email":"ada@example.org","password":"correct horse"}"#;
    let sign_up = format!(
        "POST /api/v1/auths/signup HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = says_on(places.remove(0), &sign_up).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for stream in without {
        let answer = says_on(stream, "").await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    }
    let log = tidings.log();
    assert!(!log.contains("could not be accepted"), "{log}");
}
