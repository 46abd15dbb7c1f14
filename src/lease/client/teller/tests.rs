use super::*;
use crate::lease::protocol::LeafId;
use crate::lease::tally::Kind;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const ROUTER: RouterId = RouterId(7);

fn name(leaf: u64) -> Name {
    Name {
        kind: Kind::Refusal,
        leaf: Some(LeafId(leaf)),
        what: "killed".into(),
        how: Box::default(),
    }
}

/// What is counted here, and who tells of it.
struct Gateway {
    counts: Arc<Mutex<BTreeMap<u64, u64>>>,
    teller: Teller,
}

impl Gateway {
    fn new() -> Self {
        let counts = Arc::<Mutex<BTreeMap<u64, u64>>>::default();
        let counted = Arc::clone(&counts);
        let counting = move || {
            let counts = counted.lock().expect("no panic");
            let lines = counts.iter().map(|(leaf, count)| Line {
                name: name(*leaf),
                count: *count,
                idle_s: None,
            });
            lines.collect()
        };
        Self {
            counts,
            teller: Teller::new(Box::new(counting)),
        }
    }

    fn count(&self, leaf: u64, more: u64) {
        *self
            .counts
            .lock()
            .expect("no panic")
            .entry(leaf)
            .or_default() += more;
    }

    fn all(&self) -> BTreeMap<u64, u64> {
        self.counts.lock().expect("no panic").clone()
    }
}

/// A panel as it should be: it adds what is beyond what it knows of a process.
#[derive(Default)]
struct Panel {
    known: BTreeMap<(Whose, Name), u64>,
    last: BTreeMap<Whose, u64>,
    sums: BTreeMap<u64, u64>,
}

impl Panel {
    fn hear(&mut self, told: &Tallies) -> Heard {
        let whose = (told.router, told.incarnation);
        for line in &told.lines {
            let known = self.known.entry((whose, line.name.clone())).or_default();
            let more = line.beyond(*known);
            *known += more;
            let leaf = line.name.leaf.expect("a leaf").0;
            *self.sums.entry(leaf).or_default() += more;
        }
        let seen = self.last.entry(whose).or_default();
        let last = *seen;
        *seen = last.max(told.seq);
        Heard {
            seq: told.seq,
            last,
        }
    }
}

#[test]
fn only_what_grew_is_told_and_until_it_is_answered_again() {
    let mut gateway = Gateway::new();
    assert_eq!(gateway.teller.round(ROUTER, 1), []);
    gateway.count(1, 2);
    let lost = gateway.teller.round(ROUTER, 1);
    assert_eq!((lost.len(), lost[0].lines[0].count), (1, 2));
    gateway.count(1, 1);
    let again = gateway.teller.round(ROUTER, 1);
    assert_eq!((again[0].seq, again[0].lines[0].count), (2, 3));
    gateway.teller.heard(&again[0], Heard { seq: 2, last: 0 });
    assert_eq!(gateway.teller.round(ROUTER, 1), []);
    // It had to begin anew with its money: its counts go on under their old name.
    gateway.count(1, 1);
    assert_eq!(gateway.teller.round(ROUTER, 5)[0].incarnation, 1);
}

#[test]
fn more_lines_than_a_message_holds_are_told_in_several() {
    let mut gateway = Gateway::new();
    let all = MOST_TOLD as u64 * 2 + 1;
    for leaf in 1..=all {
        gateway.count(leaf, 1);
    }
    let round = gateway.teller.round(ROUTER, 1);
    let lengths: Vec<usize> = round.iter().map(|told| told.lines.len()).collect();
    assert_eq!(lengths, [MOST_TOLD, MOST_TOLD, 1]);
    gateway.teller.heard(&round[1], Heard { seq: 2, last: 1 });
    let left = gateway.teller.round(ROUTER, 1);
    assert_eq!(
        left.iter().map(|told| told.lines.len()).sum::<usize>(),
        MOST_TOLD + 1
    );
}

#[test]
fn a_panel_whose_books_were_set_back_is_told_everything_anew() {
    let mut gateway = Gateway::new();
    let mut panel = Panel::default();
    gateway.count(1, 5);
    for told in gateway.teller.round(ROUTER, 1) {
        let heard = panel.hear(&told);
        gateway.teller.heard(&told, heard);
    }
    let mut restored = Panel::default();
    gateway.count(2, 1);
    for _ in 0..2 {
        for told in gateway.teller.round(ROUTER, 1) {
            let heard = restored.hear(&told);
            gateway.teller.heard(&told, heard);
        }
    }
    assert_eq!(restored.sums, gateway.all());
}

#[test]
fn who_is_enrolled_anew_tells_what_was_not_heard_before() {
    let mut gateway = Gateway::new();
    gateway.count(1, 5);
    let told = gateway.teller.round(ROUTER, 4).remove(0);
    gateway.teller.heard(&told, Heard { seq: 1, last: 0 });
    gateway.count(1, 2);
    let other = gateway.teller.round(RouterId(8), 1).remove(0);
    assert_eq!((other.seq, other.lines[0].count), (1, 2));
    // The answer to one that was said as somebody else is none of this one's.
    gateway.teller.heard(&told, Heard { seq: 1, last: 0 });
    assert_eq!(gateway.teller.round(RouterId(8), 1)[0].lines[0].count, 2);
}

#[test]
fn what_may_have_been_heard_of_one_gateway_is_not_told_as_another() {
    let mut gateway = Gateway::new();
    gateway.count(1, 5);
    assert_eq!(gateway.teller.round(ROUTER, 4)[0].lines[0].count, 5);
    // Whether that came nobody knows: its answer did not.
    gateway.count(1, 2);
    let other = gateway.teller.round(RouterId(8), 1).remove(0);
    assert_eq!(other.lines[0].count, 2);
}

/// What becomes of a message on its way.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Answered,
    AnswerLost,
    Lost,
    /// It comes, and once more after all that follows.
    Twice,
}

proptest! {
    #[test]
    fn in_whichever_order_messages_come_each_event_counts_once(
        steps in prop::collection::vec(
            (1..4_u64, 0..5_u64, prop_oneof![
                Just(Fate::Answered), Just(Fate::AnswerLost), Just(Fate::Lost), Just(Fate::Twice)
            ]),
            1..40,
        )
    ) {
        let mut gateway = Gateway::new();
        let mut panel = Panel::default();
        let mut late = Vec::new();
        for (leaf, more, fate) in steps {
            gateway.count(leaf, more);
            for told in gateway.teller.round(ROUTER, 1) {
                match fate {
                    Fate::Lost => late.push(told),
                    Fate::AnswerLost => {
                        panel.hear(&told);
                    }
                    Fate::Answered | Fate::Twice => {
                        let heard = panel.hear(&told);
                        gateway.teller.heard(&told, heard);
                        if matches!(fate, Fate::Twice) {
                            late.push(told);
                        }
                    }
                }
            }
        }
        for told in late.iter().rev() {
            panel.hear(told);
        }
        for told in gateway.teller.round(ROUTER, 1) {
            let heard = panel.hear(&told);
            gateway.teller.heard(&told, heard);
        }
        let counted: BTreeMap<u64, u64> = gateway.all().into_iter().filter(|(_, count)| *count > 0).collect();
        let sums: BTreeMap<u64, u64> = panel.sums.into_iter().filter(|(_, count)| *count > 0).collect();
        prop_assert_eq!(sums, counted);
        prop_assert_eq!(gateway.teller.round(ROUTER, 1), []);
    }
}
