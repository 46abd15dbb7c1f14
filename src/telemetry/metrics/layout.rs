//! Where in their blocks the cells lie, and the bounds of the histograms.

use super::cells::Histogram;

const US: u64 = 1_000;
const MS: u64 = 1_000_000;

const DECISION_BOUNDS: &[u64] = &[
    500,
    US,
    2 * US,
    3 * US,
    5 * US,
    10 * US,
    20 * US,
    50 * US,
    100 * US,
    500 * US,
    MS,
    10 * MS,
    100 * MS,
];
const OVERHEAD_BOUNDS: &[u64] = &[
    10 * US,
    20 * US,
    50 * US,
    100 * US,
    200 * US,
    300 * US,
    500 * US,
    MS,
    2 * MS,
    5 * MS,
    10 * MS,
    50 * MS,
    100 * MS,
    500 * MS,
];
/// The three below as OpenTelemetry's conventions advise.
const TOKEN_BOUNDS: &[u64] = &[
    1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216,
    67_108_864,
];
const DURATION_BOUNDS: &[u64] = &[
    10 * MS,
    20 * MS,
    40 * MS,
    80 * MS,
    160 * MS,
    320 * MS,
    640 * MS,
    1_280 * MS,
    2_560 * MS,
    5_120 * MS,
    10_240 * MS,
    20_480 * MS,
    40_960 * MS,
    81_920 * MS,
];
const FIRST_TOKEN_BOUNDS: &[u64] = &[
    MS,
    5 * MS,
    10 * MS,
    20 * MS,
    40 * MS,
    60 * MS,
    80 * MS,
    100 * MS,
    250 * MS,
    500 * MS,
    750 * MS,
    1_000 * MS,
    2_500 * MS,
    5_000 * MS,
    7_500 * MS,
    10_000 * MS,
];

/// Where the numbers of the whole gateway lie. A settled call touches the first lines only.
pub(super) mod whole {
    use super::{DECISION_BOUNDS, Histogram, OVERHEAD_BOUNDS};

    pub(in super::super) const IN_FLIGHT: usize = 0;
    pub(in super::super) const CONNECTIONS: usize = 1;
    pub(in super::super) const ESTIMATED: usize = 2;
    pub(in super::super) const OVERRUN: usize = 3;
    pub(in super::super) const CLAMPED: usize = 4;
    pub(in super::super) const AUTH_FAILURES: usize = 5;
    pub(in super::super) const PRICE_UNKNOWN: usize = 6;
    pub(in super::super) const CONFIG_OK: usize = 7;
    pub(in super::super) const CONFIG_ERROR: usize = 8;
    pub(in super::super) const POLICY_OK: usize = 9;
    pub(in super::super) const POLICY_ERROR: usize = 10;
    pub(in super::super) const ALERTS_SENT: usize = 11;
    pub(in super::super) const ALERTS_FAILED: usize = 12;
    pub(in super::super) const ALERTS_DROPPED: usize = 13;
    pub(in super::super) const LOOK: Histogram = Histogram::at(16, DECISION_BOUNDS);
    pub(in super::super) const DECIDE: Histogram = Histogram::at(LOOK.end(), DECISION_BOUNDS);
    pub(in super::super) const OVERHEAD: Histogram = Histogram::at(DECIDE.end(), OVERHEAD_BOUNDS);
    pub(in super::super) const OVERHEAD_STREAM: Histogram =
        Histogram::at(OVERHEAD.end(), OVERHEAD_BOUNDS);
    pub(in super::super) const COUNT: usize = OVERHEAD_STREAM.end();
}

/// Where the numbers of one (provider, model, operation) lie.
pub(super) mod gen_ai {
    use super::{DURATION_BOUNDS, FIRST_TOKEN_BOUNDS, Histogram, TOKEN_BOUNDS};

    pub(in super::super) const INPUT: Histogram = Histogram::at(0, TOKEN_BOUNDS);
    pub(in super::super) const OUTPUT: Histogram = Histogram::at(INPUT.end(), TOKEN_BOUNDS);
    pub(in super::super) const DURATION: Histogram = Histogram::at(OUTPUT.end(), DURATION_BOUNDS);
    pub(in super::super) const FIRST_TOKEN: Histogram =
        Histogram::at(DURATION.end(), FIRST_TOKEN_BOUNDS);
    pub(in super::super) const COUNT: usize = FIRST_TOKEN.end();
}
