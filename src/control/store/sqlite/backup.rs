//! A copy of the books made while they are in use.

use super::super::StoreError;
use super::super::house::{restored, settings};
use super::{open, options};
use crate::clock::Wall;
use sqlx::{ConnectOptions as _, Connection as _};
use std::path::Path;

/// Copies the books as they are at this moment into a file that is not there yet.
///
/// # Errors
/// [`StoreError`].
pub async fn copy(from: &Path, to: &Path, now: Wall) -> Result<(), StoreError> {
    let connection = options(from).create_if_missing(false).connect().await;
    let mut connection = connection.map_err(|error| StoreError::Open {
        place: from.display().to_string(),
        error,
    })?;
    let copied = sqlx::query("VACUUM INTO ?").bind(to.to_string_lossy());
    copied.execute(&mut connection).await?;
    connection.close().await?;
    let mut copy = open(to).await?;
    settings::set_number(&mut copy, restored::BACKUP, now.nanos().max(1)).await?;
    copy.close().await
}
