//! Would the tests notice? Each rule is changed in turn, and the files' own tests are run against the changed policies.
//!
//! A change no test notices means that nobody would notice such a slip of the pen either. Figures no test can see (rpm,
//! tpm, concurrency) are left alone, and so are changes that change nothing (a `*` beside nothing but `!` entries).

use super::cases::{self, Bench, Detect, Prepared};
use super::place::{Diagnostic, Place, Spanned};
use super::policies::Policies;
use super::settings::{Effect, File, Match, Names, Rule};

/// One change, and whether a test noticed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// What was changed.
    pub place: Place,
    /// How, as the end of "no test notices that …".
    pub what: String,
    /// Whether every test passed all the same.
    pub survived: bool,
}

/// What came of all changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mutation {
    /// Each change.
    pub mutants: Vec<Mutant>,
}

impl Mutation {
    /// A complaint about each change no test noticed.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let survivors = self.mutants.iter().filter(|mutant| mutant.survived);
        survivors
            .map(|mutant| {
                let message = format!("no test notices that {}", mutant.what);
                Diagnostic::warning("TG605", mutant.place, message)
                    .with_help("add a test on either side of it")
            })
            .collect()
    }
}

/// Changes each rule in turn and runs the files' tests. `progress` is told how many changes are done, of how many.
///
/// # Errors
/// What keeps the policies from being compiled unchanged, or the tests that fail already: then nothing can be learnt.
pub fn mutate(
    files: &[File],
    names: &[&str],
    detect: &dyn Detect,
    mut progress: impl FnMut(usize, usize),
) -> Result<Mutation, Vec<Diagnostic>> {
    let policies = Policies::compile(files, names, "")?;
    let report = cases::run_cases(&policies, files, detect);
    if !report.passed() {
        return Err(report
            .cases
            .into_iter()
            .flat_map(|case| case.faults)
            .collect());
    }
    let prepared = cases::prepare(files, detect);
    let changes: Vec<Change> = (0..)
        .zip(files)
        .flat_map(|(at, file)| changes(at, file))
        .collect();
    let mut copies = files.to_vec();
    let mut mutation = Mutation::default();
    for (done, change) in changes.iter().enumerate() {
        progress(done, changes.len());
        let (Some(original), Some(file)) = (files.get(change.file), copies.get_mut(change.file))
        else {
            continue;
        };
        change.kind.apply(file);
        let survived = survives(&copies, names, &prepared);
        if let Some(file) = copies.get_mut(change.file) {
            file.clone_from(original);
        }
        mutation.mutants.push(Mutant {
            place: change.place,
            what: change.what.clone(),
            survived,
        });
    }
    progress(changes.len(), changes.len());
    Ok(mutation)
}

/// What cannot even be compiled was noticed.
fn survives(files: &[File], names: &[&str], prepared: &[Prepared<'_>]) -> bool {
    Policies::compile(files, names, "").is_ok_and(|policies| {
        let bench = Bench::new(&policies, files);
        prepared.iter().all(|case| cases::passes(&bench, case))
    })
}

struct Change {
    file: usize,
    place: Place,
    what: String,
    kind: Kind,
}

/// What is changed; numbers are places among the file's rules and entries.
#[derive(Clone, Copy)]
enum Kind {
    FlipEffect(usize),
    DropRule(usize),
    /// A list of the rule's `match:`, or its `unless:`.
    Widen(usize, Side, usize),
    RaiseSet(usize),
    DropGuard(usize),
    RaiseInput,
    RaiseOutput,
}

#[derive(Clone, Copy)]
enum Side {
    Matches,
    Unless,
}

fn changes(at: usize, file: &File) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut add = |place: Place, what: String, kind: Kind| {
        changes.push(Change {
            file: at,
            place,
            what,
            kind,
        });
    };
    for (place, rule) in file.rules.iter().enumerate() {
        let id = &rule.id.value;
        add(
            rule.place,
            format!("rule `{id}` is gone"),
            Kind::DropRule(place),
        );
        // What a rule in shadow would do, no test can say.
        if let Some(effect) = rule.effect.as_ref().filter(|_| rule.shadow.is_none()) {
            let now = match effect.value {
                Effect::Allow => "denies instead of allowing",
                Effect::Deny => "allows instead of denying",
            };
            add(
                effect.place,
                format!("rule `{id}` {now}"),
                Kind::FlipEffect(place),
            );
        }
        for (side, name, matches) in [
            (Side::Matches, "", &rule.matches),
            (Side::Unless, "unless ", &rule.unless),
        ] {
            let Some(matches) = matches else { continue };
            for (list, (key, names)) in lists(&matches.value).into_iter().enumerate() {
                if names
                    .value
                    .iter()
                    .any(|name| !name.value.starts_with('!') && name.value != "*")
                {
                    let what = format!("rule `{id}` means any {name}{key}");
                    add(names.place, what, Kind::Widen(place, side, list));
                }
            }
        }
        if let Some(cap) = rule
            .set
            .as_ref()
            .and_then(|set| set.value.max_output_tokens.as_ref())
        {
            let what = format!("rule `{id}` sets twice the max_output_tokens");
            add(cap.place, what, Kind::RaiseSet(place));
        }
    }
    for (place, guard) in file.redact.iter().enumerate() {
        let what = format!("`{}` is gone from redact", guard.id.value);
        add(guard.place, what, Kind::DropGuard(place));
    }
    for (limit, name, kind) in [
        (
            &file.limits.max_input_tokens,
            "max_input_tokens",
            Kind::RaiseInput,
        ),
        (
            &file.limits.max_output_tokens,
            "max_output_tokens",
            Kind::RaiseOutput,
        ),
    ] {
        if let Some(limit) = limit {
            add(limit.place, format!("{name} is twice as large"), kind);
        }
    }
    changes
}

/// The lists of a `match:` that `*` could widen.
fn lists(matches: &Match) -> Vec<(&'static str, &Spanned<Names>)> {
    let keys = [
        ("models", &matches.models),
        ("endpoints", &matches.endpoints),
        ("tools", &matches.tools),
        ("users", &matches.users),
        ("groups", &matches.groups),
        ("agents", &matches.agents),
        ("projects", &matches.projects),
        ("keys", &matches.keys),
        ("tainted", &matches.tainted),
        ("detections", &matches.detections),
        ("networks", &matches.networks),
    ];
    let given = keys
        .into_iter()
        .filter_map(|(key, names)| Some((key, names.as_ref()?)));
    given.collect()
}

/// The same lists in the same order, to be changed.
fn lists_mut(matches: &mut Match) -> impl Iterator<Item = (bool, &mut Spanned<Names>)> {
    [
        (false, &mut matches.models),
        (false, &mut matches.endpoints),
        (false, &mut matches.tools),
        (false, &mut matches.users),
        (false, &mut matches.groups),
        (false, &mut matches.agents),
        (false, &mut matches.projects),
        (false, &mut matches.keys),
        (false, &mut matches.tainted),
        (false, &mut matches.detections),
        (true, &mut matches.networks),
    ]
    .into_iter()
    .filter_map(|(networks, names)| Some((networks, names.as_mut()?)))
}

impl Kind {
    fn apply(self, file: &mut File) {
        match self {
            Self::DropRule(at) => {
                forget_overrides(file, at);
                drop_at(&mut file.rules, at);
            }
            Self::DropGuard(at) => drop_at(&mut file.redact, at),
            Self::FlipEffect(at) => {
                forget_overrides(file, at);
                if let Some(effect) = file.rules.get_mut(at).and_then(|rule| rule.effect.as_mut()) {
                    effect.value = match effect.value {
                        Effect::Allow => Effect::Deny,
                        Effect::Deny => Effect::Allow,
                    };
                }
            }
            Self::Widen(at, side, list) => {
                if let Some(rule) = file.rules.get_mut(at) {
                    widen(rule, side, list);
                }
            }
            Self::RaiseSet(at) => {
                let set = file.rules.get_mut(at).and_then(|rule| rule.set.as_mut());
                raise(set.and_then(|set| set.value.max_output_tokens.as_mut()));
            }
            Self::RaiseInput => raise(file.limits.max_input_tokens.as_mut()),
            Self::RaiseOutput => raise(file.limits.max_output_tokens.as_mut()),
        }
    }
}

/// The overrides that lift a rule that denies go along with it, or the file would be broken instead of changed.
fn forget_overrides(file: &mut File, at: usize) {
    if let Some(rule) = file.rules.get(at) {
        for exception in &mut file.overrides {
            exception.lift.retain(|id| id.value != rule.id.value);
        }
    }
}

fn drop_at<T>(list: &mut Vec<T>, at: usize) {
    if at < list.len() {
        list.remove(at);
    }
}

fn widen(rule: &mut Rule, side: Side, list: usize) {
    let matches = match side {
        Side::Matches => rule.matches.as_mut(),
        Side::Unless => rule.unless.as_mut(),
    };
    let names = matches.and_then(|matches| lists_mut(&mut matches.value).nth(list));
    if let Some((networks, names)) = names {
        let all: &[&str] = if networks {
            &["0.0.0.0/0", "::/0"]
        } else {
            &["*"]
        };
        let place = names.place;
        let entries = all
            .iter()
            .map(|entry| Spanned::new((*entry).to_owned(), place));
        names.value.extend(entries);
    }
}

fn raise(limit: Option<&mut Spanned<u64>>) {
    if let Some(limit) = limit {
        limit.value = limit.value.saturating_mul(2).saturating_add(1);
    }
}
