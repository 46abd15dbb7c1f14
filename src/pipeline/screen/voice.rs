//! One text of an answer on its way to the caller: looked at as it comes, values taken out, names put back.
//!
//! A whole text is a stream of one piece. What the scanner still holds is not in what is written; what it lets go passes the
//! restorer, which may hold a few bytes more. The order is this and not the other: what is put back was the caller's own
//! and is not looked at again.
//!
//! Not here: which text a piece belongs to (`stream`), what JSON in a string is (`arguments`).

use super::{Blocked, Screen};
use crate::governance::guard::redact::{Beside, Escaping, Restorer};
use crate::governance::guard::{Finding, Piece, Scanner};
use crate::governance::policy::settings::{Action, Site};

/// One text. See the module.
#[derive(Debug)]
pub(super) struct Voice {
    site: Site,
    scanner: Option<Scanner>,
    restorer: Restorer,
    /// How much of what the scanner was told is no part of the text but stands before it, in bytes.
    context: usize,
    /// How far the scanner's output has come, in bytes of what it was told.
    at: usize,
    /// Whether a value was taken out.
    acted: bool,
}

impl Voice {
    /// A text at this site. `context`: what stands before it and is not to be written, as a key before its value.
    pub(super) fn new(screen: &Screen, site: Site, context: &str) -> Self {
        let mut voice = Self {
            scanner: screen.looks_at(site).then(Scanner::new),
            ..Self::unseen(screen, site)
        };
        if voice.scanner.is_some() && !context.is_empty() {
            voice.context = context.len();
            // What stands before the text is no part of it: a value in it has left already, and is not ours to judge again.
            let _ = voice.push(screen, context, &mut String::new());
        }
        voice
    }

    /// A text nobody looks at: names are put back, that is all.
    pub(super) fn unseen(screen: &Screen, site: Site) -> Self {
        Self {
            site,
            scanner: None,
            restorer: Restorer::new(Escaping::Plain, screen.hosts()),
            context: 0,
            at: 0,
            acted: false,
        }
    }

    /// Takes the next piece and writes what may leave.
    pub(super) fn push(
        &mut self,
        screen: &Screen,
        text: &str,
        out: &mut String,
    ) -> Result<(), Blocked> {
        let Some(mut scanner) = self.scanner.take() else {
            self.restorer.push(screen.mapping(), text, out);
            return Ok(());
        };
        let mut fate = Ok(());
        scanner.push(screen.catalogue(), text, &mut |piece| {
            if fate.is_ok() {
                fate = self.piece(screen, piece, out);
            }
        });
        self.scanner = Some(scanner);
        fate
    }

    /// The text is over: writes the rest.
    pub(super) fn finish(&mut self, screen: &Screen, out: &mut String) -> Result<(), Blocked> {
        self.look_no_further(screen, out)?;
        self.restorer.finish(screen.mapping(), out);
        Ok(())
    }

    /// What comes from now on is not looked at any more.
    pub(super) fn look_no_further(
        &mut self,
        screen: &Screen,
        out: &mut String,
    ) -> Result<(), Blocked> {
        let mut fate = Ok(());
        if let Some(mut scanner) = self.scanner.take() {
            scanner.finish(screen.catalogue(), &mut |piece| {
                if fate.is_ok() {
                    fate = self.piece(screen, piece, out);
                }
            });
        }
        fate
    }

    /// Whether a value was taken out.
    pub(super) const fn acted(&self) -> bool {
        self.acted
    }

    /// Whether anything that came is not yet written.
    pub(super) fn holds(&self) -> bool {
        self.restorer.held() > 0
            || self
                .scanner
                .as_ref()
                .is_some_and(|scanner| scanner.held_chars() > 0)
    }

    fn piece(
        &mut self,
        screen: &Screen,
        piece: Piece<'_>,
        out: &mut String,
    ) -> Result<(), Blocked> {
        match piece {
            Piece::Text(text) => {
                let before = self.context.saturating_sub(self.at).min(text.len());
                self.at += text.len();
                let own = text.get(before..).unwrap_or_default();
                self.restorer.push(screen.mapping(), own, out);
            }
            Piece::Found {
                finding,
                value,
                apart,
            } => {
                self.at = finding.end;
                if finding.end > self.context {
                    let first = finding.start <= self.context;
                    self.found(screen, &finding, value, Beside { first, apart }, out)?;
                }
            }
            Piece::Opened {
                start,
                what,
                beginning,
            } => {
                self.at = start;
                let finding = Finding {
                    start,
                    end: start + beginning.len(),
                    kind: what.kind,
                    detector: what.detector,
                    level: what.level,
                };
                let beside = Beside {
                    first: start <= self.context,
                    apart: false,
                };
                self.found(screen, &finding, beginning, beside, out)?;
            }
            Piece::Overran => return Err(Blocked::endless(self.site)),
            Piece::Closed(finding) => self.at = finding.end,
        }
        Ok(())
    }

    fn found(
        &mut self,
        screen: &Screen,
        finding: &Finding,
        value: &str,
        beside: Beside,
        out: &mut String,
    ) -> Result<(), Blocked> {
        screen.note_shadow(self.site, finding);
        let Some(ruling) = screen.ruling(self.site, finding) else {
            self.restorer.push(screen.mapping(), value, out);
            return Ok(());
        };
        screen.note(self.site, finding, ruling.action);
        match ruling.action {
            Action::Block => return Err(ruling.blocked(self.site, screen.kind_name(finding.kind))),
            Action::Flag => self.restorer.push(screen.mapping(), value, out),
            other => {
                self.acted = true;
                let put = screen.put_instead(other, finding.kind, value, beside);
                self.restorer.push(screen.mapping(), &put, out);
            }
        }
        Ok(())
    }
}
