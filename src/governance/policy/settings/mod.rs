//! Policies as written: one [`File`] for each scope, every value with its place.
//!
//! Reading YAML into this is the business of `config::policy`; what it means, of `super::compile`. Keys and values that
//! have only one spelling (`effect: deny`) are typed here; what needs looking up (`$list`, globs, expressions, dates)
//! stays text with its place, so that a complaint can point at it.

mod cases;

pub use cases::{Case, Expect, Given};

use super::place::{Place, Spanned};
use crate::units::Money;
use std::time::Duration;

/// A list of names: globs, `!` before those left out, `$name` for a list of the file.
pub type Names = Vec<Spanned<String>>;

/// One policy file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct File {
    /// Where it begins.
    pub place: Place,
    /// Whether it came with a bundle of the control panel, rather than lying beside the configuration.
    pub shipped: bool,
    /// Whom it is for.
    pub scope: Spanned<Scope>,
    /// `pack:`: what it adds to its scope, by name. A scope has one file without a name, and one of each name.
    pub pack: Option<Spanned<String>>,
    /// `lists:`, by name.
    pub lists: Vec<(Spanned<String>, Names)>,
    /// `windows:`, by name.
    pub windows: Vec<(Spanned<String>, Window)>,
    /// `defaults:`.
    pub defaults: Defaults,
    /// `limits:`.
    pub limits: Limits,
    /// `budget:`.
    pub budget: BudgetBehaviour,
    /// `rules:`.
    pub rules: Vec<Rule>,
    /// `redact:`.
    pub redact: Vec<Redact>,
    /// `patterns:`: detectors of the policy's own.
    pub patterns: Vec<CustomPattern>,
    /// `injection:`.
    pub injection: Option<Injection>,
    /// `taint:`: labels a session gets by what it read.
    pub taint: Vec<Taint>,
    /// `breakers:`.
    pub breakers: Vec<Breaker>,
    /// `consult:`: guards elsewhere.
    pub consult: Vec<Consult>,
    /// `capture:`: of which calls the texts of the request are kept in the decision log, masked.
    pub capture: Option<Spanned<Match>>,
    /// `overrides:`.
    pub overrides: Vec<Override>,
    /// `tests:`.
    pub tests: Vec<Case>,
}

/// Whom a file is for: `{org: acme}`, `{org: acme, team: payments}`, …; all of it empty: everybody. The layer is that of
/// the innermost name given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The organisation.
    pub org: Option<String>,
    /// The team.
    pub team: Option<String>,
    /// The project.
    pub project: Option<String>,
    /// The virtual key, by name.
    pub key: Option<String>,
}

/// Which layer a scope belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// `{}` or `{org}`.
    Org,
    /// `{team}`.
    Team,
    /// `{project}`.
    Project,
    /// `{key}`.
    Key,
}

impl Scope {
    /// The layer of the innermost name given.
    #[must_use]
    pub const fn layer(&self) -> Layer {
        if self.key.is_some() {
            Layer::Key
        } else if self.project.is_some() {
            Layer::Project
        } else if self.team.is_some() {
            Layer::Team
        } else {
            Layer::Org
        }
    }
}

/// `{days: [mon, …], from: "07:00", to: "20:00", tz: Europe/Zurich, overnight: true}`, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// `days:`; empty: all.
    pub days: Vec<Spanned<String>>,
    /// `from:`.
    pub from: Spanned<String>,
    /// `to:`.
    pub to: Spanned<String>,
    /// `tz:`, else the file's, else UTC.
    pub tz: Option<Spanned<String>>,
    /// `overnight: true`.
    pub overnight: bool,
}

/// `defaults:`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defaults {
    /// `effect:` of a layer with rules where none matched; absent: deny as soon as the file has an allow rule, else allow.
    pub effect: Option<Spanned<Effect>>,
    /// `on_detector_error: block | pass`; absent: block.
    pub on_detector_error: Option<Spanned<OnError>>,
    /// `tz:` of the file's windows and of `time.*`.
    pub tz: Option<Spanned<String>>,
    /// `scan_budget:`: how long detectors may take for one request; absent: 5 ms.
    pub scan_budget: Option<Spanned<Duration>>,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// `allow`.
    Allow,
    /// `deny`.
    Deny,
}

/// What happens when a guard itself fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnError {
    /// `block` (of detectors), `deny` (of consultations).
    Block,
    /// `pass`, `allow`.
    Pass,
}

/// `limits:`. The smallest over all layers holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// `max_input_tokens:`.
    pub max_input_tokens: Option<Spanned<u64>>,
    /// `max_output_tokens:`: a cap, and the value sent upstream when the client names none.
    pub max_output_tokens: Option<Spanned<u64>>,
    /// `rpm:`, for each virtual key in the scope.
    pub rpm: Option<Spanned<u64>>,
    /// `tpm:`.
    pub tpm: Option<Spanned<u64>>,
    /// `concurrency:`.
    pub concurrency: Option<Spanned<u64>>,
}

/// `budget:`: how to behave; hard limits are never in a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BudgetBehaviour {
    /// `soft: "80%"`.
    pub soft: Option<Spanned<String>>,
    /// `on_panel_loss: lease-only | stop`.
    pub on_panel_loss: Option<Spanned<String>>,
}

/// One rule.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rule {
    /// Where it begins.
    pub place: Place,
    /// `id:`.
    pub id: Spanned<String>,
    /// `effect:`; a rule without one only sets, tags, routes, requires or alerts.
    pub effect: Option<Spanned<Effect>>,
    /// `match:`.
    pub matches: Option<Spanned<Match>>,
    /// `unless:`.
    pub unless: Option<Spanned<Match>>,
    /// `when:`, an expression.
    pub when: Option<Text>,
    /// `message:` for the caller.
    pub message: Option<Spanned<String>>,
    /// `mode: shadow`.
    pub shadow: Option<Place>,
    /// `shadow_until:`, a date.
    pub shadow_until: Option<Spanned<String>>,
    /// `canary: 10%`.
    pub canary: Option<Spanned<String>>,
    /// `set:`.
    pub set: Option<Spanned<Set>>,
    /// `route:`.
    pub route: Option<Spanned<RouteTo>>,
    /// `require:`.
    pub require: Option<Spanned<Require>>,
    /// `tag: {name: value}`.
    pub tag: Vec<(Spanned<String>, Spanned<String>)>,
    /// `alert: {webhook: …}`, by URL.
    pub alert: Option<Spanned<String>>,
    /// `status: 402 | 403 | 412 | 429` of a denial.
    pub status: Option<Spanned<u64>>,
    /// `code:` of a denial.
    pub code: Option<Spanned<String>>,
}

/// An expression as it stands in the file, with what is needed to find a column of it again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text {
    /// The expression, as YAML understood it.
    pub text: String,
    /// Where its first character stands (inside the quotes, if it has any).
    pub place: Place,
    /// For block scalars: where each of its lines begins.
    pub lines: Vec<Place>,
}

impl Text {
    /// The place of the character at byte `offset` of the text.
    #[must_use]
    pub fn place_of(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.matches('\n').count();
        let start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
        let characters = before.get(start..).unwrap_or_default().chars().count();
        let base = self.lines.get(line).copied().unwrap_or(self.place);
        let column = u32::try_from(characters).unwrap_or(u32::MAX);
        Place {
            column: base.column.saturating_add(column),
            ..base
        }
    }
}

/// `match:` and `unless:`. Keys are joined by AND, entries of a key by OR.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Match {
    /// `match: any`.
    pub any: bool,
    /// `models:`.
    pub models: Option<Spanned<Names>>,
    /// `endpoints:`.
    pub endpoints: Option<Spanned<Names>>,
    /// `tools:` offered by the request (and, on calls the model makes, called).
    pub tools: Option<Spanned<Names>>,
    /// `users:`.
    pub users: Option<Spanned<Names>>,
    /// `groups:`.
    pub groups: Option<Spanned<Names>>,
    /// `agents:`.
    pub agents: Option<Spanned<Names>>,
    /// `projects:`.
    pub projects: Option<Spanned<Names>>,
    /// `keys:`.
    pub keys: Option<Spanned<Names>>,
    /// `headers: {name: glob}`.
    pub headers: Vec<(Spanned<String>, Spanned<String>)>,
    /// `networks:` in CIDR.
    pub networks: Option<Spanned<Names>>,
    /// `languages:`.
    pub languages: Option<Spanned<Names>>,
    /// `tainted:` labels of the session.
    pub tainted: Option<Spanned<Names>>,
    /// `tags: {name: glob}` set by other rules.
    pub tags: Vec<(Spanned<String>, Spanned<String>)>,
    /// `has: [images, audio, files, tools, stream]`.
    pub has: Vec<Spanned<Has>>,
    /// `scan: [partial, none]`: how much of the texts could be looked at.
    pub scan: Vec<Spanned<ScanState>>,
    /// `detections: [EMAIL, …]`: kinds found in the request.
    pub detections: Option<Spanned<Names>>,
    /// `tool_calls:`: calls the model makes, by name and arguments.
    pub tool_calls: Vec<ToolCall>,
    /// `window:` (only in `unless:` and `match:`), by name.
    pub window: Option<Spanned<String>>,
}

/// A call the model makes: `{name: "exec_*", arguments: {path: "/etc/*"}}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// The tool, as a glob.
    pub name: Spanned<String>,
    /// Arguments by dotted path, each matched by a glob; all must match.
    pub arguments: Vec<(Spanned<String>, Spanned<String>)>,
}

/// What a request can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Has {
    /// `images`.
    Images,
    /// `audio`.
    Audio,
    /// `files`.
    Files,
    /// `tools`.
    Tools,
    /// `stream`.
    Stream,
}

/// How much of a request's texts could be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ScanState {
    /// `full`: every text.
    Full,
    /// `partial`: something was no text (an image, a file, an unknown part).
    Partial,
    /// `none`: nothing was.
    None,
}

/// `set:`. Numbers merge by minimum over the rules that match.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Set {
    /// `max_output_tokens:`.
    pub max_output_tokens: Option<Spanned<u64>>,
    /// `temperature_max:`, in thousandths.
    pub temperature_max_milli: Option<Spanned<u64>>,
    /// `n_max:`.
    pub n_max: Option<Spanned<u64>>,
    /// `stop:`, added to the caller's.
    pub stop: Vec<Spanned<String>>,
    /// `system_prefix:`.
    pub system_prefix: Option<Spanned<String>>,
}

/// `route: {model: …}` or `{provider: …}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteTo {
    /// Another model, by a name the configuration routes.
    pub model: Option<Spanned<String>>,
    /// A provider.
    pub provider: Option<Spanned<String>>,
}

/// `require:`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Require {
    /// `headers: [x-ticket]`, present and not empty.
    pub headers: Names,
    /// `json_schema: true`: the request must ask for an answer by a schema.
    pub json_schema: Option<Spanned<bool>>,
    /// `tools: {subset: [...]}`: only these may be offered.
    pub tools: Option<Spanned<Names>>,
}

/// Where guards look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Site {
    /// `request`: what users and the system say.
    Request,
    /// `tool_result`: what tools brought back, in the request.
    ToolResult,
    /// `tool_definition`: names, descriptions and parameters of tools offered.
    ToolDefinition,
    /// `response`: what the model says.
    Response,
    /// `tool_args`: the arguments of calls the model makes.
    ToolArgs,
}

/// What a guard does with what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// `replace`: by a placeholder that is put back in the answer.
    Replace,
    /// `mask`: by stars.
    Mask,
    /// `hash`: by a keyed digest.
    Hash,
    /// `label`: by its kind.
    Label,
    /// `drop`: by nothing.
    Drop,
    /// `block`: the call is refused, the stream stopped.
    Block,
    /// `flag`: only counted.
    Flag,
}

/// One entry of `redact:`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Redact {
    /// Where it begins.
    pub place: Place,
    /// `id:`.
    pub id: Spanned<String>,
    /// `types:`: kinds, or names of `patterns:`.
    pub types: Names,
    /// `on:`; empty: `request` and `tool_result`.
    pub on: Vec<Spanned<Site>>,
    /// `action:`.
    pub action: Option<Spanned<Action>>,
    /// `level: contextual | shaped | validated`: the least that counts.
    pub level: Option<Spanned<String>>,
    /// `message:` for the caller of a blocked call.
    pub message: Option<Spanned<String>>,
    /// `soft: true`: a blocked call is answered 200 with a refusal.
    pub soft: Option<Spanned<bool>>,
    /// `note: false`: the model is not told about placeholders.
    pub note: Option<Spanned<bool>>,
    /// `match:`.
    pub matches: Option<Spanned<Match>>,
    /// `unless:`.
    pub unless: Option<Spanned<Match>>,
    /// `mode: shadow`.
    pub shadow: Option<Place>,
    /// `shadow_until:`.
    pub shadow_until: Option<Spanned<String>>,
    /// `canary:`.
    pub canary: Option<Spanned<String>>,
}

/// One entry of `patterns:`: `{name, regex, validator, positive: […], negative: […]}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CustomPattern {
    /// Where it begins.
    pub place: Place,
    /// `name:`, used in `types:`.
    pub name: Spanned<String>,
    /// `regex:`.
    pub regex: Spanned<String>,
    /// `validator: luhn | mod97`.
    pub validator: Option<Spanned<String>>,
    /// `positive:` samples: each must be found.
    pub positive: Vec<Spanned<String>>,
    /// `negative:` samples: none may be found.
    pub negative: Vec<Spanned<String>>,
}

/// `injection: {on: [tool_result], action: flag, threshold: 0.8}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Injection {
    /// Where it begins.
    pub place: Place,
    /// `on:`.
    pub on: Vec<Spanned<Site>>,
    /// `action: flag | block`.
    pub action: Option<Spanned<Action>>,
    /// `threshold:`, in thousandths.
    pub threshold_milli: Option<Spanned<u64>>,
    /// `sanitize: strip_invisible`.
    pub strip_invisible: Option<Spanned<bool>>,
}

/// One entry of `taint:`: `{on: [tool_result], from: ["web_*"], label: untrusted}`; `types:` taints by what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taint {
    /// Where it begins.
    pub place: Place,
    /// `on:`.
    pub on: Vec<Spanned<Site>>,
    /// `from:`: tools whose results taint.
    pub from: Names,
    /// `types:`: kinds whose finding taints.
    pub types: Names,
    /// `label:`.
    pub label: Spanned<String>,
}

/// One entry of `breakers:`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breaker {
    /// Where it begins.
    pub place: Place,
    /// `id:`.
    pub id: Spanned<String>,
    /// `per: run | session | agent | key`; absent: run, or the key where a call names none.
    pub per: Option<Spanned<String>>,
    /// `repeat: {same_request: 5, window: 60s, similar: true}`.
    pub repeat: Option<Spanned<Repeat>>,
    /// `loop: {tool_cycle: 4}`.
    pub tool_cycle: Option<Spanned<u64>>,
    /// `burn: {usd_per_minute: "$2.00", over: 3m}`.
    pub burn: Option<Spanned<Burn>>,
    /// `action: warn | stop`; absent: warn, then stop at twice as much.
    pub stop: Option<Spanned<bool>>,
    /// `cooldown: 10m`.
    pub cooldown: Option<Spanned<Duration>>,
    /// `mode: shadow`.
    pub shadow: Option<Place>,
    /// `shadow_until:`.
    pub shadow_until: Option<Spanned<String>>,
}

/// `repeat:`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repeat {
    /// How many of the same request are one too many.
    pub same_request: u64,
    /// Within how long.
    pub window: Duration,
    /// Whether nearly the same counts, too (numbers, ids and white space apart).
    pub similar: bool,
}

/// `burn:`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Burn {
    /// How fast is too fast.
    pub per_minute: Money,
    /// Over how long that is measured.
    pub over: Duration,
}

/// One entry of `consult:`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Consult {
    /// Where it begins.
    pub place: Place,
    /// `id:`.
    pub id: Spanned<String>,
    /// `url:`.
    pub url: Spanned<String>,
    /// `kind: webhook | moderation`.
    pub kind: Option<Spanned<String>>,
    /// `headers: {name: value}`; values may be `${NAME}`.
    pub headers: Vec<(Spanned<String>, Spanned<String>)>,
    /// `on: [request, response]`.
    pub on: Vec<Spanned<Site>>,
    /// `during: true`: asked while the call is under way; its answer is waited for before a byte of the answer leaves.
    pub during: Option<Spanned<bool>>,
    /// `timeout:`.
    pub timeout: Option<Spanned<Duration>>,
    /// `cache:`: how long an answer holds.
    pub cache: Option<Spanned<Duration>>,
    /// `on_error: allow | deny`; required.
    pub on_error: Option<Spanned<OnError>>,
    /// `match:`.
    pub matches: Option<Spanned<Match>>,
}

/// One entry of `overrides:`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Override {
    /// Where it begins.
    pub place: Place,
    /// `for:`: the child.
    pub child: Spanned<Scope>,
    /// `limits:` that hold for it instead of this file's.
    pub limits: Limits,
    /// `allow: [rule ids]`: deny rules of this file that do not hold for it.
    pub lift: Names,
    /// `reason:`.
    pub reason: Option<Spanned<String>>,
    /// `expires:`, a date.
    pub expires: Option<Spanned<String>>,
}
