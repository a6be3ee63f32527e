//! A server's process: started on a free port, waited for, and stopped when dropped.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

const STARTS_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A running server.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// How long it took from its start until it listened.
    pub started_in: Duration,
}

impl Server {
    /// Starts on a free port, which `configure` tells it, and waits until it listens.
    ///
    /// # Errors
    /// If it cannot be started, ends, or does not listen in time.
    pub fn start(program: &Path, configure: impl FnOnce(&mut Command, &str)) -> Result<Self> {
        // Some servers bind to every address, and clients have used ports of many: it must be free on all.
        let port = TcpListener::bind("0.0.0.0:0")?.local_addr()?.port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut command = Command::new(program);
        configure(&mut command, &address.port().to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let name = program.display();
        let started = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("{name} does not start"))?;
        let mut server = Self {
            child,
            address,
            started_in: Duration::ZERO,
        };
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{name} ended before it listened ({status})");
            }
            if started.elapsed() > STARTS_WITHIN {
                bail!("{name} does not listen on {address}");
            }
            thread::sleep(LOOK_EVERY);
        }
        server.started_in = started.elapsed();
        Ok(server)
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end, and waits. Its number may be somebody else's once it has ended, so that is looked at first.
    pub fn stop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
            return;
        }
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _gone = self.child.kill();
        }
        let _status = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
