//! `model_list`: deployments become providers, routes, limits and prices.

use super::number::decimal;
use super::vendor::{Vendor, vendor};
use super::{
    Draft, Fate, Limit, MOST_ALIKE, Price, Provider, Route, Section, Target, Variable, is_variable,
    items, text,
};
use crate::config::fault::Place;
use crate::config::yaml::{Entry, Node};
use crate::provider::settings::{Base, MOST_TARGETS};
use std::collections::{BTreeMap, BTreeSet};

/// Words that people write where a server asks for no key.
const NO_KEYS: &[&str] = &[
    "EMPTY",
    "empty",
    "none",
    "None",
    "null",
    "dummy",
    "fake",
    "fake-key",
    "not-needed",
    "anything",
    "sk-no-key-required",
];

/// Costs of LiteLLM's, all of them for one token, and the classes here.
const COSTS: &[(&str, &str)] = &[
    ("input_cost_per_token", "input"),
    ("cache_read_input_token_cost", "cached_input"),
    ("cache_creation_input_token_cost", "cache_write"),
    ("output_cost_per_token", "output"),
    ("output_cost_per_reasoning_token", "reasoning"),
    ("input_cost_per_audio_token", "audio_input"),
    ("output_cost_per_audio_token", "audio_output"),
];

/// The same, above a threshold of input tokens.
const LONG_COSTS: &[(&str, u64, &str)] = &[
    ("input_cost_per_token_above_128k_tokens", 128_000, "input"),
    ("output_cost_per_token_above_128k_tokens", 128_000, "output"),
    ("input_cost_per_token_above_200k_tokens", 200_000, "input"),
    ("output_cost_per_token_above_200k_tokens", 200_000, "output"),
];

/// What LiteLLM keeps of a model for others to read, and a gateway does not need.
const TOLD_ONLY: &[&str] = &[
    "id",
    "mode",
    "description",
    "db_model",
    "created_at",
    "updated_at",
    "created_by",
    "updated_by",
];

/// One deployment: where it is and what goes with it.
struct Deployment {
    group: String,
    target: Target,
    sizes: Vec<(&'static str, u64)>,
}

/// Credentials by name, as `credential_list` has them.
pub(super) type Credentials<'a> = BTreeMap<&'a str, &'a Node>;

/// Converts the list.
pub(super) fn list(draft: &mut Draft<'_>, node: &Node, credentials: &Credentials<'_>) {
    for (index, item) in items(node).iter().enumerate() {
        let section = Section::new(format!("model_list[{index}]"), item);
        let Some(deployment) = deployment(draft, item.place, &section, credentials) else {
            continue;
        };
        let Deployment {
            group,
            target,
            sizes,
        } = deployment;
        match draft.routes.iter_mut().find(|route| route.name == group) {
            Some(route) => route.targets.push(target),
            None => draft.routes.push(Route {
                name: group.clone(),
                targets: vec![target],
            }),
        }
        let name = format!("{group}-limit");
        if !sizes.is_empty() && !draft.limits.iter().any(|limit| limit.name == name) {
            draft.limits.push(Limit {
                name,
                label: Some(("model", vec![group])),
                sizes,
            });
        }
    }
}

/// Keeps of every route as many targets as one may have, and notes the others.
pub(super) fn bound(draft: &mut Draft<'_>) {
    let mut left = Vec::new();
    for route in &mut draft.routes {
        // Of one target that stands there twice the first is enough: how often it is asked is a matter of retries.
        let mut seen = BTreeSet::new();
        route
            .targets
            .retain(|target| seen.insert((target.provider.clone(), target.model.clone())));
        let kept = route.targets.len().min(MOST_TARGETS);
        let first = route
            .targets
            .first()
            .map(|first| format!("{}/{}", first.provider, first.model));
        for target in route.targets.drain(kept..) {
            left.push((
                route.name.clone(),
                target,
                first.clone().unwrap_or_default(),
            ));
        }
    }
    for (group, target, first) in left {
        draft.note(
            target.place,
            Fate::Left,
            format!(
                "deployment {}/{} of `{group}`",
                target.provider, target.model
            ),
            format!("a model has at most {MOST_TARGETS} targets here, and `{group}` goes to {first} first"),
            "choose the one to keep, or give each a name of its own",
        );
    }
}

fn deployment(
    draft: &mut Draft<'_>,
    place: Place,
    section: &Section<'_>,
    credentials: &Credentials<'_>,
) -> Option<Deployment> {
    let group = section.text("model_name");
    let params = section.take("litellm_params");
    let Some((group, params)) = group.zip(params) else {
        draft.note(
            place,
            Fate::Left,
            section.path.clone(),
            "has no `model_name` or no `litellm_params`",
            "add what is missing, or remove it",
        );
        return None;
    };
    let params = Section::new(section.named("litellm_params"), &params.value);
    let written = params.take("model");
    let custom = params.text("custom_llm_provider");
    let Some((at, written)) =
        written.and_then(|entry| Some((entry.value.place, text(&entry.value)?)))
    else {
        draft.note(
            place,
            Fate::Left,
            params.named("model"),
            "is missing",
            "add it, like `model: openai/gpt-4o`",
        );
        return None;
    };
    let (vendor, model) = match vendor(written, custom) {
        Ok(found) => found,
        Err(word) => {
            let (why, help) = match word {
                Some(word) => (
                    format!("this version does not call `{word}`"),
                    "where it has an OpenAI-compatible address, add it as `kind: openai-compatible` with a `base_url`",
                ),
                None => (
                    format!("no vendor is named in `{written}`"),
                    "name it as LiteLLM does, like `openai/…`",
                ),
            };
            draft.note(at, Fate::Left, format!("`{group}` ({written})"), why, help);
            return None;
        }
    };
    if !names_fit(group, model) {
        draft.note(
            at,
            Fate::Left,
            format!("`{group}` ({written})"),
            "a name with `*` passes as it is here: nothing is cut off or put before it",
            "name the models one by one, or give the route the names that the vendor knows",
        );
        return None;
    }
    let provider = provider(draft, place, &params, vendor, credentials)?;
    if let Some((why, help)) = vendor.differs {
        draft.note(
            at,
            Fate::Changed,
            format!("`{group}` ({written})"),
            why,
            help,
        );
    }
    let target = Target {
        provider,
        model: model.to_owned(),
        place: at,
    };
    let mut sizes = Vec::new();
    for (key, size) in [
        ("rpm", "rpm"),
        ("tpm", "tpm"),
        ("max_parallel_requests", "concurrency"),
    ] {
        if let Some(entry) = params.take(key) {
            match number(entry)
                .filter(|number| *number > 0 && (size == "tpm" || u32::try_from(*number).is_ok()))
            {
                Some(number) => sizes.push((size, number)),
                None => odd(draft, &params, entry),
            }
        }
    }
    let info = section.take("model_info");
    let info = info.map(|entry| Section::new(section.named("model_info"), &entry.value));
    prices(draft, &target, &params, info.as_ref());
    rest(draft, section, &params, info.as_ref(), vendor);
    Some(Deployment {
        group: group.to_owned(),
        target,
        sizes,
    })
}

/// Notes what a deployment has beside.
fn rest(
    draft: &mut Draft<'_>,
    section: &Section<'_>,
    params: &Section<'_>,
    info: Option<&Section<'_>>,
    vendor: &Vendor,
) {
    for entry in params.rest() {
        let (why, help) = match entry.key.as_str() {
            "max_tokens" | "max_completion_tokens" => (
                "no defaults are put into requests here",
                "to bound every call, write `max_output:` on the model",
            ),
            "api_version" if vendor.word == "azure" => continue,
            "timeout" | "stream_timeout" | "max_retries" => (
                "times and retries are the gateway's, not a model's",
                "see `timeouts:` and `retries:`",
            ),
            "tags" | "weight" | "order" => (
                "targets are asked in the order they are written in",
                "where they should share calls, write `strategy: weighted` and a `weight` on each target",
            ),
            _ => (
                "requests pass as callers wrote them, without parameters from here",
                "have callers send it, or leave it out",
            ),
        };
        draft.note(entry.place, Fate::Left, params.named(&entry.key), why, help);
    }
    for entry in info.into_iter().flat_map(Section::rest) {
        if TOLD_ONLY.contains(&entry.key.as_str()) || entry.key.starts_with("supports_") {
            continue;
        }
        draft.note(
            entry.place,
            Fate::Left,
            format!("{}.model_info.{}", section.path, entry.key),
            "nothing here reads it",
            "prices and limits of models are in the price book",
        );
    }
    draft.leave_rest(section, "nothing here reads it", "leave it out");
}

/// Whether calls for `group` reach `model` when a name with `*` passes as it came.
fn names_fit(group: &str, model: &str) -> bool {
    // A text that begins so is a reference wherever it is written.
    if group.starts_with("file:") || model.starts_with("file:") {
        return false;
    }
    match (group.contains('*'), model.contains('*')) {
        (false, false) => true,
        (true, true) => !group.contains('/') && (model == group || model == "*"),
        _ => false,
    }
}

/// The name of the provider that a deployment is at, added where it is new.
fn provider(
    draft: &mut Draft<'_>,
    place: Place,
    params: &Section<'_>,
    vendor: &Vendor,
    credentials: &Credentials<'_>,
) -> Option<String> {
    let named = params.take("litellm_credential_name");
    let values = named.and_then(|entry| {
        let values = credentials.get(text(&entry.value)?);
        if values.is_none() {
            odd(draft, params, entry);
        }
        values.map(|node| Section::new("credential_list", node))
    });
    let entry = |key: &str| params.take(key).or_else(|| values.as_ref()?.take(key));
    let written = entry("api_base").or_else(|| entry("base_url"));
    let mut kind = vendor.kind;
    let base = match written {
        Some(entry) => Some(address(draft, params, entry, vendor)?),
        None => vendor.base.map(str::to_owned),
    };
    let at_home = base
        .as_deref()
        .is_none_or(|base| base.starts_with("https://api.openai.com"));
    if kind == "openai" && !at_home {
        kind = "openai-compatible";
    }
    if base.is_none() && matches!(kind, "openai-compatible" | "azure-openai") {
        draft.note(
            place,
            Fate::Left,
            format!("{} ({})", params.path, vendor.word),
            "has no `api_base`, so nobody knows where it is",
            "add it",
        );
        return None;
    }
    let name = if kind == "openai-compatible" && vendor.kind == "openai" {
        "compatible"
    } else {
        vendor.name
    };
    let credential = match entry("api_key") {
        Some(entry) if text(&entry.value).is_some_and(|text| NO_KEYS.contains(&text)) => None,
        Some(entry) => {
            let wanted = vendor
                .variable
                .map_or_else(|| format!("{name}_API_KEY"), str::to_owned);
            draft.secret(entry, &params.named("api_key"), &wanted)
        }
        // A key that is for its vendor goes nowhere else.
        None if kind != vendor.kind => None,
        None => vendor.variable.map(|name| {
            draft.variables.insert(name.to_owned(), Variable::Secret);
            format!("${{{name}}}")
        }),
    };
    let same = |known: &&Provider| {
        known.kind == kind && known.base == base && known.credential == credential
    };
    if let Some(known) = draft.providers.iter().find(same) {
        return Some(known.name.clone());
    }
    let taken = |name: &String| draft.providers.iter().any(|known| known.name == *name);
    let name = std::iter::once(name.to_owned())
        .chain((2..MOST_ALIKE).map(|number| format!("{name}-{number}")))
        .find(|name| !taken(name))?;
    draft.providers.push(Provider {
        name: name.clone(),
        kind,
        base,
        credential,
    });
    Some(name)
}

fn address(
    draft: &mut Draft<'_>,
    params: &Section<'_>,
    entry: &Entry,
    vendor: &Vendor,
) -> Option<String> {
    let written = text(&entry.value).unwrap_or_default();
    if let Some(name) = written
        .strip_prefix("os.environ/")
        .filter(|name| is_variable(name))
    {
        draft.variables.insert(name.to_owned(), Variable::Address);
        if !vendor.suffix.is_empty() {
            draft.note(
                entry.value.place,
                Fate::Changed,
                params.named(&entry.key),
                format!("`{}` is put behind the address in {name}", vendor.suffix),
                "make sure that the variable does not end with a slash",
            );
        }
        return Some(format!("${{{name}}}{}", vendor.suffix));
    }
    let trimmed = written.trim_end_matches('/');
    let base = if trimmed.ends_with(vendor.suffix) {
        trimmed.to_owned()
    } else {
        format!("{trimmed}{}", vendor.suffix)
    };
    if Base::read(&base).is_none() || base.contains("${") || base.contains("/deployments") {
        draft.note(
            entry.value.place,
            Fate::Left,
            params.named(&entry.key),
            "is no address that this gateway can call",
            "write it like https://HOST/v1, without a query, a deployment or a credential in it",
        );
        return None;
    }
    Some(base)
}

/// The price of a deployment, where the file has one.
fn prices<'s, 'n>(
    draft: &mut Draft<'_>,
    target: &Target,
    params: &'s Section<'n>,
    info: Option<&'s Section<'n>>,
) {
    let mut price = Price {
        name: format!("{}/{}", target.provider, target.model),
        classes: Vec::new(),
        tiers: BTreeMap::new(),
        limits: Vec::new(),
        free: false,
    };
    let sections = || info.into_iter().chain([params]);
    let mut found = None;
    let mut read = |draft: &mut Draft<'_>, key: &str| -> Option<String> {
        let (section, entry) =
            sections().find_map(|section| Some((section, section.take(key)?)))?;
        // Whatever is in the other section too is of no consequence to LiteLLM, and taken.
        for section in sections() {
            let _ = section.take(key);
        }
        found.get_or_insert(entry.place);
        let cost = text(&entry.value).and_then(|text| decimal(text, 6));
        let cost = cost.filter(|cost| cost.parse::<crate::units::Price>().is_ok());
        if cost.is_none() {
            odd(draft, section, entry);
        }
        cost
    };
    for (key, class) in COSTS {
        if let Some(cost) = read(draft, key) {
            price.classes.push((class, cost));
        }
    }
    for (key, above, class) in LONG_COSTS {
        if let Some(cost) = read(draft, key) {
            price.tiers.entry(*above).or_default().push((class, cost));
        }
    }
    let place = found;
    let limit = |key: &str| number(info?.take(key)?).filter(|number| *number > 0);
    let either = limit("max_tokens");
    let most = limit("max_output_tokens").or(either);
    for (key, size) in [
        ("max_input", limit("max_input_tokens")),
        ("max_output", most),
    ] {
        price.limits.extend(size.map(|size| (key, size)));
    }
    let Some(place) = place else { return };
    price.free = price.classes.iter().any(|(_, cost)| cost == "0");
    let known = draft.prices.iter().any(|known| known.name == price.name);
    let priced = price.classes.iter().any(|(class, _)| *class == "input") || price.free;
    if known || target.model.contains('*') || !priced {
        draft.note(
            place,
            Fate::Left,
            format!("costs of {}", price.name),
            if known {
                "another deployment of it has costs already"
            } else {
                "are not those of one model with a price for its input"
            },
            "write them into a price book",
        );
    } else if draft.names_prices {
        draft.prices.push(price);
    } else {
        draft.note(
            place,
            Fate::Left,
            format!("costs of {}", price.name),
            "prices are in a file of their own, and none can be written beside standard output",
            "name a file with -o: a price book is then written beside it",
        );
    }
}

fn number(entry: &Entry) -> Option<u64> {
    decimal(text(&entry.value)?, 0)?.parse().ok()
}

/// Notes a value that means nothing here.
fn odd(draft: &mut Draft<'_>, section: &Section<'_>, entry: &Entry) {
    draft.note(
        entry.value.place,
        Fate::Left,
        section.named(&entry.key),
        "its value is not one that can be converted",
        "look it up and write it into the result by hand",
    );
}
