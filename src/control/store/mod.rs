//! Where the bank's books are kept: what a step changed is safe before its answer is sent.
//!
//! Invariant: the store itself refuses rows that would overdraw an account, and forgets no line of the ledger.

pub mod sqlite;
