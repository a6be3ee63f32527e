//! `tidings check` and `tidings migrate`: what is wrong and how to mend it, without serving.

use crate::clock::Clock;
use crate::config::Config;
use std::process::ExitCode;
use store::Store;

/// Brings the database to this version's tables.
///
/// # Errors
/// When it cannot be opened; the text says why.
pub async fn migrate(config: &Config) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(&config.data_dir)?;
    let store = Store::open_beside(
        &config.database,
        &store::Options::default(),
        Clock::System.for_store(),
    )?;
    println!(
        "{}: {} migrations applied, up to date",
        config.database.display(),
        store.migrated()
    );
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Looks at settings, data folder, database and models; a line each.
///
/// # Errors
/// Never: what is wrong is printed, and the exit code is 1.
pub async fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let mut faults = 0;
    let mut line = |what: &str, found: Result<String, String>| match found {
        Ok(text) => println!("ok    {what}: {text}"),
        Err(text) => {
            faults += 1;
            println!("WRONG {what}: {text}");
        }
    };
    line("settings", Ok(format!("{} read", config.summary().len())));
    line("data folder", data_folder(config));
    line("database", database(config).await);
    match crate::app::models(config) {
        Ok(models) if models.is_demo() => line(
            "models",
            Ok("none set, the built-in demo model answers; set OPENAI_API_BASE_URLS or OLLAMA_BASE_URLS".to_owned()),
        ),
        Ok(models) => {
            for found in models.check(Clock::System.now_s()).await {
                line(&format!("models of {}", found.upstream), models_of(found.models));
            }
        }
        Err(error) => line("models", Err(error.to_string())),
    }
    if faults > 0 {
        println!("{faults} to mend");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn models_of(found: Result<usize, llm::Error>) -> Result<String, String> {
    match found {
        Ok(0) => Err("it answers, but offers no model; load one there".to_owned()),
        Ok(count) => Ok(format!("{count} offered")),
        Err(error) => Err(format!(
            "{error}; look at its address and key, and whether it runs"
        )),
    }
}

fn data_folder(config: &Config) -> Result<String, String> {
    let dir = config.data_dir.display();
    std::fs::create_dir_all(&config.data_dir)
        .map_err(|e| format!("{dir} cannot be made ({e}); set DATA_DIR"))?;
    let probe = config.data_dir.join(".check");
    std::fs::write(&probe, b"check")
        .and_then(|()| std::fs::remove_file(&probe))
        .map_err(|e| format!("{dir} cannot be written ({e}); change its owner or set DATA_DIR"))?;
    Ok(dir.to_string())
}

async fn database(config: &Config) -> Result<String, String> {
    let opened = Store::open_beside(
        &config.database,
        &store::Options::default(),
        Clock::System.for_store(),
    );
    let store = opened.map_err(|error| error.to_string())?;
    let head = store
        .read(store::log::head)
        .await
        .map_err(|error| error.to_string())?;
    store.close().await;
    Ok(format!(
        "{}, {} events",
        config.database.display(),
        head.number
    ))
}
