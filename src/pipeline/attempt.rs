//! Calling the provider, and making an answer of what comes back.
//!
//! A call is tried again only while its provider surely did no work: it was never reached, or it refused with a status
//! that is not billed (429, 5xx). A connection that broke after the request was sent is not tried again: the provider may
//! be at work, and asking twice would be paid twice.

use super::consult::{of_answers, whole_answer};
use super::fallback::Company;
use super::fare::Fared;
use super::passage::{Ending, Passage};
use super::reading::plain;
use super::refusal::is_unseen;
use super::screen::Blocked;
use super::stream::Stream;
use super::{Answer, Body, Facts, Failure, Refusal};
use crate::clock;
use crate::provider::transport::{Loan, Outgoing, TransportError};
use crate::provider::vendor;
use crate::telemetry::event::Attempt;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// What a target answered, on which connection, and at the how-manieth attempt.
pub(super) type Reached = (Response<Incoming>, Loan, u32);

/// Why a target gave no answer. What is held for the call is held still.
#[derive(Debug)]
pub(super) enum Stop {
    /// Somebody pulled the call's switch.
    Cut,
    /// It had better not be asked just now, and another can be.
    Shut,
    /// There is nothing to show the provider: the credential's name.
    Unproven(Arc<str>),
    /// It failed, after so many attempts.
    Failed(Failure, u32),
}

/// A longer answer is not held in memory to be read.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

impl Passage {
    /// Calls the provider and books what it answers. What few calls need is kept in boxes of its own: this future is moved
    /// and lives as long as the call.
    pub(super) async fn complete(
        mut self: Box<Self>,
        headers: HeaderMap,
        body: Outgoing,
    ) -> Result<Answer, Refusal> {
        let (mut response, loan, attempts) = self.reach(headers, body).await?;
        self.rename_headers(response.headers_mut());
        let status = response.status();
        if !status.is_success() {
            return Box::pin(self.refused(response, loan, attempts)).await;
        }
        self.company.part();
        if self.streaming && is_readable_stream(response.headers()) {
            return Box::pin(self.streamed(response, loan)).await;
        }
        if self.endpoint.makes_sound() {
            return Box::pin(self.sounded(response, loan)).await;
        }
        self.answered(response, loan, attempts).await
    }

    /// Asks one target after the other until one answers, or failed in a way that leaves nothing to ask another for.
    async fn reach(&mut self, headers: HeaderMap, body: Outgoing) -> Result<Reached, Refusal> {
        let (mut headers, mut body) = (headers, body);
        loop {
            let came = self.call(headers, body).await;
            // A box is only made where there is somebody else.
            let next = match self.company {
                Company::Others(_) => Box::pin(self.fall_back(&came)).await?,
                Company::None | Company::Past => None,
            };
            let Some(next) = next else {
                return came.map_err(|stop| self.stopped_at(stop));
            };
            (headers, body) = next;
        }
    }

    /// There is nobody else to ask.
    fn stopped_at(&mut self, stop: Stop) -> Refusal {
        match stop {
            Stop::Cut => self.cut_off(),
            // Only said where another can be asked; nothing was sent.
            Stop::Shut => self.failed(TransportError::Unsent.into(), 0),
            Stop::Unproven(name) => self.unproven(name),
            Stop::Failed(failure, attempts) => self.failed(failure, attempts),
        }
    }

    /// Attempts at one target until one is answered, or is not worth repeating; says how many it took.
    async fn call(&mut self, headers: HeaderMap, body: Outgoing) -> Result<Reached, Stop> {
        let target = self.target.clone();
        let (upstream, retries, timeouts) = (
            &target.destination.upstream,
            self.plan.retries,
            self.plan.timeouts,
        );
        if let Some(name) = upstream.lacking(&headers).cloned() {
            return Err(Stop::Unproven(name));
        }
        let probe = self.let_through(&target)?;
        // A probe that fails has said what it was to say.
        let most = if probe.is_some() {
            1
        } else {
            retries.attempts.max(1)
        };
        let mut attempt = 1;
        let mut left = Some((headers, body));
        loop {
            let Some((headers, body)) = left.take() else {
                return Err(Stop::Failed(Failure::Cut, attempt));
            };
            if attempt < most {
                // What came is sent, and the copy kept: a copied map has no room left, and the maps of requests become
                // those of answers, which ours would then have to grow.
                left = Some((headers.clone(), body.clone()));
            }
            let request = upstream.request(&self.asked(), headers, body);
            let sent = clock::since_start();
            self.dispatch();
            let limits = timeouts.within(self.due.left(sent));
            let outcome = tokio::select! {
                biased;
                outcome = target.lane.send(request, &limits, sent) => outcome,
                () = self.cutoff.cut() => return Err(Stop::Cut),
            };
            let now = clock::since_start();
            self.waited(now.saturating_sub(sent));
            let fared = Fared::of(&outcome, &limits, &timeouts);
            let paced = self.company.goes_by_pace();
            target.tell(fared, probe.as_ref(), paced, (sent, now));
            // Whoever is to be left alone is not asked again while another can be.
            let leaves = fared.is_bad() && !target.lets(now) && self.company.has_better();
            let (wait, failure) = match outcome {
                Ok((response, loan)) => {
                    // How a success ends is known when its body is read.
                    if !response.status().is_success() {
                        self.attempted(ending(response.status()));
                    }
                    let wait = self.worth_repeating(&response, attempt, most);
                    let Some(wait) = wait.filter(|wait| !leaves && self.due.allows(*wait, now))
                    else {
                        return Ok((response, loan, attempt));
                    };
                    (wait, Failure::Status(response.status().as_u16(), None))
                }
                Err(error) => {
                    self.attempted(how(error));
                    let wait = if error == TransportError::Stale {
                        Duration::ZERO
                    } else {
                        self.backoff(attempt)
                    };
                    let again = error.surely_undone() && attempt < most && !leaves;
                    if !again || !self.due.allows(wait, now) {
                        return Err(Stop::Failed(error.into(), attempt));
                    }
                    (wait, Failure::from(error))
                }
            };
            // Neither a refusal nor a connection that never was is billed: the promise stands for the next attempt.
            self.recall();
            tokio::select! {
                biased;
                () = sleep(wait) => self.waited(wait),
                () = self.cutoff.cut() => return Err(Stop::Cut),
            }
            if self.gone.get() {
                return Err(Stop::Failed(failure, attempt));
            }
            self.retried();
            attempt = attempt.saturating_add(1);
        }
    }

    /// How long to wait before this answer is asked for again; `None` if it stands.
    fn worth_repeating(
        &self,
        response: &Response<Incoming>,
        attempt: u32,
        most: u32,
    ) -> Option<Duration> {
        let status = response.status();
        let refused = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
        if attempt >= most || !refused || is_unseen(status.as_u16()) {
            return None;
        }
        match retry_after(response.headers()) {
            // Longer than we wait: the caller is told, and decides.
            Some(wait) if wait > self.plan.retries.backoff_max => None,
            Some(wait) => Some(wait),
            None => Some(self.backoff(attempt)),
        }
    }

    /// Doubles from the first wait to the longest, half of it by chance: a crowd does not come back at once.
    fn backoff(&self, attempt: u32) -> Duration {
        let retries = self.plan.retries;
        let doubled = retries
            .backoff_min
            .saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
        let half = doubled.min(retries.backoff_max) / 2;
        half.saturating_add(self.worker.jitter(half))
    }

    /// The provider refused the call. Its own words pass unchanged when it is the caller's matter, else it failed; a
    /// redirect too, because nobody but the configuration says where calls go.
    async fn refused(
        mut self: Box<Self>,
        response: Response<Incoming>,
        loan: Loan,
        attempts: u32,
    ) -> Result<Answer, Refusal> {
        let status = response.status();
        if !status.is_client_error() {
            let retry_after = retry_after(response.headers());
            return Err(self.failed(Failure::Status(status.as_u16(), retry_after), attempts));
        }
        let (mut parts, body) = response.into_parts();
        let (bytes, now) = self.gather(body, loan).await;
        let facts = self.release("upstream_refused", status.as_u16(), now);
        // Half of its words would stand under headers that promise the whole.
        let bytes = bytes.map_err(|failure| self.upstream(failure, attempts))?;
        let bytes = self.retell_refusal(status, &mut parts.headers, bytes);
        Ok(Answer {
            status,
            headers: parts.headers,
            body: Body::Whole(bytes),
            facts,
        })
    }

    async fn answered(
        mut self: Box<Self>,
        response: Response<Incoming>,
        loan: Loan,
        attempts: u32,
    ) -> Result<Answer, Refusal> {
        let (mut parts, body) = response.into_parts();
        let (bytes, mut now) = self.gather(body, loan).await;
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(_) if self.cutoff.is_cut() => return Err(self.cut_off()),
            Err(failure) => {
                self.attempted(if failure.is_timeout() {
                    Attempt::Timeout
                } else {
                    Attempt::Cut
                });
                return Err(self.failed(failure, attempts));
            }
        };
        let (bytes, theirs) = self.retell(&mut parts.headers, bytes, now, attempts)?;
        let consulted = if self.consults() {
            let consulted = Box::pin(self.consulted(&parts.headers, &bytes)).await;
            now = clock::since_start();
            consulted
        } else {
            Ok(())
        };
        let (reading, screened) = self.read_answer(&mut parts.headers, &bytes, consulted);
        let reading = theirs.or(reading);
        let withheld = screened.as_ref().err().map(|blocked| blocked.reason.code());
        let status = screened.as_ref().map_or_else(
            |blocked| blocked.status.unwrap_or(400),
            |_| parts.status.as_u16(),
        );
        let untold = self.untold(reading.as_ref());
        let partial = untold.is_some();
        let ending = if let Some(reading) = reading {
            self.attempted(Attempt::Ok);
            Ending {
                usage: untold.or(reading.usage),
                counted: self.counted(vendor::output_bounds(&reading)),
                partial,
                status,
                withheld,
            }
        } else {
            // No answer we can read. The provider says it did the work: the most it could have done is booked.
            self.attempted(Attempt::Malformed);
            Ending {
                usage: untold,
                counted: self.counted((0, u64::try_from(bytes.len()).unwrap_or(u64::MAX))),
                partial,
                status,
                withheld,
            }
        };
        let (facts, sequence) = self.settle(ending, now);
        if self.worker.desk.durable.before_answers() {
            // A journal that failed holds no entry; the settlement stands in memory and goes into its next snapshot.
            let _ = self.worker.desk.durable.reach(sequence).await;
        }
        // Paid, even if it is then withheld.
        let bytes = screened.map_err(|blocked| Refusal::Denied(blocked.denial()))?;
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: Body::Whole(bytes),
            facts,
        })
    }

    /// Whether guards elsewhere have a say before the answer leaves.
    pub(super) fn consults(&self) -> bool {
        self.asking.is_some() || self.is_heard()
    }

    /// Whether guards elsewhere want to hear the answer.
    fn is_heard(&self) -> bool {
        let screen = self.screen.as_ref();
        screen.is_some_and(|screen| !of_answers(screen).is_empty())
    }

    /// What guards elsewhere say, as long as nobody pulls the call's switch: then they are not waited for. The answer came
    /// whole, so it is booked by its provider's word all the same.
    pub(super) async fn consulted(
        &mut self,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<(), Blocked> {
        let cutoff = std::mem::take(&mut self.cutoff);
        let verdict = tokio::select! {
            biased;
            () = cutoff.cut() => Err(Blocked::stopped(&self.stopped())),
            verdict = self.verdict(headers, body) => verdict,
        };
        self.cutoff = cutoff;
        verdict
    }

    /// What guards elsewhere say, of the request where they are asked while the call is under way, and of its answer.
    async fn verdict(&mut self, headers: &HeaderMap, body: &Bytes) -> Result<(), Blocked> {
        if let Some(mut asking) = self.asking.take() {
            asking.verdict().await?;
        }
        if !self.is_heard() {
            return Ok(());
        }
        let texts = plain(headers, body).and_then(|plain| whole_answer(&plain, self.endpoint));
        match self.ask_about_answer(texts) {
            Some(mut asking) => asking.verdict().await,
            None => Ok(()),
        }
    }

    async fn streamed(
        self: Box<Self>,
        response: Response<Incoming>,
        loan: Loan,
    ) -> Result<Answer, Refusal> {
        let (parts, body) = response.into_parts();
        let facts: Facts = self.facts_so_far(clock::since_start());
        let mut stream = Box::new(Stream::new(self, body, loan));
        stream.may_begin().await.map_err(Refusal::Denied)?;
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: Body::Stream(stream),
            facts,
        })
    }

    /// Reads a whole body and gives the connection back; says when that was.
    async fn gather(&mut self, body: Incoming, loan: Loan) -> (Result<Bytes, Failure>, Duration) {
        let began = clock::since_start();
        let whole = self.whole(body).await;
        let now = clock::since_start();
        self.waited(now.saturating_sub(began));
        if whole.is_ok() {
            loan.give_back(now);
        }
        (whole, now)
    }

    /// Reads a whole body, within its bounds of time and length.
    async fn whole(&self, mut body: Incoming) -> Result<Bytes, Failure> {
        let mut first: Option<Bytes> = None;
        let mut rest = BytesMut::new();
        while let Some(frame) = self.frame(&mut body).await? {
            let Ok(data) = frame.into_data() else {
                continue;
            };
            match &first {
                None => first = Some(data),
                Some(head) => {
                    if rest.is_empty() {
                        rest.extend_from_slice(head);
                    }
                    rest.extend_from_slice(&data);
                    if rest.len() > LONGEST_ANSWER {
                        return Err(Failure::TooLong);
                    }
                }
            }
        }
        Ok(if rest.is_empty() {
            first.unwrap_or_default()
        } else {
            rest.freeze()
        })
    }

    /// The next piece of a body. What is there already needs no timer and asks no clock.
    async fn frame(&self, body: &mut Incoming) -> Result<Option<Frame<Bytes>>, Failure> {
        let mut next = body.frame();
        let frame = match poll_fn(|cx| Poll::Ready(Pin::new(&mut next).poll(cx))).await {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let timeouts = self.plan.timeouts;
                let left = self.due.over.saturating_sub(clock::since_start());
                let patience = timeouts.idle.min(left);
                tokio::select! {
                    biased;
                    frame = timeout(patience, next) => frame.map_err(|_| Failure::Stalled)?,
                    () = self.cutoff.cut() => return Err(Failure::Cut),
                }
            }
        };
        frame.transpose().map_err(|_| Failure::Cut)
    }

    /// The call failed for good: booked by what is known of the provider's work, and told.
    fn failed(&mut self, failure: Failure, attempts: u32) -> Refusal {
        let now = clock::since_start();
        let status = if failure.is_timeout() { 504 } else { 502 };
        if failure.surely_undone() {
            self.release("upstream_error", status, now);
        } else {
            self.expire("upstream_error", status, now);
        }
        self.upstream(failure, attempts)
    }

    /// There is nothing to show the provider, so it is not asked.
    fn unproven(&mut self, name: Arc<str>) -> Refusal {
        self.release("credential_unavailable", 503, clock::since_start());
        Refusal::NoCredential {
            provider: self.target.destination.upstream.name.clone(),
            name,
        }
    }

    pub(super) fn upstream(&mut self, failure: Failure, attempts: u32) -> Refusal {
        Refusal::Upstream {
            provider: self.target.destination.upstream.name.clone(),
            attempts,
            failure,
            others: self.others_told(),
        }
    }
}

/// Whether this is a stream we can meter. One that comes compressed although it was asked for plainly is passed whole:
/// what we would add to it (an error, an end) would stand in the midst of packed bytes.
fn is_readable_stream(headers: &HeaderMap) -> bool {
    let plain = |coding: &http::HeaderValue| coding == "identity";
    let kind = headers
        .get(CONTENT_TYPE)
        .map(http::HeaderValue::as_bytes)
        .unwrap_or_default();
    headers.get(CONTENT_ENCODING).is_none_or(plain)
        && kind
            .get(..17)
            .is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/event-stream"))
}

/// `retry-after-ms`, or `retry-after` in seconds. A date is not read: such an answer stands.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    if let Some(millis) = number("retry-after-ms") {
        return Some(Duration::from_millis(millis));
    }
    headers
        .contains_key(RETRY_AFTER)
        .then(|| number("retry-after").map_or(Duration::MAX, Duration::from_secs))
}

const fn how(error: TransportError) -> Attempt {
    match error {
        TransportError::Broken => Attempt::Cut,
        error if error.is_timeout() => Attempt::Timeout,
        _ => Attempt::Unreachable,
    }
}

fn ending(status: StatusCode) -> Attempt {
    match status {
        StatusCode::TOO_MANY_REQUESTS => Attempt::RateLimited,
        status if status.is_client_error() => Attempt::Refused,
        _ => Attempt::ServerError,
    }
}
