//! The result as text: a configuration that people go on with, so it says what it is and why.

use super::{Draft, Fate, Price, Route};
use crate::pattern::Pattern;
use std::cmp::Reverse;
use std::fmt::Write as _;

/// A text as YAML has it within double quotes. No reference is made of what was none.
fn quoted(text: &str) -> String {
    let escaped = text.replace("${", "$${");
    serde_json::Value::String(escaped).to_string()
}

/// The text of `tollgate.yaml`; `prices`: the file name of the book beside it.
pub(super) fn config(draft: &Draft<'_>, prices: Option<&str>) -> String {
    let mut out = String::new();
    head(&mut out, draft);
    providers(&mut out, draft);
    models(&mut out, draft);
    keys(&mut out, draft);
    money(&mut out, draft, prices);
    limits(&mut out, draft);
    times(&mut out, draft);
    out
}

fn head(out: &mut String, draft: &Draft<'_>) {
    let file = draft.file.file_name().unwrap_or_default().to_string_lossy();
    let file: String = file.chars().filter(|c| !c.is_control()).collect();
    let _ = writeln!(
        out,
        "# Converted from {file}, the configuration of a LiteLLM proxy, by `tollgate import litellm`."
    );
    let left = draft
        .notes
        .iter()
        .filter(|note| note.fate == Fate::Left)
        .count();
    if left > 0 {
        let _ = writeln!(
            out,
            "# {left} of its settings could not be converted: the import lists each with its place, why, and what to do."
        );
    }
    out.push_str("# What each key means is in config/tollgate.yaml; `tollgate check` tells whether all is well.\n");
    if !draft.variables.is_empty() {
        let names: Vec<&str> = draft.variables.keys().map(String::as_str).collect();
        let _ = writeln!(
            out,
            "#\n# It refers to these variables of the environment: {}",
            names.join(", ")
        );
    }
    out.push_str("\nlisten: 127.0.0.1:4100\n");
}

fn providers(out: &mut String, draft: &Draft<'_>) {
    out.push_str("\n# Who answers the calls.\nproviders:");
    out.push_str(if draft.providers.is_empty() {
        " {}\n"
    } else {
        "\n"
    });
    for provider in &draft.providers {
        let _ = write!(out, "  {}: {{ kind: {}", provider.name, provider.kind);
        // Both are made here, of references and of addresses without any.
        if let Some(base) = &provider.base {
            let _ = write!(out, ", base_url: \"{base}\"");
        }
        if let Some(credential) = &provider.credential {
            let _ = write!(out, ", credential: \"{credential}\"");
        }
        out.push_str(" }\n");
    }
}

fn models(out: &mut String, draft: &Draft<'_>) {
    out.push_str("\n# Which model goes where; the first that covers a call wins.\nmodels:");
    out.push_str(if draft.routes.is_empty() {
        " []\n"
    } else {
        "\n"
    });
    let mut routes: Vec<&Route> = draft.routes.iter().collect();
    // As LiteLLM has it: a name goes before a pattern, a longer pattern before a shorter one.
    routes.sort_by_key(|route| {
        (!Pattern::new(&route.name).is_exact()).then_some(Reverse(route.name.len()))
    });
    for route in routes {
        let _ = write!(out, "  - {{ name: {}", quoted(&route.name));
        let target = |target: &super::Target| {
            let model = (target.model != route.name && !target.model.contains('*'))
                .then(|| format!(", model: {}", quoted(&target.model)));
            format!("provider: {}{}", target.provider, model.unwrap_or_default())
        };
        match route.targets.as_slice() {
            [one] => {
                let _ = write!(out, ", {}", target(one));
            }
            several => {
                let all: Vec<String> = several
                    .iter()
                    .map(|one| format!("{{ {} }}", target(one)))
                    .collect();
                let _ = write!(out, ", strategy: failover, targets: [{}]", all.join(", "));
            }
        }
        out.push_str(" }\n");
    }
}

fn keys(out: &mut String, draft: &Draft<'_>) {
    if draft.keys.is_empty() {
        out.push_str(
            "\n# Who may call: no key was in the file. Make one with `tollgate key new NAME`.\n",
        );
        return;
    }
    out.push_str("\n# Who may call.\nkeys:\n");
    for key in &draft.keys {
        let _ = write!(
            out,
            "  - {{ name: {}, secret: \"{}\"",
            quoted(&key.name),
            key.secret
        );
        if let Some(team) = &key.team {
            let _ = write!(out, ", labels: {{ team: {} }}", quoted(team));
        }
        if !key.models.is_empty() {
            let models: Vec<String> = key.models.iter().map(|model| quoted(model)).collect();
            let _ = write!(out, ", models: [{}]", models.join(", "));
        }
        out.push_str(" }\n");
    }
}

fn selector(label: Option<&(&'static str, Vec<String>)>) -> String {
    let Some((label, values)) = label else {
        return "{}".to_owned();
    };
    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    format!("{{ {label}: [{}] }}", values.join(", "))
}

fn money(out: &mut String, draft: &Draft<'_>, prices: Option<&str>) {
    if !draft.budgets.is_empty() {
        out.push_str("\n# What may be spent. Windows follow the calendar.\nbudgets:\n");
    }
    for budget in &draft.budgets {
        let _ = writeln!(
            out,
            "  - {{ name: {}, match: {}, limit: \"${}\", window: {} }}",
            quoted(&budget.name),
            selector(budget.label.as_ref()),
            budget.limit,
            budget.window
        );
    }
    if let Some(prices) = prices {
        let _ = writeln!(
            out,
            "\n# The built-in prices, put right by those of the file.\nprices: [built-in, {}]",
            quoted(prices)
        );
    }
}

fn limits(out: &mut String, draft: &Draft<'_>) {
    if !draft.limits.is_empty() {
        out.push_str("\n# How much at a time.\nlimits:\n");
    }
    for limit in &draft.limits {
        let _ = write!(
            out,
            "  - {{ name: {}, match: {}",
            quoted(&limit.name),
            selector(limit.label.as_ref())
        );
        for (size, number) in &limit.sizes {
            let _ = write!(out, ", {size}: {number}");
        }
        out.push_str(" }\n");
    }
}

fn times(out: &mut String, draft: &Draft<'_>) {
    if let Some(total) = &draft.total {
        let _ = writeln!(out, "\n# For a whole call.\ntimeouts: {{ total: {total} }}");
    }
    if let Some(attempts) = draft.attempts {
        let _ = writeln!(
            out,
            "\n# How often a call is tried in all, before the first byte of an answer only.\nretries: {{ attempts: {attempts} }}"
        );
    }
}

/// The text of the price book.
pub(super) fn prices(draft: &Draft<'_>) -> String {
    let mut out = "# Prices that stood in the configuration of a LiteLLM proxy, in dollars per million tokens.\nrevision: litellm\nmodels:".to_owned();
    out.push_str(if draft.prices.is_empty() {
        " {}\n"
    } else {
        "\n"
    });
    for price in &draft.prices {
        // A key is never a reference.
        let name = serde_json::Value::String(price.name.clone());
        let _ = writeln!(out, "  {name}: {{ {} }}", members(price));
    }
    out
}

fn members(price: &Price) -> String {
    let classes = |classes: &[(&'static str, String)]| -> Vec<String> {
        classes
            .iter()
            .map(|(class, cost)| format!("{class}: \"{cost}\""))
            .collect()
    };
    let mut members = classes(&price.classes);
    if price.free {
        members.push("free: true".to_owned());
    }
    members.extend(
        price
            .limits
            .iter()
            .map(|(key, number)| format!("{key}: {number}")),
    );
    if !price.tiers.is_empty() {
        let tier = |(above, prices): (&u64, &Vec<_>)| {
            format!("{{ above_input: {above}, {} }}", classes(prices).join(", "))
        };
        let tiers: Vec<String> = price.tiers.iter().map(tier).collect();
        members.push(format!("tiers: [{}]", tiers.join(", ")));
    }
    members.join(", ")
}
