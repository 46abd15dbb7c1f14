//! An expression in its canonical form: one space around operators, brackets only where they are needed, double quotes.

use super::ast::{Form, Node, Operator};
use std::fmt::Write as _;

/// Behind the operators: a choice binds weakest, names and calls strongest.
const CHOICE: u8 = 0;
const UNARY: u8 = 6;
const POSTFIX: u8 = 7;

/// Writes a tree.
pub(super) fn write(node: &Node, out: &mut String) {
    match &node.form {
        Form::Bad => {}
        Form::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Form::Number(number) => out.push_str(&number.to_string()),
        Form::Text { value, .. } => quote(value, out),
        Form::List(items) => {
            out.push('[');
            list(items, out);
            out.push(']');
        }
        Form::Name(name) => out.push_str(name),
        Form::Member(of, name) => {
            within(of, POSTFIX, out);
            out.push('.');
            out.push_str(name);
        }
        Form::Index(parts) => {
            within(&parts.0, POSTFIX, out);
            out.push('[');
            write(&parts.1, out);
            out.push(']');
        }
        Form::Call {
            target,
            name,
            arguments,
            ..
        } => {
            if let Some(target) = target {
                within(target, POSTFIX, out);
                out.push('.');
            }
            out.push_str(name);
            out.push('(');
            list(arguments, out);
            out.push(')');
        }
        Form::Not(operand) => {
            out.push('!');
            within(operand, UNARY, out);
        }
        Form::Minus(operand) => {
            out.push('-');
            // `-5` is a number, `-(5)` its negation: they stay apart.
            let least = match operand.form {
                Form::Number(_) | Form::Minus(_) => u8::MAX,
                _ => UNARY,
            };
            within(operand, least, out);
        }
        Form::Binary(operator, _, parts) => {
            let strength = operator.strength();
            within(&parts.0, strength, out);
            out.push(' ');
            out.push_str(operator.sign());
            out.push(' ');
            within(&parts.1, strength.saturating_add(1), out);
        }
        Form::Choose(parts) => {
            within(&parts.0, CHOICE.saturating_add(1), out);
            out.push_str(" ? ");
            write(&parts.1, out);
            out.push_str(" : ");
            write(&parts.2, out);
        }
    }
}

/// Writes a tree, in brackets if it binds less tightly than `least`.
fn within(node: &Node, least: u8, out: &mut String) {
    let strength = match &node.form {
        Form::Choose(_) => CHOICE,
        Form::Binary(operator, ..) => Operator::strength(*operator),
        Form::Not(_) | Form::Minus(_) => UNARY,
        Form::Number(number) if *number < 0 => UNARY,
        _ => POSTFIX,
    };
    if strength < least {
        out.push('(');
        write(node, out);
        out.push(')');
    } else {
        write(node, out);
    }
}

fn list(items: &[Node], out: &mut String) {
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push_str(", ");
        }
        write(item, out);
    }
}

/// A string in double quotes. One with backslashes and nothing else to escape is written raw, as patterns are.
fn quote(value: &str, out: &mut String) {
    let plain = |c: char| !c.is_control() && c != '"';
    if value.contains('\\') && value.chars().all(plain) {
        out.push_str("r\"");
        out.push_str(value);
        out.push('"');
        return;
    }
    out.push('"');
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}
