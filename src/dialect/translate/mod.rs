//! From one dialect into another, through a neutral model.
//!
//! A call whose target speaks another dialect than its caller is put into the target's words, and what comes back into the
//! caller's. Each dialect is a folder here that reads into the model (`neutral`) and writes from it, so a third one is a
//! folder more and no pair of anything. A field is taken for its meaning, or lost by name: [`Asked::lost`] has every one,
//! and whether that refuses the call or is only told is its provider's configuration's matter. What the answer does not hang
//! on (how a vendor keeps, sorts and serves calls, its caches, thoughts it would not take back) refuses nothing, and is told
//! all the same: nothing that says anything is left out without a word.
//!
//! Nothing of this is on the way of a call that speaks its provider's dialect.
//!
//! Not here: what is weighed and guarded (the caller's own words are, `pipeline`), usage (`answer`, `stream` of the dialect
//! that tells it).

mod chat;
mod contents;
mod fields;
mod messages;
mod neutral;
mod stream;
mod tree;

pub use fields::{Fault, Loss};
pub use stream::Stream;

use super::{anthropic, gemini, openai};
use crate::chat::{CapField, Dialect, Endpoint};
use neutral::Request;
use tree::Json;

/// A way of asking that is translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tongue {
    Chat,
    Messages,
    Contents,
}

impl Tongue {
    const fn of(endpoint: Endpoint) -> Option<Self> {
        match endpoint {
            Endpoint::Chat => Some(Self::Chat),
            Endpoint::Messages => Some(Self::Messages),
            Endpoint::GenerateContent => Some(Self::Contents),
            Endpoint::Completions
            | Endpoint::Embeddings
            | Endpoint::Responses
            | Endpoint::Moderations
            | Endpoint::ImageGenerations
            | Endpoint::Speech
            | Endpoint::CountTokens
            | Endpoint::CountContents
            | Endpoint::EmbedContent
            | Endpoint::BatchEmbedContents => None,
        }
    }
}

/// What a call of `endpoint` is for whoever speaks `dialect`; `None` where there is no such thing: only conversations are
/// translated.
#[must_use]
pub fn counterpart(endpoint: Endpoint, dialect: Dialect) -> Option<Endpoint> {
    Tongue::of(endpoint)?;
    Some(dialect.primary())
}

/// What governance settled for a request that is translated.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The model's name at its provider.
    pub model: &'a str,
    /// The output cap that holds.
    pub cap: Option<u64>,
    /// The field that a cap is written in, where there are several.
    pub cap_field: CapField,
    /// Whether a stream may be asked for its usage.
    pub asks_usage: bool,
}

/// A request that was understood.
#[derive(Debug)]
pub struct Asked {
    request: Request,
    there: Tongue,
    /// What is left out of the translation, in order.
    pub lost: Vec<Loss>,
}

impl Asked {
    /// Reads a request as `here` spells it, to be put into the words of `there`.
    ///
    /// # Errors
    /// It is not what the endpoint takes, or says what cannot be left out and has no words there.
    pub fn read(body: &[u8], here: Endpoint, there: Endpoint) -> Result<Self, Fault> {
        let mut lost = Vec::new();
        let no_words = || Fault::unsupported("model", "calls of this kind are not translated");
        let (here, there) = (Tongue::of(here), Tongue::of(there));
        let (here, there) = (here.ok_or_else(no_words)?, there.ok_or_else(no_words)?);
        let named = |param: &str| match here {
            Tongue::Contents => contents::named(param),
            Tongue::Chat | Tongue::Messages => param.to_owned(),
        };
        let body = Json::strict(body)?;
        let request = match here {
            Tongue::Chat => chat::request(body, &mut lost)?,
            Tongue::Messages => messages::request(body, &mut lost)?,
            Tongue::Contents => contents::request(body, &mut lost)?,
        };
        let mut asked = Self {
            request,
            there,
            lost,
        };
        let terms = Terms {
            model: "",
            cap: None,
            cap_field: CapField::MaxTokens,
            asks_usage: true,
        };
        // What is lost on the way out goes by the names that it came by.
        let (_, mut left) = asked.put(&terms).map_err(|mut fault| {
            if let Fault::Unsupported(loss) = &mut fault {
                loss.param = named(&loss.param);
            }
            fault
        })?;
        for loss in &mut left {
            loss.param = named(&loss.param);
        }
        asked.lost.extend(left);
        Ok(asked)
    }

    /// The same, streamed or not: what the caller's path may say, and not its body.
    #[must_use]
    pub const fn streamed(mut self, stream: bool) -> Self {
        self.request.stream = stream;
        self
    }

    /// What cannot be said at all is an error of its own where nothing may be lost that the answer hangs on.
    ///
    /// # Errors
    /// Something such is lost.
    pub fn complete(&self) -> Result<(), Fault> {
        match self.lost.iter().find(|loss| !loss.slight) {
            None => Ok(()),
            Some(loss) => Err(Fault::Unsupported(loss.clone())),
        }
    }

    /// The body as it goes up. It was written once before, so it can be.
    #[must_use]
    pub fn body(&self, terms: &Terms<'_>) -> String {
        let written = self.put(terms);
        written.map(|(json, _)| json.written()).unwrap_or_default()
    }

    fn put(&self, terms: &Terms<'_>) -> Result<(Json, Vec<Loss>), Fault> {
        let mut lost = Vec::new();
        let json = match self.there {
            Tongue::Chat => chat::asked(&self.request, terms, &mut lost)?,
            Tongue::Messages => messages::asked(&self.request, terms, &mut lost),
            Tongue::Contents => contents::asked(&self.request, terms, &mut lost)?,
        };
        Ok((json, lost))
    }
}

/// A whole answer of `there` in the words of `here`; `None` where it cannot be read. `created`: when the call was made, in
/// seconds.
#[must_use]
pub fn answer(body: &[u8], there: Endpoint, here: Endpoint, created: u64) -> Option<Vec<u8>> {
    let answer = match Tongue::of(there)? {
        Tongue::Chat => chat::answer(body)?,
        Tongue::Messages => messages::answer(body)?,
        Tongue::Contents => contents::answer(body)?,
    };
    let json = match Tongue::of(here)? {
        Tongue::Chat => chat::answered(&answer, created),
        Tongue::Messages => messages::answered(&answer),
        Tongue::Contents => contents::answered(&answer),
    };
    Some(json.written().into_bytes())
}

/// What an error says.
#[derive(Debug, Default)]
struct Failed {
    kind: Option<String>,
    code: Option<String>,
    param: Option<String>,
    message: Option<String>,
}

/// A refusal of the provider's, in the words of `here`. What is no error that anybody can read becomes one that says so.
#[must_use]
pub fn error(body: &[u8], status: u16, there: Endpoint, here: Endpoint) -> Vec<u8> {
    let json = Json::lenient(body).unwrap_or(Json::Null);
    let failed = match Tongue::of(there) {
        Some(Tongue::Chat) => chat::error(&json),
        Some(Tongue::Messages) => messages::error(&json),
        Some(Tongue::Contents) => contents::error(&json),
        None => Failed::default(),
    };
    let kind = failed.kind.as_deref().unwrap_or("upstream_error");
    let code = failed.code.as_deref().unwrap_or(kind);
    let message = failed.message.unwrap_or_else(|| {
        format!("the provider refused the call with status {status} and did not say why")
    });
    let param = failed.param.as_deref();
    match Tongue::of(here) {
        // Of what is no way of asking nothing is translated, so nobody is told so.
        Some(Tongue::Chat) | None => {
            openai::error_body::<()>(kind, Some(code), &message, param, None)
        }
        Some(Tongue::Messages) => {
            anthropic::error_body::<()>((kind, status), code, &message, param, None, None)
        }
        Some(Tongue::Contents) => gemini::error_body::<()>(status, code, &message, &[], None, None),
    }
}

#[cfg(test)]
mod tests;
