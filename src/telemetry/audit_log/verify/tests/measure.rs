//! How long verification takes among a hundred thousand lines. No clock decides here: run it in release and read.
//!
//! `cargo test --release --lib among_a_hundred_thousand -- --ignored --nocapture`
#![expect(clippy::print_stdout, reason = "a measurement is there to be read")]

use super::{Lines, Log, Seed};
use crate::clock::since_start;
use std::fs;

#[test]
#[ignore = "a measurement"]
fn among_a_hundred_thousand() {
    let log = Log::of(100_000, 16 << 20);
    let bytes = log
        .files()
        .into_iter()
        .map(|path| fs::metadata(path).unwrap().len());
    let bytes: u64 = bytes.sum();
    println!("{} files, {bytes} bytes", log.files().len());
    let verify = |what: &str| {
        let start = since_start();
        let proof = log.verify();
        let took = since_start().saturating_sub(start);
        let fault = proof.fault.map(|fault| (fault.line, fault.what));
        println!("{what}: {took:?} {fault:?}");
    };
    verify("unbroken");
    let whole = log.lines();
    let at = 50_000 + Seed(8).below(49_000);
    let check = |what: &str, change: fn(&mut Lines, usize)| {
        let mut lines = whole.clone();
        change(&mut lines, at);
        log.write(&lines);
        verify(what);
    };
    check("flipped", |lines, at| lines[at].1[200] ^= 1);
    check("deleted", |lines, at| drop(lines.remove(at)));
    check("moved", |lines, at| {
        let here = lines[at].1.clone();
        lines[at].1 = std::mem::replace(&mut lines[at + 1].1, here);
    });
    check("twice", |lines, at| {
        let copy = lines[at].clone();
        lines.push(copy);
    });
    check("cut off", |lines, _| lines.truncate(99_999));
}
