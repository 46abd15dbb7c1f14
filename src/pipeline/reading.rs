//! A whole answer, read once: what it says it used, and what becomes of its texts.
//!
//! Not here: how its texts are looked at (`screen`), what its usage comes to (`passage`), streams (`stream`).

use super::passage::Passage;
use super::screen::{Blocked, Screen};
use crate::provider::vendor;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use std::borrow::Cow;
use std::io::Read;

/// A compressed answer is unpacked up to here to read it.
const LONGEST_UNPACKED: u64 = 64 * 1024 * 1024;

impl Passage {
    /// What an answer reports, if it can be read at all, and the answer as policies let it pass, where nobody else
    /// (`consulted`) holds it back already.
    pub(super) fn read_answer(
        &self,
        headers: &mut HeaderMap,
        body: &Bytes,
        consulted: Result<(), Blocked>,
    ) -> (Option<vendor::Usages>, Result<Bytes, Blocked>) {
        let text = plain(headers, body);
        let screen = self.screen.as_ref();
        let screen = screen.filter(|screen| screen.concerns_answers());
        // Where its texts are looked at, one walk over it finds them and its usage.
        let whole = match (screen, &text) {
            (Some(_), Some(text)) => vendor::whole(text, self.endpoint).ok(),
            _ => None,
        };
        let reading = match (&whole, &text) {
            (Some((_, usage @ Some(_))), _) => Some(vendor::Usages {
                usage: *usage,
                ..vendor::Usages::default()
            }),
            (_, Some(text)) => vendor::read(text, self.endpoint).ok(),
            (_, None) => None,
        };
        let passed = match (consulted, screen) {
            (Err(blocked), _) => Err(blocked),
            (Ok(()), Some(screen)) => {
                let said = whole.as_ref().map(|(said, _)| said);
                screened(screen, headers, body, text, said)
            }
            (Ok(()), None) => Ok(body.clone()),
        };
        (reading, passed)
    }
}

/// The answer as policies let it pass. It comes plain, since that was asked for; what comes packed all the same is unpacked.
fn screened(
    screen: &Screen,
    headers: &mut HeaderMap,
    body: &Bytes,
    text: Option<Cow<'_, [u8]>>,
    said: Option<&vendor::Reading>,
) -> Result<Bytes, Blocked> {
    let readable = match text {
        Some(Cow::Borrowed(_)) => body.clone(),
        Some(Cow::Owned(unpacked)) => Bytes::from(unpacked),
        None => {
            return Err(Blocked::guard(
                "encoding",
                "the provider's answer is packed in a way that cannot be looked into, and policies want to see it".to_owned(),
            ));
        }
    };
    let passed = screen.answer(&readable, said)?;
    if passed != *body {
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
    }
    Ok(passed)
}

/// The body as text to be read: as it is, or unpacked; `None` if nobody here can unpack it.
pub(super) fn plain<'a>(headers: &HeaderMap, body: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    match headers
        .get(CONTENT_ENCODING)
        .map(http::HeaderValue::as_bytes)
    {
        None | Some(b"identity") => Some(Cow::Borrowed(body)),
        Some(b"gzip" | b"x-gzip") => {
            let mut plain = Vec::new();
            let packed = flate2::read::MultiGzDecoder::new(body);
            packed.take(LONGEST_UNPACKED).read_to_end(&mut plain).ok()?;
            Some(Cow::Owned(plain))
        }
        Some(_) => None,
    }
}
