//! `tidings user`: accounts from the command line, also while the server runs; open tabs follow within a second.

use super::open;
use crate::admin::actions::{self, Change};
use crate::auth::{actions::add, password, rules};
use crate::clock::Clock;
use crate::config::Config;
use crate::error::Error;
use crate::people;
use anyhow::Context;
use clap::Subcommand;
use std::io::Read;
use std::process::ExitCode;
use store::users::{self, NewUser, User};
use store::{Store, Tx};
use wire::people::Role;

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make an account; prints a password unless one is given
    Add {
        /// What the person signs in with
        email: String,
        /// The name shown [default: the address without its domain]
        #[arg(long)]
        name: Option<String>,
        /// admin, user or pending [default: user; admin for the very first]
        #[arg(long, value_parser = role)]
        role: Option<Role>,
        /// Read the password from standard input instead of making one
        #[arg(long)]
        password_stdin: bool,
    },
    /// List all accounts
    List,
    /// Set a password and sign the person out everywhere; prints it unless one is given
    Password {
        /// What the person signs in with
        email: String,
        /// Read the password from standard input instead of making one
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set what a person may do
    Role {
        /// What the person signs in with
        email: String,
        /// admin, user or pending
        #[arg(value_parser = role)]
        role: Role,
    },
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "admin, user or pending".to_owned())
}

/// Runs the command.
///
/// # Errors
/// What stopped it, for people.
pub async fn run(config: &Config, command: UserCommand) -> anyhow::Result<ExitCode> {
    let store = open(config)?;
    let done = match command {
        UserCommand::Add {
            email,
            name,
            role,
            password_stdin,
        } => add_user(&store, &email, name, role, password_stdin).await,
        UserCommand::List => list(&store).await,
        UserCommand::Password {
            email,
            password_stdin,
        } => set_password(&store, &email, password_stdin).await,
        UserCommand::Role { email, role } => set_role(&store, &email, role).await,
    };
    store.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn add_user(
    store: &Store,
    email: &str,
    name: Option<String>,
    role: Option<Role>,
    password_stdin: bool,
) -> anyhow::Result<()> {
    let email = rules::email(email)?;
    let name = name.unwrap_or_else(|| email.split('@').next().unwrap_or(&email).to_owned());
    let name = rules::name(&name)?;
    let chosen = Chosen::read(password_stdin)?;
    let new = NewUser {
        email,
        name,
        role: role.unwrap_or(Role::User),
        password_hash: chosen.hash()?,
    };
    let user = store
        .write(move |tx| {
            let user = add(tx, new, role.is_none(), Clock::System.now_ms())?;
            people::tell(tx, &user, false);
            Ok::<_, Error>(user)
        })
        .await?;
    println!("{} ({}) is {}", user.email, user.name, user.role.as_str());
    chosen.show();
    Ok(())
}

async fn list(store: &Store) -> anyhow::Result<()> {
    let mut page = 1;
    loop {
        let (users, total) = store.read(move |conn| users::list(conn, "", page)).await?;
        for user in &users {
            let state = if user.disabled_at_ms.is_some() {
                "disabled"
            } else {
                user.role.as_str()
            };
            println!("{}\t{state}\t{}\t{}", user.id, user.email, user.name);
        }
        if users.is_empty() || page * users::PAGE >= total {
            return Ok(());
        }
        page += 1;
    }
}

async fn set_password(store: &Store, email: &str, password_stdin: bool) -> anyhow::Result<()> {
    let chosen = Chosen::read(password_stdin)?;
    let change = Change {
        password_hash: Some(chosen.hash()?),
        ..Change::default()
    };
    let user = update(store, email, change).await?;
    println!(
        "{} has a new password and is signed out everywhere",
        user.email
    );
    chosen.show();
    Ok(())
}

async fn set_role(store: &Store, email: &str, role: Role) -> anyhow::Result<()> {
    let user = update(
        store,
        email,
        Change {
            role: Some(role),
            ..Change::default()
        },
    )
    .await?;
    println!("{} is {}", user.email, user.role.as_str());
    Ok(())
}

async fn update(store: &Store, email: &str, change: Change) -> anyhow::Result<User> {
    let email = email.trim().to_lowercase();
    let job = move |tx: &mut Tx<'_>| {
        let user = by_email(tx, &email)?;
        actions::update(tx, &user.id, change, Clock::System.now_ms())
    };
    Ok(store.write(job).await?)
}

/// The person with this address.
///
/// # Errors
/// When there is none.
pub(super) fn by_email(tx: &Tx<'_>, email: &str) -> Result<User, Error> {
    users::by_email(tx, email)?.ok_or(Error::NotFound("account"))
}

/// A password: read, or made here and to be shown.
struct Chosen {
    text: String,
    was_made: bool,
}

impl Chosen {
    fn read(password_stdin: bool) -> anyhow::Result<Chosen> {
        if !password_stdin {
            return Ok(Chosen {
                text: made()?,
                was_made: true,
            });
        }
        let mut text = String::new();
        std::io::stdin()
            .lock()
            .take(4_096)
            .read_to_string(&mut text)
            .context("the password cannot be read")?;
        let text = text.trim_end_matches(['\r', '\n']).to_owned();
        rules::password(&text)?;
        Ok(Chosen {
            text,
            was_made: false,
        })
    }

    fn hash(&self) -> Result<String, Error> {
        password::hash(&self.text)
    }

    fn show(&self) {
        if self.was_made {
            println!("password (shown this once): {}", self.text);
        }
    }
}

/// Twenty letters and digits that are not mistaken for each other: some 98 bits.
fn made() -> anyhow::Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0_u8; 20];
    getrandom::fill(&mut bytes).context("the system gave no random bytes")?;
    Ok(bytes
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect())
}
