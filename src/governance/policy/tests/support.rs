//! Short ways to write policies and requests down.

use crate::clock::Wall;
use crate::governance::policy::place::{Place, Spanned};
use crate::governance::policy::settings::{
    Case, Effect, File, Given, Match, Names, Redact, Rule, Scope, Text, Window,
};
use crate::governance::policy::{Caller, Outcome, Policies, Request};

/// A value at a line of the first file.
pub(super) fn at<T>(line: u32, value: T) -> Spanned<T> {
    let place = Place {
        file: 0,
        line,
        column: 1,
    };
    Spanned::new(value, place)
}

/// A value somewhere.
pub(super) fn some<T>(value: T) -> Spanned<T> {
    at(1, value)
}

pub(super) fn text(text: &str) -> Spanned<String> {
    some(text.to_owned())
}

pub(super) fn names(names: &[&str]) -> Names {
    names.iter().map(|name| text(name)).collect()
}

pub(super) fn list(list: &[&str]) -> Option<Spanned<Names>> {
    Some(some(names(list)))
}

/// A `match:`.
pub(super) fn matching(edit: impl FnOnce(&mut Match)) -> Option<Spanned<Match>> {
    let mut matches = Match::default();
    edit(&mut matches);
    Some(some(matches))
}

/// A rule at a line.
pub(super) fn rule(
    line: u32,
    id: &str,
    effect: Option<Effect>,
    edit: impl FnOnce(&mut Rule),
) -> Rule {
    let mut rule = Rule {
        place: at(line, ()).place,
        id: at(line, id.to_owned()),
        effect: effect.map(some),
        ..Rule::default()
    };
    edit(&mut rule);
    rule
}

pub(super) fn allow(id: &str, edit: impl FnOnce(&mut Rule)) -> Rule {
    rule(1, id, Some(Effect::Allow), edit)
}

pub(super) fn deny(id: &str, edit: impl FnOnce(&mut Rule)) -> Rule {
    rule(1, id, Some(Effect::Deny), edit)
}

pub(super) fn models(models: &[&str]) -> Option<Spanned<Match>> {
    matching(|matches| matches.models = list(models))
}

pub(super) fn tools(tools: &[&str]) -> Option<Spanned<Match>> {
    matching(|matches| matches.tools = list(tools))
}

pub(super) fn when(expression: &str) -> Option<Text> {
    Some(Text {
        text: expression.to_owned(),
        ..Text::default()
    })
}

/// A scope: `team=payments project=fraud`.
pub(super) fn scope(text: &str) -> Scope {
    let mut scope = Scope::default();
    for part in text.split_whitespace() {
        let (label, name) = part.split_once('=').expect("label=name");
        let name = Some(name.to_owned());
        match label {
            "org" => scope.org = name,
            "team" => scope.team = name,
            "project" => scope.project = name,
            _ => scope.key = name,
        }
    }
    scope
}

pub(super) fn file(of: &str, rules: Vec<Rule>) -> File {
    File {
        scope: some(scope(of)),
        rules,
        ..File::default()
    }
}

pub(super) fn office() -> (Spanned<String>, Window) {
    let window = Window {
        days: names(&["mon", "tue", "wed", "thu", "fri"]),
        from: text("07:00"),
        to: text("20:00"),
        tz: Some(text("Europe/Zurich")),
        overnight: false,
    };
    (text("office"), window)
}

pub(super) fn redact(
    line: u32,
    id: &str,
    types: &[&str],
    edit: impl FnOnce(&mut Redact),
) -> Redact {
    let mut entry = Redact {
        place: at(line, ()).place,
        id: text(id),
        types: names(types),
        ..Redact::default()
    };
    edit(&mut entry);
    entry
}

pub(super) fn case(line: u32, name: &str, given: Given) -> Case {
    Case {
        place: at(line, ()).place,
        name: text(name),
        given,
        ..Case::default()
    }
}

pub(super) fn policies(files: &[File]) -> Policies {
    let names: Vec<String> = (0..files.len()).map(|at| format!("{at}.yaml")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Policies::compile(files, &names, "9f3c21aa").expect("policies")
}

pub(super) fn wall(text: &str) -> Wall {
    let stamp: jiff::Timestamp = text.parse().expect("a timestamp");
    Wall::from_secs(stamp.as_second())
}

/// Ana of team payments, asking for gpt-4o.
pub(super) fn ana() -> Request<'static> {
    Request {
        caller: Caller {
            org: Some("acme"),
            team: Some("payments"),
            project: Some("fraud"),
            user: Some("ana"),
            key: Some("key-1"),
            ..Caller::default()
        },
        model: "gpt-4o",
        detections: Some(&[]),
        ..Request::default()
    }
}

/// The ids of the rules that decided.
pub(super) fn deciding<'a>(policies: &'a Policies, outcome: &Outcome) -> Vec<&'a str> {
    let rules = outcome.deciding.iter().filter_map(|id| policies.rule(*id));
    rules.map(super::super::Rule::id).collect()
}

/// What was decided, and by which rules: `deny no-shell`.
pub(super) fn told(policies: &Policies, outcome: &Outcome) -> String {
    let decision = if outcome.is_allowed() {
        "allow"
    } else {
        "deny"
    };
    let pending = if outcome.pending { " pending" } else { "" };
    let rules = deciding(policies, outcome).join(" ");
    format!("{decision}{pending} {rules}").trim_end().to_owned()
}
