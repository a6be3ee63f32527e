//! A Socket.IO server over axum and hyper: polling, WebSocket, upgrade, rooms, acks and back-pressure.
