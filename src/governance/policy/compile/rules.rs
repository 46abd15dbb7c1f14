//! Rules and the exceptions from them.

use super::{Reader, cap, limits};
use crate::governance::policy::canary::Canary;
use crate::governance::policy::expr;
use crate::governance::policy::matcher::{Condition, Key, Matcher, Side};
use crate::governance::policy::place::{Place, Spanned};
use crate::governance::policy::refusal::{DENIED, FORBIDDEN, LACKING};
use crate::governance::policy::rule::{Require, Route, Rule, Set, Shadow, Trial, When};
use crate::governance::policy::scope::Exception;
use crate::governance::policy::settings::{self, Effect, Text};

impl Reader<'_, '_> {
    pub(super) fn rule(&mut self, written: &settings::Rule) -> Rule {
        let effect = written.effect.as_ref().map(|effect| effect.value);
        let side = match effect {
            Some(Effect::Allow) => Side::Widens,
            _ => Side::Narrows,
        };
        let matches = match &written.matches {
            Some(matches) => self.matcher(&matches.value, side),
            None => Matcher::any(),
        };
        let unless = self.exemption(written.unless.as_ref(), side);
        let when = written.when.as_ref().and_then(|text| self.when(text));
        let trial = self.trial(
            written.shadow,
            written.shadow_until.as_ref(),
            written.canary.as_ref(),
        );
        let status = written
            .status
            .as_ref()
            .and_then(|status| self.one_of(status, &[402, 403, 412, 429]));
        let code = match &written.code {
            Some(code) => code.value.as_str(),
            None if effect == Some(Effect::Deny) => code_of(&matches),
            None => LACKING,
        };
        let text = |text: &Spanned<String>| Box::from(text.value.as_str());
        Rule {
            id: text(&written.id),
            place: written.place,
            seat: self.seat,
            layer: self.file.scope.value.layer(),
            effect,
            code: code.into(),
            matches,
            unless,
            when,
            trial,
            set: written
                .set
                .as_ref()
                .map(|set| sets(&set.value))
                .unwrap_or_default(),
            route: written.route.as_ref().map(|route| Route {
                model: route.model.as_ref().map(text),
                provider: route.provider.as_ref().map(text),
            }),
            require: written
                .require
                .as_ref()
                .map(|require| self.require(&require.value)),
            tags: written
                .tag
                .iter()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
            alert: written.alert.as_ref().map(text),
            message: written.message.as_ref().map(text),
            status: status.unwrap_or(FORBIDDEN),
        }
    }

    fn when(&mut self, text: &Text) -> Option<When> {
        match expr::compile(text, self.custom) {
            Ok(expression) => Some(When {
                expression,
                text: text.text.as_str().into(),
                zone: self.zone.clone(),
            }),
            Err(faults) => {
                self.faults.extend(faults);
                None
            }
        }
    }

    pub(super) fn trial(
        &mut self,
        shadow: Option<Place>,
        until: Option<&Spanned<String>>,
        canary: Option<&Spanned<String>>,
    ) -> Trial {
        let until = until.and_then(|until| self.end_of(until));
        let canary = canary.and_then(|share| {
            let parsed = Canary::parse(&share.value);
            if parsed.is_none() {
                self.fault(
                    "TG105",
                    share.place,
                    format!("`{}` is no share: write 0% to 100%", share.value),
                );
            }
            parsed
        });
        Trial {
            shadow: shadow.map(|_| Shadow { until }),
            canary,
        }
    }

    fn require(&mut self, written: &settings::Require) -> Require {
        let headers = self.expand(&written.headers);
        Require {
            headers: headers
                .iter()
                .map(|header| header.value.to_ascii_lowercase().into())
                .collect(),
            json_schema: written.json_schema.is_some_and(|wanted| wanted.value),
            tools: written.tools.as_ref().map(|tools| self.list(&tools.value)),
        }
    }

    /// One entry of `overrides:`. `rules` are the file's, the first of them at `start` among those of all files.
    pub(super) fn exception(
        &mut self,
        written: &settings::Override,
        start: usize,
        rules: &[Rule],
    ) -> Option<Exception> {
        if written
            .reason
            .as_ref()
            .is_none_or(|reason| reason.value.trim().is_empty())
        {
            self.fault("TG213", written.place, "an override needs a `reason`");
        }
        let mut lifts = Vec::new();
        for id in self.expand(&written.lift) {
            let place = rules
                .iter()
                .position(|rule| *rule.id == *id.value && rule.effect == Some(Effect::Deny));
            lifts.extend(place.map(|place| start.saturating_add(place)));
            if place.is_none() {
                let message = format!("no rule of this file that denies is called `{}`", id.value);
                self.fault("TG201", id.place, message);
            }
        }
        let Some(expires) = &written.expires else {
            self.fault("TG212", written.place, "an override needs `expires`");
            return None;
        };
        Some(Exception {
            place: written.place,
            child: written.child.value.clone(),
            limits: limits(&written.limits),
            lifts: lifts.into(),
            expires: self.end_of(expires)?,
        })
    }
}

fn sets(written: &settings::Set) -> Set {
    Set {
        max_output_tokens: cap(written.max_output_tokens.as_ref()),
        temperature_max_milli: cap(written.temperature_max_milli.as_ref()),
        n_max: cap(written.n_max.as_ref()),
        stop: written
            .stop
            .iter()
            .map(|stop| stop.value.as_str().into())
            .collect(),
        system_prefix: written
            .system_prefix
            .as_ref()
            .map(|prefix| prefix.value.as_str().into()),
    }
}

/// The code of a denial by what the rule is about.
fn code_of(matches: &Matcher) -> &'static str {
    let about = |wanted: Key| {
        matches
            .conditions()
            .iter()
            .any(|condition| matches!(condition, Condition::Names(key, _) if *key == wanted))
    };
    let calls = matches.conditions().iter();
    let mut calls = calls.filter(|condition| matches!(condition, Condition::Calls(_)));
    if about(Key::Tools) || calls.next().is_some() {
        "tool_not_allowed"
    } else if about(Key::Models) {
        "model_not_allowed"
    } else if about(Key::Endpoints) {
        "endpoint_not_allowed"
    } else {
        DENIED
    }
}
