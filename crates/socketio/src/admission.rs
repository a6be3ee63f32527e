//! Who is let in: what is counted of a server's connections, requests and sockets, in all and for each address and
//! identity, and what gives each place back.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{Sid, conn::Conn, server::Shared, tables};

/// The counts of one server. How many connections there are, its table knows.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    unconnected: AtomicUsize,
    /// WebSockets that have not taken over the session they were offered to.
    probing: AtomicUsize,
    addresses: Mutex<HashMap<IpAddr, usize>>,
    /// How many sockets each identity has.
    identities: Mutex<HashMap<Arc<str>, usize>>,
    polling_requests: AtomicUsize,
}

impl Counts {
    pub(crate) fn probing(&self) -> usize {
        self.probing.load(Ordering::Acquire)
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn identities(&self) -> MutexGuard<'_, HashMap<Arc<str>, usize>> {
        self.identities
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Lets one more request of a polling client begin, if that may be.
    pub(crate) fn begin_request(self: &Arc<Self>) -> Option<Request> {
        let before = self.counts.polling_requests.fetch_add(1, Ordering::AcqRel);
        // Made in any case: it takes back what was counted.
        let request = Request(self.clone());
        (before < self.config.limits.polling_requests).then_some(request)
    }

    /// Counts one more socket of an identity, if it may have one more.
    pub(crate) fn identify(&self, identity: &str) -> Option<Arc<str>> {
        let most = self.config.limits.sockets_per_identity;
        let mut identities = self.counts.identities();
        let known = identities.get_key_value(identity);
        let (identity, count) = match known {
            Some((identity, count)) => (identity.clone(), *count),
            None => (identity.into(), 0),
        };
        if most > 0 && count >= most {
            return None;
        }
        identities.insert(identity.clone(), count + 1);
        Some(identity)
    }

    /// A socket of an identity is gone.
    pub(crate) fn forget_identity(&self, identity: &str) {
        let mut identities = self.counts.identities();
        if let Some(count) = identities.get_mut(identity) {
            *count -= 1;
            if *count == 0 {
                identities.remove(identity);
                tables::shrink(&mut identities);
            }
        }
    }

    /// Identities that memory is held for.
    #[cfg(test)]
    pub(crate) fn identities_capacity(&self) -> usize {
        self.counts.identities().capacity()
    }

    /// Lets a new connection in, or says why not.
    pub(crate) fn admit(self: &Arc<Self>, conn: &Arc<Conn>) -> Result<Admission, Refusal> {
        if self.is_closing() {
            return Err(Refusal::Closing);
        }
        let limits = &self.config.limits;
        // Made first: whatever is counted below is given back when it is dropped.
        let mut admission = Admission {
            shared: self.clone(),
            sid: conn.sid,
            address: None,
            is_unconnected: true,
        };
        if self.counts.unconnected.fetch_add(1, Ordering::AcqRel) >= limits.unconnected {
            return Err(Refusal::TooManyUnconnected);
        }
        admission.address = self.enter_address(conn.handshake.remote_addr())?;
        let mut conns = self.conns();
        if conns.len() + self.counts.probing() >= limits.connections {
            drop(conns);
            return Err(Refusal::TooMany);
        }
        conns.insert(conn.sid, conn.clone());
        drop(conns);
        // `close` may have walked the table just before.
        if self.is_closing() {
            return Err(Refusal::Closing);
        }
        Ok(admission)
    }

    /// Lets a WebSocket in that is offered to a session, or says why not. It counts as a connection of its own until it
    /// has taken over.
    pub(crate) fn admit_probe(
        self: &Arc<Self>,
        remote: Option<IpAddr>,
    ) -> Result<ProbePlace, Refusal> {
        let mut place = ProbePlace {
            shared: self.clone(),
            address: self.enter_address(remote)?,
            is_counted: false,
        };
        // Under the lock of the table, as connections are.
        let conns = self.conns();
        if conns.len() + self.counts.probing() >= self.config.limits.connections {
            drop(conns);
            return Err(Refusal::TooMany);
        }
        self.counts.probing.fetch_add(1, Ordering::AcqRel);
        place.is_counted = true;
        drop(conns);
        Ok(place)
    }

    /// Counts one more connection of an address, if it may have one more. Answers what to give back.
    fn enter_address(&self, remote: Option<IpAddr>) -> Result<Option<IpAddr>, Refusal> {
        let most = self.config.limits.connections_per_address;
        let (Some(address), 1..) = (remote, most) else {
            return Ok(None);
        };
        let address = network(address);
        let mut addresses = self.counts.addresses();
        let count = addresses.entry(address).or_insert(0);
        if *count >= most {
            return Err(Refusal::TooManyFromAddress);
        }
        *count += 1;
        Ok(Some(address))
    }

    /// A connection of an address is gone.
    fn leave_address(&self, address: Option<IpAddr>) {
        let Some(address) = address else { return };
        let mut addresses = self.counts.addresses();
        if let Some(count) = addresses.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&address);
                tables::shrink(&mut addresses);
            }
        }
    }
}

/// What counts as one address where addresses are counted: one of IPv4, however it is written, or the whole network of 64
/// bits of one of IPv6, for who has one address of it has them all.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// One request of a polling client under way.
#[derive(Debug)]
pub(crate) struct Request(Arc<Shared>);

impl Drop for Request {
    fn drop(&mut self) {
        self.0
            .counts
            .polling_requests
            .fetch_sub(1, Ordering::AcqRel);
    }
}

/// Why a connection was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Closing,
    TooMany,
    TooManyUnconnected,
    TooManyFromAddress,
}

/// A connection's place in the server's counts and tables, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Admission {
    shared: Arc<Shared>,
    sid: Sid,
    address: Option<IpAddr>,
    is_unconnected: bool,
}

impl Admission {
    /// The connection is in a namespace now.
    pub(crate) fn connected(&mut self) {
        if std::mem::take(&mut self.is_unconnected) {
            self.shared
                .counts
                .unconnected
                .fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.connected();
        let mut conns = self.shared.conns();
        conns.remove(&self.sid);
        tables::shrink(&mut conns);
        drop(conns);
        self.shared.leave_address(self.address);
    }
}

/// A WebSocket's place beside the session it was offered to, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct ProbePlace {
    shared: Arc<Shared>,
    address: Option<IpAddr>,
    is_counted: bool,
}

impl Drop for ProbePlace {
    fn drop(&mut self) {
        if self.is_counted {
            self.shared.counts.probing.fetch_sub(1, Ordering::AcqRel);
        }
        self.shared.leave_address(self.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one_and_those_of_ipv4_do_not() {
        let is_one =
            |one: &str, two: &str| network(one.parse().unwrap()) == network(two.parse().unwrap());
        assert!(is_one("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"));
        assert!(!is_one("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(!is_one("192.0.2.1", "192.0.2.2"));
        assert!(is_one("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!is_one("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
    }
}
