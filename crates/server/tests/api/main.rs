//! What people can do, over the public wire: one module a feature, one binary for all.

mod channels;
mod live;
mod messages;
mod presence;
