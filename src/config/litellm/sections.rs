//! The whole file, section by section: settings of LiteLLM and of its proxy, budgets, keys and teams.

use super::models::{self, Credentials, bound};
use super::number::{decimal, window};
use super::reasons::REASONS;
use super::router::{aliases, fallbacks, retries};
use super::{Budget, Draft, Fate, Key, Limit, Section, is_null, items, text};
use crate::config::yaml::{Entry, Node};
use crate::units::Money;

/// Converts a whole file.
pub(super) fn file(draft: &mut Draft<'_>, root: &Node) {
    let top = Section::new("", root);
    variables(draft, &top);
    let list = top.take("credential_list");
    let mut credentials = Credentials::new();
    for one in list.map(|entry| items(&entry.value)).unwrap_or_default() {
        if let (Some(name), Some(values)) = (
            one.get("credential_name").and_then(text),
            one.get("credential_values"),
        ) {
            credentials.insert(name, values);
        }
    }
    if let Some(list) = top.take("model_list") {
        models::list(draft, &list.value, &credentials);
    }
    let part = |name: &str| Some(Section::new(name, &top.take(name)?.value));
    let (router, own, general) = (
        part("router_settings"),
        part("litellm_settings"),
        part("general_settings"),
    );
    let both = [router.as_ref(), own.as_ref()];
    // What stands for the router goes before what stands for all of LiteLLM.
    retries(draft, &both);
    fallbacks(draft, &both);
    bound(draft);
    if let Some(router) = &router {
        aliases(draft, router);
    }
    if let Some(entry) = router
        .as_ref()
        .and_then(|router| router.take("routing_strategy"))
    {
        left(draft, "router_settings", entry);
    }
    if let Some(own) = &own {
        budget(draft, own, "litellm", None);
    }
    if let Some(general) = &general {
        if let Some(entry) = general.take("master_key")
            && let Some(secret) =
                draft.secret(entry, &general.named("master_key"), "LITELLM_MASTER_KEY")
        {
            draft.note(
                entry.place,
                Fate::Changed,
                general.named("master_key"),
                "is a key of a caller here, who may call every model and administer nothing",
                "give agents keys of their own: tollgate key new",
            );
            draft.keys.push(Key {
                name: "master".to_owned(),
                secret,
                team: None,
                models: Vec::new(),
            });
        }
        if let Some(entry) = general.take("global_max_parallel_requests") {
            match whole(entry) {
                Some(size) => draft.limits.push(Limit {
                    name: "proxy".to_owned(),
                    label: None,
                    sizes: vec![("concurrency", size)],
                }),
                None => left(draft, &general.path, entry),
            }
        }
    }
    teams(draft, &top);
    keys(draft, &top);
    for section in [router, own, general, Some(top)].into_iter().flatten() {
        for entry in section.rest() {
            left(draft, &section.path, entry);
        }
    }
}

/// Notes what is not converted, with the reason that is known for it.
pub(super) fn left(draft: &mut Draft<'_>, path: &str, entry: &Entry) {
    let reason = REASONS
        .iter()
        .find(|(start, ..)| entry.key.starts_with(start));
    let (why, help) = reason.map_or(
        (
            "nothing here does this",
            "leave it out, or see config/tollgate.yaml for what there is",
        ),
        |(_, why, help)| (*why, *help),
    );
    let what = if path.is_empty() {
        entry.key.clone()
    } else {
        format!("{path}.{}", entry.key)
    };
    draft.note(entry.place, Fate::Left, what, why, help);
}

/// What LiteLLM puts into its environment. Nothing is copied: it may be secret.
fn variables(draft: &mut Draft<'_>, top: &Section<'_>) {
    let Some(entry) = top.take("environment_variables") else {
        return;
    };
    for one in Section::new("environment_variables", &entry.value).rest() {
        let clear = text(&one.value).is_some_and(|text| !text.starts_with("os.environ/"));
        let fate = if clear { Fate::Secret } else { Fate::Left };
        draft.note(
            one.place,
            fate,
            format!("environment_variables.{}", one.key),
            "a configuration sets no variables here, and its value was not copied",
            format!("where it is needed: export {}=…", one.key),
        );
    }
}

/// `max_budget` and `budget_duration` of a section.
fn budget(
    draft: &mut Draft<'_>,
    section: &Section<'_>,
    name: &str,
    label: Option<(&'static str, Vec<String>)>,
) {
    let (limit, duration) = (section.take("max_budget"), section.take("budget_duration"));
    let Some(entry) = limit else {
        if let Some(duration) = duration {
            draft.note(
                duration.place,
                Fate::Left,
                section.named("budget_duration"),
                "there is no `max_budget` beside it",
                "leave it out",
            );
        }
        return;
    };
    let amount = text(&entry.value).and_then(|text| decimal(text, 0));
    let Some(limit) = amount.filter(|amount| amount.parse::<Money>().is_ok()) else {
        draft.note(
            entry.place,
            Fate::Left,
            section.named("max_budget"),
            "is no amount in dollars: nothing bounds what it was to bound",
            "add a budget by hand",
        );
        return;
    };
    let window = match duration {
        None => "total",
        Some(entry) => match text(&entry.value).and_then(window) {
            Some((window, true)) => window,
            Some((window, false)) => {
                draft.note(entry.place, Fate::Changed, section.named("budget_duration"), format!("there is no window of that length: the same amount holds for the next longer one, `{window}`"), "choose the window and the amount that are meant: 1h, 1d, 1w, 1mo or total");
                window
            }
            None => {
                draft.note(
                    entry.place,
                    Fate::Changed,
                    section.named("budget_duration"),
                    "is no length of time: the amount holds for good",
                    "choose a window: 1h, 1d, 1w, 1mo or total",
                );
                "total"
            }
        },
    };
    draft.budgets.push(Budget {
        name: name.to_owned(),
        label,
        limit,
        window,
    });
}

/// `rpm_limit`, `tpm_limit` and `max_parallel_requests` of a section.
fn limits(
    draft: &mut Draft<'_>,
    section: &Section<'_>,
    name: &str,
    label: (&'static str, Vec<String>),
) {
    let mut sizes = Vec::new();
    for (key, size) in [
        ("rpm_limit", "rpm"),
        ("tpm_limit", "tpm"),
        ("max_parallel_requests", "concurrency"),
    ] {
        let Some(entry) = section.take(key) else {
            continue;
        };
        match whole(entry).filter(|number| size == "tpm" || u32::try_from(*number).is_ok()) {
            Some(number) => sizes.push((size, number)),
            None => draft.note(
                entry.place,
                Fate::Left,
                section.named(key),
                "is not a whole number above zero",
                "add the limit by hand",
            ),
        }
    }
    if !sizes.is_empty() {
        draft.limits.push(Limit {
            name: name.to_owned(),
            label: Some(label),
            sizes,
        });
    }
}

/// The name of a team by its id or its alias, as keys refer to it.
fn teams(draft: &mut Draft<'_>, top: &Section<'_>) {
    let list = top.take("teams");
    for (index, node) in list
        .map(|entry| items(&entry.value))
        .unwrap_or_default()
        .iter()
        .enumerate()
    {
        let section = Section::new(format!("teams[{index}]"), node);
        let (id, alias) = (section.text("team_id"), section.text("team_alias"));
        let Some(name) = id.or(alias) else {
            draft.note(
                node.place,
                Fate::Left,
                section.path.clone(),
                "has neither `team_id` nor `team_alias`",
                "add one",
            );
            continue;
        };
        let label = || ("team", vec![name.to_owned()]);
        budget(draft, &section, &format!("team-{name}"), Some(label()));
        limits(draft, &section, &format!("team-{name}"), label());
        for entry in section.rest() {
            let why = if entry.key == "models" {
                "which models may be called is said of keys"
            } else {
                "a team is a label of keys here"
            };
            draft.note(
                entry.place,
                Fate::Left,
                section.named(&entry.key),
                why,
                "put it on the team's keys, or write a policy",
            );
        }
    }
}

fn keys(draft: &mut Draft<'_>, top: &Section<'_>) {
    let list = top.take("keys");
    for (index, node) in list
        .map(|entry| items(&entry.value))
        .unwrap_or_default()
        .iter()
        .enumerate()
    {
        let section = Section::new(format!("keys[{index}]"), node);
        let name = section
            .text("key_alias")
            .or_else(|| section.text("key_name"));
        let name = name.map_or_else(|| format!("key-{}", index + 1), str::to_owned);
        let secret = section.take("key").and_then(|entry| {
            draft.secret(
                entry,
                &section.named("key"),
                &format!("TOLLGATE_KEY_{name}"),
            )
        });
        let Some(secret) = secret else {
            draft.note(
                node.place,
                Fate::Left,
                format!("{} (`{name}`)", section.path),
                "its secret is not in the file",
                format!("make one: tollgate key new {name}"),
            );
            continue;
        };
        let team = section.text("team_id").map(str::to_owned);
        let named = section.take("models");
        let models: Vec<String> = named
            .iter()
            .flat_map(|entry| items(&entry.value))
            .filter_map(text)
            .map(str::to_owned)
            .collect();
        if let Some(entry) = named.filter(|_| {
            models
                .iter()
                .any(|model| model.starts_with("file:") || model.starts_with("all-"))
        }) {
            // Fewer models than were meant, never more.
            draft.note(
                entry.place,
                Fate::Changed,
                section.named("models"),
                "holds words that are no names of models here",
                "name the models, or leave `models` out where all are meant",
            );
        }
        budget(
            draft,
            &section,
            &format!("key-{name}"),
            Some(("key", vec![name.clone()])),
        );
        limits(
            draft,
            &section,
            &format!("key-{name}"),
            ("key", vec![name.clone()]),
        );
        draft.leave_rest(
            &section,
            "nothing here does this",
            "see `keys:` in config/tollgate.yaml",
        );
        draft.keys.push(Key {
            name,
            secret,
            team,
            models,
        });
    }
}

pub(super) fn whole_or_zero(entry: &Entry) -> Option<u64> {
    if is_null(&entry.value) {
        return None;
    }
    decimal(text(&entry.value)?, 0)?.parse().ok()
}

fn whole(entry: &Entry) -> Option<u64> {
    whole_or_zero(entry).filter(|number| *number > 0)
}
