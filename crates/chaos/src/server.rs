//! The server under test as a process: started, armed with a fault, killed, stopped for a while, started again.
//!
//! Its data folder is watched by the shim (see [`crate::disk`]); what it says goes to a file that is kept with the round.

use std::cell::RefCell;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::disk::Disk;

/// What the server writes into its log; `server::hub=debug` shows who falls behind.
const LOG_LEVEL: &str = "info,tower_http=warn";
const STARTS_WITHIN: Duration = Duration::from_secs(20);
/// What the server says when it is wrong about itself.
const ALARMS: [&str; 3] = [
    "panicked",
    "handed over with a hole",
    "database disk image is malformed",
];
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The server, running or not.
pub struct Server {
    /// Where it listens, also after it was started again.
    pub address: SocketAddr,
    /// Its disk.
    pub disk: Disk,
    binary: PathBuf,
    log: PathBuf,
    /// What is planted in it for the whole run, as `TIDINGS_FAULT` spells it.
    planted: Option<String>,
    child: RefCell<Option<Child>>,
}

impl Server {
    /// A server that does not run yet.
    ///
    /// # Errors
    /// If no port is free.
    pub fn new(binary: &Path, disk: Disk, log: &Path, planted: Option<String>) -> Result<Server> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        Ok(Server {
            address,
            disk,
            binary: binary.into(),
            log: log.into(),
            planted,
            child: RefCell::new(None),
        })
    }

    /// Starts it and waits until it is ready. `fault` arms a named point.
    ///
    /// # Errors
    /// If it ends or does not get ready.
    pub async fn start(&self, fault: Option<&str>) -> Result<()> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(&self.binary);
        command
            .arg("serve")
            .env("DATA_DIR", self.disk.data())
            .env("HOST", "127.0.0.1")
            .env("PORT", self.address.port().to_string())
            .env("TIDINGS_LOG", LOG_LEVEL)
            .env("WEBSOCKET_SERVER_PING_INTERVAL", "2")
            .env("WEBSOCKET_SERVER_PING_TIMEOUT", "2")
            .envs(self.disk.shim_variables())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let faults: Vec<&str> = self.planted.as_deref().into_iter().chain(fault).collect();
        if !faults.is_empty() {
            command.env("TIDINGS_FAULT", faults.join(","));
        }
        let name = self.binary.display().to_string();
        let child = command
            .spawn()
            .with_context(|| format!("{name} does not start"))?;
        *self.child.borrow_mut() = Some(child);
        let started = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                bail!(
                    "{name} ended before it was ready ({status}), see {}",
                    self.log.display()
                );
            }
            if TcpStream::connect(self.address).await.is_ok() {
                return Ok(());
            }
            if started.elapsed() > STARTS_WITHIN {
                bail!("{name} does not listen on {}", self.address);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// The program.
    #[must_use]
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// Lines of its log that must never stand there.
    #[must_use]
    pub fn alarms(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let is_alarm = |line: &&str| ALARMS.iter().any(|alarm| line.contains(alarm));
        text.lines().filter(is_alarm).map(str::to_owned).collect()
    }

    /// How it ended, if it did; nobody asked it to.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn ended(&self) -> Result<Option<ExitStatus>> {
        match self.child.borrow_mut().as_mut() {
            Some(child) => Ok(child.try_wait()?),
            None => Ok(None),
        }
    }

    /// `kill -9`, and waits until it is gone.
    ///
    /// # Errors
    /// If it cannot be killed.
    pub fn kill(&self) -> Result<()> {
        if let Some(mut child) = self.child.borrow_mut().take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// SIGTERM, as an operator stops it; it has ten seconds.
    ///
    /// # Errors
    /// If it does not end.
    pub async fn stop(&self) -> Result<()> {
        self.signal("-TERM")?;
        let asked = Instant::now();
        while self.ended()?.is_none() {
            if asked.elapsed() > Duration::from_secs(15) {
                self.kill()?;
                bail!("the server did not end within 15 s of SIGTERM");
            }
            sleep(LOOK_EVERY).await;
        }
        self.child.borrow_mut().take();
        Ok(())
    }

    /// Sends a signal by its name, as `-STOP`.
    ///
    /// # Errors
    /// If there is no server.
    pub fn signal(&self, name: &str) -> Result<()> {
        let pid = match self.child.borrow().as_ref() {
            Some(child) => child.id().to_string(),
            None => bail!("the server does not run"),
        };
        let status = Command::new("kill").args([name, &pid]).status()?;
        if !status.success() {
            bail!("kill {name} {pid} failed");
        }
        Ok(())
    }

    /// Waits until the server says that it stands at a named point; false if it does not come there.
    ///
    /// # Errors
    /// If its log cannot be read.
    pub async fn reaches(&self, point: &str, within: Duration) -> Result<bool> {
        let (line, started) = (format!("fault reached: {point}"), Instant::now());
        let from = fs::metadata(&self.log).map_or(0, |log| log.len());
        // The line may have come between the start and now: look a little further back, but not before this start.
        let armed = format!("fault armed: park:{point}");
        loop {
            let text = fs::read(&self.log)?;
            let text = String::from_utf8_lossy(&text);
            let this_start = text
                .rfind(&armed)
                .unwrap_or_else(|| usize::try_from(from).unwrap_or(0).min(text.len()));
            if text[this_start..].contains(&line) {
                return Ok(true);
            }
            if started.elapsed() > within || self.ended()?.is_some() {
                return Ok(false);
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.kill();
    }
}
