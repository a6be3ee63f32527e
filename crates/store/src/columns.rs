//! Reading columns that hold more than SQLite's own types: JSON texts and flags.

use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A column with a JSON text or null.
pub(crate) fn json<T: DeserializeOwned>(
    row: &Row<'_>,
    index: usize,
) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(index)?;
    text.map(|text| serde_json::from_str(&text))
        .transpose()
        .map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error))
        })
}

/// The text to store for a value that [`json`] reads back; null for none.
pub(crate) fn json_text<T: Serialize>(value: Option<&T>) -> Result<Option<String>, crate::Error> {
    value
        .map(serde_json::to_string)
        .transpose()
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)).into())
}
