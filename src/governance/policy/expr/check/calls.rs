//! Functions: what they take, and the loops among them.

use super::super::ast::{Form, Node};
use super::super::code::{Number, Quantifier, Test, Text, Truth};
use super::super::cost::longest_of;
use super::super::fault::{Fault, Span};
use super::super::needle::Needle;
use super::super::pattern::Pattern;
use super::super::variables;
use super::{Checker, Element, Value, a};
use crate::governance::policy::nearest::nearest;

/// Every function, as a method.
pub(super) const METHODS: [&str; 8] = [
    "size",
    "startsWith",
    "endsWith",
    "contains",
    "lower",
    "matches",
    "exists",
    "all",
];

/// Those that may be written `f(x)`, too, as in CEL.
const FREE: [&str; 3] = ["size", "matches", "lower"];

/// What other languages have, and what to write here.
const FOREIGN: [(&str, &str); 12] = [
    (
        "has",
        "a missing header is \"\"; or write `\"x-workload\" in request.headers`",
    ),
    ("lowerAscii", "write `lower()`"),
    ("toLowerCase", "write `lower()`"),
    ("toLower", "write `lower()`"),
    ("len", "write `size(x)`"),
    ("length", "write `size(x)`"),
    ("count", "write `size(x)`"),
    ("includes", "write `contains()`"),
    ("any", "write `list.exists(x, …)`"),
    ("every", "write `list.all(x, …)`"),
    ("regex", "write `x.matches(\"…\")`"),
    ("match", "write `x.matches(\"…\")`"),
];

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        target: Option<&Node>,
        name: &str,
        at: Span,
        arguments: &[Node],
    ) -> Value {
        let known = METHODS.contains(&name);
        let (target, arguments) = match (target, arguments) {
            (Some(target), arguments) if known => (target, arguments),
            (None, [target, arguments @ ..]) if FREE.contains(&name) => (target, arguments),
            (None, _) if FREE.contains(&name) => return self.wrong_count(name, at, 0),
            (None, _) if known => {
                let fault = Fault::error(
                    "TG302",
                    at,
                    format!("`{name}` belongs behind what it asks about"),
                );
                return self.report(fault.help(format!("write `x.{name}(…)`")));
            }
            _ => return self.unknown_function(name, at),
        };
        match name {
            "exists" => self.comprehension(Quantifier::Some, name, at, target, arguments),
            "all" => self.comprehension(Quantifier::Every, name, at, target, arguments),
            _ => self.function(name, at, target, arguments),
        }
    }

    fn unknown_function(&mut self, name: &str, at: Span) -> Value {
        if matches!(name, "map" | "filter" | "exists_one" | "sortBy" | "reduce") {
            let message = format!("`{name}` builds or walks lists without a bound");
            let fault = Fault::error("TG305", at, message);
            return self.report(fault.help("`exists` and `all` are the loops there are"));
        }
        let fault = Fault::error("TG302", at, format!("unknown function `{name}`"));
        let foreign = FOREIGN.iter().find(|(known, _)| *known == name);
        let help = match (foreign, nearest(name, METHODS)) {
            (Some((_, help)), _) => (*help).to_owned(),
            (None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None) => format!("known are {}", METHODS.join(", ")),
        };
        self.report(fault.help(help))
    }

    fn wrong_count(&mut self, name: &str, at: Span, given: usize) -> Value {
        let usage = match name {
            "size" | "lower" => format!("x.{name}()"),
            "exists" | "all" => format!("list.{name}(x, x == \"…\")"),
            _ => format!("x.{name}(\"…\")"),
        };
        let message = format!(
            "`{name}` does not take {given} argument{}",
            if given == 1 { "" } else { "s" }
        );
        self.report(Fault::error("TG303", at, message).help(format!("write `{usage}`")))
    }

    fn function(&mut self, name: &str, at: Span, target: &Node, arguments: &[Node]) -> Value {
        let value = self.value(target);
        let wanted = usize::from(!matches!(name, "size" | "lower"));
        if arguments.len() != wanted {
            return self.wrong_count(name, at, arguments.len());
        }
        let argument = arguments.first().map(|node| (node, self.value(node)));
        match (name, value, argument) {
            (_, Value::Bad, _) | (_, _, Some((_, Value::Bad))) => Value::Bad,
            ("size", Value::Text(text), None) => Value::Number(Number::Characters(Box::new(text))),
            ("size", Value::Texts(list), None) => Value::Number(Number::Entries(list)),
            ("size", Value::Numbers(list), None) => Value::Number(Number::Literal(
                i64::try_from(list.len()).unwrap_or(i64::MAX),
            )),
            ("lower", Value::Text(text), None) => Value::Text(Text::Lower(Box::new(text))),
            ("matches", Value::Text(text), Some((node, Value::Text(_)))) => {
                self.matches(text, node)
            }
            ("contains", Value::Texts(_), Some((_, Value::Text(_)))) => {
                let fault = Fault::error(
                    "TG303",
                    at,
                    "type mismatch: `list<string>.contains(string)`",
                );
                self.report(fault.help("for an entry of a list write `\"x\" in list`"))
            }
            (_, Value::Text(text), Some((_, Value::Text(part)))) => {
                let asked = match name {
                    "startsWith" => Test::StartsWith,
                    "endsWith" => Test::EndsWith,
                    _ => Test::Contains,
                };
                match self.judged(at, Truth::Test(asked, Box::new((text, part)))) {
                    Value::Truth(truth) => Value::Truth(prepared(truth)),
                    other => other,
                }
            }
            (_, value, None) => {
                let message = format!("type mismatch: `{}.{name}()`", value.kind());
                self.report(Fault::error("TG303", at, message))
            }
            (_, value, Some((_, argument))) => {
                let message = format!(
                    "type mismatch: `{}.{name}({})`",
                    value.kind(),
                    argument.kind()
                );
                self.report(Fault::error("TG303", at, message))
            }
        }
    }

    fn matches(&mut self, text: Text, node: &Node) -> Value {
        let Form::Text { value: source, raw } = &node.form else {
            let fault = Fault::error(
                "TG307",
                node.span,
                "a pattern must be written out as a string",
            );
            return self.report(
                fault.help("it is compiled when the policy is loaded: `x.matches(\"^gpt-\")`"),
            );
        };
        match Pattern::new(source) {
            Ok(pattern) => {
                if pattern.finds_everything {
                    let fault =
                        Fault::warning("TG309", node.span, "this pattern is found in every text");
                    self.faults
                        .add(fault.help("anchor it with `^` and `$`, or leave it out"));
                }
                Value::Truth(Truth::Matches(Box::new((text, pattern))))
            }
            Err(refusal) => {
                // Counted from the end, because a raw string has an `r` before its quote.
                let closing = source.len().saturating_add(1);
                let start = node.span.end.saturating_sub(closing);
                let at = if *raw {
                    Span::new(start.saturating_add(refusal.offset), node.span.end)
                } else {
                    node.span
                };
                self.report(Fault::error("TG307", at, refusal.message))
            }
        }
    }

    fn comprehension(
        &mut self,
        quantifier: Quantifier,
        name: &str,
        at: Span,
        target: &Node,
        arguments: &[Node],
    ) -> Value {
        if self.element.is_some() {
            let fault = Fault::error(
                "TG305",
                at,
                format!("`{name}` within another `exists` or `all`"),
            );
            return self
                .report(fault.help("loops go one level deep: use `x in list`, or two rules"));
        }
        let list = self.value(target);
        let [variable, body] = arguments else {
            return self.wrong_count(name, at, arguments.len());
        };
        let Form::Name(element) = &variable.form else {
            let fault = Fault::error(
                "TG303",
                variable.span,
                format!("`{name}` needs a name for the entries first"),
            );
            return self.report(fault.help(format!("write `list.{name}(x, x == \"…\")`")));
        };
        let taken =
            variables::GROUPS.contains(&element.as_str()) || variables::named(element).is_some();
        if taken {
            let fault = Fault::error(
                "TG302",
                variable.span,
                format!("`{element}` is already a variable"),
            );
            return self.report(fault.help("choose another name for the entries"));
        }
        let element = element.clone();
        self.element = Some(match &list {
            Value::Texts(list) => Element::Text(element, longest_of(list)),
            Value::Numbers(_) => Element::Number(element),
            Value::Bad => Element::Bad(element),
            Value::Headers => {
                let fault = Fault::error("TG305", at, "headers cannot be walked");
                return self.report(fault.help("name them: `request.headers[\"x-workload\"]`"));
            }
            other => {
                let message = format!(
                    "type mismatch: `{}.{name}(…)`, only lists have entries",
                    other.kind()
                );
                return self.report(Fault::error("TG303", at, message));
            }
        });
        let value = self.value(body);
        self.element = None;
        match (list, value) {
            (Value::Bad, _) | (_, Value::Bad) => Value::Bad,
            (Value::Texts(list), Value::Truth(body)) => {
                self.judged(at, Truth::OfTexts(quantifier, Box::new((list, body))))
            }
            (Value::Numbers(list), Value::Truth(body)) => {
                self.judged(at, Truth::OfNumbers(quantifier, Box::new((list, body))))
            }
            (_, value) => {
                let message = format!(
                    "what `{name}` asks of each entry is {}, and must be bool",
                    a(value.kind())
                );
                self.report(Fault::error("TG303", body.span, message))
            }
        }
    }
}

/// `contains` of a short literal, made ready to be searched for.
fn prepared(truth: Truth) -> Truth {
    let Truth::Test(Test::Contains, operands) = truth else {
        return truth;
    };
    let needle = match &operands.1 {
        Text::Literal(part) => Needle::new(part),
        _ => None,
    };
    match needle {
        Some(needle) => Truth::Finds(Box::new((operands.0, needle))),
        None => Truth::Test(Test::Contains, operands),
    }
}
