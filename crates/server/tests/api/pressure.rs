//! A database that cannot be written: refused with what to do, never acknowledged, while reading and live events go on.

use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use store::{Options, Store};
use testkit::{Answer, Person, Tab, World, path_of};

/// Another process's write transaction, as a job that ends when this is dropped.
struct Locked {
    _end: mpsc::Sender<()>,
}

impl Locked {
    async fn hold(world: &World) -> Locked {
        let path = world.folder().join("tidings.db");
        assert!(path.exists(), "the database is {}", path.display());
        let clock = store::system_clock();
        let beside = Store::open_beside(&path, &Options::default(), clock).expect("it opens");
        let (end, ended) = mpsc::channel::<()>();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let job = move |_: &mut store::Tx<'_>| {
                let _ = begun.send(());
                let _ = ended.recv(); // the other end is dropped
                Ok::<_, store::Error>(())
            };
            beside.write(job).await
        });
        has_begun.await.expect("the lock is held");
        Locked { _end: end }
    }
}

/// Not that it is not known: whoever gives up need not look whether it happened.
fn says_that_it_was_not_done(refused: &Answer) {
    let sentence = refused.body["detail"].as_str().unwrap_or_default();
    assert!(sentence.contains("this was not done"), "{sentence}");
}

/// Reading works, and so do events that are not stored.
async fn goes_on(ada: &Person, tabs: (&Tab, &Tab), general: &serde_json::Value) {
    let page = ada
        .get(&format!("{}/messages", path_of(general)))
        .await
        .ok();
    assert!(page.is_array());
    let typing = json!({"channel_id": general["id"], "message_id": null,
        "data": {"type": "typing", "data": {"typing": true}}});
    tabs.0.call("events:channel", &[typing]).await;
    tabs.1.next_in_channel("typing").await;
}

#[tokio::test]
async fn a_database_locked_by_another_process_refuses_writes_until_it_is_free() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let (hers, his) = (ada.connect().await, bob.connect().await);
    let path = format!("{}/messages/post", path_of(&general));
    let locked = Locked::hold(&world).await;
    for name in ["t1", "t2"] {
        let refused = ada
            .post(&path, &json!({"content": "hello", "temp_id": name}))
            .await;
        assert_eq!(refused.headers["retry-after"], "1");
        says_that_it_was_not_done(&refused);
        refused.refused(503, "unavailable");
    }
    goes_on(&ada, (&hers, &his), &general).await;
    drop(locked);
    for name in ["t1", "t2", "t1"] {
        let mut answer = ada
            .post(&path, &json!({"content": "hello", "temp_id": name}))
            .await;
        while answer.status == 503 {
            // The other one is still leaving.
            answer = ada
                .post(&path, &json!({"content": "hello", "temp_id": name}))
                .await;
        }
        answer.ok();
    }
    for name in ["t1", "t2"] {
        let told = his.next_in_channel("message").await;
        assert_eq!(told["data"]["data"]["temp_id"], name);
    }
    his.settled().await;
    his.nothing_of("events:channel");
}

#[tokio::test]
async fn a_full_queue_is_said_to_be_full() {
    let world = World::new().await;
    let (general, [ada]) = world.members_of("general", ["ada"]).await;
    let locked = Locked::hold(&world).await;
    let waiting = Options::default().waiting_writes;
    // What the lane has taken already is not in its queue.
    for _ in 0..waiting + 600 {
        let store = world.app.store.clone();
        tokio::spawn(async move { store.write(|_| Ok::<_, store::Error>(())).await });
    }
    tokio::task::yield_now().await;
    let path = format!("{}/messages/post", path_of(&general));
    let refused = ada.post(&path, &json!({"content": "hello"})).await;
    assert_eq!(refused.headers["retry-after"], "1");
    says_that_it_was_not_done(&refused);
    refused.refused(503, "unavailable");
    drop(locked);
}

/// A small disk of its own.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// None where this process may mount nothing.
    fn mount(at: &Path) -> Option<SmallDisk> {
        std::fs::create_dir_all(at).expect("a folder can be made");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
            .arg(at)
            .status();
        let works = mounted.is_ok_and(|status| status.success());
        works.then(|| SmallDisk(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_works_again_when_there_is_room() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path().join("small");
    let Some(disk) = SmallDisk::mount(&at) else {
        eprintln!("SKIPPED: a full disk is tested only where a tmpfs can be mounted (as root)");
        return;
    };
    let data = disk.0.to_string_lossy().into_owned();
    let world = World::with(|settings| settings.data_dir = Some(data)).await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let (hers, his) = (ada.connect().await, bob.connect().await);
    let path = format!("{}/messages/post", path_of(&general));
    let filler = disk.0.join("filler");
    std::fs::write(&filler, vec![1; 5 << 20]).expect("there was room for this");
    let text = "x".repeat(60_000);
    let mut kept = 0;
    let mut last = 0;
    let refused = loop {
        let name = format!("t{last}");
        let answer = ada
            .post(&path, &json!({"content": text, "temp_id": name}))
            .await;
        if answer.status != 200 {
            break answer;
        }
        (kept, last) = (kept + 1, last + 1);
        assert!(kept < 100, "the disk is never full");
    };
    let body = refused.refused(507, "storage_full");
    assert!(
        body["detail"]
            .as_str()
            .is_some_and(|text| text.contains("disk is full"))
    );
    goes_on(&ada, (&hers, &his), &general).await;
    std::fs::remove_file(&filler).expect("it can be removed");
    let body = json!({"content": text, "temp_id": format!("t{last}")});
    ada.post(&path, &body).await.ok();
    let page = ada
        .get(&format!("{}/messages?limit=200", path_of(&general)))
        .await
        .ok();
    assert_eq!(page.as_array().map(Vec::len), Some(kept + 1));
    for number in 0..=last {
        let told = his.next_in_channel("message").await;
        assert_eq!(told["data"]["data"]["temp_id"], format!("t{number}"));
    }
    world.stop().await;
}
