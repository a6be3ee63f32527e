//! Hashing and checking passwords (argon2id), beside the executor and only a few at a time.
//!
//! One check takes some 20 ms and 19 MiB, so as many run as there are processors and a bounded number waits. An account
//! that does not exist is checked against a hash that nothing fits: the same answer after the same time.

use crate::error::Error;
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many may wait for a processor; one more is told to try again.
const MAX_WAITING: usize = 128;

/// A hash with the parameters in force, of random bytes that nobody kept.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$MmY0ZDBjN2IxZTZhOTgzNQ$q8mCkP3yQx0n1o6E9dJ0h4W5bTz7uVfRkL2sYwGaXtM";

/// The threads that hash.
#[derive(Debug, Clone)]
pub struct Passwords {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

/// A place among those who wait for a processor, or have one. Who holds it hashes without being refused.
#[derive(Debug)]
pub struct Place {
    running: Arc<Semaphore>,
    _admitted: OwnedSemaphorePermit,
}

impl Default for Passwords {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Passwords {
            running: Arc::new(Semaphore::new(processors)),
            admitted: Arc::new(Semaphore::new(processors + MAX_WAITING)),
        }
    }
}

impl Passwords {
    /// A place for one who is going to hash. To be taken before anything else that costs, so that who is refused for want
    /// of one has cost nothing.
    ///
    /// # Errors
    /// [`Error::TooMany`] when too many wait.
    pub fn place(&self) -> Result<Place, Error> {
        let Ok(admitted) = self.admitted.clone().try_acquire_owned() else {
            return Err(Error::TooMany { retry_after_s: 2 });
        };
        Ok(Place {
            running: self.running.clone(),
            _admitted: admitted,
        })
    }

    /// The PHC string of a password.
    ///
    /// # Errors
    /// [`Error::TooMany`] when too many wait.
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        self.place()?.hash(password).await
    }

    /// Leaves no place for anybody who waits, until it is dropped.
    #[cfg(test)]
    pub(super) fn occupied(&self) -> OwnedSemaphorePermit {
        let all = u32::try_from(self.admitted.available_permits()).unwrap();
        self.admitted.clone().try_acquire_many_owned(all).unwrap()
    }
}

impl Place {
    /// The PHC string of a password.
    ///
    /// # Errors
    /// [`Error::Internal`] if the system gives no random bytes.
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        self.run(move || hash(&password)).await?
    }

    /// Whether the password fits the hash. Without a hash the answer is no, after the same time.
    ///
    /// # Errors
    /// [`Error::Internal`] if the work broke off.
    pub async fn fits(&self, password: String, hash: Option<String>) -> Result<bool, Error> {
        self.run(move || {
            let hash = hash.filter(|hash| !hash.is_empty());
            let Ok(parsed) = PasswordHash::new(hash.as_deref().unwrap_or(NOBODY)) else {
                return false;
            };
            let fits = Argon2::default()
                .verify_password(password.as_bytes(), &parsed)
                .is_ok();
            fits && hash.is_some()
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let _running = self.running.acquire().await.map_err(|_| Error::Internal)?;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|_| Error::Internal)
    }
}

/// The PHC string of a password, on this thread.
///
/// # Errors
/// [`Error::Internal`] if the system gives no random bytes.
pub fn hash(password: &str) -> Result<String, Error> {
    let hash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| {
            tracing::error!(%error, "a password could not be hashed");
            Error::Internal
        })?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_known_account_fits() {
        let passwords = Passwords::default().place().unwrap();
        let hash = passwords.hash("correct horse".into()).await.unwrap();
        assert!(
            passwords
                .fits("correct horse".into(), Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .fits("correct hors".into(), Some(hash))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .fits("correct horse".into(), Some(String::new()))
                .await
                .unwrap()
        );
        assert!(!passwords.fits("correct horse".into(), None).await.unwrap());
    }

    #[test]
    fn checking_nobody_costs_as_much_as_checking_somebody() {
        let (nobody, somebody) = (PasswordHash::new(NOBODY).unwrap(), hash("x").unwrap());
        let somebody = PasswordHash::new(&somebody).unwrap();
        assert_eq!(
            (nobody.algorithm, nobody.version, &nobody.params),
            (somebody.algorithm, somebody.version, &somebody.params)
        );
    }
}
