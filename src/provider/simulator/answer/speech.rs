//! `audio/speech`: sound, or noise rather, as it is or in events that end with what it cost.

use super::error::Refusal;
use super::{Ask, Form, Reply, event};
use crate::chat::Usage;
use crate::provider::simulator::body::{Frame, Frames};
use crate::provider::simulator::json::{Json, object};
use crate::provider::simulator::text::{Random, count};
use base64::Engine as _;
use serde_json::Value;

/// Characters one call may have spoken.
const LONGEST: usize = 4096;

/// Tokens of sound that a token of text takes.
const TOKENS_PER_TOKEN: u64 = 6;

/// Bytes of a token of sound.
const BYTES: usize = 256;

/// Answers with as much sound as its text takes. What was not cut short is billed by characters or by tokens, as priced.
pub(in crate::provider::simulator) fn answer(ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let text = match ask.member("input") {
        Some(Value::String(text)) if text.chars().count() <= LONGEST => text,
        Some(_) => {
            return Err(Refusal::wrong_type(
                "input",
                "a string of at most 4096 characters",
            ));
        }
        None => return Err(Refusal::missing("input")),
    };
    match ask.member("voice") {
        Some(Value::String(_) | Value::Object(_)) => {}
        Some(_) => return Err(Refusal::wrong_type("voice", "the name of a voice")),
        None => return Err(Refusal::missing("voice")),
    }
    let kind = match ask.member("response_format").map(Value::as_str) {
        None | Some(Some("mp3")) => "audio/mpeg",
        Some(Some("opus")) => "audio/opus",
        Some(Some("aac")) => "audio/aac",
        Some(Some("flac")) => "audio/flac",
        Some(Some("wav")) => "audio/wav",
        Some(Some("pcm")) => "audio/pcm",
        _ => {
            return Err(Refusal::wrong_type(
                "response_format",
                "mp3, opus, aac, flac, wav or pcm",
            ));
        }
    };
    let events = match ask.member("stream_format").map(Value::as_str) {
        None | Some(Some("audio")) => false,
        Some(Some("sse")) => true,
        _ => return Err(Refusal::wrong_type("stream_format", "sse or audio")),
    };
    let tokens = count(text);
    let sound = tokens.saturating_mul(TOKENS_PER_TOKEN);
    let usage = Usage {
        characters: u64::try_from(text.chars().count()).unwrap_or(u64::MAX),
        ..ask.usage(tokens, sound, 0)
    };
    let noise = ask.random(1);
    let pieces = (0..tokens).scan(noise, |noise, _| Some(piece(noise)));
    let form = if events {
        let last = ask.report(usage_json(usage));
        Form::Stream(in_events(pieces, last))
    } else {
        Form::Sound(
            kind,
            Box::new(pieces.map(|bytes| Frame::content(bytes, TOKENS_PER_TOKEN))),
        )
    };
    Ok(Reply {
        usage: Usage {
            output: crate::units::Tokens::ZERO,
            ..usage
        },
        form,
    })
}

fn piece(noise: &mut Random) -> Vec<u8> {
    let numbers = std::iter::repeat_with(|| noise.next().to_le_bytes());
    numbers.take(BYTES / 8).flatten().collect()
}

fn in_events(pieces: impl Iterator<Item = Vec<u8>> + Send + 'static, last: Option<Json>) -> Frames {
    let deltas = pieces.map(|bytes| {
        let audio = base64::engine::general_purpose::STANDARD.encode(bytes);
        let delta = object! { "type": "speech.audio.delta", "audio": audio };
        Frame::content(event(&delta), TOKENS_PER_TOKEN)
    });
    let done = std::iter::once_with(move || {
        let done = match &last {
            Some(usage) => object! { "type": "speech.audio.done", "usage": usage },
            None => object! { "type": "speech.audio.done" },
        };
        Frame::around(event(&done))
    });
    Box::new(deltas.chain(done))
}

fn usage_json(usage: Usage) -> Json {
    object! {
        "input_tokens": usage.input.0,
        "output_tokens": usage.output.0,
        "total_tokens": usage.input.plus(usage.output).0,
    }
}
