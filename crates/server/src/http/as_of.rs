//! Snapshots that say how new they are: the header `Tidings-As-Of` names, for each room that reports changes of what
//! was read, the position up to which the answer holds them. A client applies what is newer and drops what is not.
//!
//! Positions are read in the read transaction of the rows, so that nothing falls between.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue};
use serde::Serialize;
use std::fmt::Write;
use store::log::{self, Head};
use store::{Conn, Error};
use wire::Room;

/// `Tidings-As-Of: channel:X=44:1763900000000, user:Y=7:1763900000000`.
const HEADER: HeaderName = HeaderName::from_static("tidings-as-of");

/// Positions of rooms: `seq` and commit time (ms).
#[derive(Debug, Clone, Default)]
pub struct AsOf(Vec<(String, Head)>);

impl AsOf {
    /// The heads of these rooms, as this read transaction sees them.
    ///
    /// # Errors
    /// The store's.
    pub fn read(conn: &Conn, rooms: impl IntoIterator<Item = Room>) -> Result<AsOf, Error> {
        let head = |room: Room| {
            let name = room.to_string();
            Ok((name.clone(), log::room_head(conn, &name)?))
        };
        rooms
            .into_iter()
            .map(head)
            .collect::<Result<_, _>>()
            .map(AsOf)
    }

    fn value(&self) -> String {
        let mut text = String::new();
        for (room, head) in &self.0 {
            let comma = if text.is_empty() { "" } else { ", " };
            let _ = write!(text, "{comma}{room}={}:{}", head.number, head.at_ms);
        }
        text
    }
}

/// A body with the positions it holds.
#[derive(Debug, Clone)]
pub struct Snapshot<T> {
    /// What was read.
    pub body: T,
    /// Up to where.
    pub as_of: AsOf,
}

impl<T> Snapshot<T> {
    /// The same positions with another body.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Snapshot<U> {
        Snapshot {
            body: change(self.body),
            as_of: self.as_of,
        }
    }
}

impl<T: Serialize> IntoResponse for Snapshot<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.body).into_response();
        // A room's name holds an id that a client may have chosen; one that no header can carry is left out.
        if let Ok(value) = HeaderValue::from_str(&self.as_of.value()) {
            response.headers_mut().insert(HEADER, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_stand_in_one_line() {
        let head = |number, at_ms| Head { number, at_ms };
        let as_of = AsOf(vec![
            ("channel:X".into(), head(44, 17)),
            ("user:Y".into(), head(7, 9)),
        ]);
        assert_eq!(as_of.value(), "channel:X=44:17, user:Y=7:9");
    }
}
