//! Messages: posted once, numbered, edited, deleted; read, and unread by subtraction.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use testkit::{World, path_of};

fn post_path(channel: &Value) -> String {
    format!("{}/messages/post", path_of(channel))
}

#[tokio::test]
async fn second_tab_loses_its_badge_when_the_first_reads() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let (desk, phone) = (ada.connect().await, ada.connect().await);
    let row = ada.row(&general).await;
    bob.say(&general, "hello").await;
    bob.say(&general, "anybody?").await;
    phone.badge_becomes(&row, 2).await;
    assert_eq!(ada.unread(&general).await, 2);
    desk.reads(&general);
    phone.badge_becomes(&row, 0).await;
    desk.badge_becomes(&row, 0).await;
    assert_eq!(ada.unread(&general).await, 0);
}

#[tokio::test]
async fn who_posts_has_read_and_others_have_not() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let (adas, bobs) = (ada.connect().await, bob.connect().await);
    let (ada_row, bob_row) = (ada.row(&general).await, bob.row(&general).await);
    ada.say(&general, "one").await;
    bobs.badge_becomes(&bob_row, 1).await;
    bob.say(&general, "two").await;
    bobs.badge_becomes(&bob_row, 0).await;
    adas.badge_becomes(&ada_row, 1).await;
    assert_eq!(
        (ada.unread(&general).await, bob.unread(&general).await),
        (1, 0)
    );
}

#[tokio::test]
async fn a_channel_can_be_marked_unread_from_any_message_on() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let tab = ada.connect().await;
    let row = ada.row(&general).await;
    for text in ["one", "two", "three"] {
        bob.say(&general, text).await;
    }
    let read = |read_no: i64| {
        let (ada, path) = (ada.clone(), format!("{}/read", path_of(&general)));
        async move { ada.post(&path, &json!({"read_no": read_no})).await.ok() }
    };
    let all = read(99).await;
    assert_eq!((&all["read_no"], &all["mentions"]), (&json!(3), &json!(0)));
    tab.badge_becomes(&row, 0).await;
    let back = read(1).await;
    assert!(
        back["version"].as_i64() > all["version"].as_i64(),
        "{back} is not newer than {all}"
    );
    tab.badge_becomes(&row, 2).await;
    assert_eq!(ada.unread(&general).await, 2);
    read(-5).await;
    assert_eq!(ada.unread(&general).await, 3);

    // Reading by socket goes forwards only, as far as it says.
    tab.emit("events:channel", &json!({"channel_id": general["id"], "data": {"type": "last_read_at", "data": {"read_no": 2}}}));
    tab.badge_becomes(&row, 1).await;
}

#[tokio::test]
async fn a_retried_message_is_the_same_message() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let tab = bob.connect().await;
    let draft = json!({"content": "once", "temp_id": "t1"});
    let first = ada.post(&post_path(&general), &draft).await.ok();
    let changed = json!({"content": "twice", "temp_id": "t1"});
    let again = ada.post(&post_path(&general), &changed).await.ok();
    assert_eq!(first, again);
    // The same name given by another author is another message.
    let other = bob.post(&post_path(&general), &draft).await.ok();
    assert_eq!((&first["no"], &other["no"]), (&json!(1), &json!(2)));

    // A late retry brings nothing back, neither an edit nor a deletion.
    let path = format!(
        "{}/messages/{}",
        path_of(&general),
        first["id"].as_str().unwrap()
    );
    ada.post(&format!("{path}/update"), &json!({"content": "edited"}))
        .await
        .ok();
    assert_eq!(
        ada.post(&post_path(&general), &draft).await.ok()["content"],
        "edited"
    );
    ada.delete(&format!("{path}/delete")).await.ok();
    ada.post(&post_path(&general), &draft)
        .await
        .refused(409, "message_deleted");
    let page = ada
        .get(&format!("{}/messages", path_of(&general)))
        .await
        .ok();
    assert_eq!(page.as_array().map(Vec::len), Some(1), "{page}");

    tab.settled().await;
    let posted: Vec<Value> = tab
        .arrived()
        .into_iter()
        .filter(|event| event.args[0]["data"]["type"] == "message")
        .map(|event| event.args[0]["data"]["data"]["temp_id"].clone())
        .collect();
    assert_eq!(posted, ["t1", "t1"]);
}

#[tokio::test]
async fn numbers_have_no_holes_under_sixty_four_posters() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let tab = bob.connect().await;
    assert_eq!(bob.unread(&general).await, 0);
    let posts = (0..64).map(|index| {
        let (ada, general) = (ada.clone(), general.clone());
        tokio::spawn(async move {
            for round in 0..4 {
                ada.say(&general, &format!("{index} {round}")).await;
            }
        })
    });
    for post in posts.collect::<Vec<_>>() {
        post.await.unwrap();
    }
    let (mut numbers, mut seqs, mut times) = (Vec::new(), Vec::new(), BTreeSet::new());
    for _ in 0..256 {
        let event = tab.next_in_channel("message").await;
        let message = &event["data"]["data"];
        numbers.push(message["no"].as_i64().unwrap());
        seqs.push(event["seq"].as_i64().unwrap());
        times.insert(message["created_at"].as_i64().unwrap());
    }
    assert_eq!(numbers, (1..=256).collect::<Vec<i64>>());
    assert!(
        seqs.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "{seqs:?}"
    );
    assert_eq!(
        times.len(),
        256,
        "two messages of a channel have the same time"
    );
    let newest = ada
        .get(&format!("{}/messages?limit=500", path_of(&general)))
        .await
        .ok();
    assert_eq!(newest.as_array().map(Vec::len), Some(200));
    assert_eq!(bob.unread(&general).await, 256);
}

#[tokio::test]
async fn authors_edit_and_authors_and_managers_delete() {
    let world = World::new().await;
    let (general, [ada, bob, eve]) = world.members_of("general", ["ada", "bob", "eve"]).await;
    let tab = eve.connect().await;
    let posted = bob
        .post(
            &post_path(&general),
            &json!({"content": "draft", "data": {"a": 1}, "meta": {"model_id": "gpt"}}),
        )
        .await
        .ok();
    assert_eq!(posted["meta"], json!({}));
    let path = format!(
        "{}/messages/{}",
        path_of(&general),
        posted["id"].as_str().unwrap()
    );

    let edit = json!({"content": "better", "data": {"b": 2}});
    for other in [&ada, &eve] {
        other
            .post(&format!("{path}/update"), &edit)
            .await
            .refused(403, "forbidden");
    }
    let edited = bob.post(&format!("{path}/update"), &edit).await.ok();
    assert_eq!(
        (&edited["content"], &edited["data"]),
        (&json!("better"), &json!({"a": 1, "b": 2}))
    );
    assert!(edited["updated_at"].as_i64() > edited["created_at"].as_i64());
    assert_eq!(
        tab.next_in_channel("message:update").await["data"]["data"]["content"],
        "better"
    );
    assert_eq!(
        eve.get(&format!("{path}/data")).await.ok(),
        json!({"a": 1, "b": 2})
    );
    assert_eq!(
        eve.get(&format!("{}/messages", path_of(&general)))
            .await
            .ok()[0]["data"],
        true
    );

    eve.delete(&format!("{path}/delete"))
        .await
        .refused(403, "forbidden");
    ada.delete(&format!("{path}/delete")).await.ok();
    let gone = tab.next_in_channel("message:delete").await;
    assert_eq!(
        (
            &gone["data"]["data"]["content"],
            &gone["data"]["data"]["user"]["name"]
        ),
        (&json!("better"), &json!("ada"))
    );
    bob.delete(&format!("{path}/delete"))
        .await
        .refused(404, "not_found");
    bob.get(&path).await.refused(404, "not_found");

    // The number is not given out again, so nobody's count is wrong.
    assert_eq!(bob.say(&general, "next").await["no"], 2);
}

#[tokio::test]
async fn an_answer_hangs_in_a_thread_and_counts_for_nobody() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let tab = ada.connect().await;
    let root = ada.say(&general, "root").await;
    let answer = bob
        .post(
            &post_path(&general),
            &json!({"content": "answer", "parent_id": root["id"]}),
        )
        .await
        .ok();
    assert_eq!(
        (&answer["no"], &answer["parent_id"]),
        (&Value::Null, &root["id"])
    );
    tab.next_where("events:channel", |event| {
        event["data"]["data"]["content"] == "answer"
    })
    .await;
    let told = tab.next_in_channel("message:reply").await;
    assert_eq!(
        (&told["message_id"], &told["data"]["data"]["reply_count"]),
        (&root["id"], &json!(1))
    );
    assert_eq!(
        told["data"]["data"]["latest_reply_at"],
        answer["created_at"]
    );
    assert_eq!(ada.unread(&general).await, 0);

    let thread = format!(
        "{}/messages/{}/thread",
        path_of(&general),
        root["id"].as_str().unwrap()
    );
    let page = ada.get(&thread).await.ok();
    let contents: Vec<&Value> = page
        .as_array()
        .into_iter()
        .flatten()
        .map(|message| &message["content"])
        .collect();
    assert_eq!(contents, ["answer", "root"]);
    ada.post(
        &post_path(&general),
        &json!({"content": "x", "parent_id": answer["id"]}),
    )
    .await
    .refused(400, "not_a_thread_root");

    let answer_path = format!(
        "{}/messages/{}",
        path_of(&general),
        answer["id"].as_str().unwrap()
    );
    bob.delete(&format!("{answer_path}/delete")).await.ok();
    let told = tab.next_in_channel("message:reply").await;
    assert_eq!(
        (
            &told["data"]["data"]["reply_count"],
            &told["data"]["data"]["latest_reply_at"]
        ),
        (&json!(0), &Value::Null)
    );
}

#[tokio::test]
async fn a_quote_carries_no_words_out_of_another_channel() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let secret = ada.group("secret", &[]).await;
    let hidden = ada.say(&secret, "the code is 1234").await;
    for place in ["reply_to_id", "parent_id"] {
        bob.post(
            &post_path(&general),
            &json!({"content": "x", place: hidden["id"]}),
        )
        .await
        .refused(404, "not_found");
    }
    let open = ada.say(&general, "said aloud").await;
    bob.post(
        &post_path(&general),
        &json!({"content": "quoting", "reply_to_id": open["id"]}),
    )
    .await
    .ok();
    let page = bob
        .get(&format!("{}/messages", path_of(&general)))
        .await
        .ok();
    assert_eq!(page[0]["reply_to_message"]["content"], "said aloud");
    let path = format!(
        "{}/messages/{}",
        path_of(&general),
        hidden["id"].as_str().unwrap()
    );
    bob.get(&path).await.refused(404, "not_found");
}

#[tokio::test]
async fn messages_have_bounds() {
    let world = World::new().await;
    let (general, [ada, _bob]) = world.members_of("general", ["ada", "bob"]).await;
    let post = |body: Value| {
        let (ada, path) = (ada.clone(), post_path(&general));
        async move { ada.post(&path, &body).await }
    };
    let missing = post(json!({"nope": 1}))
        .await
        .refused(422, "validation_error");
    assert_eq!(
        missing["detail"],
        json!([{"type": "missing", "loc": ["body", "content"], "msg": "Field required", "input": {"nope": 1}}])
    );
    post(json!({"content": "x".repeat(65_536)})).await.ok();
    post(json!({"content": "x".repeat(65_537)}))
        .await
        .refused(413, "too_large");
    post(json!({"content": "x", "data": {"a": "b".repeat(65_536)}}))
        .await
        .refused(413, "too_large");
    post(json!({"content": "x", "temp_id": "t".repeat(101)}))
        .await
        .refused(413, "too_large");
    post(json!({"content": "", "temp_id": ""})).await.ok();
    post(json!({"content": "x", "reply_to_id": "nope"}))
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let mut world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let row = bob.row(&general).await;
    ada.say(&general, "before").await;
    let tab = bob.connect().await;
    world.restart().await;
    assert!(!tab.ended().await.is_empty());
    let tab = bob.connect().await;
    assert_eq!(bob.unread(&general).await, 1);
    assert_eq!(ada.say(&general, "after").await["no"], 2);
    assert_eq!(tab.next_in_channel("message").await["seq"], 3);
    tab.badge_becomes(&row, 2).await;
}
