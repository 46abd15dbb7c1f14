//! Names: variables, their members, headers, kinds of findings.

use super::super::ast::{Form, Node};
use super::super::code::{Number, Text, Texts, Truth};
use super::super::fault::{Fault, Span};
use super::super::reference::Reference;
use super::super::variables::{self, Variable};
use super::{Checker, Element, Value};
use crate::governance::guard::Kind;
use crate::governance::policy::nearest::nearest;

impl Checker<'_> {
    pub(super) fn name(&mut self, node: &Node, name: &str) -> Value {
        match &self.element {
            Some(Element::Number(known)) if known == name => return Value::Number(Number::Element),
            Some(Element::Text(known, most)) if known == name => {
                return Value::Text(Text::Element(*most));
            }
            Some(Element::Bad(known)) if known == name => return Value::Bad,
            _ => {}
        }
        if let Some(variable) = variables::named(name) {
            return self.variable(name, variable);
        }
        let fault = if variables::GROUPS.contains(&name) {
            let message = format!("`{name}` is a group of variables");
            let known: Vec<_> = self
                .under(name)
                .iter()
                .map(|field| format!("`{name}.{field}`"))
                .collect();
            Fault::error("TG302", node.span, message)
                .help(format!("write one of {}", known.join(", ")))
        } else {
            self.unknown_root(node.span, name)
        };
        self.report(fault)
    }

    fn unknown_root(&self, at: Span, name: &str) -> Fault {
        let fault = Fault::error("TG302", at, format!("unknown variable `{name}`"));
        if name == "null" {
            return fault.help("nothing is null: a missing string is \"\", a missing number 0");
        }
        // People leave out the group: `model` for `request.model`.
        let inside = variables::ALL
            .iter()
            .find(|(path, _)| path.split_once('.').is_some_and(|(_, field)| field == name));
        if let Some((path, _)) = inside {
            return fault.help(format!("did you mean `{path}`?"));
        }
        let roots = variables::ALL
            .iter()
            .map(|(path, _)| *path)
            .filter(|path| !path.contains('.'));
        let element = self.element.iter().map(Element::name);
        match nearest(
            name,
            variables::GROUPS.into_iter().chain(roots).chain(element),
        ) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault.help(format!(
                "known are agent, org, team, project, and what is under {}",
                variables::GROUPS.join(", ")
            )),
        }
    }

    /// The names of fields under a group.
    fn under(&self, group: &str) -> Vec<&str> {
        if group == "detections" {
            let mut known = self.custom.to_vec();
            known.extend(Kind::BUILT_IN.map(Kind::name));
            return known;
        }
        variables::under(group).collect()
    }

    pub(super) fn member(&mut self, node: &Node, of: &Node, field: &str) -> Value {
        let at = Span::new(node.span.end.saturating_sub(field.len()), node.span.end);
        if let Form::Name(group) = &of.form
            && variables::GROUPS.contains(&group.as_str())
            && !self.is_element(group)
        {
            if group == "detections" {
                return self.detections(at, field);
            }
            let path = format!("{group}.{field}");
            if let Some(variable) = variables::named(&path) {
                return self.variable(&path, variable);
            }
            let mut fault = Fault::error("TG302", at, format!("unknown variable `{path}`"));
            let near = nearest(field, variables::under(group));
            fault = if let Some(near) = near {
                fault.help(format!("did you mean `{group}.{near}`?"))
            } else {
                let known: Vec<_> = variables::under(group).collect();
                fault.help(format!("`{group}` has {}", known.join(", ")))
            };
            return self.report(fault);
        }
        let fault = match self.value(of) {
            Value::Bad => return Value::Bad,
            Value::Headers => Fault::error("TG302", at, "headers are read by index").help(format!(
                "write `request.headers[\"{}\"]`",
                field.replace('_', "-").to_ascii_lowercase()
            )),
            other => {
                let message = format!("{} has no field `{field}`", super::a(other.kind()));
                let fault = Fault::error("TG302", at, message);
                match nearest(field, super::calls::METHODS) {
                    Some(near) => fault.help(format!("did you mean `{near}()`?")),
                    None => fault,
                }
            }
        };
        self.report(fault)
    }

    fn detections(&mut self, at: Span, kind: &str) -> Value {
        if let Some(found) = variables::kind_named(kind, self.custom) {
            self.refer(Reference::detections(kind, found));
            return Value::Number(Number::Variable(variables::Number::Detections(found)));
        }
        let fault = Fault::error("TG302", at, format!("unknown kind of finding `{kind}`"));
        let help = match nearest(kind, self.under("detections")) {
            Some(near) => format!("did you mean `detections.{near}`?"),
            None => format!("known are {}", self.under("detections").join(", ")),
        };
        self.report(fault.help(help))
    }

    pub(super) fn index(&mut self, span: Span, of: &Node, index: &Node) -> Value {
        let literal = match &index.form {
            Form::Text { value, .. } => Some(value),
            _ => None,
        };
        if let Form::Name(group) = &of.form
            && group == "detections"
            && !self.is_element(group)
        {
            return match literal {
                Some(kind) => self.detections(index.span, kind),
                None => self.report(literal_needed(index.span, "kind of finding", "EMAIL")),
            };
        }
        let (of, kind) = (self.value(of), self.value(index));
        match (of, literal) {
            (Value::Bad, _) => Value::Bad,
            (Value::Headers, Some(name)) => {
                if !name.bytes().all(is_header_byte) || name.is_empty() {
                    let message = format!("`{}` is no name of a header", name.escape_debug());
                    return self.report(Fault::error("TG303", index.span, message));
                }
                let name = name.to_ascii_lowercase();
                self.refer(Reference::header(&name));
                Value::Text(Text::Header(name.into()))
            }
            (Value::Headers, None) => {
                self.report(literal_needed(index.span, "header", "x-workload"))
            }
            (of, _) => {
                let types = format!("{}[{}]", of.kind(), kind.kind());
                let fault = Fault::error("TG303", span, format!("type mismatch: `{types}`"));
                self.report(fault.help("only `request.headers` and `detections` have an index; for lists write `\"x\" in list`"))
            }
        }
    }

    pub(super) fn is_element(&self, name: &str) -> bool {
        self.element
            .as_ref()
            .is_some_and(|element| element.name() == name)
    }

    fn variable(&mut self, path: &str, variable: Variable) -> Value {
        if variable != Variable::Headers {
            self.refer(Reference::named(path, variable));
        }
        match variable {
            Variable::Truth(truth) => Value::Truth(Truth::Variable(truth)),
            Variable::Number(number) => Value::Number(Number::Variable(number)),
            Variable::Text(text) => Value::Text(Text::Variable(text)),
            Variable::Texts(texts) => Value::Texts(Texts::Variable(texts)),
            Variable::Headers => Value::Headers,
        }
    }

    pub(super) fn refer(&mut self, reference: Reference) {
        if !self.references.contains(&reference) {
            self.references.push(reference);
        }
    }
}

impl Element {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Number(name) | Self::Text(name, _) | Self::Bad(name) => name,
        }
    }
}

fn literal_needed(at: Span, what: &str, example: &str) -> Fault {
    let message = format!("the name of a {what} must be written out");
    Fault::error("TG303", at, message).help(format!("like `[\"{example}\"]`"))
}

const fn is_header_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'_'
                | b'.'
                | b'!'
                | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'^'
                | b'`'
                | b'|'
                | b'~'
        )
}
