//! What calls were for: the rows of leases that are open, and the sums by key, model and time.
//!
//! Invariant: a sum grows in the commit in which the rows it comes from do, so that each call is in it once.

use super::StoreError;
use super::sql::{Db, Value, Values, delete, insert};
use super::write::{Done, bytes, number};
use crate::clock::Wall;
use crate::lease::protocol::{LeaseId, Usage, Used};
use std::collections::BTreeMap;

/// An hour and a day, in the nanoseconds of the books.
pub(in crate::control) const HOUR: i64 = 3_600_000_000_000;
pub(in crate::control) const DAY: i64 = 24 * HOUR;

/// What a sum becomes with more. None of calls or tokens is greater than this, so that many of them can still be added up.
macro_rules! more {
    () => {
        "calls = CASE WHEN usage_sum.calls + excluded.calls < 1000000000000000 \
         THEN usage_sum.calls + excluded.calls ELSE 1000000000000000 END, \
         tokens_in = CASE WHEN usage_sum.tokens_in + excluded.tokens_in < 1000000000000000 \
         THEN usage_sum.tokens_in + excluded.tokens_in ELSE 1000000000000000 END, \
         tokens_out = CASE WHEN usage_sum.tokens_out + excluded.tokens_out < 1000000000000000 \
         THEN usage_sum.tokens_out + excluded.tokens_out ELSE 1000000000000000 END, \
         cost = usage_sum.cost + excluded.cost"
    };
}
pub(super) use more;

/// Writes what is known of the models of these leases, and what is new of it.
pub(super) async fn rows(
    work: &mut Db<'_>,
    (known, used): (&[(LeaseId, Vec<Usage>)], &[Used]),
    at: Wall,
) -> Done {
    keep(work, known).await?;
    forget(work, known).await?;
    add(work, used, at).await
}

/// Calls, tokens in and out, cost.
fn numbers(usage: &Usage) -> Result<[i64; 4], StoreError> {
    Ok([
        number(usage.calls)?,
        number(usage.input)?,
        number(usage.output)?,
        usage.cost.nanos(),
    ])
}

async fn keep(work: &mut Db<'_>, known: &[(LeaseId, Vec<Usage>)]) -> Done {
    let lines = known.iter().flat_map(|(lease, lines)| {
        let line = |line| Ok((lease.0, line, numbers(line)?));
        lines.iter().map(line)
    });
    let lines = lines.collect::<Result<Vec<_>, StoreError>>()?;
    let values = |to: &mut Values, (lease, line, numbers): &(u128, &Usage, [i64; 4])| {
        to.push_bind(bytes(*lease))
            .push_bind(line.model.to_string());
        for number in numbers {
            to.push_bind(*number);
        }
    };
    let known = " ON CONFLICT (lease, model) DO UPDATE SET calls = excluded.calls, \
                 tokens_in = excluded.tokens_in, tokens_out = excluded.tokens_out, cost = excluded.cost";
    insert(work, "INSERT INTO usage ", &lines, values, known).await
}

async fn forget(work: &mut Db<'_>, known: &[(LeaseId, Vec<Usage>)]) -> Done {
    let closed = known.iter().filter(|(_, lines)| lines.is_empty());
    let closed: Vec<LeaseId> = closed.map(|(lease, _)| *lease).collect();
    let closed = closed.into_iter().map(|lease| Value::from(bytes(lease.0)));
    delete(work, "DELETE FROM usage WHERE lease", closed.collect()).await
}

async fn add(work: &mut Db<'_>, used: &[Used], at: Wall) -> Done {
    let hour = at.nanos().div_euclid(HOUR).saturating_mul(HOUR);
    // Each sum once in a statement, however many gateways tell of it.
    let mut sums: BTreeMap<(i64, &str), [i64; 4]> = BTreeMap::new();
    for used in used {
        let sum = sums
            .entry((number(used.leaf.0)?, &*used.usage.model))
            .or_default();
        for (sum, more) in sum.iter_mut().zip(numbers(&used.usage)?) {
            *sum = sum.saturating_add(more);
        }
    }
    let sums: Vec<_> = sums.into_iter().collect();
    let values = |to: &mut Values, ((leaf, model), numbers): &((i64, &str), [i64; 4])| {
        to.push_bind(hour).push_bind(*leaf).push_bind(*model);
        for number in numbers {
            to.push_bind(*number);
        }
    };
    let known = concat!(" ON CONFLICT (at, leaf, model) DO UPDATE SET ", more!());
    insert(work, "INSERT INTO usage_sum ", &sums, values, known).await
}
