//! How many writes a second the lane takes: 64 senders, one event each job, `synchronous=FULL`, in the folder given as
//! the first argument (default: the system's temporary folder; measure on the disk that will be used).

use std::path::PathBuf;
use std::time::Instant;

use store::{Error, Options, Store, system_clock};
use wire::Room;
use wire::events::{ChannelSeen, ServerEvent};

const SENDERS: usize = 64;
const JOBS_PER_SENDER: usize = 500;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let path = folder.join(format!("write-throughput-{}.db", std::process::id()));
    let (to, mut events) = tokio::sync::mpsc::channel(1_024);
    let store = Store::open(&path, &Options::default(), system_clock(), to)?;
    let counting = tokio::spawn(async move {
        let (mut batches, mut rows) = (0, 0);
        while let Some(batch) = events.recv().await {
            batches += 1;
            rows += batch.len();
        }
        (batches, rows)
    });
    let began = Instant::now();
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| tokio::spawn(send(store.clone(), sender)))
        .collect();
    for sender in senders {
        sender.await??;
    }
    let took = began.elapsed();
    store.close().await;
    let (batches, rows) = counting.await?;
    let per_second = rows as f64 / took.as_secs_f64();
    println!(
        "{rows} jobs in {batches} commits, {:.2} s: {per_second:.0} jobs a second",
        took.as_secs_f64()
    );
    for end in ["", "-wal", "-shm", ".lock"] {
        let _ = std::fs::remove_file(format!("{}{end}", path.display()));
    }
    Ok(())
}

async fn send(store: Store, sender: usize) -> Result<(), Error> {
    for _ in 0..JOBS_PER_SENDER {
        store
            .write(move |tx| {
                let channel_id = wire::ChannelId(format!("{}", sender % 16));
                tx.emit(
                    Room::Channel(channel_id.clone()),
                    ServerEvent::ChannelAdded(ChannelSeen { channel_id }),
                );
                Ok::<_, Error>(())
            })
            .await?;
    }
    Ok(())
}
