//! Channels, members and messages as rows: numbers and times without holes, markers, what a deletion leaves.

use std::sync::Arc;
use store::channels::{self, NewChannel};
use store::{Error, Options, Store, Tx, members, messages, users};
use tempfile::TempDir;
use wire::UserId;
use wire::channels::ChannelKind;
use wire::messages::PostMessage;
use wire::people::Role;

const NOW_MS: i64 = 1_763_900_000_000;

/// Runs one job on a fresh database whose clock stands still.
async fn job<T: Send + 'static>(
    job: impl FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let folder = TempDir::new().expect("a temporary folder can be made");
    let (events, mut batches) = tokio::sync::mpsc::channel(64);
    let store = Store::open(
        &folder.path().join("t.db"),
        &Options::default(),
        Arc::new(|| NOW_MS),
        events,
    )
    .expect("a fresh database opens");
    let drain = tokio::spawn(async move { while batches.recv().await.is_some() {} });
    let outcome = store.write(job).await;
    store.close().await;
    drain.await.expect("nothing panics");
    outcome
}

fn person(tx: &mut Tx<'_>, name: &str) -> Result<UserId, Error> {
    let new = users::NewUser {
        email: format!("{name}@example.org"),
        name: name.into(),
        role: Role::User,
        password_hash: String::new(),
    };
    Ok(users::insert(tx, &new, NOW_MS)?.id)
}

fn group(tx: &mut Tx<'_>, by: &UserId) -> Result<channels::Stored, Error> {
    let new = NewChannel {
        kind: Some(ChannelKind::Group),
        name: "plans".into(),
        ..NewChannel::default()
    };
    let stored = channels::insert(tx, by, &new, NOW_MS)?;
    members::add(tx, &stored.channel.id, by, by, NOW_MS)?;
    Ok(stored)
}

fn draft(content: &str) -> PostMessage {
    PostMessage {
        content: content.into(),
        ..PostMessage::default()
    }
}

#[tokio::test]
async fn numbers_and_times_grow_though_the_clock_stands_still_or_goes_back() {
    job(|tx| {
        let ada = person(tx, "ada")?;
        let mut channel = group(tx, &ada)?;
        let mut posted = Vec::new();
        for (index, now_ms) in [NOW_MS, NOW_MS, NOW_MS - 60_000, NOW_MS + 1]
            .into_iter()
            .enumerate()
        {
            let message =
                messages::insert(tx, &mut channel, &ada, &draft(&index.to_string()), now_ms)?;
            posted.push((message.row.no, message.row.created_at - NOW_MS * 1_000_000));
        }
        assert_eq!(
            posted,
            [
                (Some(1), 0),
                (Some(2), 1),
                (Some(3), 2),
                (Some(4), 1_000_000)
            ]
        );

        let root = messages::page(tx, &channel.channel.id, 0, 1)?.remove(0);
        let answer = PostMessage {
            parent_id: Some(root.row.id.clone()),
            ..draft("answer")
        };
        let answer = messages::insert(tx, &mut channel, &ada, &answer, NOW_MS)?;
        assert_eq!(
            (answer.row.no, answer.row.created_at - root.row.created_at),
            (None, 1)
        );
        let stored = channels::by_id(tx, &channel.channel.id)?;
        assert_eq!(stored.as_ref(), Some(&channel));
        assert_eq!(
            stored.map(|stored| (stored.last_no, stored.last_message_at)),
            Some((4, Some(root.row.created_at)))
        );
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_deleted_message_keeps_its_number_and_its_name_alone() {
    job(|tx| {
        let ada = person(tx, "ada")?;
        let mut channel = group(tx, &ada)?;
        let id = channel.channel.id.clone();
        let named = PostMessage {
            temp_id: Some("t".into()),
            ..draft("secret")
        };
        let message = messages::insert(tx, &mut channel, &ada, &named, NOW_MS)?;
        let quote = PostMessage {
            reply_to_id: Some(message.row.id.clone()),
            ..draft("quote")
        };
        messages::insert(tx, &mut channel, &ada, &quote, NOW_MS)?;
        messages::delete(tx, &message, &ada, NOW_MS)?;

        let left = messages::by_temp_id(tx, &id, &ada, "t")?.expect("the row stays");
        assert_eq!(
            (left.is_deleted, left.row.no, left.row.content.as_str()),
            (true, Some(1), "")
        );
        let page = messages::page(tx, &id, 0, 50)?;
        assert_eq!(page.len(), 1);
        assert_eq!(
            page[0].reply_to_message, None,
            "a deleted message is quoted"
        );
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn one_author_uses_a_name_once_in_a_channel() {
    let outcome = job(|tx| {
        let ada = person(tx, "ada")?;
        let (mut one, mut two) = (group(tx, &ada)?, group(tx, &ada)?);
        let named = PostMessage {
            temp_id: Some("t".into()),
            ..draft("x")
        };
        messages::insert(tx, &mut one, &ada, &named, NOW_MS)?;
        messages::insert(tx, &mut two, &ada, &named, NOW_MS)?;
        messages::insert(tx, &mut one, &ada, &named, NOW_MS).map(drop)
    })
    .await;
    assert!(matches!(outcome, Err(Error::Conflict(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_marker_begins_at_the_newest_message_and_its_version_grows() {
    job(|tx| {
        let (ada, bob) = (person(tx, "ada")?, person(tx, "bob")?);
        let mut channel = group(tx, &ada)?;
        let id = channel.channel.id.clone();
        for text in ["one", "two"] {
            messages::insert(tx, &mut channel, &ada, &draft(text), NOW_MS)?;
        }
        assert_eq!(
            members::move_marker(tx, &id, &bob, 1, NOW_MS)?,
            None,
            "bob is not in it"
        );
        let joined = members::add(tx, &id, &bob, &ada, NOW_MS)?.expect("bob is new");
        assert_eq!(
            (joined.read_no, joined.member.invited_by.as_ref()),
            (2, Some(&ada))
        );
        assert_eq!(members::add(tx, &id, &bob, &ada, NOW_MS)?, None);
        let moved = members::move_marker(tx, &id, &bob, 1, NOW_MS)?.expect("bob is in it");
        assert_eq!((moved.read_no, moved.version), (1, joined.read_version + 1));
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn only_those_who_hid_a_conversation_are_written_when_it_comes_back() {
    job(|tx| {
        let (ada, bob) = (person(tx, "ada")?, person(tx, "bob")?);
        let id = group(tx, &ada)?.channel.id;
        members::add(tx, &id, &bob, &ada, NOW_MS)?;
        assert!(members::hide(tx, &id, &bob, NOW_MS)?);
        assert!(!members::hide(tx, &id, &bob, NOW_MS)?);
        assert!(channels::of_member(tx, &bob)?.is_empty());
        assert_eq!(
            members::show_to_all(tx, &id, NOW_MS)?,
            std::slice::from_ref(&bob)
        );
        assert_eq!(members::show_to_all(tx, &id, NOW_MS)?, [] as [UserId; 0]);
        assert_eq!(channels::of_member(tx, &bob)?.len(), 1);
        assert_eq!(members::forget_person(tx, &bob)?, std::slice::from_ref(&id));
        assert_eq!(members::user_ids(tx, &id)?, [ada]);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_deleted_channel_takes_its_rows_along() {
    job(|tx| {
        let ada = person(tx, "ada")?;
        let mut channel = group(tx, &ada)?;
        let message = messages::insert(tx, &mut channel, &ada, &draft("x"), NOW_MS)?;
        channels::delete(tx, &channel.channel.id)?;
        assert_eq!(channels::by_id(tx, &channel.channel.id)?, None);
        assert_eq!(members::of(tx, &channel.channel.id, &ada)?, None);
        assert_eq!(messages::by_id(tx, &message.row.id)?, None);
        Ok(())
    })
    .await
    .unwrap();
}
