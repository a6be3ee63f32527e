//! How many connections are open, in all and of each address, before any of them has said a word.
//!
//! A connection keeps its place until it is closed, also as a WebSocket. What an address is behind a proxy, its requests
//! say; here a proxy is the only peer, so addresses are not counted then.

use crate::config::LimitConfig;
use socketio::network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many addresses have room in the table at all times.
const FEW: usize = 32;

/// Why a connection finds no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// There are as many as there may be.
    InAll,
    /// Its address has as many as one may have.
    OfAddress,
}

/// The open connections of one listener.
#[derive(Debug)]
pub struct Open {
    most: usize,
    /// 0 is no limit.
    most_of_address: usize,
    /// Whether the limit of an address holds for this machine's own.
    own_too: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    all: Count,
    of_address: HashMap<IpAddr, Count>,
}

#[derive(Debug, Default)]
struct Count {
    open: usize,
    /// How many were refused since it was full.
    refused: usize,
}

impl Count {
    /// Counts one more if it may have one more, or says whether it is the first that is refused.
    fn enter(&mut self, most: usize) -> Result<(), bool> {
        if self.open < most {
            self.open += 1;
            return Ok(());
        }
        self.refused += 1;
        Err(self.refused == 1)
    }

    /// One is gone. Answers how many were refused, once there is room again.
    fn leave(&mut self, most: usize) -> Option<usize> {
        self.open -= 1;
        // With some distance, so that what goes on at the limit is said once.
        (self.refused > 0 && self.open <= most - most.div_ceil(10))
            .then(|| std::mem::take(&mut self.refused))
    }
}

/// The place of an open connection; given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    open: Arc<Open>,
    address: Option<IpAddr>,
}

impl Open {
    /// Nothing is open yet. `is_behind_proxy` says that the peers are proxies.
    #[must_use]
    pub fn new(limits: &LimitConfig, is_behind_proxy: bool) -> Open {
        let of_address = limits.open_per_address.unwrap_or_default();
        Open {
            most: limits.open_connections,
            most_of_address: if is_behind_proxy { 0 } else { of_address.most },
            own_too: of_address.own_too,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more connection of this peer. What is refused is said once in the log, until there is room again.
    ///
    /// # Errors
    /// When there is none.
    pub fn enter(self: &Arc<Self>, peer: IpAddr) -> Result<Place, Full> {
        let peer = peer.to_canonical();
        let is_counted = self.most_of_address > 0 && (self.own_too || !peer.is_loopback());
        let address = is_counted.then(|| network(peer));
        let mut state = self.state();
        if let Some(address) = address {
            let count = state.of_address.entry(address).or_default();
            if let Err(is_first) = count.enter(self.most_of_address) {
                drop(state);
                if is_first {
                    tracing::warn!(
                        client.address = %address,
                        connections = self.most_of_address,
                        "an address has as many connections open as one may have; more are refused \
                        (TIDINGS_OPEN_CONNECTIONS_PER_ADDRESS, and TIDINGS_TRUST_PROXY if it is a proxy)"
                    );
                }
                return Err(Full::OfAddress);
            }
        }
        if let Err(is_first) = state.all.enter(self.most) {
            if let Some(address) = address {
                state.leave(address, self.most_of_address);
            }
            drop(state);
            if is_first {
                tracing::warn!(
                    connections = self.most,
                    "as many connections are open as may be; more are refused (TIDINGS_OPEN_CONNECTIONS)"
                );
            }
            return Err(Full::InAll);
        }
        Ok(Place {
            open: self.clone(),
            address,
        })
    }
}

impl State {
    fn leave(&mut self, address: IpAddr, most: usize) {
        if let Some(count) = self.of_address.get_mut(&address) {
            if let Some(refused) = count.leave(most) {
                tracing::info!(client.address = %address, refused, "an address may connect again");
            }
            if count.open == 0 {
                self.of_address.remove(&address);
                let used = self.of_address.len();
                if used < self.of_address.capacity() / 8 {
                    self.of_address.shrink_to(used.max(FEW) * 2); // a crowd has gone
                }
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.open.state();
        if let Some(address) = self.address {
            state.leave(address, self.open.most_of_address);
        }
        if let Some(refused) = state.all.leave(self.open.most) {
            tracing::info!(refused, "connections are accepted again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(most: usize, most_of_address: usize, own_too: bool) -> Arc<Open> {
        Arc::new(Open {
            most,
            most_of_address,
            own_too,
            state: Mutex::default(),
        })
    }

    fn enter(open: &Arc<Open>, peer: &str) -> Result<Place, Full> {
        open.enter(peer.parse().unwrap())
    }

    #[test]
    fn places_are_bounded_in_all_and_given_back() {
        let open = open(2, 0, false);
        let first = enter(&open, "192.0.2.1").unwrap();
        let _second = enter(&open, "192.0.2.1").unwrap();
        for _ in 0..3 {
            assert_eq!(enter(&open, "192.0.2.2").unwrap_err(), Full::InAll);
        }
        assert_eq!(open.state().all.refused, 3);
        drop(first);
        assert_eq!(open.state().all.refused, 0);
        assert!(enter(&open, "192.0.2.2").is_ok());
    }

    #[test]
    fn an_address_has_its_own_limit_and_what_it_was_refused_costs_others_nothing() {
        let open = open(3, 2, false);
        let held = [enter(&open, "2001:db8::1"), enter(&open, "2001:db8::ffff")];
        // One network of IPv6 is one customer.
        assert_eq!(enter(&open, "2001:db8::2").unwrap_err(), Full::OfAddress);
        let other = enter(&open, "::ffff:192.0.2.1").unwrap();
        assert_eq!(enter(&open, "192.0.2.2").unwrap_err(), Full::InAll);
        drop(held);
        assert_eq!(open.state().of_address.len(), 1);
        drop(other);
        let state = open.state();
        assert_eq!((state.all.open, state.of_address.len()), (0, 0));
    }

    #[test]
    fn a_crowd_of_addresses_that_has_gone_leaves_no_room_in_the_table_behind() {
        let open = open(10_000, 1, false);
        let crowd: Vec<_> = (0..10_000)
            .map(|n| open.enter(std::net::Ipv4Addr::from_bits((192 << 24) + n).into()))
            .collect();
        assert!(open.state().of_address.capacity() >= crowd.len());
        drop(crowd);
        assert!(open.state().of_address.capacity() < 200);
    }

    #[test]
    fn this_machine_itself_is_limited_only_by_a_limit_that_was_set() {
        for (own_too, second) in [(false, Ok(())), (true, Err(Full::OfAddress))] {
            let open = open(10, 1, own_too);
            let _first = enter(&open, "127.0.0.1").unwrap();
            assert_eq!(enter(&open, "127.0.0.1").map(|_| ()), second);
        }
    }
}
