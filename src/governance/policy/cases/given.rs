//! A test's `given:` as a request: read once, asked as often as there are mutants.

use super::Detect;
use crate::clock::Wall;
use crate::governance::guard::{Kind, Level};
use crate::governance::policy::place::{Diagnostic, Place, Spanned};
use crate::governance::policy::request::{Caller, HasSet, Request, ToolCall};
use crate::governance::policy::settings::{self, Case, File, Given, Has, ScanState, Site};
use core::net::IpAddr;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// One thing found in a text of the test.
pub(super) type Found = (Site, Kind, Level);

/// A test, ready to be asked.
#[derive(Debug)]
pub(in super::super) struct Prepared<'f> {
    pub(super) case: &'f Case,
    /// Which file it is of.
    pub(super) file: u16,
    scope: &'f settings::Scope,
    groups: Vec<Box<str>>,
    tools: Vec<&'f str>,
    headers: Vec<(String, &'f str)>,
    peer: Option<IpAddr>,
    has: HasSet,
    input_tokens: u64,
    bytes: u64,
    messages: u64,
    now: Option<Wall>,
    pub(super) taints: Vec<Box<str>>,
    /// Names and arguments as JSON.
    calls: Vec<(&'f str, String)>,
    pub(super) found: Vec<Found>,
    /// In what the request holds.
    counts: Vec<(Kind, u32)>,
    /// What is wrong with the test itself.
    pub(super) faults: Vec<Diagnostic>,
}

/// The labels a test may give.
const LABELS: [&str; 6] = ["org", "team", "project", "key", "user", "agent"];

impl<'f> Prepared<'f> {
    pub(super) fn new(file: &'f File, case: &'f Case, detect: &dyn Detect) -> Self {
        let given = &case.given;
        let mut faults = Vec::new();
        for (label, _) in &given.labels {
            if !LABELS.contains(&label.value.as_str()) {
                let message = format!("`{}` is none of {}", label.value, LABELS.join(", "));
                faults.push(Diagnostic::error("TG602", label.place, message));
            }
        }
        let peer = given.network.as_ref().and_then(|network| {
            let message = || format!("`{}` is no address", network.value);
            known(
                network.value.parse().ok(),
                network.place,
                &mut faults,
                message,
            )
        });
        let now = given.time.as_ref().and_then(|time| {
            let message = || {
                format!(
                    "`{}` is no time: write 2026-11-20T23:30:00+01:00",
                    time.value
                )
            };
            known(moment(file, &time.value), time.place, &mut faults, message)
        });
        let calls: Vec<(&str, String)> = given
            .tool_calls
            .iter()
            .map(|call| (call.name.value.as_str(), arguments(call)))
            .collect();
        let texts = texts(given, &calls);
        let mut found: Vec<Found> = Vec::new();
        for (site, text) in &texts {
            let of = detect.detect(*site, text);
            found.extend(of.into_iter().map(|(kind, level)| (*site, kind, level)));
        }
        let read = |site: Site| matches!(site, Site::Request | Site::ToolResult);
        let bytes: usize = texts
            .iter()
            .filter(|(site, _)| read(*site))
            .fold(0, |sum, (_, text)| sum.saturating_add(text.len()));
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let messages = texts.iter().filter(|(site, _)| read(*site)).count();
        let stream = given.stream.as_ref().is_some_and(|stream| stream.value);
        let has = given
            .has
            .iter()
            .fold(HasSet::default(), |set, has| set.with(has.value));
        Self {
            case,
            file: case.place.file,
            scope: &file.scope.value,
            groups: given
                .groups
                .iter()
                .map(|group| group.value.as_str().into())
                .collect(),
            tools: given.tools.iter().map(|tool| tool.value.as_str()).collect(),
            headers: given
                .headers
                .iter()
                .map(|(name, value)| (name.value.to_ascii_lowercase(), value.value.as_str()))
                .collect(),
            peer,
            has: if stream { has.with(Has::Stream) } else { has },
            input_tokens: given
                .input_tokens
                .as_ref()
                .map_or(bytes.div_ceil(4), |tokens| tokens.value),
            bytes,
            messages: u64::try_from(messages).unwrap_or(u64::MAX).max(1),
            now,
            taints: given
                .tainted
                .iter()
                .map(|label| label.value.as_str().into())
                .collect(),
            calls,
            counts: counts(found.iter().filter(|(site, ..)| read(*site))),
            found,
            faults,
        }
    }

    /// The request, with these labels of its session.
    pub(super) fn request<'a>(&'a self, taints: &'a [Box<str>]) -> Request<'a> {
        let given = &self.case.given;
        let label = |name: &str, scope: &'a Option<String>| {
            let mut labels = given.labels.iter();
            let own = labels.find(|(label, _)| label.value == name);
            own.map(|(_, value)| value.value.as_str())
                .or(scope.as_deref())
        };
        Request {
            caller: Caller {
                org: label("org", &self.scope.org),
                team: label("team", &self.scope.team),
                project: label("project", &self.scope.project),
                key: label("key", &self.scope.key),
                user: label("user", &None),
                agent: label("agent", &None),
                groups: &self.groups,
            },
            model: given.model.as_ref().map_or("", |model| &model.value),
            endpoint: given
                .endpoint
                .as_ref()
                .map_or("chat", |endpoint| &endpoint.value),
            tools: &self.tools,
            headers: &self.headers,
            peer: self.peer,
            has: self.has,
            input_tokens: self.input_tokens,
            max_output_tokens: given.max_output_tokens.as_ref().map(|asked| asked.value),
            bytes: self.bytes,
            message_count: self.messages,
            json_schema: false,
            now: self.now.unwrap_or_default(),
            taints,
            detections: Some(&self.counts),
            scan: Some(
                given
                    .scan
                    .as_ref()
                    .map_or(ScanState::Full, |scan| scan.value),
            ),
            used_pct: given.used_pct.as_ref().map_or(0, |used| used.value),
            soft: given.soft.as_ref().is_some_and(|soft| soft.value),
        }
    }

    /// Whether it says what time it is.
    pub(super) const fn has_time(&self) -> bool {
        self.case.given.time.is_some()
    }

    pub(super) fn calls(&self) -> Vec<ToolCall<'_>> {
        let calls = self.calls.iter();
        calls
            .map(|(name, arguments)| ToolCall { name, arguments })
            .collect()
    }

    /// How many of each kind stand at a site.
    pub(super) fn counts_at(&self, wanted: Site) -> Vec<(Kind, u32)> {
        counts(self.found.iter().filter(|(site, ..)| *site == wanted))
    }
}

fn known<T>(
    value: Option<T>,
    place: Place,
    faults: &mut Vec<Diagnostic>,
    message: impl FnOnce() -> String,
) -> Option<T> {
    if value.is_none() {
        faults.push(Diagnostic::error("TG602", place, message()));
    }
    value
}

/// A time with an offset, or one on the clocks of the file's zone.
fn moment(file: &File, text: &str) -> Option<Wall> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(Wall::from_secs(timestamp.as_second()));
    }
    let zone = match &file.defaults.tz {
        Some(name) => TimeZone::get(&name.value).ok()?,
        None => TimeZone::UTC,
    };
    let local: DateTime = text.parse().ok()?;
    let zoned = local.to_zoned(zone).ok()?;
    Some(Wall::from_secs(zoned.timestamp().as_second()))
}

/// Every text of the test, by where it stands.
fn texts<'g>(given: &'g Given, calls: &'g [(&str, String)]) -> Vec<(Site, &'g str)> {
    let one = |site: Site, text: &'g Option<Spanned<String>>| {
        text.as_ref().map(|text| (site, text.value.as_str()))
    };
    let sites = [
        one(Site::Request, &given.text),
        one(Site::ToolResult, &given.tool_result),
        one(Site::Response, &given.response),
    ];
    let written = given.tool_calls.iter().flat_map(|call| &call.arguments);
    let arguments = written.map(|(_, value)| (Site::ToolArgs, value.value.as_str()));
    debug_assert_eq!(given.tool_calls.len(), calls.len());
    sites.into_iter().flatten().chain(arguments).collect()
}

fn counts<'a>(found: impl Iterator<Item = &'a Found>) -> Vec<(Kind, u32)> {
    let mut counts: Vec<(Kind, u32)> = Vec::new();
    for (_, kind, _) in found {
        match counts.iter_mut().find(|(known, _)| known == kind) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => counts.push((*kind, 1)),
        }
    }
    counts
}

/// Arguments by dotted path as a JSON object.
fn arguments(call: &settings::ToolCall) -> String {
    let mut object = serde_json::Map::new();
    for (path, value) in &call.arguments {
        put(&mut object, &path.value, &value.value);
    }
    serde_json::Value::Object(object).to_string()
}

fn put(object: &mut serde_json::Map<String, serde_json::Value>, path: &str, value: &str) {
    let Some((first, rest)) = path.split_once('.') else {
        object.insert(path.to_owned(), value.into());
        return;
    };
    let below = object
        .entry(first)
        .or_insert_with(|| serde_json::Value::Object(serde_json::Map::new()));
    if let Some(below) = below.as_object_mut() {
        put(below, rest, value);
    }
}
