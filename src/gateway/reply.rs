//! Answers as they leave: the provider's own headers, apart from hop-by-hop ones, and ours.
//!
//! Our values are written into one buffer and cut out of it: a dozen headers cost one allocation.

use super::body::Outward;
use super::status::Refused;
use crate::chat::Dialect;
use crate::clock::Moment;
use crate::governance::budget::Standing;
use crate::governance::limit::Headroom;
use crate::ids::PassageId;
use crate::pipeline::{Answer, Body, Facts};
use bytes::{BufMut, Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use smallvec::SmallVec;
use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// As Anthropic names it.
static ITS_REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
static UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("x-upstream-request-id");
static DECISION_ID: HeaderName = HeaderName::from_static("x-tollgate-decision-id");
static REVISION: HeaderName = HeaderName::from_static("x-tollgate-policy-revision");
static SCAN: HeaderName = HeaderName::from_static("x-tollgate-scan");
static PROVIDER: HeaderName = HeaderName::from_static("x-tollgate-provider");
static COST: HeaderName = HeaderName::from_static("x-tollgate-cost-usd");
static WARNING: HeaderName = HeaderName::from_static("x-tollgate-warning");
static CLAMPED: HeaderName = HeaderName::from_static("x-tollgate-clamped");
static BUDGET: HeaderName = HeaderName::from_static("x-tollgate-budget");
static BUDGET_NAME: HeaderName = HeaderName::from_static("x-tollgate-budget-name");
static BUDGET_LIMIT: HeaderName = HeaderName::from_static("x-tollgate-budget-limit");
static BUDGET_REMAINING: HeaderName = HeaderName::from_static("x-tollgate-budget-remaining");
static BUDGET_RESET: HeaderName = HeaderName::from_static("x-tollgate-budget-reset");
static TIMING: HeaderName = HeaderName::from_static("server-timing");
static RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
static SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
static LIMIT_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-limit-requests");
static REMAINING_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-remaining-requests");
static RESET_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-reset-requests");
static LIMIT_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-limit-tokens");
static REMAINING_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-remaining-tokens");
static RESET_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-reset-tokens");

/// Whom an answer is for, and what it is known by.
pub(super) struct Named<'a> {
    pub(super) dialect: Dialect,
    pub(super) id: PassageId,
    pub(super) request_id: Option<HeaderValue>,
    pub(super) revision: &'a str,
    pub(super) scan: Option<&'static str>,
    pub(super) now: Moment,
}

/// Values in one buffer, each with the header it is for.
struct Stamps {
    text: BytesMut,
    cuts: SmallVec<[(&'static HeaderName, Range<usize>); 23]>,
}

impl Stamps {
    fn new() -> Self {
        Self {
            text: BytesMut::with_capacity(512),
            cuts: SmallVec::new(),
        }
    }

    fn put(&mut self, name: &'static HeaderName, write: impl FnOnce(&mut BytesMut)) {
        let from = self.text.len();
        write(&mut self.text);
        self.cuts.push((name, from..self.text.len()));
    }

    fn text(&mut self, name: &'static HeaderName, text: &str) {
        self.put(name, |out| out.put_slice(text.as_bytes()));
    }

    fn number(&mut self, name: &'static HeaderName, number: u64) {
        self.text(name, itoa::Buffer::new().format(number));
    }

    fn onto(self, headers: &mut HeaderMap) {
        let text = self.text.freeze();
        headers.reserve(self.cuts.len());
        for (name, range) in self.cuts {
            if let Ok(value) = HeaderValue::from_maybe_shared(text.slice(range)) {
                headers.insert(name.clone(), value);
            }
        }
    }

    fn named(&mut self, named: &Named<'_>) {
        if named.request_id.is_none() {
            self.text(&REQUEST_ID, named.id.request().as_str());
            if named.dialect == Dialect::Anthropic {
                self.text(&ITS_REQUEST_ID, named.id.request().as_str());
            }
        }
        self.text(&DECISION_ID, named.id.decision().as_str());
        self.text(&REVISION, named.revision);
        if let Some(scan) = named.scan {
            self.text(&SCAN, scan);
        }
    }

    fn budget(&mut self, standing: &Standing, now: Moment) {
        self.put(&BUDGET_NAME, |out| match &standing.value {
            Some(_) => {
                let _ = write!(out, "{standing}");
            }
            None => out.put_slice(standing.budget.as_bytes()),
        });
        self.put(&BUDGET_LIMIT, |out| {
            let _ = standing.limit.write(out);
        });
        self.put(&BUDGET_REMAINING, |out| {
            let _ = standing.remaining().write(out);
        });
        if let Some(left) = standing.period.left(now.wall) {
            self.number(&BUDGET_RESET, left);
        }
        if standing.soft.is_some() {
            self.text(&BUDGET, "soft");
        }
    }

    fn headroom(&mut self, headroom: Headroom) {
        if let Some((most, left, full_in)) = headroom.requests {
            self.number(&LIMIT_REQUESTS, most);
            self.number(&REMAINING_REQUESTS, left);
            self.put(&RESET_REQUESTS, |out| span(out, full_in));
        }
        if let Some((most, left, full_in)) = headroom.tokens {
            self.number(&LIMIT_TOKENS, most);
            self.number(&REMAINING_TOKENS, left);
            self.put(&RESET_TOKENS, |out| span(out, full_in));
        }
    }

    fn facts(&mut self, facts: &Facts, now: Moment) {
        if let Some(provider) = &facts.provider {
            self.text(&PROVIDER, provider);
        }
        if let Some(cost) = facts.cost {
            self.put(&COST, |out| {
                let _ = cost.write(out);
            });
        }
        if let Some(cap) = facts.clamped {
            self.number(&CLAMPED, cap.0);
        }
        if let Some(lost) = &facts.lost {
            self.text(&WARNING, lost);
        }
        if let Some(standing) = &facts.tightest {
            self.budget(standing, now);
        }
        self.headroom(facts.headroom);
        self.put(&TIMING, |out| timing(out, facts.overhead));
    }
}

/// Milliseconds with three decimals, as `server-timing` has them.
fn timing(out: &mut BytesMut, overhead: Duration) {
    let micros = overhead.as_micros();
    let mut digits = itoa::Buffer::new();
    out.put_slice(b"tollgate;dur=");
    out.put_slice(digits.format(micros / 1000).as_bytes());
    out.put_u8(b'.');
    let rest = micros % 1000;
    let padding: &[u8] = if rest < 10 {
        b"00"
    } else if rest < 100 {
        b"0"
    } else {
        b""
    };
    out.put_slice(padding);
    out.put_slice(digits.format(rest).as_bytes());
}

/// A length of time as OpenAI writes it in its rate-limit headers: `6m0s`, `1.5s`, `20ms`.
fn span(out: &mut BytesMut, time: Duration) {
    let millis = time.as_nanos().div_ceil(1_000_000);
    let (minutes, rest) = (millis / 60_000, millis % 60_000);
    let _ = match (minutes, rest) {
        // What nearly every answer says, so without the formatter.
        (0, rest) if rest < 1000 => {
            out.put_slice(itoa::Buffer::new().format(rest).as_bytes());
            out.write_str("ms")
        }
        (0, rest) if rest % 1000 == 0 => write!(out, "{}s", rest / 1000),
        (0, rest) => write!(out, "{}.{:03}s", rest / 1000, rest % 1000),
        (minutes, rest) => write!(out, "{minutes}m{}s", rest.div_ceil(1000)),
    };
}

/// The provider's answer, with our headers on it.
pub(super) fn answered(answer: Answer, named: Named<'_>) -> Response<Outward> {
    let Answer {
        status,
        mut headers,
        body,
        facts,
    } = answer;
    clean(
        &mut headers,
        facts.headroom,
        matches!(body, Body::Stream(_)),
    );
    if named.dialect == Dialect::Anthropic
        && let Some(theirs) = headers.remove(&ITS_REQUEST_ID)
    {
        headers.insert(UPSTREAM_REQUEST_ID.clone(), theirs);
    }
    let mut stamps = Stamps::new();
    stamps.named(&named);
    stamps.facts(&facts, named.now);
    stamps.onto(&mut headers);
    echo(&mut headers, named);
    let body = match body {
        Body::Whole(bytes) => Outward::whole(bytes),
        Body::Stream(stream) => Outward::stream(stream),
        Body::Sound(sound) => Outward::sound(sound),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Gives the caller's own name of the request back.
fn echo(headers: &mut HeaderMap, named: Named<'_>) {
    let Some(id) = named.request_id else { return };
    if named.dialect == Dialect::Anthropic {
        headers.insert(ITS_REQUEST_ID.clone(), id.clone());
    }
    headers.insert(REQUEST_ID.clone(), id);
}

/// Whether a header concerns one connection only.
fn ends_here(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Takes out of a provider's headers what ends here, and makes room where ours say the same thing.
fn clean(headers: &mut HeaderMap, headroom: Headroom, streaming: bool) {
    let mut doomed: SmallVec<[HeaderName; 8]> = SmallVec::new();
    let mut renamed: SmallVec<[(HeaderName, HeaderValue); 8]> = SmallVec::new();
    for (name, value) in headers.iter() {
        let text = name.as_str();
        // The first letter leaves few to compare with: most headers end here.
        match text.as_bytes().first() {
            Some(b'x') => {}
            Some(b'c' | b'k' | b'p' | b't' | b'u') => {
                if *name == header::CONNECTION {
                    for named in value.to_str().unwrap_or_default().split(',') {
                        doomed.extend(HeaderName::try_from(named.trim()).ok());
                    }
                }
                if ends_here(text) || (streaming && *name == header::CONTENT_LENGTH) {
                    doomed.push(name.clone());
                }
                continue;
            }
            _ => continue,
        }
        if *name == REQUEST_ID {
            renamed.push((UPSTREAM_REQUEST_ID.clone(), value.clone()));
        } else if text.starts_with("x-tollgate-") {
            doomed.push(name.clone());
        } else if let Some(limit) = text.strip_prefix("x-ratelimit-") {
            let ours = if limit.ends_with("-tokens") {
                headroom.tokens
            } else {
                headroom.requests
            };
            if ours.is_some()
                && let Ok(theirs) = HeaderName::try_from(format!("x-upstream-ratelimit-{limit}"))
            {
                doomed.push(name.clone());
                renamed.push((theirs, value.clone()));
            }
        }
    }
    for name in doomed {
        headers.remove(name);
    }
    for (name, value) in renamed {
        headers.insert(name, value);
    }
}

/// A refusal in the caller's dialect.
pub(super) fn refused(refusal: &Refused, named: Named<'_>) -> Response<Outward> {
    let (request, decision) = (named.id.request(), named.id.decision());
    let echoed = named.request_id.as_ref().and_then(|id| id.to_str().ok());
    let request = echoed.unwrap_or(request.as_str());
    let ids = (request, decision.as_str());
    let body = refusal.body(named.dialect, ids, named.revision, named.now);
    let mut stamps = Stamps::new();
    stamps.named(&named);
    if let Some(standing) = &refusal.budget {
        stamps.budget(standing, named.now);
    }
    if let Some((seconds, millis)) = refusal.waits() {
        stamps.number(&header::RETRY_AFTER, seconds);
        stamps.number(&RETRY_AFTER_MS, millis);
    }
    if refusal.final_word {
        stamps.text(&SHOULD_RETRY, "false");
    }
    if let Some(method) = refusal.allow {
        stamps.text(&header::ALLOW, method);
    }
    if refusal.close {
        stamps.text(&header::CONNECTION, "close");
    }
    let mut response = json(refusal.status, body);
    stamps.onto(response.headers_mut());
    echo(response.headers_mut(), named);
    response
}

/// A JSON answer of our own, named like the others.
pub(super) fn own(body: Vec<u8>, named: Named<'_>) -> Response<Outward> {
    let mut stamps = Stamps::new();
    stamps.named(&named);
    let mut response = json(StatusCode::OK, body);
    stamps.onto(response.headers_mut());
    echo(response.headers_mut(), named);
    response
}

/// An answer of our own in the model's place.
pub(super) fn declined(body: Vec<u8>, streaming: bool, named: Named<'_>) -> Response<Outward> {
    let mut response = own(body, named);
    if streaming {
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream; charset=utf-8"),
        );
    }
    response
}

fn json(status: StatusCode, body: Vec<u8>) -> Response<Outward> {
    let mut response = Response::new(Outward::whole(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_their_headers_have_them() {
        let write = |to: fn(&mut BytesMut, Duration), time: Duration| {
            let mut out = BytesMut::new();
            to(&mut out, time);
            String::from_utf8(out.to_vec()).expect("text")
        };
        assert_eq!(
            write(timing, Duration::from_micros(12)),
            "tollgate;dur=0.012"
        );
        assert_eq!(
            write(timing, Duration::from_micros(1_234_005)),
            "tollgate;dur=1234.005"
        );
        assert_eq!(
            write(timing, Duration::from_micros(7_100)),
            "tollgate;dur=7.100"
        );
        assert_eq!(write(span, Duration::from_millis(20)), "20ms");
        assert_eq!(write(span, Duration::from_secs(1)), "1s");
        assert_eq!(write(span, Duration::from_millis(1500)), "1.500s");
        assert_eq!(write(span, Duration::from_mins(6)), "6m0s");
        assert_eq!(write(span, Duration::ZERO), "0ms");
    }

    #[test]
    fn a_providers_headers_pass_apart_from_those_that_end_here() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "application/json"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("x-request-id", "theirs"),
            ("x-ratelimit-limit-requests", "9"),
            ("x-ratelimit-limit-tokens", "99"),
            ("openai-processing-ms", "12"),
            ("x-tollgate-budget", "forged"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        clean(
            &mut headers,
            Headroom {
                requests: Some((1, 1, Duration::ZERO)),
                tokens: None,
            },
            false,
        );
        let mut lines: Vec<String> = headers
            .iter()
            .map(|(n, v)| format!("{n}: {}", v.to_str().expect("text")))
            .collect();
        lines.sort();
        let expected = [
            "content-type: application/json",
            "openai-processing-ms: 12",
            "x-ratelimit-limit-tokens: 99",
            "x-request-id: theirs",
            "x-upstream-ratelimit-limit-requests: 9",
            "x-upstream-request-id: theirs",
        ];
        assert_eq!(lines, expected);
    }
}
