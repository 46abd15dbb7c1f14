//! What an attempt says of its target: for the circuit, and for how long the target is left alone.
//!
//! A provider that answers, also with a refusal that is the caller's matter, fares well. One that cannot be reached, breaks
//! off, keeps silent or fails on its side (5xx) does not; nor does one that is overrun (429), unless it said when to come back:
//! then it is left alone until then and nothing is held against it.

use super::attempt::{Stop, retry_after};
use super::fallback::Company;
use super::passage::Passage;
use super::worker::Target;
use crate::clock;
use crate::provider::health::{Claim, Probe};
use crate::provider::settings::Timeouts;
use crate::provider::transport::{Loan, TransportError};
use http::{Response, StatusCode};
use hyper::body::Incoming;
use std::time::Duration;

/// How a target fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fared {
    /// It answered.
    Well,
    /// It asked to be left alone for so long, and is well otherwise.
    Overrun(Duration),
    /// It failed, and may have asked to be left alone.
    Badly(Option<Duration>),
    /// Its caller was in a hurry, or the connection had been idle for too long: nothing is known.
    Unknown,
}

impl Fared {
    /// What came of an attempt that had these limits, where those are configured.
    pub(super) fn of(
        outcome: &Result<(Response<Incoming>, Loan), TransportError>,
        limits: &Timeouts,
        configured: &Timeouts,
    ) -> Self {
        match outcome {
            Ok((response, _)) => {
                let status = response.status();
                // Headers are only looked at where they could say something.
                if status != StatusCode::TOO_MANY_REQUESTS && !status.is_server_error() {
                    return Self::Well;
                }
                // A date, or more than anybody waits, is no time to be left alone for.
                let rest = retry_after(response.headers())
                    .filter(|wait| !wait.is_zero() && *wait < Duration::MAX);
                Self::told(status, rest)
            }
            Err(error) => Self::failed(*error, || is_patient(limits, configured)),
        }
    }

    fn failed(error: TransportError, is_patient: impl FnOnce() -> bool) -> Self {
        if error == TransportError::Stale || error.is_timeout() && !is_patient() {
            Self::Unknown
        } else {
            Self::Badly(None)
        }
    }

    fn told(status: StatusCode, rest: Option<Duration>) -> Self {
        match (status, rest) {
            (StatusCode::TOO_MANY_REQUESTS, Some(rest)) => Self::Overrun(rest),
            (StatusCode::TOO_MANY_REQUESTS, None) => Self::Badly(None),
            (status, rest) if status.is_server_error() => Self::Badly(rest),
            _ => Self::Well,
        }
    }

    pub(super) const fn is_bad(self) -> bool {
        matches!(self, Self::Overrun(_) | Self::Badly(_))
    }
}

/// Whether an attempt had most of the time that is configured: one whose caller left it less says nothing by not being in time.
fn is_patient(limits: &Timeouts, configured: &Timeouts) -> bool {
    let usual = configured.within(configured.total);
    limits.first_byte >= usual.first_byte / 2 && limits.connect >= usual.connect / 2
}

impl Passage {
    /// Asks the target's circuit where another could be asked instead; a call with one target asks nobody.
    pub(super) fn let_through(&mut self, target: &Target) -> Result<Option<Probe>, Stop> {
        if !matches!(self.company, Company::Others(_)) {
            return Ok(None);
        }
        let now = clock::since_start();
        match target
            .health
            .claim(&target.destination.upstream.breaker, now)
        {
            Claim::Probe(probe) => Ok(Some(probe)),
            Claim::Shut if self.company.has_better() => Err(Stop::Shut),
            Claim::Shut | Claim::Free => Ok(None),
        }
    }
}

impl Target {
    /// Keeps what an attempt said of it.
    pub(super) fn tell(
        &self,
        fared: Fared,
        probe: Option<&Probe>,
        paced: bool,
        (sent, now): (Duration, Duration),
    ) {
        let (health, upstream) = (&self.health, &self.destination.upstream);
        let breaker = &upstream.breaker;
        let (opened, rest) = match fared {
            Fared::Unknown => return,
            Fared::Well => (false, None),
            Fared::Overrun(rest) => (false, Some(rest)),
            Fared::Badly(rest) => (health.failed(breaker, probe, now), rest),
        };
        if let Some(rest) = rest {
            health.rest(rest, now);
        }
        if fared == Fared::Well && paced {
            health.took(now.saturating_sub(sent), now);
        }
        let model = &*self.destination.configured;
        if opened {
            tracing::warn!(
                provider = %upstream.name,
                model,
                open_for = ?breaker.open_for,
                "a target failed too often: while its circuit is open others are asked, where there are any"
            );
        }
        if !matches!(fared, Fared::Badly(_)) && health.answered(breaker, sent, now) {
            tracing::info!(provider = %upstream.name, model, "a target answers again: its circuit is closed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_status_says_of_a_target() {
        let check = |status: u16, rest: Option<u64>, expected| {
            let status = StatusCode::from_u16(status).expect("a status");
            let rest = rest.map(Duration::from_secs);
            assert_eq!(Fared::told(status, rest), expected, "{status}");
        };
        let second = Duration::from_secs(1);
        check(200, None, Fared::Well);
        check(400, Some(1), Fared::Well);
        check(404, None, Fared::Well);
        check(429, Some(1), Fared::Overrun(second));
        check(429, None, Fared::Badly(None));
        check(500, None, Fared::Badly(None));
        check(503, Some(1), Fared::Badly(Some(second)));
        check(529, None, Fared::Badly(None));
    }

    #[test]
    fn a_failure_that_is_not_the_targets_says_nothing_of_it() {
        let late = TransportError::FirstByteTimeout(Duration::from_secs(1));
        assert_eq!(Fared::failed(late, || true), Fared::Badly(None));
        assert_eq!(Fared::failed(late, || false), Fared::Unknown);
        let stale = TransportError::Stale;
        assert_eq!(Fared::failed(stale, || true), Fared::Unknown);
        assert!(!Fared::Unknown.is_bad());
        let broken = TransportError::Broken;
        assert_eq!(Fared::failed(broken, || false), Fared::Badly(None));
    }
}
