//! `match:` and `unless:` into conditions.

use super::Reader;
use crate::governance::policy::matcher::{
    CallPattern, Condition, Key, Kinds, Matcher, Networks, Side, ValueGlob,
};
use crate::governance::policy::place::Spanned;
use crate::governance::policy::request::HasSet;
use crate::governance::policy::settings::{Match, Names};

impl Reader<'_, '_> {
    /// A `match:`, or an `unless:` of the opposite side.
    pub(super) fn matcher(&mut self, written: &Match, side: Side) -> Matcher {
        let mut conditions = self.names(written);
        for (name, value) in &written.headers {
            let name = name.value.to_ascii_lowercase();
            conditions.push(Condition::Header(name.into(), ValueGlob::new(&value.value)));
        }
        for (name, value) in &written.tags {
            conditions.push(Condition::Tag(
                name.value.as_str().into(),
                ValueGlob::new(&value.value),
            ));
        }
        if let Some(names) = &written.networks {
            conditions.extend(self.networks(names));
        }
        if let Some(languages) = &written.languages {
            let message =
                "nothing tells which language a request is in, so this rule would never match";
            self.fault("TG209", languages.place, message);
        }
        if !written.has.is_empty() {
            let set = written.has.iter();
            conditions.push(Condition::Has(
                set.fold(HasSet::default(), |set, has| set.with(has.value)),
            ));
        }
        if !written.scan.is_empty() {
            let states = written.scan.iter().map(|state| state.value);
            conditions.push(Condition::Scan(states.collect()));
        }
        if let Some(names) = &written.detections {
            let (of, list) = self.kinds(names);
            conditions.push(Condition::Detections(Kinds { of, list }));
        }
        if !written.tool_calls.is_empty() {
            let calls = written.tool_calls.iter().map(|call| CallPattern {
                name: ValueGlob::new(&call.name.value),
                arguments: call
                    .arguments
                    .iter()
                    .map(|(path, glob)| (path.value.as_str().into(), ValueGlob::new(&glob.value)))
                    .collect(),
            });
            conditions.push(Condition::Calls(calls.collect()));
        }
        if let Some(name) = &written.window {
            conditions.extend(self.window(name).map(Condition::Window));
        }
        Matcher::new(conditions, side)
    }

    /// An `unless:`; one that says nothing exempts nothing.
    pub(super) fn exemption(
        &mut self,
        written: Option<&Spanned<Match>>,
        side: Side,
    ) -> Option<Matcher> {
        let matcher = self.matcher(&written?.value, side.opposite());
        let says_something =
            !matcher.conditions().is_empty() || written.is_some_and(|written| written.any);
        says_something.then_some(matcher)
    }

    fn names(&mut self, written: &Match) -> Vec<Condition> {
        let keys: [(Key, &Option<Spanned<Names>>); 9] = [
            (Key::Models, &written.models),
            (Key::Endpoints, &written.endpoints),
            (Key::Tools, &written.tools),
            (Key::Users, &written.users),
            (Key::Groups, &written.groups),
            (Key::Agents, &written.agents),
            (Key::Projects, &written.projects),
            (Key::Keys, &written.keys),
            (Key::Tainted, &written.tainted),
        ];
        let given = keys
            .into_iter()
            .filter_map(|(key, names)| Some((key, names.as_ref()?)));
        given
            .map(|(key, names)| Condition::Names(key, self.list(&names.value)))
            .collect()
    }

    fn networks(&mut self, names: &Spanned<Names>) -> Option<Condition> {
        let entries = self.expand(&names.value);
        match Networks::new(entries.iter().map(|entry| entry.value.as_str())) {
            Ok(networks) => Some(Condition::Networks(networks)),
            Err(entry) => {
                let place = entries.iter().find(|known| known.value == entry);
                let place = place.map_or(names.place, |known| known.place);
                self.fault(
                    "TG205",
                    place,
                    format!("`{entry}` is no network: write 10.0.0.0/8 or 2001:db8::/32"),
                );
                None
            }
        }
    }
}
