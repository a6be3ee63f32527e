//! The vocabulary of Tidings: ids, rooms, every event, HTTP bodies and error codes. Only types.
