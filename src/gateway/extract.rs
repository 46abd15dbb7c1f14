//! What a request's head says, and its body read whole: every check that needs no decision.
//!
//! Host and Origin come before anything else (a web page must not reach us through its reader's browser), then the path,
//! the key, and only then the body. A body is gathered within its bounds of length and pace, without a copy where it came
//! in one piece.

use super::Rules;
use super::status::Refused;
use crate::pipeline::{Deadlines, RequestLabels};
use crate::settings::duration;
use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Version};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use std::io::Read;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Longest value of a label a request brings.
const LONGEST_LABEL: usize = 256;

/// Longest request id that is echoed.
const LONGEST_ID: usize = 128;

/// Room made at once for a body whose length was announced.
const BELIEVED: usize = 512 * 1024;

/// A body must come at least this fast, looked at every [`PACE_EVERY`].
const PACE: usize = 1024;
const PACE_EVERY: Duration = Duration::from_secs(10);

/// Where a browser says the request comes from.
static FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What the headers say that concerns us.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// What the caller proves itself with.
    pub(super) secret: Option<HeaderValue>,
    /// Where in `secret` it begins.
    pub(super) secret_at: usize,
    pub(super) labels: RequestLabels,
    pub(super) request_id: Option<HeaderValue>,
    pub(super) dry_run: bool,
    pub(super) cost_comment: bool,
    pub(super) deadlines: Deadlines,
    pub(super) gzip: bool,
}

/// Whether the request comes from where requests may come from.
pub(super) fn check_origin<B>(request: &Request<B>, rules: &Rules) -> Result<(), Refused> {
    if request.version() == Version::HTTP_10 || request.version() == Version::HTTP_09 {
        return Err(Refused::version());
    }
    let headers = request.headers();
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return Err(Refused::twice("host")),
        (Some(host), None) => Some(host.to_str().unwrap_or_default()),
        (None, None) => None,
    };
    // A target may name a host of its own (HTTP/2 always does): neither counts for the other.
    let target = request.uri().authority().map(http::uri::Authority::as_str);
    if host.is_none() && target.is_none() {
        return Err(Refused::host(""));
    }
    for host in [host, target].into_iter().flatten() {
        if !is_known_host(host, &rules.hosts) {
            return Err(Refused::host(host));
        }
    }
    let known = |origin: &HeaderValue| {
        let allowed = rules.settings.origins.iter();
        allowed.into_iter().any(|allowed| origin == &**allowed)
    };
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let cross_site = |site: &HeaderValue| site == "cross-site";
    let foreign = match origins.next() {
        Some(first) => !known(first) || !origins.all(known),
        None => headers.get_all(&FETCH_SITE).iter().any(cross_site),
    };
    if foreign {
        return Err(Refused::origin());
    }
    Ok(())
}

/// Whether a `Host` names us: localhost, a loopback address, or a configured name, with any port.
fn is_known_host(host: &str, known: &[Box<str>]) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(address, _)| address),
        None => host.rsplit_once(':').map_or(host, |(name, port)| {
            if port.bytes().all(|byte| byte.is_ascii_digit()) {
                name
            } else {
                ""
            }
        }),
    };
    if name == "127.0.0.1" || name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let loopback = name
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    loopback || known.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Reads the headers once.
pub(super) fn head(headers: &HeaderMap) -> Result<Head, Refused> {
    let mut head = Head::default();
    let mut json = false;
    for (name, value) in headers {
        match name.as_str() {
            "authorization" => {
                let bytes = value.as_bytes();
                let scheme = bytes.get(..7).unwrap_or_default();
                if scheme.eq_ignore_ascii_case(b"bearer ") {
                    head.proof(value, 7)?;
                }
            }
            "x-api-key" | "api-key" | "x-goog-api-key" => head.proof(value, 0)?,
            "content-type" => {
                if json {
                    return Err(Refused::twice("content-type"));
                }
                json = is_json(value.as_bytes());
                if !json {
                    return Err(Refused::content_type());
                }
            }
            "content-encoding" => match value.as_bytes() {
                b"identity" => {}
                b"gzip" | b"x-gzip" if !head.gzip => head.gzip = true,
                _ => return Err(Refused::content_encoding()),
            },
            "x-request-id" => {
                let fits = value.len() <= LONGEST_ID && !value.is_empty();
                head.request_id = (fits && value.as_bytes().iter().all(u8::is_ascii_graphic))
                    .then(|| value.clone());
            }
            // What clients tell of themselves is no reason to refuse them.
            "x-stainless-read-timeout" | "x-stainless-timeout" => {
                head.deadlines.head = time(value).or(head.deadlines.head);
            }
            name if name.starts_with("x-tollgate-") || name.starts_with("x-litellm-") => {
                head.ours(name, value)?;
            }
            _ => {}
        }
    }
    Ok(head)
}

impl Head {
    pub(super) fn proof(&mut self, value: &HeaderValue, at: usize) -> Result<(), Refused> {
        match &self.secret {
            Some(known) if known.as_bytes().get(self.secret_at..) != value.as_bytes().get(at..) => {
                Err(Refused::twice("the API key"))
            }
            _ => {
                (self.secret, self.secret_at) = (Some(value.clone()), at);
                Ok(())
            }
        }
    }

    fn ours(&mut self, name: &str, value: &HeaderValue) -> Result<(), Refused> {
        let slot = match name {
            "x-tollgate-run" | "x-litellm-trace-id" => &mut self.labels.run,
            "x-tollgate-session" | "x-litellm-session-id" => &mut self.labels.session,
            "x-tollgate-end-user" | "x-litellm-end-user-id" => &mut self.labels.end_user,
            "x-tollgate-tags" | "x-litellm-tags" => &mut self.labels.tags,
            "x-tollgate-dry-run" => {
                self.dry_run = value == "1" || value == "true";
                return Ok(());
            }
            "x-tollgate-cost" => {
                self.cost_comment = value == "stream";
                return Ok(());
            }
            "x-tollgate-timeout" | "x-litellm-timeout" => {
                let time = time(value).ok_or_else(|| Refused::time(name))?;
                let total = &mut self.deadlines.total;
                if total.is_some_and(|known| known != time) {
                    return Err(Refused::twice(name));
                }
                *total = Some(time);
                return Ok(());
            }
            _ => return Ok(()),
        };
        let text = std::str::from_utf8(value.as_bytes()).ok().map(str::trim);
        // Control characters would reach whoever reads records on a terminal.
        let fits = |text: &&str| {
            !text.is_empty() && text.len() <= LONGEST_LABEL && !text.contains(char::is_control)
        };
        let Some(text) = text.filter(fits) else {
            return Err(Refused::label(name, LONGEST_LABEL));
        };
        if slot.as_deref().is_some_and(|known| known != text) {
            return Err(Refused::twice(name));
        }
        *slot = Some(text.into());
        Ok(())
    }
}

/// A time as a header has it: seconds, with a point or without, or with a unit (`1500ms`, `30s`, `2m`); never nothing.
fn time(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let time = if plain {
        Duration::try_from_secs_f64(text.parse().ok()?).ok()?
    } else {
        duration(text).ok()?
    };
    (!time.is_zero()).then_some(time)
}

fn is_json(value: &[u8]) -> bool {
    let kind = value
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    kind.eq_ignore_ascii_case(b"application/json")
}

/// Reads the body whole.
pub(super) async fn gather(mut body: Incoming, most: usize) -> Result<Bytes, Refused> {
    let announced = body.size_hint().lower();
    if usize::try_from(announced).unwrap_or(usize::MAX) > most {
        return Err(Refused::too_large(most));
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    let mut pace = None;
    let mut read: usize = 0;
    loop {
        let Some(frame) = next(&mut body, &mut pace, &mut read).await? else {
            return Ok(if rest.is_empty() {
                first
            } else {
                rest.freeze()
            });
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        read = read.saturating_add(data.len());
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                // An announced length is believed up to here; beyond, room is made as it proves true.
                let expected = usize::try_from(announced).unwrap_or(0).min(BELIEVED);
                rest.reserve(expected.max(first.len().saturating_add(data.len())));
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
        if first.len().max(rest.len()) > most {
            return Err(Refused::too_large(most));
        }
    }
}

type Pace = Option<(std::pin::Pin<Box<tokio::time::Sleep>>, usize)>;

/// The next piece, as long as pieces keep coming fast enough. No timer is set while they are there already.
async fn next(
    body: &mut Incoming,
    pace: &mut Pace,
    read: &mut usize,
) -> Result<Option<hyper::body::Frame<Bytes>>, Refused> {
    loop {
        let frame = body.frame();
        tokio::pin!(frame);
        let ready = std::future::poll_fn(|cx| {
            std::task::Poll::Ready(match std::future::Future::poll(frame.as_mut(), cx) {
                std::task::Poll::Ready(frame) => Some(frame),
                std::task::Poll::Pending => None,
            })
        });
        let arrived = if let Some(frame) = ready.await {
            frame
        } else {
            let (timer, at_last_look) =
                pace.get_or_insert_with(|| (Box::pin(sleep_until(Instant::now() + PACE_EVERY)), 0));
            tokio::select! {
                biased;
                arrived = &mut frame => arrived,
                () = timer.as_mut() => {
                    if read.saturating_sub(*at_last_look) < PACE {
                        return Err(Refused::too_slow());
                    }
                    *at_last_look = *read;
                    timer.as_mut().reset(Instant::now() + PACE_EVERY);
                    continue;
                }
            }
        };
        return match arrived {
            None => Ok(None),
            Some(Ok(frame)) => Ok(Some(frame)),
            Some(Err(_)) => Err(Refused::broken_body()),
        };
    }
}

/// Unpacks a gzip body, within `most` bytes.
pub(super) fn unpack(packed: &[u8], most: usize) -> Result<Bytes, Refused> {
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(packed)
        .take(limit)
        .read_to_end(&mut plain)
        .map_err(|_| Refused::content_encoding())?;
    if plain.len() > most {
        return Err(Refused::too_large(most));
    }
    Ok(plain.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_says_how_long_it_waits() {
        let check = |pairs: &[(&'static str, &'static str)], expected: Option<(u64, u64)>| {
            let found = head(&headers(pairs)).ok().map(|head| {
                let millis = |time: Option<Duration>| time.map_or(0, |time| time.as_millis());
                (millis(head.deadlines.total), millis(head.deadlines.head))
            });
            let expected = expected.map(|(total, head)| (u128::from(total), u128::from(head)));
            assert_eq!(found, expected, "{pairs:?}");
        };
        check(&[], Some((0, 0)));
        check(&[("x-tollgate-timeout", "30")], Some((30_000, 0)));
        check(&[("x-tollgate-timeout", " 1.5 ")], Some((1_500, 0)));
        check(&[("x-tollgate-timeout", "250ms")], Some((250, 0)));
        check(&[("x-litellm-timeout", "2m")], Some((120_000, 0)));
        for wrong in [
            "0", "0s", "-1", "soon", "", "1e9", "NaN", ".", "1.2.3", "5 min",
        ] {
            check(&[("x-tollgate-timeout", wrong)], None);
        }
        let twice = [("x-tollgate-timeout", "1"), ("x-litellm-timeout", "2")];
        check(&twice, None);
        check(&[("x-stainless-read-timeout", "600.0")], Some((0, 600_000)));
        check(&[("x-stainless-timeout", "600")], Some((0, 600_000)));
        check(&[("x-stainless-read-timeout", "None")], Some((0, 0)));
    }

    #[test]
    fn a_host_is_ours_only_by_its_whole_name() {
        let known = ["gateway.internal".into()];
        let check = |host: &str, expected: bool| {
            assert_eq!(is_known_host(host, &known), expected, "{host}");
        };
        check("localhost", true);
        check("LocalHost:4100", true);
        check("127.0.0.1:4100", true);
        check("127.8.9.1", true);
        check("[::1]:4100", true);
        check("gateway.internal:80", true);
        check("", false);
        check("evil.example", false);
        check("localhost.evil.example", false);
        check("127.0.0.1.evil.example:4100", false);
        check("127.0.0.1:x", false);
        check("192.168.1.5:4100", false);
        check("[::1", false);
        check("169.254.169.254", false);
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn two_different_keys_are_one_too_many() {
        assert!(
            head(&headers(&[
                ("authorization", "Bearer a"),
                ("x-api-key", "a")
            ]))
            .is_ok()
        );
        assert!(
            head(&headers(&[
                ("authorization", "Bearer a"),
                ("x-api-key", "b")
            ]))
            .is_err()
        );
        assert!(
            head(&headers(&[
                ("authorization", "Bearer a"),
                ("authorization", "Bearer b")
            ]))
            .is_err()
        );
    }

    #[test]
    fn labels_come_in_by_either_name_and_never_twice() {
        let read = head(&headers(&[
            ("x-litellm-tags", "a,b"),
            ("x-tollgate-run", "r"),
        ]))
        .expect("fine");
        assert_eq!(
            (read.labels.tags.as_deref(), read.labels.run.as_deref()),
            (Some("a,b"), Some("r"))
        );
        assert!(
            head(&headers(&[
                ("x-tollgate-run", "a"),
                ("x-litellm-trace-id", "b")
            ]))
            .is_err()
        );
        assert!(head(&headers(&[("x-tollgate-run", "")])).is_err());
    }

    #[test]
    fn only_json_comes_in() {
        let check = |kind: &'static str, expected: bool| {
            assert_eq!(
                head(&headers(&[("content-type", kind)])).is_ok(),
                expected,
                "{kind}"
            );
        };
        check("application/json", true);
        check("Application/JSON; charset=utf-8", true);
        check("text/plain", false);
        check("application/x-www-form-urlencoded", false);
    }
}
