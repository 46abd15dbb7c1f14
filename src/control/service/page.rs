//! Long lists, in pages.

use crate::control::store::house::Window;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::Serialize;

/// Which part of a list.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Beyond this number.
    pub after: i64,
    /// At most so many.
    pub limit: u16,
}

/// So many where nobody says.
const USUAL: u16 = 50;

impl Default for Page {
    fn default() -> Self {
        Self {
            after: 0,
            limit: USUAL,
        }
    }
}

impl Page {
    /// At most so many at once.
    pub const MOST: u16 = 200;

    /// The number that a page's cursor stands for.
    #[must_use]
    pub fn read_cursor(cursor: &str) -> Option<i64> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        text.strip_prefix('n')?.parse().ok().filter(|n| *n >= 0)
    }

    /// One row more than asked for: whether there is one says whether there is a next page.
    pub(super) fn window(self) -> Window {
        Window {
            after: self.after,
            most: i64::from(self.limit).saturating_add(1),
        }
    }

    /// The page of these rows; `number` is what they are sorted by.
    pub(super) fn of<R, T>(
        self,
        mut rows: Vec<R>,
        number: impl Fn(&R) -> i64,
        view: impl FnMut(R) -> T,
    ) -> Listing<T> {
        let is_more = rows.len() > usize::from(self.limit);
        rows.truncate(usize::from(self.limit));
        let next = rows.last().filter(|_| is_more).map(number);
        Listing {
            items: rows.into_iter().map(view).collect(),
            next_cursor: next.map(cursor),
        }
    }
}

/// A part of a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ListOf{T}")]
pub struct Listing<T> {
    /// What is in it.
    pub items: Vec<T>,
    /// What to say to get the next part; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> Listing<T> {
    /// A page whose next one begins after a number.
    pub(super) fn new(items: Vec<T>, next: Option<i64>) -> Self {
        Self {
            items,
            next_cursor: next.map(cursor),
        }
    }
}

/// A place in a list, as clients carry it round without reading it.
fn cursor(number: i64) -> String {
    URL_SAFE_NO_PAD.encode(format!("n{number}"))
}
