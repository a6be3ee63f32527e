//! What happens to people: their connections, their rights, their haste.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::Instant;

use super::{Arena, pause};
use crate::ledger::Wish;
use crate::rng::Rng;
use crate::tab::Kind;

impl Arena {
    pub(super) async fn half_open(&self, rng: &mut Rng) -> Result<()> {
        let muted: Vec<_> = self
            .proxy
            .links()
            .into_iter()
            .filter(|_| rng.chance(40))
            .collect();
        muted.iter().for_each(|link| link.mute());
        pause(rng, 1_500, 4_500).await;
        muted.iter().for_each(|link| link.cut());
        Ok(())
    }

    pub(super) async fn slow(&self, rng: &mut Rng) -> Result<()> {
        let slow = self.proxy.busiest(5);
        slow.iter().for_each(|link| link.slow(true));
        self.office.mood.weight.set(12_000);
        pause(rng, 2_500, 4_000).await;
        self.office.mood.weight.set(0);
        slow.iter().for_each(|link| link.slow(false));
        Ok(())
    }

    pub(super) async fn storm(&self, rng: &mut Rng) -> Result<()> {
        self.office.mood.hasty.set(80);
        for _ in 0..rng.between(6, 12) {
            pause(rng, 60, 250).await;
            self.proxy.links().iter().for_each(|link| link.cut());
        }
        pause(rng, 500, 1_000).await;
        self.office.mood.hasty.set(0);
        Ok(())
    }

    pub(super) async fn remove_while_away(&self, rng: &mut Rng) -> Result<()> {
        let (channel, owner, who) = self.somebody_of_a_group(rng)?;
        let member = |joins| Wish::Member {
            channel,
            who,
            joins,
        };
        self.office.carry_out(owner, member(true), rng).await;
        let theirs = || self.tabs.iter().filter(|tab| tab.person == who);
        pause(rng, 100, 400).await;
        theirs().for_each(|tab| tab.stay_away(true));
        self.tell(format!("person {who} is away"));
        self.office.carry_out(owner, member(false), rng).await;
        for _ in 0..rng.between(1, 5) {
            let post = Wish::Post {
                channel,
                parent: None,
            };
            self.office.carry_out(owner, post, rng).await;
        }
        if rng.chance(40) {
            self.office.carry_out(owner, member(true), rng).await;
        }
        theirs().for_each(|tab| tab.stay_away(false));
        self.tell(format!("person {who} is back"));
        Ok(())
    }

    pub(super) async fn churn(&self, rng: &mut Rng) -> Result<()> {
        let (channel, owner, _) = self.somebody_of_a_group(rng)?;
        for _ in 0..rng.between(8, 16) {
            let who = rng.below(self.office.world.people.len());
            if who == owner {
                continue;
            }
            let joins = rng.chance(50);
            let comes_back = rng.chance(50);
            if comes_back {
                // Their sockets come back just when their right changes.
                let theirs = self.tabs.iter().filter(|tab| tab.person == who);
                theirs.for_each(|tab| tab.come_back());
                pause(rng, 20, 330).await;
            }
            let member = Wish::Member {
                channel,
                who,
                joins,
            };
            self.office.carry_out(owner, member, rng).await;
            for _ in 0..rng.between(0, 2) {
                let post = Wish::Post {
                    channel,
                    parent: None,
                };
                self.office.carry_out(owner, post, rng).await;
            }
        }
        Ok(())
    }

    pub(super) async fn race(&self, rng: &mut Rng) -> Result<()> {
        let (channel, owner, who) = self.somebody_of_a_group(rng)?;
        let theirs = || self.tabs.iter().filter(|tab| tab.person == who);
        theirs().for_each(|tab| tab.be_frantic(true));
        let is_over = Rc::new(Cell::new(false));
        let others: Vec<_> = (0..3)
            .map(|_| {
                let (office, is_over) = (self.office.clone(), is_over.clone());
                let mut rng = Rng::new(rng.next(), "race");
                tokio::task::spawn_local(async move {
                    let post = Wish::Post {
                        channel,
                        parent: None,
                    };
                    while !is_over.get() {
                        office.carry_out(owner, post.clone(), &mut rng).await;
                    }
                })
            })
            .collect();
        let started = Instant::now();
        let mut joins = false;
        while started.elapsed() < Duration::from_millis(1_500) {
            let member = Wish::Member {
                channel,
                who,
                joins,
            };
            self.office.carry_out(owner, member, rng).await;
            joins = !joins;
            pause(rng, 0, 15).await;
        }
        is_over.set(true);
        theirs().for_each(|tab| tab.be_frantic(false));
        for other in others {
            other.await?;
        }
        Ok(())
    }

    /// A revolving group, its owner, and somebody else who listens: by number.
    pub(super) fn somebody_of_a_group(&self, rng: &mut Rng) -> Result<(usize, usize, usize)> {
        let world = &self.office.world;
        let groups: Vec<usize> = (0..world.channels.len())
            .filter(|number| world.channels[*number].is_revolving)
            .collect();
        let channel = *rng.pick(&groups).context("no group")?;
        let owner = world.channels[channel].owner;
        let people: Vec<usize> = self
            .tabs
            .iter()
            .filter(|tab| tab.kind == Kind::Resuming && tab.person != owner)
            .map(|tab| tab.person)
            .collect();
        let who = *rng.pick(&people).context("nobody listens")?;
        Ok((channel, owner, who))
    }
}
