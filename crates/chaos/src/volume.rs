//! A small file system (tmpfs) for a data folder, so that a full disk is a full disk: every write meets what the kernel
//! says, not what a library plays.
//!
//! Mounting needs a right. The program takes a mount namespace of its own where it may, and its mounts end with it; where
//! it may not, the shim says that no file may grow.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// How much fits, in mebibytes.
const MEBIBYTES: usize = 128;
/// What fills it.
const BALLAST: &str = "ballast";
/// Set in the program that has its mounts to itself.
const HAS_OWN_MOUNTS: &str = "CHAOS_HAS_OWN_MOUNTS";

/// A mounted file system.
pub struct Volume {
    at: PathBuf,
}

/// Becomes the same program in a mount namespace of its own, where that is allowed. Otherwise it answers.
pub fn take_own_mounts() {
    if std::env::var_os(HAS_OWN_MOUNTS).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    for options in [&["--mount"][..], &["--mount", "--map-root-user"]] {
        let mut tried = Command::new("unshare");
        tried.args(options).arg("true").stderr(Stdio::null());
        if tried.status().is_ok_and(|status| status.success()) {
            let mut unshare = Command::new("unshare");
            unshare
                .args(options)
                .arg(&program)
                .args(std::env::args_os().skip(1));
            // If it does not become it, it goes on as it is.
            let _ = unshare.env(HAS_OWN_MOUNTS, "1").exec();
        }
    }
}

/// Whether volumes can be mounted, by trying it.
///
/// # Errors
/// Why not.
pub fn can_mount(scratch: &Path) -> Result<()> {
    if std::env::var_os(HAS_OWN_MOUNTS).is_none() {
        bail!("no mount namespace of its own is allowed");
    }
    let folder = tempfile::tempdir_in(scratch)?;
    Volume::mount(folder.path()).map(drop)
}

impl Volume {
    /// Mounts an empty one over a folder.
    ///
    /// # Errors
    /// If that is not allowed.
    pub fn mount(at: &Path) -> Result<Volume> {
        let size = format!("size={MEBIBYTES}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tidings-chaos"]);
        let outcome = mount.arg(at).output().context("no program `mount`")?;
        if !outcome.status.success() {
            bail!("{}", String::from_utf8_lossy(&outcome.stderr).trim());
        }
        Ok(Volume { at: at.into() })
    }

    /// Leaves not a byte of it free.
    ///
    /// # Errors
    /// Any but that it is full.
    pub fn fill(&self) -> Result<()> {
        let mut file = fs::File::create(self.at.join(BALLAST))?;
        let block = vec![1_u8; 1024 * 1024];
        let mut size = block.len();
        while size > 0 {
            match file.write(&block[..size]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => size /= 2,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Gives the room back.
    ///
    /// # Errors
    /// If the file cannot be removed.
    pub fn relieve(&self) -> Result<()> {
        fs::remove_file(self.at.join(BALLAST)).map_err(Into::into)
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Also with files open: whoever has them is being ended. What stays ends with the namespace.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}
