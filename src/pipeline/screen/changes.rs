//! What a decision changes in a body: values taken out, caps and other settings brought down, a preface put in front.
//!
//! Not here: the output cap, which the gate sets with the budgets in view.

use super::arguments::outside;
use super::inspect::{Inspected, Inspection, Segment};
use super::{Blocked, Guards, method_of, name_of_action, note};
use crate::chat::json::escape_into;
use crate::chat::{Conversation, Dialect, Edits, Endpoint, Look, Source, Span};
use crate::governance::audit::Found;
use crate::governance::guard::redact::{Mapping, NOTE, redact};
use crate::governance::policy::settings::{Action, Site};
use crate::governance::policy::{Guard, Outcome};

/// Takes out of the body what guards do not let pass.
pub(super) fn take_out(
    guards: &Guards,
    outcome: &Outcome,
    inspection: &Inspection,
    mapping: &mut Mapping,
    found: &mut Vec<Found>,
    edits: &mut Edits,
) -> Result<bool, Blocked> {
    let mut named = false;
    for text in &inspection.texts {
        for finding in text.segments.iter().flat_map(|segment| &segment.findings) {
            let kind = guards.policies.kind_name(finding.kind);
            let ruling = guards.ruling(outcome, text.site, finding);
            let action = ruling
                .as_ref()
                .map_or("none", |ruling| name_of_action(ruling.action));
            note(found, text.site, kind, finding, action);
            guards.note_shadow(outcome, text.site, finding, found);
            match ruling {
                Some(ruling) if ruling.action == Action::Block => {
                    return Err(ruling.blocked(text.site, kind));
                }
                Some(ruling) => named |= ruling.action == Action::Replace,
                None => {}
            }
        }
    }
    for text in &inspection.texts {
        let acts = |segment: &Segment| {
            segment.findings.iter().any(|finding| {
                let ruling = guards.ruling(outcome, text.site, finding);
                ruling.is_some_and(|ruling| method_of(ruling.action).is_some())
            })
        };
        // Where names are given out, a text that holds one by chance (or to have another's value put in) gets a name for it.
        if named || text.segments.iter().any(acts) {
            change(guards, outcome, text, mapping, edits);
        }
    }
    Ok(named)
}

fn change(
    guards: &Guards,
    outcome: &Outcome,
    text: &Inspected,
    mapping: &mut Mapping,
    edits: &mut Edits,
) {
    let mut whole = String::new();
    let mut changed = false;
    for segment in &text.segments {
        let method = |finding: &crate::governance::guard::Finding| {
            let ruling = guards.ruling(outcome, text.site, finding)?;
            method_of(ruling.action)
        };
        let redacted = redact(&segment.text, &segment.findings, method, mapping).text;
        changed |= redacted != segment.text;
        match (text.json, segment.inside) {
            (true, true) => {
                whole.push('"');
                escape_into(&mut whole, &redacted);
                whole.push('"');
            }
            (true, false) => outside(&mut whole, &redacted),
            (false, _) => whole.push_str(&redacted),
        }
    }
    if changed {
        if text.part.bare_json {
            edits.put_value(text.part.text.span, &whole);
        } else {
            edits.put_text(text.part.text.span, &whole);
        }
    }
}

/// Takes characters nobody can see out of texts, where a policy asks for it.
pub(super) fn strip_invisible(
    guards: &Guards,
    outcome: &Outcome,
    conversation: &Conversation,
    body: &[u8],
    edits: &mut Edits,
) {
    for part in &conversation.texts {
        let site = super::inspect::site_of(part.source);
        let ruling = guards.policies.injection(outcome, site);
        if !ruling.is_some_and(|ruling| ruling.strip_invisible) {
            continue;
        }
        let decoded = super::answer::decoded(body, part.text);
        let stripped = crate::governance::guard::injection::strip_invisible(&decoded);
        if *stripped != *decoded && part.source != Source::ToolArguments {
            edits.put_text(part.text.span, &stripped);
        }
    }
}

/// What `set:` asks for, apart from the output cap. Returns how many choices there may be.
pub(super) fn settings(
    guards: &Guards,
    outcome: &Outcome,
    endpoint: Endpoint,
    conversation: &Conversation,
    look: &Look,
    body: &[u8],
    edits: &mut Edits,
) -> Option<u64> {
    if !endpoint.has_output() {
        return None;
    }
    if let Some(most) = outcome.temperature_max_milli {
        let most = most.value;
        match conversation.temperature {
            Some(written) if is_above(written, body, most) => {
                edits.put_value(written, &decimal(most));
            }
            None if most < LEFT_OUT => edits.put_setting(look, "temperature", &decimal(most)),
            _ => {}
        }
    }
    let stops = guards.policies.stops(outcome);
    if !stops.is_empty() && endpoint != Endpoint::Responses {
        let stop = match endpoint.dialect() {
            Dialect::OpenAi => "stop",
            Dialect::Anthropic => "stop_sequences",
            Dialect::Gemini => "stopSequences",
        };
        let mut all: Vec<String> = stops
            .iter()
            .map(|stop| crate::chat::json::quote(stop))
            .collect();
        match conversation.stop {
            Some(written) => {
                let own = String::from_utf8_lossy(written.of(body)).into_owned();
                let inside = own.strip_prefix('[').and_then(|own| own.strip_suffix(']'));
                let own = inside.map_or(own.clone(), str::to_owned);
                if !own.trim().is_empty() && own != "null" {
                    all.insert(0, own);
                }
                edits.put_value(written, &format!("[{}]", all.join(",")));
            }
            None => edits.put_setting(look, stop, &format!("[{}]", all.join(","))),
        }
    }
    let most = outcome.n_max?.value.max(1);
    let written = conversation.n?;
    if look.choices <= most {
        return None;
    }
    edits.put_value(written, &most.to_string());
    Some(most)
}

/// What goes in front of all other texts: policies' prefixes, and the note about names.
pub(super) fn preface(
    guards: &Guards,
    outcome: &Outcome,
    named: bool,
    conversation: &Conversation,
    look: &Look,
    edits: &mut Edits,
) {
    let mut texts: Vec<&str> = guards
        .policies
        .system_prefixes(outcome)
        .into_iter()
        .collect();
    if named && notes(guards, outcome) {
        texts.push(NOTE);
    }
    if let (Some(preface), false) = (conversation.preface, texts.is_empty()) {
        edits.put_preface(look, preface, &texts.join("\n\n"));
    }
}

/// Whether the model is told about names: unless a guard that gives them out says not to.
fn notes(guards: &Guards, outcome: &Outcome) -> bool {
    let mut replacing = outcome
        .guards
        .iter()
        .filter_map(|id| guards.policies.guard(*id))
        .filter(|guard| guard.action() == Action::Replace);
    replacing.all(Guard::notes)
}

/// What a temperature is where none is given, as far as the vendors say, in thousandths.
const LEFT_OUT: u64 = 1000;

/// Whether a temperature, as written, is above so many thousandths. One that nobody can read is.
fn is_above(written: Span, body: &[u8], milli: u64) -> bool {
    let text = std::str::from_utf8(written.of(body)).unwrap_or_default();
    if text.starts_with('-') {
        return false;
    }
    if text == "null" {
        return LEFT_OUT > milli;
    }
    if text.contains(['e', 'E']) {
        return true;
    }
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let Ok(whole) = whole.parse::<u64>() else {
        return true;
    };
    let mut digits = rest
        .bytes()
        .map(|digit| u64::from(digit.wrapping_sub(b'0')));
    let mut thousandths = whole.saturating_mul(1000);
    for unit in [100, 10, 1] {
        thousandths = thousandths.saturating_add(digits.next().unwrap_or(0) * unit);
    }
    thousandths > milli || (thousandths == milli && digits.any(|digit| digit > 0))
}

/// Thousandths as a decimal number.
fn decimal(milli: u64) -> String {
    let (whole, rest) = (milli / 1000, milli % 1000);
    if rest == 0 {
        return whole.to_string();
    }
    format!("{whole}.{rest:03}")
        .trim_end_matches('0')
        .to_owned()
}

/// Whether anything is ever taken out at this site; asked before anybody looks.
pub(super) fn looks_in(guards: &Guards, outcome: &Outcome) -> bool {
    [Site::Request, Site::ToolResult, Site::ToolDefinition]
        .into_iter()
        .any(|site| guards.policies.looks_at(outcome, site))
}

#[cfg(test)]
mod tests {
    use super::{decimal, is_above};
    use crate::chat::Span;

    #[test]
    fn numbers_are_compared_as_written() {
        let check = |text: &str, milli: u64, expected: bool| {
            let written = Span::new(0, text.len());
            assert_eq!(
                is_above(written, text.as_bytes(), milli),
                expected,
                "{text} > {milli}"
            );
        };
        check("0.3", 300, false);
        check("0.30000", 300, false);
        check("0.3001", 300, true);
        check("1", 300, true);
        check("-1", 300, false);
        check("2e-1", 300, true);
        check("0", 0, false);
        check("null", 999, true);
        check("null", 1000, false);
        check("\"0.1\"", 300, true);
        check("99999999999999999999", 300, true);
    }

    #[test]
    fn thousandths_are_written_short() {
        assert_eq!(
            [decimal(300), decimal(1000), decimal(1250), decimal(5)],
            ["0.3", "1", "1.25", "0.005"]
        );
    }
}
