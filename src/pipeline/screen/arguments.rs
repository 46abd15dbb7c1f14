//! The arguments of a tool's call on their way to the caller: JSON in a string, whose own strings are the texts.
//!
//! Each string inside is a text of its own, with its key before it, so that a password is one by its key. What stands
//! between the strings is looked at, too (a card number may be a number), and what replaces something there is quoted, so
//! that the arguments stay JSON. Arguments that are no JSON are one text.
//!
//! Not here: what a text is looked at for (`voice`).

use super::voice::Voice;
use super::{Blocked, Screen};
use crate::chat::json::{Part, Pieces, escape_into};
use crate::governance::policy::settings::Site;

/// The arguments of one call.
#[derive(Debug)]
pub(super) struct Arguments {
    site: Site,
    form: Form,
    /// The text at hand.
    voice: Option<Voice>,
    /// What the text at hand has let go, before it is escaped.
    said: String,
    /// Whether a value was taken out.
    acted: bool,
    /// Whether texts that begin from now on are not looked at.
    unseen: bool,
}

#[derive(Debug)]
enum Form {
    /// Only white space so far.
    Unknown(String),
    Json(Pieces),
    Plain,
}

impl Arguments {
    pub(super) fn new(site: Site) -> Self {
        Self {
            site,
            form: Form::Unknown(String::new()),
            voice: None,
            said: String::new(),
            acted: false,
            unseen: false,
        }
    }

    /// Arguments nobody looks at: names are put back, that is all.
    pub(super) fn unseen(site: Site) -> Self {
        Self {
            unseen: true,
            ..Self::new(site)
        }
    }

    /// What comes from now on is not looked at any more.
    pub(super) fn look_no_further(
        &mut self,
        screen: &Screen,
        out: &mut String,
    ) -> Result<(), Blocked> {
        self.unseen = true;
        let Some(mut voice) = self.voice.take() else {
            return Ok(());
        };
        self.said.clear();
        let fate = voice.look_no_further(screen, &mut self.said);
        self.voice = Some(voice);
        match &self.form {
            Form::Json(pieces) if pieces.is_inside() => escape_into(out, &self.said),
            Form::Json(_) => outside(out, &self.said),
            Form::Plain | Form::Unknown(_) => out.push_str(&self.said),
        }
        fate
    }

    fn begin(&self, screen: &Screen, context: &str) -> Voice {
        if self.unseen {
            Voice::unseen(screen, self.site)
        } else {
            Voice::new(screen, self.site, context)
        }
    }

    /// Takes the next piece and writes what may leave.
    pub(super) fn push(
        &mut self,
        screen: &Screen,
        text: &str,
        out: &mut String,
    ) -> Result<(), Blocked> {
        if let Form::Unknown(blank) = &mut self.form {
            blank.push_str(text);
            let first = blank.trim_start().bytes().next();
            let known = std::mem::take(blank);
            self.form = match first {
                None => {
                    self.form = Form::Unknown(known);
                    return Ok(());
                }
                Some(b'{' | b'[' | b'"') => Form::Json(Pieces::default()),
                Some(_) => Form::Plain,
            };
            return self.push_known(screen, &known, out);
        }
        self.push_known(screen, text, out)
    }

    fn push_known(&mut self, screen: &Screen, text: &str, out: &mut String) -> Result<(), Blocked> {
        match &mut self.form {
            Form::Unknown(_) => Ok(()),
            Form::Plain => {
                let mut voice = match self.voice.take() {
                    Some(voice) => voice,
                    None => self.begin(screen, ""),
                };
                let fate = voice.push(screen, text, out);
                self.voice = Some(voice);
                fate
            }
            Form::Json(pieces) => {
                let mut pieces = std::mem::take(pieces);
                let mut fate = Ok(());
                pieces.push(text, &mut |at, part| {
                    if fate.is_ok() {
                        fate = self.part(screen, at, part, out);
                    }
                });
                self.form = Form::Json(pieces);
                fate
            }
        }
    }

    /// The arguments are over: writes the rest.
    pub(super) fn finish(&mut self, screen: &Screen, out: &mut String) -> Result<(), Blocked> {
        match std::mem::replace(&mut self.form, Form::Plain) {
            Form::Unknown(blank) => out.push_str(&blank),
            Form::Plain => {
                if let Some(voice) = &mut self.voice {
                    voice.finish(screen, out)?;
                    self.acted |= voice.acted();
                }
            }
            Form::Json(mut pieces) => {
                let mut fate = Ok(());
                pieces.finish(&mut |at, part| {
                    if fate.is_ok() {
                        fate = self.part(screen, at, part, out);
                    }
                });
                fate?;
                self.end_text(screen, pieces.is_inside(), out)?;
            }
        }
        self.voice = None;
        Ok(())
    }

    /// Whether a value was taken out; known at the end.
    pub(super) const fn acted(&self) -> bool {
        self.acted
    }

    /// Whether anything that came is not yet written.
    pub(super) fn holds(&self) -> bool {
        let blank = matches!(&self.form, Form::Unknown(blank) if !blank.is_empty());
        blank || self.voice.as_ref().is_some_and(Voice::holds)
    }

    fn part(
        &mut self,
        screen: &Screen,
        at: &Pieces,
        part: Part<'_>,
        out: &mut String,
    ) -> Result<(), Blocked> {
        match part {
            Part::Outside(text) => {
                let mut voice = match self.voice.take() {
                    Some(voice) => voice,
                    None => self.begin(screen, &context(at.key(), "")),
                };
                self.said.clear();
                let fate = voice.push(screen, text, &mut self.said);
                self.voice = Some(voice);
                fate?;
                outside(out, &self.said);
            }
            Part::Begin { key } => {
                self.end_text(screen, false, out)?;
                let before = if key {
                    String::new()
                } else {
                    context(at.key(), ": \"")
                };
                self.voice = Some(self.begin(screen, &before));
                out.push('"');
            }
            Part::Inside(text) => {
                if let Some(voice) = &mut self.voice {
                    self.said.clear();
                    voice.push(screen, text, &mut self.said)?;
                    escape_into(out, &self.said);
                }
            }
            Part::End => {
                self.end_text(screen, true, out)?;
                out.push('"');
            }
        }
        Ok(())
    }

    fn end_text(&mut self, screen: &Screen, inside: bool, out: &mut String) -> Result<(), Blocked> {
        if let Some(mut voice) = self.voice.take() {
            self.said.clear();
            voice.finish(screen, &mut self.said)?;
            self.acted |= voice.acted();
            if inside {
                escape_into(out, &self.said);
            } else {
                outside(out, &self.said);
            }
        }
        Ok(())
    }
}

/// A key as it stands before its value.
pub(super) fn context(key: &str, then: &str) -> String {
    if key.is_empty() {
        String::new()
    } else {
        format!("\"{key}\"{then}")
    }
}

/// Writes what stands between strings. What was put there instead of a number is no JSON, and is quoted: a word that JSON
/// does not know, from its first letter to its last.
pub(super) fn outside(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_uppercase() || matches!(c, '*' | '[')) {
        // `[EMAIL]` is a label; any other bracket begins an array.
        let word = rest.get(start..).unwrap_or_default();
        let length = put_length(word);
        if length == 0 {
            let next = start + 1;
            out.push_str(rest.get(..next).unwrap_or_default());
            rest = rest.get(next..).unwrap_or_default();
            continue;
        }
        out.push_str(rest.get(..start).unwrap_or_default());
        out.push('"');
        out.push_str(word.get(..length).unwrap_or_default());
        out.push('"');
        rest = word.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
}

/// How long the replacement is that this text begins with; nothing where it begins with none.
fn put_length(text: &str) -> usize {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let run = |from: usize, is: &dyn Fn(char) -> bool| {
        let rest = text.get(from..).unwrap_or_default();
        from + rest.find(|c| !is(c)).unwrap_or(rest.len())
    };
    if text.starts_with("TG_") || text.starts_with("HASH_") {
        return run(0, &word);
    }
    if text.starts_with("********") {
        return run(8, &word);
    }
    if text.starts_with("[…]") {
        return "[…]".len();
    }
    if let Some(label) = text.strip_prefix('[') {
        let end = label.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
        if let Some(end) =
            end.filter(|end| *end > 1 && label.get(*end..).is_some_and(|r| r.starts_with(']')))
        {
            return end + 2;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::outside;

    #[test]
    fn what_replaces_a_number_is_quoted() {
        let check = |text: &str, expected: &str| {
            let mut out = String::new();
            outside(&mut out, text);
            assert_eq!(out, expected);
        };
        check(
            ": TG_CREDIT_CARD_ABCDEFGH, ",
            ": \"TG_CREDIT_CARD_ABCDEFGH\", ",
        );
        check(": ********1111}", ": \"********1111\"}");
        check(":[1,[CREDIT_CARD],2]", ":[1,\"[CREDIT_CARD]\",2]");
        check(":[1,[…],2]", ":[1,\"[…]\",2]");
        check(": [true, null]", ": [true, null]");
        check(":HASH_PHONE_ABCDEFGH]", ":\"HASH_PHONE_ABCDEFGH\"]");
        check(": 4111", ": 4111");
    }
}
