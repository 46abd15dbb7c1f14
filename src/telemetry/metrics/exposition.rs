//! The scrape: cells become families, families become text.
//!
//! The `prometheus` crate keeps the registry, the order and the format; this collector hands it numbers. Here and nowhere
//! else nano-dollars and nanoseconds become floats: what is shown may round, what is kept does not.

use super::catalogue::{self, Family, Kind};
use super::cells::{Cells, Histogram};
use super::layout::{gen_ai, whole};
use super::series::RETRIES;
use super::{Metrics, process};
use crate::governance::budget::Standing;
use crate::governance::identity::Label;
use crate::provider::health::Circuit;
use crate::telemetry::event::Attempt;
use crate::units::Money;
use prometheus::core::{Collector, Desc};
use prometheus::{Encoder as _, TextEncoder, proto};
use sha2::Digest as _;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// More budgets than this are shown as one, `_other`; the biggest spenders keep their names.
const MOST_BUDGETS: usize = 1_000;

/// One ledger, and what it is split by.
#[derive(Debug, Clone)]
pub struct BudgetReading {
    /// Where it stands.
    pub standing: Standing,
    /// The label its budget is split by. Values that callers choose freely, or that name people, are shown as a digest.
    pub per: Option<Label>,
}

/// What the journal counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct JournalReading {
    /// Failed writes.
    pub failures: u64,
    /// Records that reached the disk.
    pub synced_records: u64,
    /// Whether new calls are refused because it cannot be written.
    pub suspended: bool,
}

/// What the decision log counts.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogReading {
    /// Lines written.
    pub records: u64,
    /// Failed writes.
    pub failures: u64,
    /// Records waiting.
    pub queued: u64,
    /// Records dropped.
    pub dropped: u64,
}

/// What is known of the control panel.
#[derive(Debug, Clone, Default)]
pub struct PanelReading {
    /// What it lent.
    pub leases: Vec<LeaseReading>,
    /// Syncs by what became of them: answered, refused, not answered.
    pub syncs: [u64; 3],
    /// How long it could not be reached.
    pub unreachable: Duration,
    /// The bundle of its policies that is in force; none where 0.
    pub bundle: u64,
    /// What it ordered to be run, by what became of it: in force, not to be used, not believed.
    pub orders: [u64; 3],
}

/// One lease.
#[derive(Debug, Clone, Copy)]
pub struct LeaseReading {
    /// Who spends it.
    pub leaf: u64,
    /// What is left of it.
    pub remaining: Money,
    /// When it ends, in seconds since the epoch.
    pub expires: u64,
}

/// Numbers that others keep, asked for at each scrape.
pub struct Sources {
    /// Every ledger.
    pub budgets: Box<dyn Fn() -> Vec<BudgetReading> + Send + Sync>,
    /// The journal.
    pub journal: Box<dyn Fn() -> JournalReading + Send + Sync>,
    /// The decision log.
    pub log: Box<dyn Fn() -> LogReading + Send + Sync>,
    /// What each provider's circuits say.
    pub circuits: Box<dyn Fn() -> Vec<(Arc<str>, Circuit)> + Send + Sync>,
    /// The control panel, where there is one.
    pub panel: Box<dyn Fn() -> Option<PanelReading> + Send + Sync>,
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sources")
    }
}

/// Metrics with their registry: what `/metrics` serves.
#[derive(Debug, Clone)]
pub(in crate::telemetry) struct Exposition(prometheus::Registry);

impl Exposition {
    pub(in crate::telemetry) fn new(metrics: Arc<Metrics>) -> Result<Self, prometheus::Error> {
        let descriptions = catalogue::ALL
            .iter()
            .map(|family| {
                let labels = family.labels.iter().map(ToString::to_string).collect();
                Desc::new(
                    family.name.to_owned(),
                    family.help.to_owned(),
                    labels,
                    HashMap::new(),
                )
            })
            .collect::<Result<_, _>>()?;
        let registry = prometheus::Registry::new();
        registry.register(Box::new(Reader {
            metrics,
            descriptions,
        }))?;
        Ok(Self(registry))
    }

    /// Everything, in the text format.
    pub(in crate::telemetry) fn text(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::with_capacity(16 * 1024);
        TextEncoder::new().encode(&self.0.gather(), &mut text)?;
        Ok(text)
    }
}

struct Reader {
    metrics: Arc<Metrics>,
    descriptions: Vec<Desc>,
}

impl Collector for Reader {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        let mut sheet = Sheet::default();
        let metrics = &*self.metrics;
        metrics.whole_gateway(&mut sheet);
        metrics.by_series(&mut sheet);
        metrics
            .ruled
            .each(|family, labels, count| sheet.count(family, labels, count));
        if let Some(sources) = metrics.sources.get() {
            budgets(&mut sheet, (sources.budgets)());
            let journal = (sources.journal)();
            sheet.count(&catalogue::JOURNAL_FAILURES, &[], journal.failures);
            sheet.count(&catalogue::JOURNAL_SYNCED, &[], journal.synced_records);
            sheet.count(
                &catalogue::JOURNAL_SUSPENDED,
                &[],
                u64::from(journal.suspended),
            );
            let log = (sources.log)();
            sheet.count(&catalogue::DECISION_LOG_RECORDS, &[], log.records);
            sheet.count(&catalogue::DECISION_LOG_FAILURES, &[], log.failures);
            sheet.count(&catalogue::DECISION_LOG_QUEUED, &[], log.queued);
            sheet.count(&catalogue::DECISION_LOG_DROPPED, &[], log.dropped);
            for (provider, circuit) in (sources.circuits)() {
                let state = match circuit {
                    Circuit::Closed => 0,
                    Circuit::HalfOpen => 1,
                    Circuit::Open => 2,
                };
                sheet.count(&catalogue::CIRCUIT, &[&*provider], state);
            }
            if let Some(reading) = (sources.panel)() {
                panel(&mut sheet, reading);
            }
        }
        this_process(&mut sheet, metrics);
        sheet.families()
    }
}

impl Metrics {
    fn whole_gateway(&self, sheet: &mut Sheet) {
        for (index, slot) in self.decisions.iter().enumerate() {
            let count = self.decision_cells.sum(index);
            let Some(decision) = slot.get().filter(|_| count > 0 || index < 2) else {
                continue;
            };
            let labels = [decision.verdict.name(), decision.reason, decision.source];
            sheet.count(&catalogue::DECISIONS, &labels, count);
        }
        let cells = &self.whole;
        for (family, label, histogram) in [
            (&catalogue::DECISION_SECONDS, "look", &whole::LOOK),
            (&catalogue::DECISION_SECONDS, "decide", &whole::DECIDE),
            (&catalogue::OVERHEAD, "false", &whole::OVERHEAD),
            (&catalogue::OVERHEAD, "true", &whole::OVERHEAD_STREAM),
        ] {
            sheet.histogram(family, &[label], cells, histogram, seconds);
        }
        for (family, cell) in [
            (&catalogue::IN_FLIGHT, whole::IN_FLIGHT),
            (&catalogue::CONNECTIONS, whole::CONNECTIONS),
            (&catalogue::AUTH_FAILURES, whole::AUTH_FAILURES),
            (&catalogue::PRICE_UNKNOWN, whole::PRICE_UNKNOWN),
            (&catalogue::USAGE_ESTIMATED, whole::ESTIMATED),
            (&catalogue::OVERRUN, whole::OVERRUN),
            (&catalogue::CLAMPED, whole::CLAMPED),
        ] {
            sheet.count(family, &[], cells.sum(cell));
        }
        for (family, result, cell) in [
            (&catalogue::CONFIG_RELOAD, "ok", whole::CONFIG_OK),
            (&catalogue::CONFIG_RELOAD, "error", whole::CONFIG_ERROR),
            (&catalogue::POLICY_RELOAD, "ok", whole::POLICY_OK),
            (&catalogue::POLICY_RELOAD, "error", whole::POLICY_ERROR),
            (&catalogue::ALERTS, "sent", whole::ALERTS_SENT),
            (&catalogue::ALERTS, "failed", whole::ALERTS_FAILED),
            (&catalogue::ALERTS, "dropped", whole::ALERTS_DROPPED),
        ] {
            sheet.count(family, &[result], cells.sum(cell));
        }
        let revision = self
            .policy_revision
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        sheet.count(&catalogue::POLICY_INFO, &[&revision], 1);
    }

    fn by_series(&self, sheet: &mut Sheet) {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        for provider in &table.providers {
            for attempt in Attempt::ALL {
                sheet.count(
                    &catalogue::UPSTREAM,
                    &[&provider.name, attempt.name()],
                    provider.cells.sum(attempt.index()),
                );
            }
            sheet.count(
                &catalogue::RETRIES,
                &[&provider.name],
                provider.cells.sum(RETRIES),
            );
        }
        for spend in &table.spends {
            let value = dollars(spend.cells.sum(0));
            sheet.number(&catalogue::SPEND, &[&spend.project, &spend.model], value);
        }
        for series in &table.gen_ai {
            let labels = [series.operation, &*series.provider, &*series.model];
            let [operation, provider, model] = labels;
            for (kind, histogram) in [("input", &gen_ai::INPUT), ("output", &gen_ai::OUTPUT)] {
                sheet.histogram(
                    &catalogue::TOKENS,
                    &[operation, provider, model, kind],
                    &series.cells,
                    histogram,
                    float,
                );
            }
            for (family, histogram) in [
                (&catalogue::DURATION, &gen_ai::DURATION),
                (&catalogue::FIRST_TOKEN, &gen_ai::FIRST_TOKEN),
            ] {
                sheet.histogram(family, &labels, &series.cells, histogram, seconds);
            }
        }
    }
}

fn budgets(sheet: &mut Sheet, readings: Vec<BudgetReading>) {
    // A period that is over stands in the books while calls of it are in flight: one series, the newest period.
    let mut newest: HashMap<String, Standing> = HashMap::with_capacity(readings.len());
    for reading in readings {
        let name = budget_name(&reading);
        let known = newest.get(&name).map(|standing| standing.period.start);
        if known.is_none_or(|start| start < reading.standing.period.start) {
            newest.insert(name, reading.standing);
        }
    }
    let mut ranked: Vec<_> = newest.into_iter().collect();
    ranked.sort_by(|(name, a), (other, b)| b.spent.cmp(&a.spent).then_with(|| name.cmp(other)));
    let rest = ranked.split_off(ranked.len().min(MOST_BUDGETS));
    for (name, standing) in &ranked {
        amounts(sheet, name, standing);
        if standing.period.end < i64::MAX {
            let end = u64::try_from(standing.period.end).unwrap_or(0);
            sheet.count(&catalogue::BUDGET_RESET, &[name], end);
        }
    }
    let sum = rest
        .into_iter()
        .map(|(_, standing)| standing)
        .reduce(|all, one| Standing {
            limit: all.limit.plus(one.limit),
            spent: all.spent.plus(one.spent),
            reserved: all.reserved.plus(one.reserved),
            ..all
        });
    if let Some(sum) = sum {
        amounts(sheet, "_other", &sum);
    }
}

/// Leases by who spends them. One that is about to end stands beside its successor: what is left of both, and the later end.
fn panel(sheet: &mut Sheet, reading: PanelReading) {
    let mut by_leaf: BTreeMap<u64, (Money, u64)> = BTreeMap::new();
    for lease in reading.leases {
        let (remaining, expires) = by_leaf.entry(lease.leaf).or_default();
        *remaining = remaining.plus(lease.remaining);
        *expires = lease.expires.max(*expires);
    }
    for (leaf, (remaining, expires)) in by_leaf.into_iter().take(MOST_BUDGETS) {
        let leaf = leaf.to_string();
        sheet.number(&catalogue::LEASE_REMAINING, &[&leaf], usd(remaining));
        sheet.count(&catalogue::LEASE_EXPIRY, &[&leaf], expires);
    }
    for (result, count) in ["ok", "refused", "unreachable"]
        .into_iter()
        .zip(reading.syncs)
    {
        sheet.count(&catalogue::LEASE_SYNC, &[result], count);
    }
    sheet.count(&catalogue::BUNDLE_VERSION, &[], reading.bundle);
    let results = ["ok", "unusable", "untrusted"].into_iter();
    for (result, count) in results.zip(reading.orders) {
        sheet.count(&catalogue::BUNDLE_ORDERS, &[result], count);
    }
    let silence = u64::try_from(reading.unreachable.as_nanos()).unwrap_or(u64::MAX);
    sheet.number(&catalogue::PANEL_UNREACHABLE, &[], seconds(silence));
}

fn amounts(sheet: &mut Sheet, name: &str, standing: &Standing) {
    let remaining = standing.limit.less(standing.spent.plus(standing.reserved));
    for (family, money) in [
        (&catalogue::BUDGET_LIMIT, standing.limit),
        (&catalogue::BUDGET_SPENT, standing.spent),
        (&catalogue::BUDGET_RESERVED, standing.reserved),
        (&catalogue::BUDGET_REMAINING, remaining),
    ] {
        sheet.number(family, &[name], usd(money));
    }
}

/// `atlas-day`, `per-agent/scout`, `per-run/#1f0e…`: values that configuration does not bound are shown by digest.
fn budget_name(reading: &BudgetReading) -> String {
    let budget = &reading.standing.budget;
    let Some(value) = &reading.standing.value else {
        return budget.to_string();
    };
    let written_by_us = matches!(
        reading.per,
        Some(Label::Org | Label::Team | Label::Project | Label::Agent | Label::Key)
    );
    if written_by_us {
        return format!("{budget}/{value}");
    }
    let digest: [u8; 32] = sha2::Sha256::digest(value.as_bytes()).into();
    let short = digest
        .iter()
        .take(6)
        .fold(0_u64, |n, b| n << 8 | u64::from(*b));
    format!("{budget}/#{short:012x}")
}

fn this_process(sheet: &mut Sheet, metrics: &Metrics) {
    let reading = process::read();
    if let Some(ticks) = reading.cpu_ticks {
        let value = float(ticks) / float(process::TICKS);
        sheet.number(&catalogue::PROCESS_CPU, &[], value);
    }
    if let Some(bytes) = reading.resident_bytes {
        sheet.count(&catalogue::PROCESS_RSS, &[], bytes);
    }
    if let Some(files) = reading.open_files {
        sheet.count(&catalogue::PROCESS_FDS, &[], files);
    }
    let started = u64::try_from(metrics.started.secs()).unwrap_or(0);
    sheet.count(&catalogue::PROCESS_START, &[], started);
}

/// The families of one scrape, as they fill.
#[derive(Default)]
struct Sheet(HashMap<&'static str, (&'static Family, Vec<proto::Metric>)>);

impl Sheet {
    fn count(&mut self, family: &'static Family, labels: &[&str], value: u64) {
        self.number(family, labels, float(value));
    }

    fn number(&mut self, family: &'static Family, labels: &[&str], value: f64) {
        let mut metric = labelled(family, labels);
        if family.kind == Kind::Counter {
            let mut counter = proto::Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = proto::Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.push(family, metric);
    }

    fn histogram(
        &mut self,
        family: &'static Family,
        labels: &[&str],
        cells: &Cells,
        histogram: &Histogram,
        unit: fn(u64) -> f64,
    ) {
        let (sum, counts) = cells.read(histogram);
        let mut so_far = 0_u64;
        let mut buckets = Vec::with_capacity(histogram.bounds.len());
        for (bound, count) in histogram.bounds.iter().zip(&counts) {
            so_far = so_far.saturating_add(*count);
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(unit(*bound));
            bucket.set_cumulative_count(so_far);
            buckets.push(bucket);
        }
        let mut shown = proto::Histogram::default();
        shown.set_sample_count(counts.iter().sum());
        shown.set_sample_sum(unit(sum));
        shown.set_bucket(buckets);
        let mut metric = labelled(family, labels);
        metric.set_histogram(shown);
        self.push(family, metric);
    }

    fn push(&mut self, family: &'static Family, metric: proto::Metric) {
        let (_, metrics) = self
            .0
            .entry(family.name)
            .or_insert_with(|| (family, Vec::new()));
        metrics.push(metric);
    }

    fn families(self) -> Vec<proto::MetricFamily> {
        self.0
            .into_values()
            .map(|(family, metrics)| {
                let mut shown = proto::MetricFamily::default();
                shown.set_name(family.name.to_owned());
                shown.set_help(family.help.to_owned());
                shown.set_field_type(match family.kind {
                    Kind::Counter => proto::MetricType::COUNTER,
                    Kind::Gauge => proto::MetricType::GAUGE,
                    Kind::Histogram => proto::MetricType::HISTOGRAM,
                });
                shown.set_metric(metrics);
                shown
            })
            .collect()
    }
}

fn labelled(family: &Family, values: &[&str]) -> proto::Metric {
    let pairs = family.labels.iter().zip(values).map(|(name, value)| {
        let mut pair = proto::LabelPair::default();
        pair.set_name((*name).to_owned());
        // The text format escapes line ends and quotes; other control characters have no business in a name.
        pair.set_value(value.chars().filter(|c| !c.is_control()).collect());
        pair
    });
    proto::Metric::from_label(pairs.collect())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the exposition holds 64-bit floats; the exact number stays where it is counted"
)]
fn float(value: u64) -> f64 {
    value as f64
}

fn seconds(nanos: u64) -> f64 {
    float(nanos) / 1e9
}

fn dollars(nanos: u64) -> f64 {
    float(nanos) / 1e9
}

fn usd(money: Money) -> f64 {
    let shown = dollars(money.nanos().unsigned_abs());
    if money < Money::ZERO { -shown } else { shown }
}
