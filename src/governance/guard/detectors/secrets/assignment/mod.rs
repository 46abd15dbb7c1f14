//! Values that only their name gives away: `password = "…"`, `API_TOKEN=…`, `<secret>…</secret>`, "the password is …".
//!
//! Name, gap and value are weighed together. The name says how much the value must prove: a password may be `hunter2`, a
//! token must look random. The gap says how it is written, and so where the value ends and what else might stand there:
//! behind `: ` a type or a word of prose is likelier than a password, between quotes less so. What is code (a call, a
//! variable, a look-up), a placeholder or a text for people is none.
//!
//! Invariant: nothing further than [`name::LONGEST`] before the trigger is looked at, and little further behind it before a
//! value begins; until then nothing is held back.

mod field;
mod gap;
mod judge;
mod name;
mod prose;
mod value;
mod words;

use super::reading::{NAME, Sure, between, byte, found, run, run_back, swallow, what};
use crate::governance::guard::finding::Level;
use crate::governance::guard::probe::{Class, LONGEST_HELD, Probe, Trigger, View};
use value::Read;

/// Words that name secrets, in the languages people write them in.
pub(super) const TRIGGERS: &[Trigger] = &[
    Trigger::AnyCase("pass"),
    Trigger::AnyCase("pwd"),
    Trigger::AnyCase("secret"),
    Trigger::AnyCase("token"),
    Trigger::AnyCase("key"),
    Trigger::AnyCase("cred"),
    Trigger::AnyCase("identified"),
    Trigger::AnyCase("securestring"),
    Trigger::AnyCase("kennwort"),
    Trigger::AnyCase("contrasena"),
    Trigger::Exact("contraseña"),
    Trigger::Exact("Contraseña"),
    Trigger::AnyCase("senha"),
    Trigger::AnyCase("wachtwoord"),
    Trigger::AnyCase("salasana"),
    Trigger::AnyCase("parola"),
    Trigger::AnyCase("heslo"),
    Trigger::Exact("_auth"),
    Trigger::Exact("hasło"),
    Trigger::Exact("Hasło"),
    Trigger::Exact("lösenord"),
    Trigger::Exact("Lösenord"),
    Trigger::Exact("пароль"),
    Trigger::Exact("Пароль"),
    Trigger::Exact("密码"),
    Trigger::Exact("密碼"),
    Trigger::Exact("口令"),
    Trigger::Exact("パスワード"),
    Trigger::Exact("비밀번호"),
    Trigger::Exact("şifre"),
    Trigger::Word(&[Class::AnyOf("pP"), Class::AnyOf("wW"), Class::AnyOf(" :=")]),
];

/// Reads the assignment whose name holds the word at this offset.
pub(super) fn probe(view: &View<'_>, at: usize) -> Probe {
    let mut from = view.bytes.len();
    read(view, at, &mut from).unwrap_or(Probe::More { from })
}

fn read(view: &View<'_>, at: usize, from: &mut usize) -> Sure<Probe> {
    let foreign = name::foreign_length(view, at);
    let is_foreign = foreign > 0;
    let end = if is_foreign {
        at + foreign
    } else {
        name_end(view, at)?
    };
    // Most words that hold these letters are followed by nothing of interest.
    let may_follow = match byte(view, end)? {
        None => false,
        Some(next) => !next.is_ascii() || b"\"'`\\]*)=:|?!->, \t\r\n(;&<".contains(&next),
    };
    if !may_follow {
        return Ok(Probe::No);
    }
    let start = run_back(view, at, &NAME, name::LONGEST);
    let name = between(view, start, end);
    let Some(class) = name::classify(view, start, name, is_foreign) else {
        return Ok(Probe::No);
    };
    let Some(gap) = gap::read(view, start, end, class, from)? else {
        return Ok(Probe::No);
    };
    *from = gap.start;
    if repeats(view, gap.start, name)? {
        return Ok(Probe::No);
    }
    let what = |detector| what(detector, Level::Contextual);
    // Longer ones are no passwords, and need not be read.
    let most = match class {
        name::Class::Password => judge::LONGEST_PASSWORD + 1,
        _ => LONGEST_HELD,
    };
    Ok(match value::read(view, &gap, most)? {
        Read::None => Probe::No,
        Read::Value(mut value_start, mut value_end) => {
            // `token=…&next=…`: only passwords may hold what joins the fields of a form.
            if !matches!(class, name::Class::Password | name::Class::Credential)
                && gap.quote.is_none()
            {
                let joint = between(view, value_start, value_end)
                    .iter()
                    .position(|byte| *byte == b'&');
                value_end = joint.map_or(value_end, |joint| value_start + joint);
            }
            if class == name::Class::Credential {
                match value::behind_user(between(view, value_start, value_end)) {
                    Some(user) => value_start += user,
                    None => return Ok(Probe::No),
                }
            }
            let value = between(view, value_start, value_end);
            if judge::is_secret(value, class, &gap, name) {
                found(
                    value_start,
                    value_end,
                    what(name::detector(class, name, value)),
                )
            } else {
                Probe::No
            }
        }
        Read::Endless(head_end) => {
            let head = between(view, gap.start, head_end);
            if class != name::Class::Credential && judge::is_secret(head, class, &gap, name) {
                swallow(
                    gap.start,
                    what(name::detector(class, name, head)),
                    &super::reading::BASE64,
                )
            } else {
                Probe::No
            }
        }
    })
}

/// Whether what seems to be a value is the name again, with a value of its own: that one is asked about itself.
fn repeats(view: &View<'_>, at: usize, name: &[u8]) -> Sure<bool> {
    for (place, wanted) in name.iter().enumerate() {
        if byte(view, at + place)? != Some(*wanted) {
            return Ok(false);
        }
    }
    Ok(matches!(byte(view, at + name.len())?, Some(b'=' | b':')))
}

/// Where a name ends: dots and dashes only join.
fn name_end(view: &View<'_>, at: usize) -> Sure<usize> {
    let mut end = run(view, at, &NAME, name::LONGEST)?;
    // `token->value`, `password.`, `--password-`
    while end > at
        && view
            .before(end)
            .is_some_and(|last| matches!(last, b'.' | b'-'))
    {
        end -= 1;
    }
    Ok(end)
}
