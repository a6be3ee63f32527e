//! Engine.IO 4 and Socket.IO 5 as pure code: packets, payloads and the session state machine. No input or output, no clock, no runtime.
