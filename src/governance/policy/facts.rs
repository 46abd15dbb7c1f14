//! A request as expressions see it.

use super::expr::{Facts, LocalTime};
use super::request::Request;
use super::settings::Has;
use jiff::tz::TimeZone;

/// The facts of a request; the local time only if a zone is given, because it costs the most.
pub(super) fn of<'a>(request: &'a Request<'a>, zone: Option<&TimeZone>) -> Facts<'a> {
    let caller = &request.caller;
    Facts {
        model: request.model,
        endpoint: request.endpoint,
        input_tokens: request.input_tokens,
        max_output_tokens: request.max_output_tokens,
        stream: request.has.contains(Has::Stream),
        tools: &request.tools,
        message_count: request.message_count,
        bytes: request.bytes,
        headers: request.headers,
        user: caller.user.unwrap_or_default(),
        groups: &caller.groups,
        agent: caller.agent.unwrap_or_default(),
        org: caller.org.unwrap_or_default(),
        team: caller.team.unwrap_or_default(),
        project: caller.project.unwrap_or_default(),
        time: zone.map_or_else(LocalTime::default, |zone| LocalTime::at(request.now, zone)),
        detections: request.detections.unwrap_or_default(),
        used_pct: request.used_pct,
        soft: request.soft,
    }
}
