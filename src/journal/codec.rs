//! How entries and states are written: fixed little-endian fields, one byte of kind first.
//!
//! By hand rather than by derive, so that the bytes of a year ago are a fact of this file and not of a library's version.
//! A kind never changes its meaning; a new meaning is a new kind. What cannot be read in full is a fault, never a guess.
//!
//! Not here: lengths, sequence numbers and checksums (`segment`).

use crate::governance::budget::{
    AccountState, Entry, LeaseNote, LeaseState, LedgerId, LedgerState, OpenState, Period, Scopes,
    State,
};
use crate::units::{Money, Tokens};
use std::sync::Arc;

mod kind {
    pub(super) const OPEN: u8 = 1;
    pub(super) const ROLL: u8 = 2;
    pub(super) const CEILING: u8 = 3;
    pub(super) const RESERVE: u8 = 4;
    pub(super) const SETTLE: u8 = 5;
    pub(super) const RELEASE: u8 = 6;
    pub(super) const EXPIRE: u8 = 7;
    pub(super) const FORGET: u8 = 8;
    pub(super) const CLEAN: u8 = 9;
    pub(super) const LEASE_OPEN: u8 = 10;
    pub(super) const LEASE_CEILING: u8 = 11;
    pub(super) const LEASE_RESERVE: u8 = 12;
    pub(super) const LEASE_SETTLE: u8 = 13;
    pub(super) const LEASE_CLOSE: u8 = 14;
}

/// Why bytes are no entry or state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    /// They end in the middle of a field.
    #[error("it ends in the middle of a field")]
    Short,
    /// They go on after the last field.
    #[error("{0} bytes follow its last field")]
    Long(usize),
    /// A kind this version does not know.
    #[error("kind {0} is unknown to this version of tollgate")]
    Kind(u8),
    /// A name that is no text.
    #[error("a name in it is not UTF-8")]
    Text,
    /// A yes or no that is neither.
    #[error("{0} is neither yes nor no")]
    Flag(u8),
}

/// Writes one entry.
pub(super) fn write_entry(out: &mut Vec<u8>, entry: &Entry) {
    match entry {
        Entry::Open {
            ledger,
            budget,
            value,
        } => {
            out.push(kind::OPEN);
            out.extend(ledger.0.to_le_bytes());
            write_text(out, budget);
            write_optional(out, value.as_deref());
        }
        Entry::Roll {
            ledger,
            period,
            carried,
        } => {
            out.push(kind::ROLL);
            out.extend(ledger.0.to_le_bytes());
            out.extend(period.start.to_le_bytes());
            out.extend(period.end.to_le_bytes());
            write_money(out, *carried);
        }
        Entry::Ceiling {
            ledger,
            period,
            total,
        } => {
            out.push(kind::CEILING);
            out.extend(ledger.0.to_le_bytes());
            out.extend(period.to_le_bytes());
            write_money(out, *total);
        }
        Entry::Reserve { id, amount, scopes } => {
            out.push(kind::RESERVE);
            out.extend(id.to_le_bytes());
            write_money(out, *amount);
            write_scopes(out, scopes);
        }
        Entry::Settle {
            id,
            cost,
            input,
            output,
            estimated,
        } => {
            out.push(kind::SETTLE);
            out.extend(id.to_le_bytes());
            write_money(out, *cost);
            out.extend(input.0.to_le_bytes());
            out.extend(output.0.to_le_bytes());
            out.push(u8::from(*estimated));
        }
        Entry::Release { id } => write_id(out, kind::RELEASE, *id),
        Entry::Expire { id } => write_id(out, kind::EXPIRE, *id),
        Entry::Forget { ledger } => {
            out.push(kind::FORGET);
            out.extend(ledger.0.to_le_bytes());
        }
        Entry::Clean => out.push(kind::CLEAN),
        Entry::Lease { lease, note } => write_note(out, *lease, *note),
    }
}

/// Reads one entry, to its last byte.
pub(super) fn read_entry(bytes: &[u8]) -> Result<Entry, Malformed> {
    let mut from = Reader(bytes);
    let entry = match from.byte()? {
        kind::OPEN => Entry::Open {
            ledger: from.ledger()?,
            budget: from.text()?,
            value: from.optional()?,
        },
        kind::ROLL => Entry::Roll {
            ledger: from.ledger()?,
            period: from.period()?,
            carried: from.money()?,
        },
        kind::CEILING => Entry::Ceiling {
            ledger: from.ledger()?,
            period: from.i64()?,
            total: from.money()?,
        },
        kind::RESERVE => Entry::Reserve {
            id: from.u64()?,
            amount: from.money()?,
            scopes: from.scopes()?,
        },
        kind::SETTLE => Entry::Settle {
            id: from.u64()?,
            cost: from.money()?,
            input: Tokens(from.u64()?),
            output: Tokens(from.u64()?),
            estimated: from.flag()?,
        },
        kind::RELEASE => Entry::Release { id: from.u64()? },
        kind::EXPIRE => Entry::Expire { id: from.u64()? },
        kind::FORGET => Entry::Forget {
            ledger: from.ledger()?,
        },
        kind::CLEAN => Entry::Clean,
        kind::LEASE_OPEN => from.note(|_| Ok(LeaseNote::Open))?,
        kind::LEASE_CEILING => from.note(|from| Ok(LeaseNote::Ceiling(from.money()?)))?,
        kind::LEASE_RESERVE => from.note(|from| {
            Ok(LeaseNote::Reserve {
                call: from.u64()?,
                amount: from.money()?,
            })
        })?,
        kind::LEASE_SETTLE => from.note(|from| {
            Ok(LeaseNote::Settle {
                call: from.u64()?,
                cost: from.money()?,
                overrun: from.money()?,
            })
        })?,
        kind::LEASE_CLOSE => from.note(|_| Ok(LeaseNote::Close))?,
        unknown => return Err(Malformed::Kind(unknown)),
    };
    from.end()?;
    Ok(entry)
}

/// Writes all books.
pub(super) fn write_state(out: &mut Vec<u8>, state: &State) {
    out.extend(state.next_reservation.to_le_bytes());
    out.extend(state.next_ledger.to_le_bytes());
    out.push(u8::from(state.clean));
    write_count(out, state.ledgers.len());
    for (id, ledger) in &state.ledgers {
        out.extend(id.0.to_le_bytes());
        write_text(out, &ledger.budget);
        write_optional(out, ledger.value.as_deref());
        write_count(out, ledger.accounts.len());
        for account in &ledger.accounts {
            out.extend(account.period.start.to_le_bytes());
            out.extend(account.period.end.to_le_bytes());
            for money in [
                account.spent,
                account.reserved,
                account.uncertain,
                account.ceiling,
                account.carried,
            ] {
                write_money(out, money);
            }
        }
    }
    write_count(out, state.open.len());
    for (id, open) in &state.open {
        out.extend(id.to_le_bytes());
        write_money(out, open.amount);
        write_scopes(out, &open.scopes);
    }
    // Leases stand behind what was there before there were any: books without them have the bytes they always had.
    if state.leases.0.is_empty() {
        return;
    }
    write_count(out, state.leases.0.len());
    for (id, lease) in &state.leases.0 {
        out.extend(id.to_le_bytes());
        for money in [
            lease.ceiling,
            lease.settled,
            lease.overrun,
            lease.abandoned,
            lease.uncertain,
        ] {
            write_money(out, money);
        }
        write_count(out, lease.open.len());
        for (call, amount) in &lease.open {
            out.extend(call.to_le_bytes());
            write_money(out, *amount);
        }
    }
}

/// Reads all books, to the last byte.
pub(super) fn read_state(bytes: &[u8]) -> Result<State, Malformed> {
    let mut from = Reader(bytes);
    let mut state = State {
        next_reservation: from.u64()?,
        next_ledger: from.u32()?,
        clean: from.flag()?,
        ..State::default()
    };
    for _ in 0..from.u32()? {
        let id = from.ledger()?;
        let (budget, value) = (from.text()?, from.optional()?);
        let accounts = (0..from.u32()?)
            .map(|_| from.account())
            .collect::<Result<_, _>>()?;
        let ledger = LedgerState {
            budget,
            value,
            accounts,
        };
        state.ledgers.insert(id, ledger);
    }
    for _ in 0..from.u32()? {
        let id = from.u64()?;
        let open = OpenState {
            amount: from.money()?,
            scopes: from.scopes()?,
        };
        state.open.insert(id, open);
    }
    if !from.0.is_empty() {
        for _ in 0..from.u32()? {
            let (id, lease) = (from.u128()?, from.lease()?);
            state.leases.0.insert(id, lease);
        }
    }
    from.end()?;
    Ok(state)
}

fn write_note(out: &mut Vec<u8>, lease: u128, note: LeaseNote) {
    out.push(match note {
        LeaseNote::Open => kind::LEASE_OPEN,
        LeaseNote::Ceiling(_) => kind::LEASE_CEILING,
        LeaseNote::Reserve { .. } => kind::LEASE_RESERVE,
        LeaseNote::Settle { .. } => kind::LEASE_SETTLE,
        LeaseNote::Close => kind::LEASE_CLOSE,
    });
    out.extend(lease.to_le_bytes());
    match note {
        LeaseNote::Open | LeaseNote::Close => {}
        LeaseNote::Ceiling(total) => write_money(out, total),
        LeaseNote::Reserve { call, amount } => {
            out.extend(call.to_le_bytes());
            write_money(out, amount);
        }
        LeaseNote::Settle {
            call,
            cost,
            overrun,
        } => {
            out.extend(call.to_le_bytes());
            write_money(out, cost);
            write_money(out, overrun);
        }
    }
}

fn write_id(out: &mut Vec<u8>, kind: u8, id: u64) {
    out.push(kind);
    out.extend(id.to_le_bytes());
}

fn write_money(out: &mut Vec<u8>, money: Money) {
    out.extend(money.nanos().to_le_bytes());
}

/// Counts are of things in memory: four billion of them would not fit there.
fn write_count(out: &mut Vec<u8>, count: usize) {
    out.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    write_count(out, text.len());
    out.extend(text.as_bytes());
}

fn write_optional(out: &mut Vec<u8>, text: Option<&str>) {
    out.push(u8::from(text.is_some()));
    if let Some(text) = text {
        write_text(out, text);
    }
}

fn write_scopes(out: &mut Vec<u8>, scopes: &Scopes) {
    write_count(out, scopes.len());
    for (ledger, period) in scopes {
        out.extend(ledger.0.to_le_bytes());
        out.extend(period.to_le_bytes());
    }
}

/// What is still to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed::Short)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_le_bytes)
    }

    fn u128(&mut self) -> Result<u128, Malformed> {
        self.array().map(u128::from_le_bytes)
    }

    fn note(
        &mut self,
        rest: impl FnOnce(&mut Self) -> Result<LeaseNote, Malformed>,
    ) -> Result<Entry, Malformed> {
        Ok(Entry::Lease {
            lease: self.u128()?,
            note: rest(self)?,
        })
    }

    fn lease(&mut self) -> Result<LeaseState, Malformed> {
        Ok(LeaseState {
            ceiling: self.money()?,
            settled: self.money()?,
            overrun: self.money()?,
            abandoned: self.money()?,
            uncertain: self.money()?,
            open: (0..self.u32()?)
                .map(|_| Ok((self.u64()?, self.money()?)))
                .collect::<Result<_, _>>()?,
        })
    }

    fn flag(&mut self) -> Result<bool, Malformed> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(Malformed::Flag(other)),
        }
    }

    fn money(&mut self) -> Result<Money, Malformed> {
        self.i64().map(Money::from_nanos)
    }

    fn ledger(&mut self) -> Result<LedgerId, Malformed> {
        self.u32().map(LedgerId)
    }

    fn period(&mut self) -> Result<Period, Malformed> {
        Ok(Period {
            start: self.i64()?,
            end: self.i64()?,
        })
    }

    fn text(&mut self) -> Result<Arc<str>, Malformed> {
        let len = usize::try_from(self.u32()?).map_err(|_| Malformed::Short)?;
        let text = std::str::from_utf8(self.take(len)?).map_err(|_| Malformed::Text)?;
        Ok(text.into())
    }

    fn optional(&mut self) -> Result<Option<Arc<str>>, Malformed> {
        self.flag()?.then(|| self.text()).transpose()
    }

    fn scopes(&mut self) -> Result<Scopes, Malformed> {
        (0..self.u32()?)
            .map(|_| Ok((self.ledger()?, self.i64()?)))
            .collect()
    }

    fn account(&mut self) -> Result<AccountState, Malformed> {
        Ok(AccountState {
            period: self.period()?,
            spent: self.money()?,
            reserved: self.money()?,
            uncertain: self.money()?,
            ceiling: self.money()?,
            carried: self.money()?,
        })
    }

    fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Malformed::Long(self.0.len()))
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
