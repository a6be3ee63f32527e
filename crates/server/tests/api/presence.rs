//! Who is online: while a socket is open, and a moment longer.

use serde_json::json;
use std::time::Duration;
use testkit::World;

#[tokio::test]
async fn a_person_is_online_while_a_socket_is_open_and_others_are_told() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let watching = ada.connect().await;
    watching.next("events:presence").await;
    let (desk, phone) = (bob.connect().await, bob.connect_stock().await);
    let came = watching.next("events:presence").await;
    assert_eq!(
        (&came["user_id"], &came["online"]),
        (&json!(bob.id), &json!(true))
    );
    let mut both = [ada.id.clone(), bob.id.clone()];
    both.sort();
    assert_eq!(
        ada.get("/api/v1/users/online").await.ok()["user_ids"],
        json!(both)
    );

    desk.close().await;
    world.advance(Duration::from_secs(10));
    watching.settled().await;
    watching.nothing_of("events:presence");
    phone.close().await;
    // A reload within the grace is not told.
    let again = bob.connect().await;
    world.advance(Duration::from_secs(10));
    watching.settled().await;
    watching.nothing_of("events:presence");

    again.close().await;
    world.advance(Duration::from_secs(10));
    let went = watching.next("events:presence").await;
    assert_eq!(
        (&went["user_id"], &went["online"]),
        (&json!(bob.id), &json!(false))
    );
    assert!(
        went["version"].as_i64() > came["version"].as_i64(),
        "{went} is not newer than {came}"
    );
    assert_eq!(
        ada.get("/api/v1/users/online").await.ok()["user_ids"],
        json!([ada.id])
    );
}

#[tokio::test]
async fn the_list_shows_who_is_active() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let direct = ada.direct(&bob).await;
    world.advance(Duration::from_secs(600));
    let is_bob_active = || async {
        let row = ada.row(&direct).await;
        let bobs = row["users"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|user| user["id"] == json!(bob.id))
            .cloned();
        bobs.unwrap_or_default()["is_active"] == true
    };
    assert!(!is_bob_active().await);
    let tab = bob.connect().await;
    assert!(is_bob_active().await);
    drop(tab);
}
