//! Memory blocks and proposals: an agent proposes over HTTP, every tab sees the count, the person decides.

use serde_json::{Value, json};
use testkit::{Person, Tab, World};

/// A block of hers, and an agent that works with her key.
async fn with_agent(world: &World, owner: &Person) -> (Value, Person) {
    let block = owner
        .post(
            "/api/v1/memory/blocks",
            &json!({"name": "Goals", "body": "Ship in December."}),
        )
        .await
        .ok();
    let key = owner.post("/api/v1/auths/api_key", &json!({})).await.ok();
    let mut session = json!({"id": owner.id, "name": owner.name, "email": "", "role": "user"});
    session["token"] = key["api_key"].clone();
    (block, world.nobody().signed_in(&session))
}

async fn propose(agent: &Person, block: &Value, body: &str) -> Value {
    let path = format!("/api/v1/memory/blocks/{}/proposals", text(&block["id"]));
    let form =
        json!({"body": body, "reasoning": "it was decided in #launch", "confidence": "high"});
    agent.post(&path, &form).await.ok()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("an id is a text")
}

async fn pending_event(tab: &Tab) -> (Value, Value) {
    let event = tab
        .next_where("events:memory", |event| event["type"] == "diff:pending")
        .await;
    (
        event["data"]["count"].clone(),
        event["data"]["total"].clone(),
    )
}

async fn total(person: &Person) -> Value {
    person.get("/api/v1/memory/proposals").await.ok()["total"].clone()
}

#[tokio::test]
async fn a_proposal_moves_the_badge_in_every_tab_and_approval_changes_the_text() {
    let world = World::new().await;
    let [ada] = world.people(["ada"]).await;
    let (block, agent) = with_agent(&world, &ada).await;
    let (desk, phone) = (ada.connect().await, ada.connect().await);
    let proposal = propose(&agent, &block, "Ship on Monday.").await;
    assert_eq!(pending_event(&desk).await, (json!(1), json!(1)));
    assert_eq!(pending_event(&phone).await, (json!(1), json!(1)));
    assert_eq!(proposal["old_value"], "Ship in December.");

    let path = format!("/api/v1/memory/proposals/{}/approve", text(&proposal["id"]));
    let approved = ada.post(&path, &json!({"base_version": 1})).await.ok();
    assert_eq!(
        (&approved["body"], &approved["version"]),
        (&json!("Ship on Monday."), &json!(2))
    );
    assert_eq!(pending_event(&phone).await, (json!(0), json!(0)));
    let updated = phone
        .next_where("events:memory", |event| event["type"] == "memory:updated")
        .await;
    assert_eq!(updated["data"]["block_name"], "Goals");
    assert!(updated["seq"].is_i64(), "the event is numbered: {updated}");
    assert_eq!(total(&ada).await, 0);
}

#[tokio::test]
async fn a_stale_proposal_cannot_undo_a_later_text() {
    let world = World::new().await;
    let [ada] = world.people(["ada"]).await;
    let (block, agent) = with_agent(&world, &ada).await;
    let proposal = propose(&agent, &block, "Ship on Monday.").await;
    let update = format!("/api/v1/memory/blocks/{}/update", text(&block["id"]));
    let mine = json!({"body": "Ship when it is good.", "base_version": 1});
    ada.post(&update, &mine).await.ok();
    ada.post(&update, &mine).await.refused(409, "stale_version");

    let approve = format!("/api/v1/memory/proposals/{}/approve", text(&proposal["id"]));
    for seen in [1, 2] {
        let form = json!({"base_version": seen});
        ada.post(&approve, &form)
            .await
            .refused(409, "stale_version");
    }
    let edited = json!({"base_version": 2, "body": "Ship on Monday if it is good."});
    assert_eq!(ada.post(&approve, &edited).await.ok()["version"], 3);
    ada.post(&approve, &edited)
        .await
        .refused(409, "already_decided");
}

#[tokio::test]
async fn a_later_proposal_of_the_same_agent_takes_the_place_of_the_former() {
    let world = World::new().await;
    let [ada] = world.people(["ada"]).await;
    let (block, agent) = with_agent(&world, &ada).await;
    let first = propose(&agent, &block, "Ship on Monday.").await;
    propose(&agent, &block, "Ship on Tuesday.").await;
    assert_eq!(total(&ada).await, 1);
    let reject = format!("/api/v1/memory/proposals/{}/reject", text(&first["id"]));
    ada.post(&reject, &json!({"base_version": 1}))
        .await
        .refused(409, "already_decided");
}

#[tokio::test]
async fn who_rejects_has_seen_the_text_as_it_is() {
    let world = World::new().await;
    let [ada] = world.people(["ada"]).await;
    let (block, agent) = with_agent(&world, &ada).await;
    let proposal = propose(&agent, &block, "Ship on Monday.").await;
    let update = format!("/api/v1/memory/blocks/{}/update", text(&block["id"]));
    let mine = json!({"body": "Ship when it is good.", "base_version": 1});
    ada.post(&update, &mine).await.ok();

    let reject = format!("/api/v1/memory/proposals/{}/reject", text(&proposal["id"]));
    let nameless = ada.post(&reject, &json!({})).await;
    assert_eq!(nameless.status, 422, "{}", nameless.body);
    assert_eq!(
        nameless.body["detail"][0]["loc"],
        json!(["body", "base_version"])
    );
    for seen in [1, 3] {
        let form = json!({"base_version": seen});
        ada.post(&reject, &form).await.refused(409, "stale_version");
    }
    assert_eq!(total(&ada).await, 1, "it still waits");
    let rejected = ada.post(&reject, &json!({"base_version": 2})).await.ok();
    assert_eq!(rejected["status"], "rejected");
    assert_eq!(total(&ada).await, 0);
}

#[tokio::test]
async fn people_decide_and_agents_propose() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let (block, agent) = with_agent(&world, &ada).await;
    let propose_path = format!("/api/v1/memory/blocks/{}/proposals", text(&block["id"]));
    let form = json!({"body": "Ship on Monday."});
    ada.post(&propose_path, &form)
        .await
        .refused(403, "forbidden");
    bob.post(&propose_path, &form)
        .await
        .refused(404, "not_found");
    let same = json!({"body": "Ship in December."});
    agent
        .post(&propose_path, &same)
        .await
        .refused(400, "nothing_changed");

    let proposal = propose(&agent, &block, "Ship on Monday.").await;
    for (who, status, code) in [(&agent, 403, "forbidden"), (&bob, 404, "not_found")] {
        let path = format!("/api/v1/memory/proposals/{}/reject", text(&proposal["id"]));
        let form = json!({"base_version": 1});
        who.post(&path, &form).await.refused(status, code);
    }
    assert_eq!((total(&ada).await, total(&bob).await), (json!(1), json!(0)));
}

#[tokio::test]
async fn a_command_with_a_key_happens_once() {
    let world = World::new().await;
    let [ada] = world.people(["ada"]).await;
    let (block, agent) = with_agent(&world, &ada).await;
    let path = format!("/api/v1/memory/blocks/{}/proposals", text(&block["id"]));
    let send = |body: &'static str| {
        let request = agent
            .request(reqwest::Method::POST, &path)
            .header("Idempotency-Key", "run-7")
            .json(&json!({"body": body}));
        async move {
            let response = request.send().await.expect("the server answers");
            let status = response.status().as_u16();
            (status, response.json::<Value>().await.expect("JSON"))
        }
    };
    let (_, first) = send("Ship on Monday.").await;
    let (_, again) = send("Ship on Monday.").await;
    assert_eq!((&first["id"], total(&ada).await), (&again["id"], json!(1)));
    let (status, other) = send("Ship on Tuesday.").await;
    assert_eq!(
        (status, &other["code"]),
        (409, &json!("idempotency_key_reused"))
    );
}
