//! Bundles of policies, what gateways are to run of them, and what they say they run.

use super::{Done, Found, Window, row};
use crate::control::store::{Db, sql};

row! {
    /// A bundle, without its files.
    Bundle {
        version: i64,
        name: String,
        digest: String,
        policies: String,
        count: i64,
        bytes: i64,
        note: String,
        made_by: i64,
        created: i64,
        rolled: Option<i64>,
    }
}

row! {
    /// What gateways are to run.
    Rollout {
        revision: i64,
        current: Option<i64>,
        candidate: Option<i64>,
        percent: i64,
        made_by: i64,
        at: i64,
    }
}

row! {
    /// What a gateway said it runs.
    Reported {
        revision: i64,
        running: i64,
        error: Option<String>,
        at: i64,
    }
}

/// A new bundle; its number. `files` is JSON: texts by path.
pub(in crate::control) async fn insert(
    db: &mut Db<'_>,
    bundle: &Bundle,
    files: &str,
) -> Found<i64> {
    let inserted = sql::query_scalar(
        "INSERT INTO bundle (name, digest, policies, files, count, bytes, note, made_by, created) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING version",
    );
    let inserted = inserted.bind(&bundle.name).bind(&bundle.digest);
    let inserted = inserted.bind(&bundle.policies).bind(files);
    let inserted = inserted.bind(bundle.count).bind(bundle.bytes);
    let inserted = inserted.bind(&bundle.note).bind(bundle.made_by);
    Ok(inserted.bind(bundle.created).fetch_one(db).await?)
}

/// A bundle by its number.
pub(in crate::control) async fn get(db: &mut Db<'_>, version: i64) -> Found<Option<Bundle>> {
    let found = sql::query_as(
        "SELECT version, name, digest, policies, count, bytes, note, made_by, created, rolled \
         FROM bundle WHERE version = ?",
    );
    Ok(found.bind(version).fetch_optional(db).await?)
}

/// Its files, as JSON.
pub(in crate::control) async fn files(db: &mut Db<'_>, version: i64) -> Found<Option<String>> {
    let found = sql::query_scalar("SELECT files FROM bundle WHERE version = ?");
    Ok(found.bind(version).fetch_optional(db).await?)
}

/// All bundles.
pub(in crate::control) async fn list(db: &mut Db<'_>, window: Window) -> Found<Vec<Bundle>> {
    let list = sql::query_as(
        "SELECT version, name, digest, policies, count, bytes, note, made_by, created, rolled \
         FROM bundle WHERE version > ? ORDER BY version LIMIT ?",
    );
    let list = list.bind(window.after).bind(window.most);
    Ok(list.fetch_all(db).await?)
}

/// The first time that gateways were to run a bundle.
pub(in crate::control) async fn rolled(db: &mut Db<'_>, version: i64, at: i64) -> Done {
    let rolled = sql::query("UPDATE bundle SET rolled = ? WHERE version = ? AND rolled IS NULL");
    rolled.bind(at).bind(version).execute(db).await?;
    Ok(())
}

/// What gateways are to run now; nothing yet where none.
pub(in crate::control) async fn rollout(db: &mut Db<'_>) -> Found<Option<Rollout>> {
    let found = sql::query_as("SELECT * FROM rollout ORDER BY revision DESC LIMIT 1");
    Ok(found.fetch_optional(db).await?)
}

/// The newest version before this one that all gateways were to run.
pub(in crate::control) async fn earlier(db: &mut Db<'_>, version: i64) -> Found<Option<i64>> {
    let found = sql::query_scalar("SELECT max(current) FROM rollout WHERE current < ?");
    Ok(found.bind(version).fetch_one(db).await?)
}

/// From now on gateways are to run this.
pub(in crate::control) async fn roll(db: &mut Db<'_>, rollout: &Rollout) -> Done {
    let rolled = sql::query("INSERT INTO rollout VALUES (?, ?, ?, ?, ?, ?)");
    let rolled = rolled.bind(rollout.revision).bind(rollout.current);
    let rolled = rolled.bind(rollout.candidate).bind(rollout.percent);
    let rolled = rolled.bind(rollout.made_by).bind(rollout.at);
    rolled.execute(db).await?;
    Ok(())
}

/// What a gateway said.
pub(in crate::control) async fn reported(db: &mut Db<'_>, gateway: i64) -> Found<Option<Reported>> {
    let found =
        sql::query_as("SELECT revision, running, error, at FROM bundle_report WHERE gateway = ?");
    Ok(found.bind(gateway).fetch_optional(db).await?)
}

/// What each gateway said it runs, by its number.
pub(in crate::control) async fn running(db: &mut Db<'_>) -> Found<Vec<(i64, i64)>> {
    let found = sql::query_as("SELECT gateway, running FROM bundle_report");
    Ok(found.fetch_all(db).await?)
}

/// A gateway says what it runs.
pub(in crate::control) async fn report(db: &mut Db<'_>, router: &[u8], said: &Reported) -> Done {
    let report = sql::query(
        "INSERT INTO bundle_report SELECT id, ?, ?, ?, ? FROM gateway WHERE router = ? \
         ON CONFLICT (gateway) DO UPDATE SET revision = excluded.revision, running = excluded.running, \
         error = excluded.error, at = excluded.at",
    );
    let report = report.bind(said.revision).bind(said.running);
    let report = report.bind(&said.error).bind(said.at);
    report.bind(router).execute(db).await?;
    Ok(())
}
