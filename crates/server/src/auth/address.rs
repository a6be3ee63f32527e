//! The address a request came from, for limits.

use crate::app::App;
use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;
use socketio::{Forwarded, network};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where a request came from: the peer, or what a trusted proxy saw. As [`network`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl FromRequestParts<App> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|ConnectInfo(peer)| peer.ip());
        let seen = Forwarded::new(&parts.headers, app.config.http.trusted_proxies).address();
        Ok(ClientAddress(network(
            seen.or(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        )))
    }
}
