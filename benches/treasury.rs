//! The bank at work: grants and syncs a second, how long one takes, and what it costs as gateways grow.
//!
//! `cargo bench --bench treasury` prints Markdown, for books in SQLite; `-- --store postgres://user@host/database 100` for books at
//! a server, in a database that is empty, for one size. Each gateway settles what it was lent and wants more with every sync, so
//! each sync changes a lease, four accounts and a gateway's row, and writes four lines of the ledger. Each size is measured without
//! and with lines of what calls were for, of so many models. Many ask at once: what waits is committed together.
//!
//! Not here: HTTP and TLS before it, and the gateways' own side.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tollgate::clock::since_start;
use tollgate::control::store::Place;
use tollgate::control::store::postgres::Server;
use tollgate::control::treasury::{Treasury, TreasuryError};
use tollgate::control::tree::{Tree, TreeBudget, TreeLeaf};
use tollgate::governance::budget::Window;
use tollgate::lease::protocol::{
    Answer, DiskId, Hello, LeafId, LeaseId, Lending, Line, RouterId, Sync, Terms, Usage, Want,
};
use tollgate::units::Money;

type Fault = Box<dyn std::error::Error>;

/// How long each size is measured.
const TIME: Duration = Duration::from_secs(4);
/// Gateways that ask at once.
const AT_ONCE: usize = 256;
const TEAMS: u64 = 20;
/// Models of which each sync tells.
const MODELS: [i64; 2] = [0, 3];

fn main() -> Result<(), Fault> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut store = arguments.iter().skip_while(|word| *word != "--store");
    let store = store.nth(1).map(|store| store.parse::<Server>());
    let store = store.transpose()?;
    let sizes: Vec<u64> = arguments
        .iter()
        .filter_map(|size| size.parse().ok())
        .collect();
    let sizes = if sizes.is_empty() {
        vec![10, 100, 1_000, 10_000]
    } else {
        sizes
    };
    let mut out = std::io::stdout();
    writeln!(
        out,
        "| gateways | models | syncs/s | grants/s | p50 ms | p99 ms | processor µs a sync |"
    )?;
    writeln!(out, "|--:|--:|--:|--:|--:|--:|--:|")?;
    // A database serves for one figure: the next one begins with empty books.
    let most = if store.is_some() { 1 } else { usize::MAX };
    for size in sizes.into_iter().take(most) {
        for models in MODELS.into_iter().take(most) {
            writeln!(out, "{}", measure((size, models), store.as_ref())?)?;
        }
    }
    Ok(())
}

/// One gateway between two syncs.
struct Gateway {
    id: u64,
    seq: u64,
    models: i64,
    held: Option<(LeaseId, u64, Money)>,
}

impl Gateway {
    fn sync(&mut self) -> Sync {
        self.seq += 1;
        let line = self.held.map(|(lease, fence, granted)| Line {
            lease,
            fence,
            settled: granted,
            returned: Money::ZERO,
            reserved: Money::ZERO,
            overrun: Money::ZERO,
            closing: false,
            usage: self.usage(granted),
        });
        Sync {
            router: RouterId(u128::from(self.id)),
            incarnation: 1,
            seq: self.seq,
            leases: line.into_iter().collect(),
            wants: vec![Want {
                leaf: LeafId(self.id),
                need: Money::from_nanos(1_000_000),
                rate: Money::from_nanos(60_000_000),
            }],
            finals: Vec::new(),
        }
    }

    /// What it all was for, in equal parts.
    fn usage(&self, settled: Money) -> Vec<Usage> {
        let usage = |model: i64| Usage {
            model: format!("model-{model}").into(),
            input: 1_000 * self.seq,
            output: 100 * self.seq,
            calls: self.seq,
            cost: Money::from_nanos(settled.nanos() / self.models),
        };
        (0..self.models).map(usage).collect()
    }

    fn hear(&mut self, answer: &Answer) -> u64 {
        let Answer::Synced(synced) = answer else {
            return 0;
        };
        let Some(grant) = synced.grants.first() else {
            return 0;
        };
        let more = self
            .held
            .is_none_or(|(.., granted)| grant.granted > granted);
        self.held = Some((grant.lease, grant.fence, grant.granted));
        u64::from(more)
    }
}

/// An organisation, teams, projects and keys, all of them with budgets.
fn tree(size: u64) -> Tree {
    let budget = |id, limit| TreeBudget {
        id,
        limit: Money::from_nanos(limit),
        hard: true,
        lending: Lending::default(),
        window: Window::Total,
        zone: jiff::tz::TimeZone::UTC,
    };
    let mut budgets = vec![budget(1, 4_000_000_000_000_000_000)];
    budgets.extend((0..2 * TEAMS).map(|team| budget(2 + team, 2_000_000_000_000_000_000)));
    let leaf = |id: u64| 100 + id;
    budgets.extend((1..=size).map(|id| budget(leaf(id), 1_000_000_000_000_000_000)));
    let leaves = (1..=size).map(|id| TreeLeaf {
        id: LeafId(id),
        budgets: vec![1, 2 + id % TEAMS, 2 + TEAMS + id % TEAMS, leaf(id)],
        killed: false,
    });
    Tree {
        leaves: leaves.collect(),
        budgets,
        ..Tree::default()
    }
}

fn measure((size, models): (u64, i64), store: Option<&Server>) -> Result<String, Fault> {
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let place = match store {
        Some(server) => Place::Server(server.clone()),
        None => Place::File(folder.path().join("panel.db")),
    };
    let treasury = Arc::new(Treasury::start(&place, Terms::default())?);
    let mut gateways = runtime.block_on(settle(&treasury, size, models))?;
    let shares = AT_ONCE.min(gateways.len());
    let mut hands: Vec<Vec<Gateway>> = (0..shares).map(|_| Vec::new()).collect();
    for (place, gateway) in gateways.drain(..).enumerate() {
        if let Some(hand) = hands.get_mut(place % shares) {
            hand.push(gateway);
        }
    }
    let (begun, spent) = (since_start(), processor());
    let (syncs, grants, mut took) = runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for hand in hands {
            tasks.spawn(work(treasury.clone(), hand, begun));
        }
        let (mut syncs, mut grants, mut took) = (0, 0, Vec::new());
        while let Some(done) = tasks.join_next().await {
            let (own, lent, times) = done??;
            syncs += own;
            grants += lent;
            took.extend(times);
        }
        Ok::<_, Fault>((syncs, grants, took))
    })?;
    let (elapsed, spent) = (
        since_start().saturating_sub(begun),
        processor().saturating_sub(spent),
    );
    treasury.close();
    took.sort_unstable();
    let at = |percent: usize| {
        took.get(took.len() * percent / 100)
            .copied()
            .unwrap_or_default()
    };
    let a_second = |count: u64| u128::from(count) * 1_000 / elapsed.as_millis().max(1);
    let mut row = format!(
        "| {size} | {models} | {} | {} ",
        a_second(syncs),
        a_second(grants)
    );
    for time in [at(50), at(99)] {
        let micros = time.as_micros();
        write!(row, "| {}.{:02} ", micros / 1_000, micros % 1_000 / 10)?;
    }
    write!(row, "| {} |", spent.as_micros() / u128::from(syncs.max(1)))?;
    Ok(row)
}

/// All gateways known, each with its number.
async fn settle(treasury: &Arc<Treasury>, size: u64, models: i64) -> Result<Vec<Gateway>, Fault> {
    treasury.govern(tree(size)).await?;
    let mut tasks = JoinSet::new();
    for share in 0..64 {
        let treasury = treasury.clone();
        tasks.spawn(async move {
            for id in (1..=size).filter(|id| id % 64 == share) {
                let router = RouterId(u128::from(id));
                treasury.enrol(router).await?;
                let disk = DiskId(u128::from(id));
                treasury
                    .hello(Hello {
                        router,
                        disk,
                        start: 1,
                    })
                    .await?;
            }
            Ok::<_, TreasuryError>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let gateway = |id| Gateway {
        id,
        seq: 0,
        models,
        held: None,
    };
    Ok((1..=size).map(gateway).collect())
}

/// Syncs these gateways in turns until the time is over.
async fn work(
    treasury: Arc<Treasury>,
    mut gateways: Vec<Gateway>,
    begun: Duration,
) -> Result<(u64, u64, Vec<Duration>), TreasuryError> {
    let (mut syncs, mut grants, mut took) = (0, 0, Vec::new());
    loop {
        for gateway in &mut gateways {
            if since_start().saturating_sub(begun) >= TIME {
                return Ok((syncs, grants, took));
            }
            let asked = since_start();
            let answer = treasury.sync(gateway.sync()).await?;
            took.push(since_start().saturating_sub(asked));
            grants += gateway.hear(&answer);
            syncs += 1;
        }
    }
}

/// Processor time of this process.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    // A hundred ticks a second on every Linux there is.
    Duration::from_millis(ticks * 10)
}
