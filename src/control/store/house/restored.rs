//! Whether these books are a backup's, and what became of that.

use super::{Done, Found, settings};
use crate::control::store::Db;

/// What the lost books gave out has a number below this.
pub(in crate::control) const BELOW: &str = "restored.below";
/// When the books were restored.
pub(in crate::control) const AT: &str = "restored.at";
/// How often a bank began with them before it was opened again.
pub(in crate::control) const STARTS: &str = "restored.starts";
/// When it was.
pub(in crate::control) const OPENED: &str = "restored.opened";

/// When a copy was made; on the books of a panel that runs it is not there.
pub(in crate::control) const BACKUP: &str = "backup.made";
/// How long the longest lease could be spent that was ever given out, in nanoseconds.
pub(in crate::control) const LONGEST: &str = "leases.longest";

/// Books that were set back.
#[derive(Debug, Clone, Copy)]
pub(in crate::control) struct Restored {
    /// What the lost books gave out has a number below this.
    pub(in crate::control) below: i64,
    /// When they were restored.
    pub(in crate::control) at: i64,
    /// How often a bank began with them before it was opened again.
    pub(in crate::control) starts: i64,
    /// When it was opened again.
    pub(in crate::control) opened: Option<i64>,
}

/// What is written down of that; nothing where the books never were set back.
pub(in crate::control) async fn get(db: &mut Db<'_>) -> Found<Option<Restored>> {
    let below = settings::number(db, BELOW).await?;
    if below == 0 {
        return Ok(None);
    }
    let opened = settings::number(db, OPENED).await?;
    Ok(Some(Restored {
        below,
        at: settings::number(db, AT).await?,
        starts: settings::number(db, STARTS).await?,
        opened: (opened > 0).then_some(opened),
    }))
}

/// A bank begins with them.
pub(in crate::control) async fn begun(db: &mut Db<'_>) -> Done {
    settings::grow(db, STARTS).await?;
    Ok(())
}

/// It lends again.
pub(in crate::control) async fn opened(db: &mut Db<'_>, at: i64) -> Done {
    settings::set_number(db, OPENED, at).await
}
