//! Single values.

use super::{Done, Found};
use sqlx::SqliteConnection;

/// The revision of what gateways are told of keys and budgets.
pub(in crate::control) const DIRECTORY: &str = "directory";
/// The vault's revision.
pub(in crate::control) const VAULT: &str = "vault";

/// A number, 0 where it was never set.
pub(in crate::control) async fn number(db: &mut SqliteConnection, name: &str) -> Found<i64> {
    let found = sqlx::query_scalar("SELECT value FROM setting WHERE name = ?");
    Ok(found.bind(name).fetch_optional(db).await?.unwrap_or(0))
}

/// One more than before.
pub(in crate::control) async fn grow(db: &mut SqliteConnection, name: &str) -> Found<i64> {
    let grown = sqlx::query_scalar(
        "INSERT INTO setting VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
    );
    Ok(grown.bind(name).fetch_one(db).await?)
}

/// Keeps a number.
pub(in crate::control) async fn set_number(
    db: &mut SqliteConnection,
    name: &str,
    value: i64,
) -> Done {
    let set = sqlx::query(
        "INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    );
    set.bind(name).bind(value).execute(db).await?;
    Ok(())
}

/// Some bytes.
pub(in crate::control) async fn bytes(
    db: &mut SqliteConnection,
    name: &str,
) -> Found<Option<Vec<u8>>> {
    let found = sqlx::query_scalar("SELECT value FROM setting WHERE name = ?");
    Ok(found.bind(name).fetch_optional(db).await?)
}

/// Keeps them.
pub(in crate::control) async fn set_bytes(
    db: &mut SqliteConnection,
    name: &str,
    value: &[u8],
) -> Done {
    let set = sqlx::query(
        "INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    );
    set.bind(name).bind(value).execute(db).await?;
    Ok(())
}

/// Forgets a value.
pub(in crate::control) async fn clear(db: &mut SqliteConnection, name: &str) -> Done {
    let cleared = sqlx::query("DELETE FROM setting WHERE name = ?");
    cleared.bind(name).execute(db).await?;
    Ok(())
}
