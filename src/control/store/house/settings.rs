//! Single values.

use super::{Done, Found};
use crate::control::store::Db;
use crate::control::store::sql::{self, Apart};

/// The revision of what gateways are told of keys and budgets.
pub(in crate::control) const DIRECTORY: &str = "directory";
/// The vault's revision.
pub(in crate::control) const VAULT: &str = "vault";

/// The digest of the certificate that gateways know the panel by.
pub(in crate::control) const AUTHORITY: &str = "authority";

/// A column of SQLite takes values of any kind; PostgreSQL has one for numbers and one for bytes.
const BYTES: Apart = Apart {
    sqlite: "SELECT value FROM setting WHERE name = ?",
    postgres: "SELECT bytes FROM setting WHERE name = ?",
};
const SET_BYTES: Apart = Apart {
    sqlite: "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    postgres: "INSERT INTO setting (name, bytes) VALUES (?, ?) \
               ON CONFLICT (name) DO UPDATE SET value = NULL, bytes = excluded.bytes",
};

/// A number, 0 where it was never set.
pub(in crate::control) async fn number(db: &mut Db<'_>, name: &str) -> Found<i64> {
    let found = sql::query_scalar("SELECT value FROM setting WHERE name = ?");
    Ok(found.bind(name).fetch_optional(db).await?.unwrap_or(0))
}

/// One more than before.
pub(in crate::control) async fn grow(db: &mut Db<'_>, name: &str) -> Found<i64> {
    let grown = sql::query_scalar(
        "INSERT INTO setting (name, value) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = setting.value + 1 RETURNING value",
    );
    Ok(grown.bind(name).fetch_one(db).await?)
}

/// Keeps a number.
pub(in crate::control) async fn set_number(db: &mut Db<'_>, name: &str, value: i64) -> Done {
    let set = sql::query(
        "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    );
    set.bind(name).bind(value).execute(db).await?;
    Ok(())
}

/// Some bytes.
pub(in crate::control) async fn bytes(db: &mut Db<'_>, name: &str) -> Found<Option<Vec<u8>>> {
    let found = sql::query_scalar(BYTES);
    Ok(found.bind(name).fetch_optional(db).await?)
}

/// Keeps them.
pub(in crate::control) async fn set_bytes(db: &mut Db<'_>, name: &str, value: &[u8]) -> Done {
    let set = sql::query(SET_BYTES);
    set.bind(name).bind(value).execute(db).await?;
    Ok(())
}

/// Forgets a value.
pub(in crate::control) async fn clear(db: &mut Db<'_>, name: &str) -> Done {
    let cleared = sql::query("DELETE FROM setting WHERE name = ?");
    cleared.bind(name).execute(db).await?;
    Ok(())
}
