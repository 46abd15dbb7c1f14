//! What reading costs: the look at a chat request of 1, 32 and 256 KB, one event of a stream, the usage of an answer.

use std::hint::black_box;

use tollgate::chat::json::Scanner;
use tollgate::chat::{Endpoint, look};
use tollgate::dialect::{StreamMeter, usage};

fn main() {
    divan::main();
}

/// A chat of about this many bytes: prose with an escape now and then, in messages of a kilobyte.
fn body(bytes: usize) -> Vec<u8> {
    const PROSE: &str = "The ledger keeps what was promised apart from what was spent.\\nA call that never left costs nothing, and \
        one that outran its promise is booked in full; \\\"paid\\\" means settled. ";
    let mut body =
        String::from(r#"{"model":"gpt-4o-mini","stream":true,"temperature":0.2,"messages":["#);
    let mut first = true;
    while body.len() < bytes.saturating_sub(200) {
        if !std::mem::take(&mut first) {
            body.push(',');
        }
        let room = (bytes.saturating_sub(body.len() + 100)).clamp(1, 1_000);
        let content = PROSE.repeat(room.div_ceil(PROSE.len()).max(1));
        body.push_str(r#"{"role":"user","content":""#);
        body.push_str(&content);
        body.push_str("\"}");
    }
    body.push_str(r#"],"max_tokens":256,"user":"u-1"}"#);
    body.into_bytes()
}

#[divan::bench(args = [1, 32, 256])]
fn look_kilobytes(bencher: divan::Bencher<'_, '_>, kilobytes: usize) {
    let body = body(kilobytes * 1024);
    bencher
        .counter(divan::counter::BytesCount::new(body.len()))
        .bench(|| look(Endpoint::Chat, black_box(&body)).map(|look| look.close));
}

#[divan::bench(args = [1, 32, 256])]
fn skip_kilobytes(bencher: divan::Bencher<'_, '_>, kilobytes: usize) {
    let body = body(kilobytes * 1024);
    bencher
        .counter(divan::counter::BytesCount::new(body.len()))
        .bench(|| {
            let mut scanner = Scanner::new(black_box(&body))?;
            scanner.skip()?;
            scanner.finish()
        });
}

#[divan::bench(args = [1, 32, 256])]
fn utf8_kilobytes(bencher: divan::Bencher<'_, '_>, kilobytes: usize) {
    let body = body(kilobytes * 1024);
    bencher.bench(|| std::str::from_utf8(black_box(&body)).is_ok());
}

/// One event of a chat stream, as long as they usually are.
const EVENT: &[u8] = b"data: {\"id\":\"chatcmpl-CgXyfQ0rTqB4nZ8m1kLwV2aHs9\",\"object\":\"chat.completion.chunk\",\"created\":1763700000,\
\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_51db84afab\",\"choices\":[{\"index\":0,\
\"delta\":{\"content\":\" ledger\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n";

#[divan::bench(args = [false, true])]
fn stream_event(bencher: divan::Bencher<'_, '_>, hide_usage: bool) {
    let mut meter = StreamMeter::new(Endpoint::Chat, hide_usage, false);
    bencher
        .counter(divan::counter::BytesCount::new(EVENT.len()))
        .bench_local(|| {
            meter.push(black_box(EVENT), &mut |release| {
                black_box(release);
            });
        });
}

#[divan::bench]
fn usage_of_an_answer(bencher: divan::Bencher<'_, '_>) {
    let text = "The ledger keeps what was promised apart from what was spent.\\n".repeat(10);
    let answer = format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{{"cached_tokens":0}}}}}}"#
    );
    bencher
        .counter(divan::counter::BytesCount::new(answer.len()))
        .bench(|| usage(black_box(answer.as_bytes()), Endpoint::Chat));
}
