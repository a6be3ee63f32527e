//! Chats, their messages and their runs as rows.

#![allow(clippy::unwrap_used)] // in the helpers too, not only in the tests

use serde_json::{Map, json};
use store::chats::{self, Which, messages, runs};
use store::{Error, Options, Store, Tx};
use tempfile::TempDir;
use tokio::sync::mpsc;
use wire::{ChatId, MessageId, UserId};

fn open() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (to, _events) = mpsc::channel(1_024);
    let path = folder.path().join("t.db");
    let clock = std::sync::Arc::new(|| 1_763_900_000_000);
    let store = Store::open(&path, &Options::default(), clock, to).unwrap();
    (store, folder)
}

fn message(id: &str, parent: Option<&str>) -> messages::Stored {
    messages::Stored {
        id: id.into(),
        no: 0,
        parent_id: parent.map(MessageId::from),
        role: "user".into(),
        content: format!("text of {id}"),
        model: None,
        is_done: true,
        error: None,
        extra: Map::new(),
        created_at_ms: 1,
        updated_at_ms: 1,
    }
}

fn make(tx: &mut Tx<'_>, id: &str, now_ms: i64) -> Result<chats::Stored, Error> {
    let extra = json!({"models": ["m"]}).as_object().unwrap().clone();
    chats::insert(tx, &id.into(), &"ada".into(), "New Chat", &extra, now_ms)
}

#[tokio::test]
async fn messages_keep_their_number_their_tree_and_what_clients_put_into_them() {
    let (store, _folder) = open();
    let write = store.write(|tx| {
        let mut chat = make(tx, "c", 1)?;
        for (id, parent) in [("q", None), ("a", Some("q")), ("b", Some("a"))] {
            messages::put(tx, &mut chat, &mut message(id, parent))?;
        }
        let mut changed = messages::by_id(tx, &chat.id, &"a".into())?.unwrap();
        changed.extra.insert("sources".into(), json!([1]));
        messages::put(tx, &mut chat, &mut changed)?;
        messages::delete(tx, &chat.id, &changed)?;
        messages::put(tx, &mut chat, &mut message("d", Some("missing")))?;
        chats::update(tx, &chat)?;
        Ok::<_, Error>(changed)
    });
    let changed = write.await.unwrap();
    assert_eq!(
        (changed.no, changed.extra["sources"][0].as_i64()),
        (2, Some(1))
    );
    let found = store
        .read(|conn| messages::of_chat(conn, &"c".into()))
        .await;
    let found = found.unwrap();
    let shape: Vec<_> = found
        .iter()
        .map(|m| {
            (
                m.id.as_str(),
                m.no,
                m.parent_id.as_ref().map(MessageId::as_str),
            )
        })
        .collect();
    assert_eq!(
        shape,
        [
            ("q", 1, None),
            ("b", 3, Some("q")),
            ("d", 4, Some("missing"))
        ]
    );
}

#[tokio::test]
async fn the_list_is_ordered_and_pinned_and_archived_chats_stand_apart() {
    let (store, _folder) = open();
    let write = store.write(|tx| {
        for (id, now_ms) in [
            ("old", 1_000),
            ("new", 3_000),
            ("pin", 2_000),
            ("arc", 4_000),
        ] {
            let mut chat = make(tx, id, now_ms)?;
            chat.pinned_at_ms = (id == "pin").then_some(5_000);
            chat.archived_at_ms = (id == "arc").then_some(5_000);
            chats::update(tx, &chat)?;
        }
        Ok::<_, Error>(())
    });
    write.await.unwrap();
    let read = store.read(|conn| {
        let ids = |which| {
            let page = chats::page(conn, &UserId::from("ada"), which, 0, 10)?;
            Ok::<_, Error>(page.into_iter().map(|row| row.id.0).collect::<Vec<_>>())
        };
        let others = chats::page(conn, &"bob".into(), Which::All, 0, 10)?;
        assert!(others.is_empty());
        Ok::<_, Error>([
            ids(Which::All)?,
            ids(Which::Unpinned)?,
            ids(Which::Pinned)?,
            ids(Which::Archived)?,
        ])
    });
    assert_eq!(
        read.await.unwrap(),
        [
            vec!["new", "pin", "old"],
            vec!["new", "old"],
            vec!["pin"],
            vec!["arc"]
        ]
    );
}

#[tokio::test]
async fn a_run_grows_by_pieces_ends_once_and_leaves_nothing_behind() {
    let (store, _folder) = open();
    let write = store.write(|tx| {
        make(tx, "c", 1)?;
        let run = runs::Running {
            id: "r".into(),
            chat_id: ChatId::from("c"),
            message_id: "a".into(),
            user_id: "ada".into(),
            model: "m".into(),
        };
        runs::insert(tx, &run, 1)?;
        runs::put_piece(tx, &run.id, 0, "Hel")?;
        runs::put_piece(tx, &run.id, 3, "lo")?;
        assert_eq!(runs::text(tx, &run.id)?, "Hello");
        assert_eq!(
            runs::running_in_chat(tx, &run.chat_id)?.as_slice(),
            std::slice::from_ref(&run)
        );
        assert!(runs::end(tx, &run.id, &runs::Ended::Stopped, 5, 2)?);
        assert!(!runs::end(tx, &run.id, &runs::Ended::Finished, 5, 3)?);
        runs::put_piece(tx, &run.id, 5, "too late")?;
        assert_eq!(runs::text(tx, &run.id)?, "");
        assert!(runs::running(tx)?.is_empty());
        Ok::<_, Error>(())
    });
    write.await.unwrap();
    let write = store.write(|tx| chats::delete_of_user(tx, &"ada".into()));
    assert_eq!(write.await.unwrap(), [ChatId::from("c")]);
}
