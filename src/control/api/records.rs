//! What was spent, what was done, and who is told of it.

use super::call::{Call, Paged, Reply};
use super::route::{Access, Nothing, Reach, Route, read, write};
use crate::control::service::access::Role;
use crate::control::service::analytics::counts::{self, FindingsBy, RefusalsBy, Within};
use crate::control::service::analytics::{self, Asked, GroupBy, Interval};
use crate::control::service::webhooks::{self, NewWebhook};
use crate::control::service::{audit, burn};
use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Deserialize;

const ADMIN: Access = Access::Known(Role::Admin, Reach::Panel);

/// Which sums.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sums {
    /// What sums are made by.
    group_by: GroupBy,
    /// How long a stretch of time is; all in one where absent.
    #[serde(default)]
    interval: Interval,
    /// From when on: `2027-06-30` or `2027-06-30T12:00:00Z`.
    #[serde(default)]
    from: Option<String>,
    /// Until when. By anything but budget, times count to the beginning and end of their hours; of their days, where that is
    /// more than 90 days ago.
    #[serde(default)]
    until: Option<String>,
    /// The id of a node: only what is spent below it.
    #[serde(default)]
    node: Option<String>,
    /// The id of a key: only what is spent with it. Not by budget.
    #[serde(default)]
    key: Option<String>,
}

/// Which counts: by what, and within what.
macro_rules! counts_of {
    ($(#[$about:meta])* $name:ident, $by:ty) => {
        $(#[$about])*
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        struct $name {
            /// What counts are made by.
            group_by: $by,
            /// How long a stretch of time is; all in one where absent.
            #[serde(default)]
            interval: Interval,
            /// From when on: `2027-06-30` or `2027-06-30T12:00:00Z`.
            #[serde(default)]
            from: Option<String>,
            /// Until when. Times count to the beginning and end of their hours; of their days, where that is more than 90
            /// days ago.
            #[serde(default)]
            until: Option<String>,
            /// The id of a node: only what happened below it.
            #[serde(default)]
            node: Option<String>,
            /// The id of a key: only what happened to it.
            #[serde(default)]
            key: Option<String>,
        }

        impl $name {
            fn split(self) -> ($by, Within) {
                let within = Within {
                    interval: self.interval,
                    from: self.from,
                    until: self.until,
                    node: self.node,
                    key: self.key,
                };
                (self.group_by, within)
            }
        }
    };
}

counts_of! {
    /// Which counts of refusals.
    RefusalCounts, RefusalsBy
}
counts_of! {
    /// Which counts of findings.
    FindingCounts, FindingsBy
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        read(
            "/api/v1/analytics/spend",
            Access::Known(Role::Viewer, Reach::Scope),
            "What was spent, by budget, key, node, label or model and by time: sums over the ledger; and of how many calls and tokens, as gateways tell.",
            async |call: Call, query: Sums| {
                let asked = Asked {
                    group_by: query.group_by,
                    interval: query.interval,
                    from: query.from,
                    until: query.until,
                    node: query.node,
                    key: query.key,
                };
                let spend = analytics::spend(&call.panel, call.actor()?, asked).await?;
                Ok(Reply::of(spend))
            },
        ),
        read(
            "/api/v1/analytics/refusals",
            Access::Known(Role::Viewer, Reach::Scope),
            "How many calls were refused, as gateways tell: by code, rule, key, node, label or gateway and by time.",
            async |call: Call, query: RefusalCounts| {
                let (by, within) = query.split();
                let counts = counts::refusals(&call.panel, call.actor()?, by, within).await?;
                Ok(Reply::of(counts))
            },
        ),
        read(
            "/api/v1/analytics/findings",
            Access::Known(Role::Viewer, Reach::Scope),
            "What guards found, as gateways tell: by kind, action, key, node, label or gateway and by time.",
            async |call: Call, query: FindingCounts| {
                let (by, within) = query.split();
                let counts = counts::findings(&call.panel, call.actor()?, by, within).await?;
                Ok(Reply::of(counts))
            },
        ),
        read(
            "/api/v1/analytics/burn",
            Access::Known(Role::Viewer, Reach::Scope),
            "How fast budgets go: the pace of the last hour, when they run out, what the period comes to.",
            async |call: Call, _: Nothing| {
                let burns = burn::list(&call.panel, call.actor()?).await?;
                Ok(Reply::of(burns))
            },
        ),
        read(
            "/api/v1/audit",
            ADMIN,
            "What was done, by whom, when and from where; the newest first.",
            async |call: Call, query: Paged| {
                let lines = audit::list(&call.panel, query.page()?).await?;
                Ok(Reply::of(lines))
            },
        ),
        read(
            "/api/v1/audit/verify",
            ADMIN,
            "Recompute the audit log's chain.",
            async |call: Call, _: Nothing| {
                let verified = audit::verify(&call.panel).await?;
                Ok(Reply::of(verified))
            },
        ),
        read(
            "/api/v1/webhooks",
            ADMIN,
            "Where news go.",
            async |call: Call, query: Paged| {
                let hooks = webhooks::list(&call.panel, query.page()?).await?;
                Ok(Reply::of(hooks))
            },
        ),
        write(
            (Method::POST, "/api/v1/webhooks"),
            ADMIN,
            "Have news sent somewhere: `https`, or this machine itself. What signs them is shown once.",
            StatusCode::CREATED,
            async |call: Call, body: NewWebhook| {
                let hook = webhooks::make(&call.panel, call.actor()?, body).await?;
                Ok(Reply::of(hook))
            },
        ),
        write(
            (Method::DELETE, "/api/v1/webhooks/{id}"),
            ADMIN,
            "Have no more news sent there.",
            StatusCode::NO_CONTENT,
            async |call: Call, _: Nothing| {
                webhooks::remove(&call.panel, call.actor()?, call.id()).await?;
                Ok(Reply::of(()))
            },
        ),
    ]
}
