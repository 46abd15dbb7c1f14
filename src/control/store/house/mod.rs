//! The house's rows: who is who, whose is what, and what was done.
//!
//! A function here is one statement. What may be done, and by whom, the services know.

pub(in crate::control) mod alerts;
pub(in crate::control) mod audit;
pub(in crate::control) mod budgets;
pub(in crate::control) mod bundles;
pub(in crate::control) mod gateways;
pub(in crate::control) mod keys;
pub(in crate::control) mod kills;
pub(in crate::control) mod ledger;
pub(in crate::control) mod nodes;
pub(in crate::control) mod oidc;
pub(in crate::control) mod replies;
pub(in crate::control) mod requests;
pub(in crate::control) mod restored;
pub(in crate::control) mod settings;
pub(in crate::control) mod spend;
pub(in crate::control) mod tallies;
pub(in crate::control) mod tokens;
pub(in crate::control) mod users;
pub(in crate::control) mod vault;
pub(in crate::control) mod webhooks;

use super::StoreError;

type Done = Result<(), StoreError>;
type Found<T> = Result<T, StoreError>;

/// A row as a struct, its fields named like the columns, from either kind of books.
macro_rules! row {
    ($(#[$about:meta])* $name:ident { $($(#[$what:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone)]
        pub(in crate::control) struct $name {
            $($(#[$what])* pub(in crate::control) $field: $kind,)*
        }

        impl<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> for $name {
            fn from_row(row: &'r sqlx::sqlite::SqliteRow) -> Result<Self, sqlx::Error> {
                use sqlx::Row as _;
                Ok(Self { $($field: row.try_get(stringify!($field))?,)* })
            }
        }

        impl<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> for $name {
            fn from_row(row: &'r sqlx::postgres::PgRow) -> Result<Self, sqlx::Error> {
                use sqlx::Row as _;
                Ok(Self { $($field: row.try_get(stringify!($field))?,)* })
            }
        }
    };
}
pub(super) use row;

/// What lies below a node, itself included; everything where none is named. The parameter is the first.
macro_rules! below {
    ($($rest:literal),+ $(,)?) => {
        concat!(
            "WITH RECURSIVE below(id) AS (SELECT ?1 UNION ALL \
             SELECT n.id FROM node n JOIN below b ON n.parent = b.id) ",
            $($rest),+
        )
    };
}
use below;

/// Which rows of a long list: those after a number, at most so many.
#[derive(Debug, Clone, Copy)]
pub(in crate::control) struct Window {
    pub(in crate::control) after: i64,
    pub(in crate::control) most: i64,
}

impl Window {
    /// All of them.
    pub(in crate::control) const ALL: Self = Self {
        after: 0,
        most: i64::MAX,
    };
}
