//! The world around bank and holders: network, provider, time, and what goes wrong.

mod backup;
mod calls;
mod panels;

use super::calendar::{Calendar, TEAMS};
use super::chance::Chance;
use super::check::Truth;
use super::node::Node;
use super::prices::Prices;
use super::store::{Keep, Store};
use crate::lease::protocol::{
    Answer, Bank, BankError, Hello, Holder, LeafId, Mutant, RouterId, Sync, Terms,
};
use crate::units::Money;
use backup::Backup;
use calls::Call;
use panels::Panels;
use std::time::Duration;

/// How long the storm lasts, and the world, in ticks of a second.
const STORM: u64 = 600;
const END: u64 = 900;
pub(super) const VALID: u64 = 60;
const DRAIN: u64 = 40;
/// So long after the storm calls are still made, to see that money can be had again.
const PROBE: u64 = 200;
/// A call for which there is money waits no longer than this: two syncs, and a denial that came before them.
const PATIENCE: u64 = 100;
/// Thousandths of a dollar.
pub(super) fn mills(mills: u64) -> Money {
    Money::from_nanos(i64::try_from(mills).expect("few") * 1_000_000)
}

/// A second.
pub(super) fn at(tick: u64) -> Duration {
    Duration::from_secs(tick)
}

/// A message on its way up.
#[derive(Debug, Clone)]
enum Up {
    Hello(Hello),
    Sync(Sync),
}

impl Up {
    /// What a bank says to it.
    fn step(&self, bank: &mut Bank, now: Duration) -> Result<Answer, BankError> {
        match self {
            Self::Hello(hello) => bank.hello(hello),
            Self::Sync(sync) => bank.sync(sync, now),
        }
    }

    fn router(&self) -> RouterId {
        match self {
            Self::Hello(hello) => hello.router,
            Self::Sync(sync) => sync.router,
        }
    }
}

/// All there is.
#[derive(Debug)]
pub(crate) struct World {
    chance: Chance,
    mutant: Option<Mutant>,
    now: u64,
    terms: Terms,
    /// The bank as its holder has it; while nobody holds it, as it is in the store.
    bank: Bank,
    store: Box<dyn Keep>,
    panels: Panels,
    nodes: Vec<Node>,
    up: Vec<(u64, Up)>,
    down: Vec<(u64, usize, Result<Answer, BankError>)>,
    calls: Vec<Call>,
    truth: Truth,
    loss: u64,
    doubling: u64,
    crashes: u64,
    /// Whether limits change.
    changes: bool,
    /// Whether the provider charges more than it may.
    overruns: bool,
    /// What calls cost, where that is not bare chance.
    prices: Option<Prices>,
    calendar: Calendar,
    /// Switches pulled and let go, and when.
    events: Vec<(u64, LeafId, bool)>,
    /// Every sync that arrived.
    said: Vec<Sync>,
    backup: Option<Backup>,
}

impl World {
    pub(super) fn new(seed: u64, mutant: Option<Mutant>) -> Self {
        Self::kept(seed, mutant, Box::new(Store::default()))
    }

    /// A world with one panel, and without prices.
    pub(super) fn plain(seed: u64) -> Self {
        Self {
            panels: Panels::one(),
            prices: None,
            ..Self::new(seed, None)
        }
    }

    /// A world whose panels keep their books there.
    pub(crate) fn kept(seed: u64, mutant: Option<Mutant>, store: Box<dyn Keep>) -> Self {
        let mut chance = Chance::new(seed);
        let count = 3 + chance.below(4);
        let terms = Terms {
            valid_for: at(VALID),
            drain_for: at(DRAIN),
            grace: at(2),
            horizon: at(60),
            outstanding: 20,
            floor: mills(100),
            clone_safe: false,
        };
        let mut bank = Bank::new(terms);
        bank.mutant = mutant;
        let calendar = Calendar::new(&mut chance);
        calendar.apply(&mut bank, 0, Duration::ZERO);
        let nodes: Vec<Node> = (1..=count)
            .map(|id| Node::new(u128::from(id), chance.below(21)))
            .collect();
        for node in &nodes {
            bank.enrol(node.id);
        }
        Self {
            loss: chance.below(30),
            doubling: chance.below(30),
            crashes: chance.below(3),
            changes: chance.percent(30),
            overruns: chance.percent(20),
            calendar,
            chance,
            mutant,
            now: 0,
            terms,
            bank,
            store,
            panels: Panels::some(seed),
            prices: (!seed.is_multiple_of(4)).then(|| Prices::new(seed)),
            nodes,
            up: Vec::new(),
            down: Vec::new(),
            calls: Vec::new(),
            truth: Truth::default(),
            events: Vec::new(),
            said: Vec::new(),
            backup: None,
        }
    }

    /// Lives to the end. Comes back with how much of the organisation's budget was charged, in thousandths.
    pub(crate) fn run(mut self) -> u64 {
        while self.now < END {
            self.administer();
            self.prices.iter_mut().for_each(Prices::tick);
            self.switch();
            for node in 0..self.nodes.len() {
                self.live(node);
            }
            self.charge();
            let now = self.clock();
            self.bank.tick(now);
            self.truth.after_tick(&self.bank);
            self.deliver_up();
            self.deliver_down();
            self.truth.balance(&self.bank);
            self.enrol_late();
            self.commit();
            self.back_up();
            self.succeed();
            if self.storms() && self.chance.below(150) == 0 {
                self.reopen();
            }
            self.now += 1;
        }
        if let Some(backup) = &self.backup {
            assert!(backup.is_over, "the bank never lent again");
            return self.truth.used(&self.bank);
        }
        self.truth.at_peace(&self.bank);
        self.say_it_all_again();
        self.truth.used(&self.bank)
    }

    /// P18: whatever was said comes once more, in any order, and frees nothing.
    fn say_it_all_again(&mut self) {
        let free = |bank: &Bank| -> Vec<Money> {
            bank.accounts().map(|(_, account)| account.free()).collect()
        };
        let (before, now) = (free(&self.bank), self.clock());
        for _ in 0..200 {
            let bound = u64::try_from(self.said.len()).expect("few");
            let place = usize::try_from(self.chance.below(bound)).expect("few");
            if let Some(sync) = self.said.get(place) {
                let _ = self.bank.sync(sync, now);
            }
            Truth::sound(&self.bank);
        }
        for (before, after) in before.iter().zip(free(&self.bank)) {
            assert!(
                after <= *before,
                "P18: {after} are free where {before} were"
            );
        }
    }

    /// What the panel did is safe from now on.
    fn commit(&mut self) {
        if !self.is_held() {
            return;
        }
        let rows = self.bank.take_rows();
        self.truth.replayed(&self.bank, &rows);
        if let Some(backup) = &mut self.backup {
            backup.mirror.write(rows.clone());
        }
        self.store.write(rows);
    }

    /// The panel dies, and another begins with what was safe.
    fn reopen(&mut self) {
        self.panels.begin();
        let now = self.clock();
        self.bank = self.store.open(self.terms, now);
        self.bank.mutant = self.mutant;
        if let Some(backup) = self.backup.as_ref().filter(|b| b.is_used) {
            let books = Self::old_books(backup.is_over, true);
            self.bank.set_back(books, now);
        }
        self.take_up();
    }

    /// A bank just read goes by what administrators want.
    fn take_up(&mut self) {
        let now = self.clock();
        self.calendar.apply(&mut self.bank, self.now, now);
        for leaf in (1..=TEAMS).map(LeafId) {
            let killed = self.killed().is_some_and(|(_, killed)| killed == leaf);
            if self.bank.is_killed(leaf) != killed {
                self.bank.kill(leaf, killed);
            }
        }
        Truth::sound(&self.bank);
    }

    fn storms(&self) -> bool {
        self.now < STORM
    }

    /// The team of a gateway.
    fn leaf(node: usize) -> LeafId {
        LeafId(1 + u64::try_from(node).expect("few") % TEAMS)
    }

    /// The leaf whose switch is pulled, and since when.
    fn killed(&self) -> Option<(u64, LeafId)> {
        let (since, leaf, killed) = *self.events.last()?;
        killed.then_some((since, leaf))
    }

    /// Periods turn, and limits change.
    fn administer(&mut self) {
        let changes = self.changes && self.storms() && self.chance.below(150) == 0;
        if changes {
            self.calendar.change(&mut self.chance);
        }
        if changes || Calendar::turns(self.now) {
            let now = self.clock();
            self.calendar.apply(&mut self.bank, self.now, now);
        }
    }

    /// Now and then somebody pulls the switch, and lets go of it again.
    fn switch(&mut self) {
        let (leaf, kill) = match self.killed() {
            None if self.storms() && self.is_held() && self.chance.below(400) == 0 => {
                (LeafId(1 + self.chance.below(TEAMS)), true)
            }
            Some((since, leaf)) if self.is_held() && self.now > since + 2 * VALID => (leaf, false),
            _ => return,
        };
        self.bank.kill(leaf, kill);
        self.events.push((self.now, leaf, kill));
    }

    /// Events reach a gateway a moment later, in order, as soon as it is not cut off.
    fn listen(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        let Some(holder) = &mut node.holder else {
            return;
        };
        while (self.now >= node.off || self.now >= STORM)
            && let Some((at, leaf, kill)) = self.events.get(node.cursor)
            && *at < self.now
        {
            holder.kill(*leaf, *kill);
            node.cursor += 1;
        }
    }

    /// What one gateway does in one tick.
    fn live(&mut self, place: usize) {
        if self.nodes[place].holder.is_none() {
            if self.now < self.nodes[place].back {
                return;
            }
            self.nodes[place].begin(self.mutant != Some(Mutant::NoCeiling));
        }
        if self.storms() && self.chance.percent(1) {
            if self.chance.below(8) < self.crashes {
                return self.crash(place);
            }
            if self.chance.percent(30) {
                self.nodes[place].off = self.now + self.chance.below(200);
            }
            if self.chance.percent(10) {
                self.nodes[place].asleep = self.now + self.chance.below(2 * VALID);
            }
        }
        if self.storms() && self.now < self.nodes[place].asleep {
            // Its clock goes on.
            return;
        }
        self.listen(place);
        if let Some(prices) = &mut self.prices {
            let node = &mut self.nodes[place];
            node.prices = prices.heard(node.prices);
        }
        let replaced = |holder: &Holder| holder.is_fenced() && holder.is_empty();
        if self.nodes[place].holder.as_ref().is_some_and(replaced) {
            // It ends in order, and is started again.
            self.nodes[place].write(true);
            self.nodes[place].begin(self.mutant != Some(Mutant::NoCeiling));
        }
        let now = self.nodes[place].clock(self.now);
        let overdue = self.nodes[place]
            .holder
            .as_mut()
            .map(|holder| holder.tick(now));
        assert!(
            overdue.unwrap_or_default().is_empty(),
            "a call lasted longer than its lease lets it"
        );
        if self.storms() && self.chance.percent(25) {
            let amount = mills(5 + self.chance.below(60));
            let leaf = if self.chance.percent(20) {
                LeafId(1 + self.chance.below(TEAMS))
            } else {
                Self::leaf(place)
            };
            let offer = self.offer(place, amount);
            self.call(place, leaf, offer);
        } else if !self.storms() && self.now < STORM + PROBE {
            self.probe(place);
        }
        let sync = self.chance.percent(30);
        self.nodes[place].write(sync);
        self.speak(place);
    }

    fn crash(&mut self, place: usize) {
        let lost = self.chance.percent(30);
        self.truth.crashed();
        let node = &mut self.nodes[place];
        if lost {
            // What processes before it left on the disk, and were not heard of, is lost, too.
            let router = self.bank.router(node.id);
            self.truth
                .lost(node.id, router.map_or(0, |router| router.incarnation));
        }
        let back = self.now + 1 + self.chance.below(20);
        node.crash(&mut self.chance, lost, back);
    }

    /// Sends what is to be said, again and again until it is answered.
    fn speak(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        let now = node.clock(self.now);
        let Some(holder) = &mut node.holder else {
            return;
        };
        if (self.now < node.off && self.now < STORM) || self.now < node.sent {
            return;
        }
        let message = match holder.hello() {
            Some(hello) => Some(Up::Hello(hello)),
            None => holder.sync(now).map(Up::Sync),
        };
        node.sent = self.now + 3 + self.chance.below(5);
        let Some(message) = message else { return };
        let copies = 1 + u64::from(self.chance.percent(self.doubling));
        for _ in 0..copies {
            if self.passes() {
                let due = self.now + self.delay();
                self.up.push((due, message.clone()));
            }
        }
    }

    /// Whether a message is not lost.
    fn passes(&mut self) -> bool {
        let lost = self.chance.percent(self.loss);
        !(lost && self.storms())
    }

    /// How long a message takes: now and then longer than a lease.
    fn delay(&mut self) -> u64 {
        let most = if !self.storms() {
            2
        } else if self.chance.percent(5) {
            5 * VALID
        } else {
            12
        };
        1 + self.chance.below(most)
    }

    fn deliver_up(&mut self) {
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.up)
            .into_iter()
            .partition(|(due, _)| *due <= self.now);
        self.up = later;
        for (_, message) in due {
            let Some(answer) = self.ask(&message) else {
                continue;
            };
            Truth::sound(&self.bank);
            let router = message.router();
            let Some(place) = self.nodes.iter().position(|node| node.id == router) else {
                continue;
            };
            if self.passes() {
                let due = self.now + self.delay();
                self.down.push((due, place, answer));
            }
        }
    }

    /// A panel's answer stands, whether it arrives or not.
    fn heard(&mut self, message: &Up, answer: &Result<Answer, BankError>) {
        let answer = answer.as_ref().ok();
        match message {
            Up::Hello(hello) => self.truth.welcomed(hello.router, answer),
            Up::Sync(sync) => {
                self.truth.answered(sync, answer);
                self.said.push(sync.clone());
            }
        }
    }

    fn deliver_down(&mut self) {
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.down)
            .into_iter()
            .partition(|(due, ..)| *due <= self.now);
        self.down = later;
        for (_, place, answer) in due {
            let node = &mut self.nodes[place];
            if self.now < node.off && self.now < STORM {
                continue;
            }
            let now = node.clock(self.now);
            match (&mut node.holder, &answer) {
                (Some(holder), Ok(answer)) => holder.heard(answer, now),
                // An old message made another disk the newest: the gateway begins anew, with another start.
                (Some(holder), Err(BankError::OldStart { start, .. }))
                    if holder.hello().is_some_and(|hello| hello.start == *start) =>
                {
                    node.begin(self.mutant != Some(Mutant::NoCeiling));
                }
                // It came for one sync, and is about another by now, perhaps: the holder says it all again, that is all.
                (Some(holder), Err(error)) => holder.refused(error),
                (None, _) => {}
            }
        }
    }
}
