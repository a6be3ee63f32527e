//! A world to test in: the real server in process, a temporary database, fake models, a settable clock and a typed client.
