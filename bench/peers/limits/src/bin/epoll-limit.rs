//! The limit by epoll: a broadcast is encoded once, and each delivery is one `send` of those bytes and nothing else.
//!
//! Broadcasts that arrive in one turn of the loop leave in one `send` per connection: with one outstanding that is one
//! frame, in a burst it is the coalescing limit. A connection whose socket is full is dropped, which the load generator
//! notices.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;

use limits::Peer;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);

fn main() -> std::io::Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], limits::port())))?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut connections: Vec<Option<(TcpStream, Peer)>> = Vec::new();
    let mut free = Vec::new();
    let (mut scratch, mut reply, mut broadcast) = (vec![0; 64 * 1024], Vec::new(), Vec::new());
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let index = free.pop().unwrap_or(connections.len());
                    poll.registry()
                        .register(&mut stream, Token(index), Interest::READABLE)?;
                    if index == connections.len() {
                        connections.push(None);
                    }
                    connections[index] = Some((stream, Peer::default()));
                }
                continue;
            }
            let index = event.token().0;
            let Some((stream, peer)) = &mut connections[index] else {
                continue;
            };
            reply.clear();
            let is_alive = read(stream, peer, &mut scratch, &mut reply, &mut broadcast)
                && (reply.is_empty()
                    || matches!(stream.write(&reply), Ok(sent) if sent == reply.len()));
            if !is_alive {
                connections[index] = None;
                free.push(index);
            }
        }
        if !broadcast.is_empty() {
            for (index, slot) in connections.iter_mut().enumerate() {
                let Some((
                    stream,
                    Peer {
                        is_inside: true, ..
                    },
                )) = slot
                else {
                    continue;
                };
                if !matches!(stream.write(&broadcast), Ok(sent) if sent == broadcast.len()) {
                    eprintln!("a socket was full: connection dropped");
                    *slot = None;
                    free.push(index);
                }
            }
            broadcast.clear();
        }
    }
}

/// Until there is no more, as edge-triggered readiness wants it. False when the peer is gone.
fn read(
    stream: &mut TcpStream,
    peer: &mut Peer,
    scratch: &mut [u8],
    reply: &mut Vec<u8>,
    broadcast: &mut Vec<u8>,
) -> bool {
    loop {
        match stream.read(scratch) {
            Ok(0) => return false,
            Ok(length) => {
                if !peer.feed(&scratch[..length], reply, broadcast) {
                    return false;
                }
            }
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}
