//! The limit by io_uring: as `epoll-limit`, but the sends to all connections go to the kernel in one call.
//!
//! Each broadcast is one send per connection (not coalesced in a burst). Sockets do not block and sends say so, hence
//! every send is over when `submit` returns and the shared frame may be written anew; only failures come back as
//! completions, and such a connection is dropped, which the load generator notices.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd};

use io_uring::{IoUring, opcode, squeue, types::Fd};
use limits::Peer;

const LISTENER: u64 = u64::MAX;
const SEND: u64 = 1 << 32;
const RING: u32 = 4096;

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", limits::port()))?;
    let mut ring: IoUring = IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_cqsize(4 * RING)
        .build(RING)?;
    let accept = opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).flags(libc::SOCK_NONBLOCK);
    push(&mut ring, &accept.build().user_data(LISTENER))?;
    let mut connections: Vec<Option<(TcpStream, Peer)>> = Vec::new();
    let (mut scratch, mut reply) = (vec![0; 64 * 1024], Vec::new());
    let mut broadcasts: Vec<u8> = Vec::new();
    let mut done: Vec<(u64, i32)> = Vec::new();
    loop {
        ring.submit_and_wait(1)?;
        done.extend(
            ring.completion()
                .map(|entry| (entry.user_data(), entry.result())),
        );
        for (whose, result) in done.drain(..) {
            if whose == LISTENER {
                if result < 0 {
                    return Err(std::io::Error::from_raw_os_error(-result));
                }
                // SAFETY: the kernel has just made this descriptor for us and nobody else knows it.
                let stream = unsafe { TcpStream::from_raw_fd(result) };
                stream.set_nodelay(true)?;
                let index = result as usize;
                if connections.len() <= index {
                    connections.resize_with(index + 1, || None);
                }
                let ready = opcode::PollAdd::new(Fd(result), libc::POLLIN as u32).multi(true);
                connections[index] = Some((stream, Peer::default()));
                push(&mut ring, &ready.build().user_data(index as u64))?;
                continue;
            }
            let slot = &mut connections[(whose & (SEND - 1)) as usize];
            if whose & SEND != 0 {
                eprintln!("a socket was full: connection dropped ({result})");
                *slot = None;
                continue;
            }
            let Some((stream, peer)) = slot else {
                continue;
            };
            reply.clear();
            let is_alive = read(stream, peer, &mut scratch, &mut reply, &mut broadcasts)
                && (reply.is_empty()
                    || matches!(stream.write(&reply), Ok(sent) if sent == reply.len()));
            if !is_alive {
                // The ring still holds the socket for its poll: closing alone would not say goodbye.
                let _gone = stream.shutdown(Shutdown::Both);
                *slot = None;
            }
        }
        let mut rest = broadcasts.as_slice();
        while !rest.is_empty() {
            let (frame, others) = rest.split_at(frame_length(rest));
            rest = others;
            for (stream, _) in connections
                .iter()
                .flatten()
                .filter(|(_, peer)| peer.is_inside)
            {
                let fd = stream.as_raw_fd();
                let send = opcode::Send::new(Fd(fd), frame.as_ptr(), frame.len() as u32)
                    .flags(libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT)
                    .build()
                    .flags(squeue::Flags::SKIP_SUCCESS)
                    .user_data(SEND | fd as u64);
                push(&mut ring, &send)?;
            }
        }
        ring.submit()?;
        broadcasts.clear();
    }
}

/// Puts an entry into the ring and makes room first where there is none.
fn push(ring: &mut IoUring, entry: &squeue::Entry) -> std::io::Result<()> {
    // SAFETY: what an entry points to outlives the next `submit`, and nothing is read after that (see above).
    while unsafe { ring.submission().push(entry) }.is_err() {
        ring.submit()?;
    }
    Ok(())
}

/// Of the first of our own frames: header and payload.
fn frame_length(bytes: &[u8]) -> usize {
    match bytes[1] {
        126 => 4 + usize::from(u16::from_be_bytes([bytes[2], bytes[3]])),
        short => 2 + usize::from(short),
    }
}

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
