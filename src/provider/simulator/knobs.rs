//! Knobs: how a single call makes the simulator misbehave. [`HELP`] is the table of them.
//!
//! They come by the model's name, by header and by the text of the body, because each way survives where another does
//! not: a gateway drops strange headers, an SDK hides the body, an alias changes the model. Where they differ the body
//! goes before the header and the header before the name. A knob that is misspelt in a header or a body is an error, so
//! that no test passes because its fault was never injected; a name may hold `--` for reasons of its own.

use http::HeaderMap;
use std::time::Duration;

/// What each knob does; part of `tollgate simulate --help`.
pub const HELP: &str = "\
Knobs of a single call, by one of three ways (the first that sets it counts):
  in the text of the body    @sim(latency=200ms,tps=50)
  in a header                x-sim-latency: 200ms
  in the model's name        sim-small--latency-200ms--tps-50

  latency=200ms        wait before the head of the answer
  tps=50               tokens a second of a stream (unpaced by default)
  token_delay=20ms     the same, as the time between two tokens
  out=100              exactly that many output tokens of plain text (max_tokens still caps it)
  overrun=1            ignore max_tokens
  echo=1               answer with the last user text (the model `sim-echo` does so by itself)
  tool=NAME            call this tool
  cached=N             of the input tokens, report N as cached
  reasoning=N          spend N output tokens on reasoning first
  cache_write=N        on messages: of the input tokens, report N as written to the cache
  cache_write_1h=N     the same, kept for an hour
  search=N             on messages: report N searches of the web
  gzip=1               compress the answer where accept-encoding allows it (not streams)
  split=N              write a stream in pieces of N bytes, whatever they cut through

  status=429           answer with this error; nothing is billed
  retry_after=3        with `retry-after: 3`
  hang=head | stream   never answer; or stop in the middle of the answer, the connection open
  cut=N                close the connection after N content chunks
  reset=1              close the connection before any answer; nothing is billed
  usage=missing | null leave usage out, or report it as null
  bad_json=1           an answer 200 whose JSON is cut short; in a stream, one event of it
  error_in_200=1       an error under status 200 (free); in a stream, after the first chunks
  every=K              these faults apply to every K-th such call only";

/// Output tokens one choice may be asked to have.
const OUT: u64 = 131_072;
/// The longest wait.
const WAIT: Duration = Duration::from_hours(1);
/// `@sim(…)` groups read in one body.
const GROUPS: usize = 64;

/// Where to stop without closing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hang {
    Head,
    Stream,
}

/// What becomes of the usage report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    Missing,
    Null,
}

/// What can go wrong on purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Faults {
    pub(super) status: Option<u16>,
    pub(super) hang: Option<Hang>,
    pub(super) cut: Option<u64>,
    pub(super) reset: bool,
    pub(super) usage: Option<Report>,
    pub(super) bad_json: bool,
    pub(super) error_in_200: bool,
}

/// The knobs of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Knobs {
    pub(super) latency: Duration,
    pub(super) token_delay: Option<Duration>,
    pub(super) out: Option<u64>,
    pub(super) overrun: bool,
    pub(super) echo: bool,
    pub(super) tool: Option<String>,
    pub(super) cached: u64,
    pub(super) reasoning: u64,
    pub(super) cache_write: u64,
    pub(super) cache_write_1h: u64,
    pub(super) search: u64,
    pub(super) gzip: bool,
    pub(super) split: Option<usize>,
    pub(super) retry_after: Option<u64>,
    pub(super) every: Option<u64>,
    pub(super) faults: Faults,
}

/// A knob that is not there, or cannot be turned so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum KnobError {
    /// No such knob.
    #[error("the simulator has no knob `{0}`: see `tollgate simulate --help` for those it has")]
    Unknown(String),
    /// A value it does not take.
    #[error("the simulator's knob `{0}` does not take `{1}`: see `tollgate simulate --help`")]
    Value(String, String),
}

impl Knobs {
    /// Reads the knobs of a call from its model's name, its headers and its body.
    pub(super) fn read(model: &str, headers: &HeaderMap, body: &[u8]) -> Result<Self, KnobError> {
        let mut knobs = Self::default();
        let mut parts = model.split("--");
        knobs.echo = parts.next() == Some("sim-echo");
        for part in parts {
            let (name, value) = part.split_once('-').unwrap_or((part, "1"));
            // A model may be named so for other reasons.
            let _ = knobs.set(name, value);
        }
        for (name, value) in headers {
            if let Some(name) = name.as_str().strip_prefix("x-sim-") {
                knobs.set(&name.replace('-', "_"), value.to_str().unwrap_or("?"))?;
            }
        }
        for group in groups(body) {
            for setting in group.split(',') {
                let (name, value) = setting.split_once('=').unwrap_or((setting, "1"));
                knobs.set(name.trim(), value.trim())?;
            }
        }
        Ok(knobs)
    }

    /// Whether any fault is asked for.
    pub(super) fn faulty(&self) -> bool {
        self.faults != Faults::default()
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), KnobError> {
        let wrong = || KnobError::Value(name.to_owned(), value.to_owned());
        let number = || value.parse::<u64>().map_err(|_| wrong());
        let flag = || match value {
            "1" | "true" | "yes" => Ok(true),
            "0" | "false" | "no" => Ok(false),
            _ => Err(wrong()),
        };
        let wait = || duration(value).ok_or_else(wrong);
        match name {
            "latency" => self.latency = wait()?,
            "tps" => {
                let rate = Some(number()?).filter(|rate| *rate > 0).ok_or_else(wrong)?;
                self.token_delay = Some(Duration::from_nanos(1_000_000_000 / rate));
            }
            "token_delay" => self.token_delay = Some(wait()?),
            "out" => self.out = Some(number()?.min(OUT)),
            "overrun" => self.overrun = flag()?,
            "echo" => self.echo = flag()?,
            "tool" => self.tool = Some(value.to_owned()),
            "cached" => self.cached = number()?,
            "cache_write" => self.cache_write = number()?,
            "cache_write_1h" => self.cache_write_1h = number()?,
            "search" => self.search = number()?,
            "reasoning" => self.reasoning = number()?.min(OUT),
            "gzip" => self.gzip = flag()?,
            "split" => {
                let bytes = usize::try_from(number()?).map_err(|_| wrong())?;
                self.split = Some(bytes).filter(|bytes| *bytes > 0);
            }
            "retry_after" => self.retry_after = Some(number()?),
            "every" => self.every = Some(number()?).filter(|every| *every > 0),
            "status" => {
                let status = value.parse().ok().filter(|code| (400..600).contains(code));
                self.faults.status = Some(status.ok_or_else(wrong)?);
            }
            "hang" => {
                self.faults.hang = Some(match value {
                    "head" | "1" => Hang::Head,
                    "stream" => Hang::Stream,
                    _ => return Err(wrong()),
                });
            }
            "cut" => self.faults.cut = Some(number()?),
            "reset" => self.faults.reset = flag()?,
            "usage" => {
                self.faults.usage = Some(match value {
                    "missing" => Report::Missing,
                    "null" => Report::Null,
                    _ => return Err(wrong()),
                });
            }
            "bad_json" => self.faults.bad_json = flag()?,
            "error_in_200" => self.faults.error_in_200 = flag()?,
            _ => return Err(KnobError::Unknown(name.to_owned())),
        }
        Ok(())
    }
}

/// The insides of every `@sim(…)` in the body.
fn groups(body: &[u8]) -> impl Iterator<Item = &str> {
    memchr::memmem::find_iter(body, b"@sim(")
        .take(GROUPS)
        .filter_map(|at| {
            let inside = body.get(at + 5..)?;
            let end = memchr::memchr(b')', inside.get(..512.min(inside.len()))?)?;
            std::str::from_utf8(inside.get(..end)?).ok()
        })
}

/// `200ms`, `2s`, `50us`, or milliseconds.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let wait = match unit {
        "" | "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "us" => Duration::from_micros(number),
        _ => return None,
    };
    Some(wait.min(WAIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(model: &str, headers: &[(&'static str, &str)], body: &str) -> Result<Knobs, KnobError> {
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    value.parse().expect("a header"),
                )
            })
            .collect();
        Knobs::read(model, &headers, body.as_bytes())
    }

    #[test]
    fn a_models_name_carries_knobs_after_double_dashes() {
        let knobs = read("sim-echo--latency-200ms--tps-50--tool-get_it", &[], "").expect("reads");
        assert_eq!(
            knobs,
            Knobs {
                echo: true,
                latency: Duration::from_millis(200),
                token_delay: Some(Duration::from_millis(20)),
                tool: Some("get_it".to_owned()),
                ..Knobs::default()
            }
        );
        assert_eq!(
            read("my--model-7", &[], "").expect("reads"),
            Knobs::default()
        );
    }

    #[test]
    fn the_body_goes_before_the_header_and_the_header_before_the_name() {
        let out = |headers: &[_], body: &str| read("m--out-1", headers, body).expect("reads").out;
        assert_eq!(out(&[], ""), Some(1));
        assert_eq!(out(&[("x-sim-out", "2")], ""), Some(2));
        assert_eq!(
            out(
                &[("x-sim-out", "2")],
                "say @sim(out=3, every=2) @sim(out=4)"
            ),
            Some(4)
        );
    }

    #[test]
    fn a_misspelt_knob_is_an_error_where_it_was_surely_meant() {
        assert_eq!(
            read("m", &[], "@sim(latncy=2s)"),
            Err(KnobError::Unknown("latncy".to_owned()))
        );
        assert_eq!(
            read("m", &[("x-sim-status", "teapot")], ""),
            Err(KnobError::Value("status".to_owned(), "teapot".to_owned()))
        );
        assert_eq!(read("m", &[], "@sim(never closed"), Ok(Knobs::default()));
    }

    #[test]
    fn every_knob_the_help_names_can_be_turned() {
        for line in HELP
            .lines()
            .filter_map(|line| line.strip_prefix("  "))
            .skip(3)
        {
            let (name, value) = line.split_once('=').expect(line);
            let value = value.split_whitespace().next().expect(line);
            let value = match value {
                "N" | "K" => "3",
                other => other,
            };
            read("m", &[], &format!("@sim({name}={value})")).expect(line);
        }
    }
}
