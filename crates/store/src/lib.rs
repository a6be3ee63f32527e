//! Tidings' database: migrations, SQL and the event log. The only crate that knows SQL.
