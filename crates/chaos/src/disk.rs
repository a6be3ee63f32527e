//! The server's data folder, and what a disk does to it: a power cut, an older backup, no more room.
//!
//! The shim (`shim/shim.c`) keeps beside the folder its *shadow*: every file as of its last flush. A power cut puts the
//! shadow in place of the folder, or a torn image: of the pages that were written and not flushed, some.

use std::fs;
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rusqlite::Connection;

use crate::rng::Rng;
use crate::volume::Volume;

/// The database's file, as the server names it.
pub const DATABASE: &str = "tidings.db";
const PAGE: usize = 4096;

/// A data folder with its shadow and backups.
pub struct Disk {
    root: PathBuf,
    shim: PathBuf,
    /// What the data folder is on, if it is on a file system of its own.
    volume: Option<Volume>,
}

/// What the shim's control file says.
#[derive(Debug, Clone, Copy, Default)]
pub struct Control {
    /// Added to the clock, in milliseconds.
    pub clock_offset_ms: i64,
    /// The shim lets no file grow: a full disk where the data folder is on no file system of its own.
    pub is_full: bool,
}

impl Disk {
    /// An empty disk under `root`, or one with a copy of `template` on it; on a small file system of its own or not.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn new(root: &Path, shim: &Path, template: Option<&Path>, is_small: bool) -> Result<Disk> {
        let mut disk = Disk {
            root: root.into(),
            shim: shim.into(),
            volume: None,
        };
        if is_small {
            fs::create_dir_all(disk.data())?;
            disk.volume = Some(Volume::mount(&disk.data())?);
        }
        for folder in [disk.data(), disk.shadow()] {
            fs::create_dir_all(&folder)?;
            if let Some(template) = template {
                copy_all(template, &folder)?;
            }
        }
        disk.control(Control::default())?;
        Ok(disk)
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The database's write-ahead log.
    #[must_use]
    pub fn wal(&self) -> PathBuf {
        self.data().join(format!("{DATABASE}-wal"))
    }

    fn shadow(&self) -> PathBuf {
        self.root.join("shadow")
    }

    fn backup_file(&self) -> PathBuf {
        self.root.join("backup.db")
    }

    /// What makes a process run on this disk.
    #[must_use]
    pub fn shim_variables(&self) -> Vec<(&'static str, PathBuf)> {
        vec![
            ("LD_PRELOAD", self.shim.clone()),
            ("CHAOS_WATCH", self.data()),
            ("CHAOS_SHADOW", self.shadow()),
            ("CHAOS_CONTROL", self.root.join("control")),
        ]
    }

    /// Tells the shim; it counts from the next call on.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn control(&self, control: Control) -> Result<()> {
        let mut bytes = control.clock_offset_ms.to_ne_bytes().to_vec();
        bytes.extend(i32::from(control.is_full).to_ne_bytes());
        bytes.extend([0; 4]);
        // In place: the shim has the file mapped.
        let mut file = fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.root.join("control"))?;
        file.write_all(&bytes)?;
        Ok(())
    }

    /// From now on nothing more fits on it, or as much as before.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn be_full(&self, is_full: bool) -> Result<()> {
        match &self.volume {
            Some(volume) if is_full => volume.fill(),
            Some(volume) => volume.relieve(),
            None => self.control(Control {
                is_full,
                ..Control::default()
            }),
        }
    }

    /// Leaves a copy of what would go with the file system that it is on.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep(&self) -> Result<()> {
        if self.volume.is_none() {
            return Ok(());
        }
        let kept = self.root.join("data-kept");
        fs::create_dir_all(&kept)?;
        copy_all(&self.data(), &kept)
    }

    /// What the disk holds after the power was cut. The server must be dead.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn cut_power(&self, rng: &mut Rng, is_torn: bool) -> Result<()> {
        if is_torn {
            self.tear(rng)?;
        }
        empty(&self.data())?;
        copy_all(&self.shadow(), &self.data())
    }

    /// Lets some pages that were written but not flushed reach the disk all the same, as a real disk does.
    fn tear(&self, rng: &mut Rng) -> Result<()> {
        for entry in fs::read_dir(self.shadow())? {
            let path = entry?.path();
            let Some(name) = path.file_name() else {
                continue;
            };
            let written = match fs::read(self.data().join(name)) {
                Ok(written) => written,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            };
            let flushed = fs::read(&path)?;
            let mut file = fs::File::options().write(true).open(&path)?;
            for (number, page) in written.chunks(PAGE).enumerate() {
                let at = number * PAGE;
                let is_same = flushed.get(at..at + page.len()) == Some(page);
                if !is_same && rng.chance(50) {
                    file.seek(SeekFrom::Start(u64::try_from(at)?))?;
                    file.write_all(page)?;
                }
            }
        }
        Ok(())
    }

    /// The system has written everything by itself, as it does while nothing runs. The server must be dead.
    ///
    /// # Errors
    /// If the shadow cannot be written.
    pub fn settle(&self) -> Result<()> {
        empty(&self.shadow())?;
        copy_all(&self.data(), &self.shadow())
    }

    /// A copy of the files as they are, to look at without touching them. The server must be dead.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn copied(&self) -> Result<(tempfile::TempDir, Connection)> {
        let folder = tempfile::tempdir_in(&self.root)?;
        copy_all(&self.data(), folder.path())?;
        let database = Connection::open(folder.path().join(DATABASE))?;
        Ok((folder, database))
    }

    /// Takes a backup of the database as an operator would, beside the running server.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub fn back_up(&self) -> Result<()> {
        let file = self.backup_file();
        match fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let database = self.open_to_write()?;
        database.execute("VACUUM INTO ?1", [file.to_string_lossy()])?;
        Ok(())
    }

    /// Puts the backup in the database's place. The server must be dead.
    ///
    /// # Errors
    /// If there is none, or it cannot be written.
    pub fn restore(&self) -> Result<()> {
        for folder in [self.data(), self.shadow()] {
            for suffix in ["", "-wal", "-shm"] {
                match fs::remove_file(folder.join(format!("{DATABASE}{suffix}"))) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                    _ => {}
                }
            }
            fs::copy(self.backup_file(), folder.join(DATABASE)).context("there is no backup")?;
        }
        Ok(())
    }

    /// Opens the database for reading, beside the server or without one.
    ///
    /// # Errors
    /// SQLite's.
    pub fn open(&self) -> Result<Connection> {
        let database = Connection::open(self.data().join(DATABASE))?;
        database.busy_timeout(std::time::Duration::from_secs(5))?;
        database.execute_batch("PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0")?;
        Ok(database)
    }

    /// Opens it like a program that wants to write.
    ///
    /// # Errors
    /// SQLite's.
    pub fn open_to_write(&self) -> Result<Connection> {
        let database = Connection::open(self.data().join(DATABASE))?;
        database.busy_timeout(std::time::Duration::from_secs(2))?;
        Ok(database)
    }
}

/// Copies every file but SQLite's shared memory and lock files.
///
/// # Errors
/// If one cannot be read or written.
pub fn copy_all(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if !text.ends_with("-shm") && !text.ends_with(".lock") {
            fs::copy(entry.path(), to.join(&name))
                .with_context(|| format!("{text} cannot be copied"))?;
        }
    }
    Ok(())
}

fn empty(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        fs::remove_file(entry?.path())?;
    }
    Ok(())
}
