//! A whole decision and its settlement, as one call meets them: key, two limits, three budgets, 1 KB of body.

use jiff::tz::TimeZone;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::time::Duration;
use tollgate::chat::{Endpoint, Look, look};
use tollgate::clock::{Moment, Wall};
use tollgate::governance::budget::{Absent, AtLimit, Bill, Books, Budget, Window};
use tollgate::governance::gate::{Ask, Charter, Decision, Gate, Permit, Rules};
use tollgate::governance::identity::{Caller, KeyIndex, Keys, Label, Selector};
use tollgate::governance::limit::Limit;
use tollgate::governance::pricing::{Rate, UnknownPrice};
use tollgate::pattern::Pattern;
use tollgate::units::{Money, Tokens};

/// A gate, and a call to decide.
pub(crate) struct Passage {
    gate: Gate,
    charter: Charter,
    rate: Rate,
    body: Vec<u8>,
    secret: Vec<u8>,
    now: Moment,
}

impl Passage {
    pub(crate) fn set(keys: Keys, secret: Vec<u8>, rate: Rate, zone: &TimeZone, at: Wall) -> Self {
        let budget = |name: &str, selector: Selector, per: Option<Label>| {
            Arc::new(Budget {
                name: name.into(),
                selector,
                per,
                absent: Absent::Share,
                limit: Money::from_nanos(i64::MAX / 4),
                window: Window::Day,
                zone: zone.clone(),
                soft: vec![50, 80],
                enforce: true,
                at_limit: AtLimit::Clamp,
                carry_over: false,
            })
        };
        let limit = |name: &str, per: Option<Label>| {
            Arc::new(Limit {
                name: name.into(),
                selector: Selector::default(),
                per,
                absent: Absent::Share,
                rpm: NonZeroU32::new(u32::MAX),
                tpm: NonZeroU64::new(1 << 50),
                concurrency: NonZeroU32::new(1_000),
            })
        };
        let atlas = Selector(vec![(Label::Project, vec![Pattern::new("atlas")])]);
        let gate = Gate::new(Arc::new(Books::new(false)));
        let charter = gate.charter(Rules {
            keys,
            budgets: vec![
                budget("org", Selector::default(), None),
                budget("project", atlas, None),
                budget("per-key", Selector::default(), Some(Label::Key)),
            ],
            limits: vec![limit("per-key", Some(Label::Key)), limit("all", None)],
            unknown_price: UnknownPrice::Deny,
        });
        let text = "The gate weighs what a call could cost before it lets it go. ".repeat(16);
        let body = format!(
            r#"{{"model":"gpt-4o-mini","max_tokens":256,"messages":[{{"role":"user","content":"{text}"}}]}}"#
        );
        let now = Moment {
            wall: at,
            since_start: Duration::from_secs(1),
        };
        Self {
            gate,
            charter,
            rate,
            body: body.into_bytes(),
            secret,
            now,
        }
    }

    /// One look at the body.
    pub(crate) fn look(&self) -> Option<Look> {
        look(Endpoint::Chat, &self.body).ok()
    }

    /// Key, look and gate; the permit is given back.
    pub(crate) fn decide(&self) -> Option<Permit> {
        let key = self.charter.keys().find(&self.secret, self.now.wall)?;
        let look = self.look()?;
        let ask = self.ask(key, &look)?;
        match self.gate.decide(&self.charter, &ask, None, self.now) {
            Decision::Allow(permit) => Some(permit),
            _ => None,
        }
    }

    /// The same, and the call is paid for.
    pub(crate) fn decide_and_settle(&self) -> Option<Money> {
        let call = self.decide()?.dispatch();
        let bill = Bill {
            cost: Money::from_nanos(90_000),
            input: Tokens(200),
            output: Tokens(100),
            estimated: false,
        };
        Some(call.settle(bill, "gpt-4o", self.now).cost)
    }

    fn ask<'a>(&'a self, key: KeyIndex, look: &'a Look) -> Option<Ask<'a>> {
        let named = self.charter.keys().get(key)?;
        Some(Ask {
            caller: Caller {
                key: named,
                run: None,
                session: None,
                end_user: None,
                tags: None,
                model: look.model(&self.body),
            },
            key,
            endpoint: Endpoint::Chat,
            rate: Some(&self.rate),
            input_bound: look.input_bound,
            counted: None,
            countable: false,
            images: 0,
            opaque: None,
            searches: 0,
            characters: 0,
            rereads: 0,
            unpriced: None,
            thinking: None,
            audio: false,
            choices: look.choices,
            asked_cap: look.output_cap.map(|cap| Tokens(cap.tokens)),
            policy_cap: None,
        })
    }
}
