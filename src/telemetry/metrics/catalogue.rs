//! Every metric there is: name, kind, labels, and one sentence for whoever reads the scrape.
//!
//! The one list from which the exposition takes its text, and against which dashboard and alert rules are checked.

/// What kind of number it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

/// One metric.
#[derive(Debug)]
pub struct Family {
    /// Its name in the exposition.
    pub name: &'static str,
    /// What kind of number.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

macro_rules! catalogue {
    ($($id:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(super) static $id: Family = Family {
            name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help,
        };)*
        /// Every metric, in the order of this list.
        pub static ALL: &[&Family] = &[$(&$id),*];
    };
}

catalogue! {
    DECISIONS = Counter "tollgate_decisions_total" ["verdict", "reason", "source"]
        "Calls by what became of them, why, and what decided it.";
    DECISION_SECONDS = Histogram "tollgate_decision_seconds" ["stage"]
        "Time to look at a request once (look) and to decide about it (decide).";
    OVERHEAD = Histogram "tollgate_overhead_seconds" ["stream"]
        "Time a call spent in the gateway itself, the provider's own time left out.";
    IN_FLIGHT = Gauge "tollgate_requests_in_flight" []
        "Calls on their way through.";
    CONNECTIONS = Gauge "tollgate_connections" []
        "Open connections of callers.";
    AUTH_FAILURES = Counter "tollgate_auth_failures_total" []
        "Calls without a valid key.";
    BUDGET_LIMIT = Gauge "tollgate_budget_limit_usd" ["budget"]
        "What may be spent in this period, carry-over included.";
    BUDGET_SPENT = Gauge "tollgate_budget_spent_usd" ["budget"]
        "What was spent in this period.";
    BUDGET_RESERVED = Gauge "tollgate_budget_reserved_usd" ["budget"]
        "What is set aside for calls in flight.";
    BUDGET_REMAINING = Gauge "tollgate_budget_remaining_usd" ["budget"]
        "What is neither spent nor set aside.";
    BUDGET_RESET = Gauge "tollgate_budget_reset_timestamp_seconds" ["budget"]
        "When the next period begins.";
    POLICY_INFO = Gauge "tollgate_policy_info" ["revision"]
        "1, with the revision of the policies in force.";
    CONFIG_RELOAD = Counter "tollgate_config_reload_total" ["result"]
        "Reloads of the configuration: taken (ok) or turned down with the old one kept (error).";
    POLICY_RELOAD = Counter "tollgate_policy_reload_total" ["result"]
        "Reloads of the policies: taken (ok) or turned down with the old ones kept (error).";
    SCANS = Counter "tollgate_scan_total" ["state"]
        "Requests by how much of their texts could be looked at: full, partial (images, audio, files), none.";
    FINDINGS = Counter "tollgate_findings_total" ["detector", "action"]
        "What detectors found in requests and answers, and what became of it.";
    SHADOWS = Counter "tollgate_policy_shadow_total" ["rule", "would"]
        "Calls that a rule in shadow, or not yet in force for their caller, would have decided otherwise.";
    ALERTS = Counter "tollgate_alerts_total" ["result"]
        "Alerts of rules by what became of them: sent, failed, or dropped because too many waited.";
    PRICE_UNKNOWN = Counter "tollgate_price_unknown_total" []
        "Calls whose model had no price.";
    UPSTREAM = Counter "tollgate_upstream_requests_total" ["provider", "outcome"]
        "Attempts at a provider by how they ended.";
    CIRCUIT = Gauge "tollgate_circuit_state" ["provider"]
        "Whether a provider's targets are called: 0 closed (yes), 1 half open (one call is to show it), 2 open (others are); the worst of them.";
    RETRIES = Counter "tollgate_retries_total" ["provider"]
        "Attempts made again at the same provider.";
    SPEND = Counter "tollgate_spend_usd_total" ["project", "model"]
        "Money booked since the process started.";
    USAGE_ESTIMATED = Counter "tollgate_usage_estimated_total" []
        "Calls booked by our own count because the provider reported no usage.";
    OVERRUN = Counter "tollgate_overrun_total" []
        "Calls that cost more than was set aside for them (booked in full).";
    CLAMPED = Counter "tollgate_clamped_total" []
        "Calls sent with a smaller output cap to fit what was left.";
    LEASE_REMAINING = Gauge "tollgate_lease_remaining_usd" ["leaf"]
        "What is left of the money that the control panel lent, by who spends it.";
    LEASE_EXPIRY = Gauge "tollgate_lease_expiry_timestamp_seconds" ["leaf"]
        "When that money may no longer be spent, unless the panel is heard again.";
    LEASE_SYNC = Counter "tollgate_lease_sync_total" ["result"]
        "Syncs with the control panel: answered (ok), refused, or not answered (unreachable).";
    PANEL_UNREACHABLE = Gauge "tollgate_panel_unreachable_seconds" []
        "How long the control panel has not answered; 0 while it does.";
    BUNDLE_VERSION = Gauge "tollgate_policy_bundle_version" []
        "The version of the control panel's policies that is in force; 0: none of the panel's.";
    BUNDLE_ORDERS = Counter "tollgate_policy_bundle_total" ["result"]
        "Policies the control panel ordered: in force (ok), not to be used (unusable), or not believed (untrusted).";
    JOURNAL_FAILURES = Counter "tollgate_journal_failures_total" []
        "Failed writes of the spend journal.";
    JOURNAL_SYNCED = Counter "tollgate_journal_synced_records_total" []
        "Records of the spend journal that reached the disk.";
    JOURNAL_SUSPENDED = Gauge "tollgate_journal_suspended" []
        "1 while the spend journal cannot be written and new calls are refused.";
    DECISION_LOG_RECORDS = Counter "tollgate_decision_log_records_total" []
        "Lines written to the decision log.";
    DECISION_LOG_FAILURES = Counter "tollgate_decision_log_failures_total" []
        "Failed writes of the decision log (its records are kept and tried again).";
    DECISION_LOG_QUEUED = Gauge "tollgate_decision_log_queued" []
        "Records waiting for the decision log; when the queue is full, new calls are refused (or records dropped: on_full).";
    DECISION_LOG_DROPPED = Counter "tollgate_decision_log_dropped_total" []
        "Decisions that were not recorded because the log could not be written; a gap record says how many and when.";
    TOKENS = Histogram "gen_ai_client_token_usage"
        ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "gen_ai_token_type"]
        "Tokens used by one call.";
    DURATION = Histogram "gen_ai_client_operation_duration_seconds"
        ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"]
        "Time of a whole call.";
    FIRST_TOKEN = Histogram "gen_ai_server_time_to_first_token_seconds"
        ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"]
        "Time to the first byte of a streamed answer.";
    PROCESS_CPU = Counter "process_cpu_seconds_total" []
        "Processor time used, user and system.";
    PROCESS_RSS = Gauge "process_resident_memory_bytes" []
        "Resident memory.";
    PROCESS_FDS = Gauge "process_open_fds" []
        "Open file descriptors.";
    PROCESS_START = Gauge "process_start_time_seconds" []
        "When the process started.";
}
