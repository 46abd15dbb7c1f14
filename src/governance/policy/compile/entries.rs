//! What is told to guards: `redact:`, `taint:`, `consult:`.

use super::Reader;
use crate::governance::guard::Level;
use crate::governance::policy::guards::{Consult, Guard, Sites, Taint};
use crate::governance::policy::matcher::{Matcher, Side};
use crate::governance::policy::place::Spanned;
use crate::governance::policy::settings::{self, Action, Site};

const LEVELS: [Level; 3] = [Level::Contextual, Level::Shaped, Level::Validated];

impl Reader<'_, '_> {
    pub(super) fn guard(&mut self, written: &settings::Redact) -> Guard {
        let (kinds, _) = self.kinds(&written.types);
        let sites = sites(&written.on, &[Site::Request, Site::ToolResult]);
        let matches = match &written.matches {
            Some(matches) => self.matcher(&matches.value, Side::Narrows),
            None => Matcher::any(),
        };
        let level = written.level.as_ref();
        Guard {
            id: written.id.value.as_str().into(),
            place: written.place,
            seat: self.seat,
            kinds,
            sites,
            // The reader asks for an action; without one, the one that works for every kind and gives nothing away.
            action: written
                .action
                .as_ref()
                .map_or(Action::Mask, |action| action.value),
            level: level.map_or(Level::Contextual, |level| self.level(level)),
            message: written
                .message
                .as_ref()
                .map(|message| message.value.as_str().into()),
            soft: written.soft.as_ref().is_some_and(|soft| soft.value),
            note: written.note.as_ref().is_none_or(|note| note.value),
            matches,
            unless: self.exemption(written.unless.as_ref(), Side::Narrows),
            trial: self.trial(
                written.shadow,
                written.shadow_until.as_ref(),
                written.canary.as_ref(),
            ),
        }
    }

    pub(super) fn taint(&mut self, written: &settings::Taint) -> Taint {
        Taint {
            sites: sites(&written.on, &[Site::ToolResult]),
            from: (!written.from.is_empty()).then(|| self.list(&written.from)),
            kinds: (!written.types.is_empty()).then(|| self.kinds(&written.types).0),
            label: written.label.value.as_str().into(),
        }
    }

    pub(super) fn consult(&mut self, written: &settings::Consult) -> Consult {
        let matches = written.matches.as_ref();
        Consult {
            entry: written.clone(),
            matches: matches.map_or_else(Matcher::any, |matches| {
                self.matcher(&matches.value, Side::Narrows)
            }),
        }
    }

    fn level(&mut self, written: &Spanned<String>) -> Level {
        let known = LEVELS
            .into_iter()
            .find(|level| level.name() == written.value);
        known.unwrap_or_else(|| {
            let message = format!(
                "`{}` is no level: write contextual, shaped or validated",
                written.value
            );
            self.fault("TG106", written.place, message);
            Level::Contextual
        })
    }
}

fn sites(written: &[Spanned<Site>], otherwise: &[Site]) -> Sites {
    if written.is_empty() {
        Sites::new(otherwise.iter().copied())
    } else {
        Sites::new(written.iter().map(|site| site.value))
    }
}
