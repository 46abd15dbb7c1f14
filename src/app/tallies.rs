//! What a gateway counts, as its panel hears it.

use crate::clock;
use crate::lease::client::Counting;
use crate::lease::protocol::LeafId;
use crate::lease::tally::{Kind, Line, Name};
use crate::telemetry::tallies::{Counted, Tallies};
use std::sync::Arc;

/// All that was counted so far.
pub(super) fn counting(tallies: Arc<Tallies>) -> Counting {
    Box::new(move || {
        let now = clock::now().wall.secs();
        let mut lines = Vec::new();
        tallies.each(|counted, count| {
            let (kind, leaf, what, how, idle_s) = match counted {
                Counted::Refused { leaf, code, rule } => {
                    (Kind::Refusal, leaf, code, rule.unwrap_or_default(), None)
                }
                Counted::Found {
                    leaf,
                    detector,
                    action,
                } => (Kind::Finding, leaf, detector, action, None),
                Counted::Passed { leaf, last } => {
                    // A clock that was set back since makes it now.
                    let idle = u64::try_from(now.saturating_sub(last.secs())).unwrap_or(0);
                    (Kind::Call, Some(leaf), "", "", Some(idle))
                }
            };
            lines.push(Line {
                name: Name {
                    kind,
                    leaf: leaf.map(LeafId),
                    what: what.into(),
                    how: how.into(),
                },
                count,
                idle_s,
            });
        });
        lines
    })
}
