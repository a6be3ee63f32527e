//! How tests of coming back open: bob says something in a channel, ada has seen it; and what is committed meanwhile.

use serde_json::Value;
use testkit::{Person, Tab, World};
use wire::events::{ChannelSeen, ServerEvent};
use wire::{ChannelId, Room};

/// Two people and a channel. Ada's tab has seen bob's one message.
pub struct Opening {
    pub world: World,
    pub general: Value,
    pub ada: Person,
    pub bob: Person,
    pub tab: Tab,
    /// The event of that message.
    pub seen: Value,
}

/// Ada connects in one way or another, and bob says "seen".
pub async fn seen(connect: impl AsyncFnOnce(&World, &Person) -> Tab) -> Opening {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let tab = connect(&world, &ada).await;
    bob.say(&general, "seen").await;
    let seen = tab.next_in_channel("message").await;
    assert_eq!(seen["data"]["data"]["content"], "seen");
    Opening {
        world,
        general,
        ada,
        bob,
        tab,
        seen,
    }
}

/// Commits so many events to a channel, in one job.
pub async fn emit(world: &World, channel: &Value, count: usize) {
    let id: ChannelId = channel["id"].as_str().expect("an id is a text").into();
    let written = world.app.store.write(move |tx| {
        for _ in 0..count {
            let seen = ChannelSeen {
                channel_id: id.clone(),
            };
            tx.emit(Room::Channel(id.clone()), ServerEvent::ChannelAdded(seen));
        }
        Ok::<_, store::Error>(())
    });
    written.await.expect("events are stored");
}
