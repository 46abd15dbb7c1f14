//! What of this process's counts the panel has heard, and what is to be told next.
//!
//! A line counts as heard once a message that has it was answered; until then it is told again, with whatever it has come to
//! meanwhile. The panel adds what is beyond what it knows, so neither a lost answer nor a repeat changes a sum. Where an answer
//! says that the panel knows less than was answered before, its books were set back: then everything is told anew.
//!
//! Not here: when it is told (`talk`), who counts (whoever made [`Counting`]).

use crate::lease::protocol::RouterId;
use crate::lease::tally::{Heard, Line, MOST_TOLD, Name, Tallies};
use std::collections::HashMap;
use std::fmt;

/// Counts all there is to tell, since the process began.
pub type Counting = Box<dyn Fn() -> Vec<Line> + Send>;

/// A process of a gateway, as the panel numbers them.
type Whose = (RouterId, u64);

/// Who tells.
pub(super) struct Teller {
    counting: Counting,
    /// As whom it tells; as nobody yet where absent.
    whose: Option<Whose>,
    seq: u64,
    /// The last message that was answered.
    answered: u64,
    /// What the panel has heard of each line.
    told: HashMap<Name, u64>,
    /// What was said of each line and not answered: it may have been heard.
    said: HashMap<Name, u64>,
    /// What may have been heard of somebody else: this process, before it was enrolled anew.
    before: HashMap<Name, u64>,
}

impl fmt::Debug for Teller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Teller").finish_non_exhaustive()
    }
}

impl Teller {
    pub(super) fn new(counting: Counting) -> Self {
        Self {
            counting,
            whose: None,
            seq: 0,
            answered: 0,
            told: HashMap::new(),
            said: HashMap::new(),
            before: HashMap::new(),
        }
    }

    /// What is to be told now, by whoever this is: all lines that grew, in as many messages as that takes.
    pub(super) fn round(&mut self, router: RouterId, incarnation: u64) -> Vec<Tallies> {
        let (router, incarnation) = self.become_somebody((router, incarnation));
        let mut lines = Vec::new();
        for mut line in (self.counting)() {
            let before = self.before.get(&line.name).copied().unwrap_or(0);
            line.count = line.count.saturating_sub(before);
            let told = self.told.get(&line.name).copied().unwrap_or(0);
            if line.count > told {
                self.said.insert(line.name.clone(), line.count);
                lines.push(line);
            }
        }
        let messages = lines.chunks(MOST_TOLD).map(|lines| {
            self.seq = self.seq.saturating_add(1);
            Tallies {
                router,
                incarnation,
                seq: self.seq,
                lines: lines.to_vec(),
            }
        });
        messages.collect()
    }

    /// A message was answered.
    pub(super) fn heard(&mut self, told: &Tallies, heard: Heard) {
        if self.whose != Some((told.router, told.incarnation)) {
            return;
        }
        if heard.last < self.answered {
            self.told.clear();
        }
        self.answered = told.seq;
        for line in &told.lines {
            self.told.insert(line.name.clone(), line.count);
            if self.said.get(&line.name) == Some(&line.count) {
                self.said.remove(&line.name);
            }
        }
    }

    /// As whom it tells. A new number of the same gateway changes nothing: the counts go on. Another gateway begins with what
    /// was never said of the one before: what was said and not answered may have been heard, and nothing counts twice.
    fn become_somebody(&mut self, now: Whose) -> Whose {
        match self.whose {
            Some(whose) if whose.0 == now.0 => return whose,
            Some(_) => {
                self.told.extend(self.said.drain());
                for (name, count) in self.told.drain() {
                    let before = self.before.entry(name).or_default();
                    *before = before.saturating_add(count);
                }
                (self.seq, self.answered) = (0, 0);
            }
            None => {}
        }
        self.whose = Some(now);
        now
    }
}

#[cfg(test)]
mod tests;
