//! What policies cost a request: the decision, the dearest expressions that are accepted, the look for injections.
//!
//! `cargo bench --bench policies` prints Markdown. Decisions are those of a chat with tools by a caller with all labels,
//! asked once before its texts were looked at and once afterwards, as the gateway does.
//!
//! Not here: looking for values in texts (`scan`), and what all of it comes to in a call (`gateway_overhead`).

#[path = "support/expressions.rs"]
mod expressions;
#[path = "support/texts.rs"]
mod texts;
#[path = "support/timing.rs"]
mod timing;

use crate::timing::{Contender, Fault, Thousandths, in_turns, micros_a_kilobyte};
use jiff::civil::date;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{Stdout, Write as _, stdout};
use std::path::{Path, PathBuf};
use tollgate::clock::Wall;
use tollgate::config::policy::packs::PACKS;
use tollgate::config::policy::{
    Assembled, Format, Surroundings, Trusted, assemble, assemble_texts,
};
use tollgate::governance::guard::injection::{Source, assess};
use tollgate::governance::guard::{Catalogue, Kind};
use tollgate::governance::policy::settings::ScanState;
use tollgate::governance::policy::{Caller, Policies, Request};

fn main() -> Result<(), Fault> {
    let mut out = stdout();
    decisions(&mut out)?;
    dearest(&mut out)?;
    injections(&mut out)
}

fn decisions(out: &mut Stdout) -> Result<(), Fault> {
    let today = date(2026, 11, 27);
    let nothing = Policies::default();
    let rules = rules();
    let many = [(Path::new("many.yaml"), rules.as_bytes())];
    let many = policies(assemble_texts(many, &Surroundings::default(), today))?;
    let pack = |names: &[&str]| {
        let paths: Vec<PathBuf> = names
            .iter()
            .map(|name| format!("pack:{name}").into())
            .collect();
        policies(assemble(
            &paths,
            &Trusted::running(),
            &Surroundings::default(),
            today,
        ))
    };
    let usual = pack(&["safe-defaults", "pii", "secrets"])?;
    let all: Vec<&str> = PACKS.iter().map(|(name, _)| *name).collect();
    let all = pack(&all)?;

    let groups: [Box<str>; 3] = ["eng".into(), "oncall".into(), "zurich".into()];
    let before = Request {
        caller: Caller {
            org: Some("acme"),
            team: Some("payments"),
            project: Some("atlas"),
            agent: Some("builder"),
            user: Some("jane"),
            key: Some("key-17"),
            groups: &groups,
        },
        model: "gpt-4o-mini",
        tools: &["bash", "read_file", "write_file", "web_fetch"],
        input_tokens: 20_000,
        max_output_tokens: Some(1_000),
        bytes: 60_000,
        message_count: 31,
        now: Wall::from_secs(1_795_800_000),
        used_pct: 40,
        ..Request::default()
    };
    let after = Request {
        detections: Some(&[(Kind::Email, 2), (Kind::Phone, 1)]),
        scan: Some(ScanState::Full),
        ..before
    };
    let cases = [
        ("no policies", &nothing),
        ("200 rules, of which 5 could match", &many),
        ("safe-defaults, pii, secrets", &usual),
        ("all six packs", &all),
    ];
    writeln!(
        out,
        "| policies in force | rules | before texts µs | after µs | outcome, rules matched |\n|---|--:|--:|--:|---|"
    )?;
    let contenders = cases.iter().flat_map(|(_, policies)| {
        [&before, &after].map(|request| -> Contender<'_> {
            Box::new(|| {
                let _ = black_box(policies.decide(black_box(request)));
            })
        })
    });
    let times = in_turns(contenders.collect());
    for ((name, policies), times) in cases.iter().zip(times.chunks(2)) {
        let outcome = policies.decide(&after);
        let said = if outcome.is_allowed() {
            "allowed"
        } else {
            "denied"
        };
        let [before, after] = *times else { continue };
        writeln!(
            out,
            "| {name} | {} | {} | {} | {said}, {} |",
            policies.rules().count(),
            Thousandths(before / 1000),
            Thousandths(after / 1000),
            outcome.matched.len()
        )?;
    }
    Ok(())
}

fn policies(assembled: Assembled) -> Result<Policies, Fault> {
    match assembled.usable() {
        Ok(Some(compiled)) => Ok(compiled.policies),
        Ok(None) => Err("no policy is in force".into()),
        Err(loaded) => Err(loaded.report().render(Format::Text).into()),
    }
}

/// Two hundred rules, as a house has them that grew: most are for other teams' models, tools and agents.
fn rules() -> String {
    let mut text = String::from("version: 1\nscope: {}\nrules:\n");
    for at in 0..195 {
        let rule = match at % 5 {
            0 => format!("effect: deny, match: {{models: [\"vendor-{at}/*\"]}}"),
            1 => format!(
                "effect: deny, match: {{tools: [\"tool-{at}-*\", other-{at}]}}, when: request.input_tokens > 1000"
            ),
            2 => format!(
                "match: {{groups: [group-{at}]}}, set: {{max_output_tokens: {}}}",
                1000 + at
            ),
            3 => format!(
                "effect: deny, match: {{agents: [agent-{at}], models: [\"gpt-*\"]}}, unless: {{groups: [oncall]}}"
            ),
            _ => format!(
                "match: {{projects: [project-{at}], endpoints: [chat]}}, tag: {{cost-{at}: shared}}"
            ),
        };
        // Writing to a string does not fail.
        let _ = writeln!(text, "  - {{id: other-{at}, {rule}}}");
    }
    text.push_str(
        r#"  - {id: long-inputs, effect: deny, match: {models: ["gpt-4o*"]}, when: "request.input_tokens > 60000 && !(\"long-context\" in user.groups)"}
  - {id: shells, effect: deny, match: {tools: ["shell*", bash]}, unless: {groups: [eng]}}
  - {id: short-answers, match: {models: ["gpt-*"]}, set: {max_output_tokens: 4096}}
  - {id: numbers-of-people, effect: deny, match: any, when: "detections.US_SSN > 5"}
  - {id: engineers, match: {groups: [eng]}, tag: {cost: engineering}}
"#,
    );
    text
}

/// The dearest expressions that are accepted, on the largest request.
fn dearest(out: &mut Stdout) -> Result<(), Fault> {
    const SHOWN: usize = 8;
    let largest = expressions::Largest::new();
    let (letters, bits) = (largest.facts(false), largest.facts(true));
    let accepted: Vec<_> = expressions::accepted().collect();
    let contenders = accepted
        .iter()
        .map(|(name, _, expression)| -> Contender<'_> {
            let facts = if name.contains("pattern") {
                &bits
            } else {
                &letters
            };
            Box::new(move || {
                let _ = black_box(expression.eval(black_box(facts)));
            })
        });
    let times = in_turns(contenders.collect());
    let mut rows: Vec<_> = times.into_iter().zip(&accepted).collect();
    rows.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    writeln!(
        out,
        "\n| dearest accepted expressions, {} kinds | times | cost | µs | ns/unit |\n|---|--:|--:|--:|--:|",
        rows.len()
    )?;
    for (time, (name, times, expression)) in rows.iter().take(SHOWN) {
        writeln!(
            out,
            "| {name} | {times} | {} | {} | {} |",
            expression.cost(),
            Thousandths(time / 1000),
            Thousandths(time / expression.cost().max(1))
        )?;
    }
    Ok(())
}

fn injections(out: &mut Stdout) -> Result<(), Fault> {
    let catalogue = Catalogue::builtin();
    writeln!(
        out,
        "\n| text | size | signs of injection µs/KB | values, for comparison µs/KB | score |\n|---|--:|--:|--:|--:|"
    )?;
    for (name, make) in texts::CLEAN {
        for size in [1024, 32 * 1024] {
            let text = make(size);
            let times = in_turns(vec![
                Box::new(|| {
                    black_box(assess(black_box(&text), Source::ToolResult));
                }),
                Box::new(|| {
                    black_box(catalogue.scan(black_box(&text)));
                }),
            ]);
            let [injection, values] = *times else {
                return Err("two contenders have two times".into());
            };
            writeln!(
                out,
                "| {name} | {} KB | {} | {} | {} |",
                size / 1024,
                micros_a_kilobyte(injection, size),
                micros_a_kilobyte(values, size),
                assess(&text, Source::ToolResult).score_milli
            )?;
        }
    }
    Ok(())
}
