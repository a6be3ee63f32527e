//! The commands of the binary. Each is one file; all read the same settings.

mod check;
mod logging;
mod serve;
mod token;
mod user;

use crate::clock::Clock;
use crate::config::{self, Config, Settings};
use clap::{Parser, Subcommand};
use std::process::ExitCode;
use store::Store;

/// People, models and agents in one live workspace: one server, one database file, one web app.
#[derive(Debug, Parser)]
#[command(name = "tidings", version, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
    /// Fill an empty database with a small workspace to look at, and print its passwords
    #[arg(long)]
    demo: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (what happens without a command)
    Serve {
        /// Fill an empty database with a small workspace to look at, and print its passwords
        #[arg(long)]
        demo: bool,
    },
    /// Bring the database to this version's tables, and stop
    Migrate,
    /// Look for what is wrong with settings, database and models, and say how to mend it
    Check,
    /// Print the OpenAPI document of the HTTP interface
    Openapi,
    /// Accounts: add, list, password, role
    User {
        #[command(subcommand)]
        command: user::UserCommand,
    },
    /// API keys: create, list, revoke
    Token {
        #[command(subcommand)]
        command: token::TokenCommand,
    },
}

/// Runs the command.
///
/// # Errors
/// What stopped it, for people.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let command = cli.command.unwrap_or(Command::Serve { demo: cli.demo });
    if let Command::Openapi = command {
        println!("{}", crate::contract::openapi().to_pretty_json()?);
        return Ok(ExitCode::SUCCESS);
    }
    // Before the settings are read: how many connections are usual depends on it.
    let files = match command {
        Command::Serve { .. } => config::raise_open_files(),
        _ => None,
    };
    let config = match Config::from_settings(&cli.settings) {
        Ok(config) => config,
        Err(errors) => {
            eprint!("{errors}");
            return Ok(ExitCode::from(2));
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match command {
            Command::Serve { demo } => serve::run(config, files, demo || cli.demo).await,
            Command::Migrate => check::migrate(&config).await,
            Command::Check => check::run(&config).await,
            Command::Openapi => Ok(ExitCode::SUCCESS),
            Command::User { command } => user::run(&config, command).await,
            Command::Token { command } => token::run(&config, command).await,
        }
    })
}

/// The database for a command that works beside a running server, or without one.
fn open(config: &Config) -> anyhow::Result<Store> {
    let clock = Clock::System.for_store();
    Ok(Store::open_beside(
        &config.database,
        &store::Options::default(),
        clock,
    )?)
}
