//! Events of ours that a client has not acknowledged yet.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

use crate::AckReply;

/// The open questions of one socket.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    next: u64,
    open: BTreeMap<u64, oneshot::Sender<AckReply>>,
}

impl Acks {
    /// Whether nobody waits for an answer.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// A new id, and where its answer will come.
    pub(crate) fn ask(&mut self) -> (u64, oneshot::Receiver<AckReply>) {
        let (answer, receiver) = oneshot::channel();
        let id = self.next;
        self.next += 1;
        self.open.insert(id, answer);
        (id, receiver)
    }

    /// The client answered, once; later or invented answers are ignored.
    pub(crate) fn resolve(&mut self, id: u64, reply: AckReply) {
        if let Some(answer) = self.open.remove(&id) {
            // The one who asked may have given up.
            let _ = answer.send(reply);
        }
    }

    /// Nobody waits for this answer any more.
    pub(crate) fn forget(&mut self, id: u64) {
        self.open.remove(&id);
    }
}
