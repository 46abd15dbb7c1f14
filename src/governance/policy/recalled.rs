//! A request out of what was written about it: for rules about the answer, for explaining a past decision, for replaying it
//! under other policies.
//!
//! Invariant: asked about what [`Facts`] hold, policies say of a recalled request what they said of the request itself.

use super::policies::Policies;
use super::request::{Caller, HasSet, Request};
use super::settings::{Has, ScanState};
use crate::clock::Wall;
use crate::governance::audit::Facts;
use crate::governance::guard::Kind;
use crate::governance::identity::{Key, Label};

/// What a request was made of, ready to be asked about again.
#[derive(Debug)]
pub struct Recalled<'a> {
    facts: &'a Facts,
    caller: Caller<'a>,
    model: &'a str,
    now: Wall,
    tools: Vec<&'a str>,
    detections: Vec<(Kind, u32)>,
    scan: Option<ScanState>,
}

impl<'a> Recalled<'a> {
    /// A request by its facts, as these policies name kinds. `scan`: how much could be looked at, `None` if nobody did.
    #[must_use]
    pub fn new(
        policies: &Policies,
        facts: &'a Facts,
        caller: Caller<'a>,
        model: &'a str,
        now: Wall,
        scan: Option<ScanState>,
    ) -> Self {
        let kind = |name: &str| policies.kind_named(name);
        Self {
            facts,
            caller,
            model,
            now,
            tools: facts.tools.iter().map(AsRef::as_ref).collect(),
            detections: facts
                .detections
                .iter()
                .filter_map(|(name, count)| {
                    Some((kind(name)?, u32::try_from(*count).unwrap_or(u32::MAX)))
                })
                .collect(),
            scan,
        }
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> Request<'_> {
        let facts = self.facts;
        let all = [
            ("images", Has::Images),
            ("audio", Has::Audio),
            ("files", Has::Files),
            ("tools", Has::Tools),
            ("stream", Has::Stream),
        ];
        let has = all
            .into_iter()
            .filter(|(name, _)| facts.has.iter().any(|had| **had == **name));
        Request {
            caller: self.caller,
            model: self.model,
            endpoint: &facts.endpoint,
            tools: &self.tools,
            headers: &facts.headers,
            peer: facts.peer,
            has: has.fold(HasSet::default(), |set, (_, has)| set.with(has)),
            input_tokens: facts.input_tokens,
            max_output_tokens: facts.max_output_tokens,
            bytes: facts.bytes,
            message_count: facts.messages,
            json_schema: facts.json_schema,
            now: self.now,
            taints: &facts.taints,
            detections: self.scan.map(|_| self.detections.as_slice()),
            scan: self.scan,
            used_pct: facts.used_pct,
            soft: facts.soft,
        }
    }
}

impl<'a> Caller<'a> {
    /// The owner of a virtual key.
    #[must_use]
    pub fn of(key: &'a Key) -> Self {
        let label = |label: Label| key.labels.single.get(&label).map(AsRef::as_ref);
        Self {
            org: label(Label::Org),
            team: label(Label::Team),
            project: label(Label::Project),
            agent: label(Label::Agent),
            user: label(Label::User),
            key: Some(&key.name),
            groups: &key.labels.groups,
        }
    }
}
