//! How often somebody may try to sign in.
//!
//! A few attempts are free, then each takes twice as long to come as the one before, up to a minute for an account: who
//! guesses is slowed to a thousand guesses a day, and whose account it is waits a minute at most. An address that tries many
//! accounts waits longer. An attempt counts when it begins, so that many at once are no way round.

use crate::clock::Wall;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Entries kept. Where all are of guessers, nobody tries until some are old.
const MOST: usize = 20_000;
/// After so long without an attempt all is forgotten.
const FORGOTTEN: Duration = Duration::from_mins(15);

/// How patient we are.
#[derive(Debug, Clone, Copy)]
struct Patience {
    free: u32,
    most: u64,
}

const WITH_ACCOUNTS: Patience = Patience { free: 5, most: 60 };
const WITH_ADDRESSES: Patience = Patience {
    free: 20,
    most: 900,
};

#[derive(Debug, Clone, Copy, Default)]
struct Attempts {
    count: u32,
    last: i64,
}

/// Attempts by account and by address.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    attempts: Mutex<HashMap<String, Attempts>>,
}

impl Throttle {
    /// Counts an attempt, or says after how many seconds it may be made.
    pub(super) fn attempt(&self, account: &str, address: &str, now: Wall) -> Result<(), u64> {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = [
            (account_key(account), WITH_ACCOUNTS),
            (address_key(address), WITH_ADDRESSES),
        ];
        let wait = keys.iter().map(|(key, patience)| {
            let known = attempts.get(key).copied().unwrap_or_default();
            patience.wait(known, now)
        });
        if let Some(wait) = wait.max().filter(|wait| *wait > 0) {
            return Err(wait);
        }
        if attempts.len() >= MOST {
            let old = now.nanos().saturating_sub(super::nanos(FORGOTTEN));
            attempts.retain(|_, known| known.last > old);
            // Those that are not slowed down yet lose nothing.
            attempts.retain(|_, known| known.count > WITH_ACCOUNTS.free);
            if attempts.len() >= MOST {
                return Err(WITH_ACCOUNTS.most);
            }
        }
        for (key, _) in keys {
            let known = attempts.entry(key).or_default();
            let quiet = now.nanos().saturating_sub(known.last) > super::nanos(FORGOTTEN);
            known.count = if quiet {
                1
            } else {
                known.count.saturating_add(1)
            };
            known.last = now.nanos();
        }
        Ok(())
    }

    /// It was the right password: the account starts anew. The address does not, lest one good account covers for guesses
    /// at others; its attempt is taken back.
    pub(super) fn succeeded(&self, account: &str, address: &str) {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.remove(&account_key(account));
        if let Some(known) = attempts.get_mut(&address_key(address)) {
            known.count = known.count.saturating_sub(1);
        }
    }
}

fn account_key(account: &str) -> String {
    // A digest, so that long names take no more room.
    format!("a{}", super::words::hex(&super::secrets::digest(account)))
}

fn address_key(address: &str) -> String {
    format!("i{address}")
}

impl Patience {
    /// How many seconds there are to wait.
    fn wait(self, known: Attempts, now: Wall) -> u64 {
        let Some(over) = known.count.checked_sub(self.free) else {
            return 0;
        };
        let passed = now.nanos().saturating_sub(known.last).max(0);
        if passed > super::nanos(FORGOTTEN) {
            return 0;
        }
        let pause = 1_u64.checked_shl(over).unwrap_or(u64::MAX).min(self.most);
        let passed = u64::try_from(passed.div_euclid(1_000_000_000)).unwrap_or(0);
        pause.saturating_sub(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_are_slowed_down_and_a_right_password_starts_anew() {
        let throttle = Throttle::default();
        let at = |secs: i64| Wall::from_secs(secs);
        for _ in 0..5 {
            assert_eq!(throttle.attempt("ann", "1.1.1.1", at(0)), Ok(()));
        }
        assert_eq!(throttle.attempt("ann", "2.2.2.2", at(0)), Err(1));
        assert_eq!(throttle.attempt("bob", "2.2.2.2", at(0)), Ok(()));
        assert_eq!(throttle.attempt("ann", "2.2.2.2", at(1)), Ok(()));
        assert_eq!(throttle.attempt("ann", "2.2.2.2", at(1)), Err(2));
        throttle.succeeded("ann", "2.2.2.2");
        assert_eq!(throttle.attempt("ann", "2.2.2.2", at(1)), Ok(()));
    }

    #[test]
    fn an_address_that_tries_many_accounts_waits() {
        let throttle = Throttle::default();
        let now = Wall::from_secs(0);
        for account in 0..20 {
            let tried = throttle.attempt(&account.to_string(), "1.1.1.1", now);
            assert_eq!(tried, Ok(()));
        }
        assert_eq!(throttle.attempt("another", "1.1.1.1", now), Err(1));
        assert_eq!(throttle.attempt("another", "2.2.2.2", now), Ok(()));
    }
}
