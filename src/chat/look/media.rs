//! The look at what is no conversation: images that are asked for, and text that is to be spoken.
//!
//! Not here: what images and speech cost (`governance::pricing`).

use super::pass::{Pass, skipped};
use super::{LookError, Spoken};
use crate::chat::json::{Kind, Scanner};

impl Pass {
    /// What is to be spoken.
    pub(super) fn speech(&mut self, scanner: &mut Scanner<'_>) -> Result<(), LookError> {
        match scanner.peek()? {
            Kind::Null => return skipped(scanner),
            Kind::Text => {}
            _ => return self.wrong(scanner, "input", "a string"),
        }
        let text = scanner.text()?.decoded(scanner.body());
        // Every code point has one byte that continues none.
        let begins = |byte: &&u8| **byte & 0xc0 != 0x80;
        self.spoken = Spoken {
            characters: text.iter().filter(begins).count() as u64,
            bytes: text.len() as u64,
        };
        self.messages = Some(1);
        Ok(())
    }

    /// Sound as it is, or events that hold it and tell what it cost.
    pub(super) fn stream_format(&mut self, scanner: &mut Scanner<'_>) -> Result<(), LookError> {
        const PARAM: &str = "stream_format";
        const MUST_BE: &str = "\"audio\" or \"sse\"";
        match scanner.peek()? {
            Kind::Null => return skipped(scanner),
            Kind::Text => {}
            _ => return self.wrong(scanner, PARAM, MUST_BE),
        }
        match &*scanner.text()?.decoded(scanner.body()) {
            b"sse" => self.stream = true,
            b"audio" => {}
            _ => self.note(LookError::Wrong {
                param: PARAM,
                must_be: MUST_BE,
            }),
        }
        Ok(())
    }

    /// A field that is one text.
    pub(super) fn one_text(
        &mut self,
        scanner: &mut Scanner<'_>,
        param: &'static str,
    ) -> Result<(), LookError> {
        match scanner.peek()? {
            Kind::Null => {}
            Kind::Text => self.messages = Some(1),
            _ => return self.wrong(scanner, param, "a string"),
        }
        skipped(scanner)
    }
}
