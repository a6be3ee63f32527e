//! The key that signs tokens: the operator's, or one made once and kept in the data folder.

use crate::config::Config;
use anyhow::{Context, bail};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

const FILE: &str = "secret_key";

/// Fills in the signing key if the settings give none.
///
/// # Errors
/// When the key's file cannot be read or made.
pub fn ensure(config: &mut Config) -> anyhow::Result<()> {
    if config.auth.secret_key.is_empty() {
        config.auth.secret_key = kept(&config.data_dir.join(FILE))?;
    }
    Ok(())
}

fn kept(path: &Path) -> anyhow::Result<String> {
    match fs::read_to_string(path) {
        Ok(key) if key.trim().len() >= 16 => return Ok(key.trim().to_owned()),
        Ok(_) => bail!(
            "{} is no signing key (at least 16 bytes); remove it and everybody signs in again",
            path.display()
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => {
            return Err(error)
                .with_context(|| format!("the signing key {} cannot be read", path.display()));
        }
    }
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).context("the system gave no random bytes for a signing key")?;
    let key: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    write_private(path, &key)
        .with_context(|| format!("the signing key {} cannot be written", path.display()))?;
    Ok(key)
}

/// Written whole beside its place, then moved into it: a server that was killed meanwhile leaves no half key.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    if path.try_exists()? {
        return Err(ErrorKind::AlreadyExists.into()); // another server is starting
    }
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let key = kept(&path).unwrap();
        assert_eq!((key.len(), kept(&path).unwrap()), (64, key));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        assert!(!path.with_extension("new").exists());
        fs::write(&path, "short").unwrap();
        assert!(kept(&path).unwrap_err().to_string().contains("remove it"));
    }
}
