//! What the files under test need of the rest of the crate, as little as will do.

/// As `Namespace::on_full` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    Queue,
    Refuse,
    Close,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sid;

#[derive(Debug, Default)]
pub(crate) struct Handshake;

pub(crate) mod socket {
    use super::Full;
    use crate::{Class, Frame};

    /// A socket is its number.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub(crate) struct Socket(pub(crate) u32);

    pub(crate) struct Hall;

    impl Hall {
        pub(crate) fn own_key(&self, class: Class) -> Class {
            class
        }
    }

    impl Socket {
        pub(crate) fn hall(&self) -> Hall {
            Hall
        }

        pub(crate) fn is_behind(&self) -> bool {
            false
        }

        pub(crate) fn set_behind(&self, _: bool) {}

        pub(crate) fn ask_owner(&self, _: &Frame) -> Full {
            Full::Close
        }
    }
}

pub(crate) mod flush {
    use std::sync::Arc;

    use crate::conn::Conn;

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub(crate) enum Awaited {
        #[default]
        Nothing,
        Window,
        Task,
    }

    #[derive(Debug)]
    pub(crate) struct Later {
        pub(crate) conns: Vec<Arc<Conn>>,
        pub(crate) awaited: Awaited,
    }

    #[derive(Debug, Default)]
    pub(crate) struct Gathering;
}

pub(crate) mod polling {
    #[derive(Debug)]
    pub(crate) struct Polling;

    impl Polling {
        pub(crate) fn ring(&self) {}
    }
}

pub(crate) mod server {
    use crate::{Config, queue::Marks};

    #[derive(Debug)]
    pub(crate) struct Shared {
        pub(crate) config: Config,
        pub(crate) marks: Marks,
    }
}

pub(crate) mod websocket {
    use std::io::{self, IoSlice};

    use crate::sync::Mutex;

    /// A stream that takes what it likes, or nothing just now.
    #[derive(Debug, Default)]
    pub(crate) struct TcpStream(pub(crate) Mutex<Vec<u8>>);

    pub(crate) fn write_past(stream: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let all: Vec<u8> = slices
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .collect();
        let most =
            shuttle::rand::Rng::gen_range(&mut shuttle::rand::thread_rng(), 0..=all.len() + 4);
        let taken = most.min(all.len());
        if taken == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        stream.0.lock().unwrap().extend_from_slice(&all[..taken]);
        Ok(taken)
    }
}
