//! What looking for secrets and personal data costs, for a kilobyte of text.
//!
//! Side by side in one run: the scanner, one `regex::bytes::RegexSet` of a hundred patterns of the same families, and a
//! `memchr` for a byte that is not there, which is about what reading the text costs. The set only says which of its
//! patterns occur; the scanner also says where, and has checked each (checksums, words nearby).
//!
//! `cargo bench --bench scan [-- NAME]` prints Markdown; NAME leaves out texts without it in their name.
//!
//! Invariant: the hostile texts stand in one table by size, so that more than linear time shows as figures that grow.

#[path = "support/patterns.rs"]
mod patterns;
#[path = "support/texts.rs"]
mod texts;
#[path = "support/timing.rs"]
mod timing;
#[path = "support/values.rs"]
mod values;

use crate::texts::{CLEAN, Text};
use crate::timing::{Contender, Fault, Thousandths, in_turns, micros_a_kilobyte};
use regex::bytes::{RegexSet, RegexSetBuilder};
use std::hint::black_box;
use std::io::{Stdout, Write as _, stdout};
use tollgate::governance::guard::cache::DEFAULT_CAPACITY;
use tollgate::governance::guard::{Cache, Catalogue, Scanner};

/// What somebody might send who wants a scanner to work hard.
const HOSTILE: [(&str, &str); 10] = [
    ("digits", "1234567890"),
    ("`4111 1111 `", "4111 1111 "),
    ("`@`", "@"),
    ("`a@`", "a@"),
    ("`a.a.a.`", "a."),
    ("`-----BEGIN`", "-----BEGIN"),
    (
        "private keys without end",
        "-----BEGIN PRIVATE KEY-----\nAAAA",
    ),
    ("`eyJ`", "eyJ"),
    ("`://a:`", "://a:"),
    ("`password = `", "password = "),
];

const KB: usize = 1024;

fn main() -> Result<(), Fault> {
    let only = std::env::args().skip(1).find(|word| word != "--bench");
    let wants = |name: &str| {
        only.as_ref()
            .is_none_or(|only| name.contains(only.as_str()))
    };
    let set = RegexSetBuilder::new(patterns::PATTERNS)
        .unicode(false)
        .build()?;
    let mut out = stdout();
    side_by_side(&mut out, &set, &wants)?;
    in_other_ways(&mut out, &wants)?;
    hostile(&mut out, &wants)
}

/// Clean texts, and one with findings.
fn texts() -> impl Iterator<Item = Text> {
    CLEAN
        .into_iter()
        .chain([("prose with values", values::telling as _)])
}

fn side_by_side(
    out: &mut Stdout,
    set: &RegexSet,
    wants: &dyn Fn(&str) -> bool,
) -> Result<(), Fault> {
    let catalogue = Catalogue::builtin();
    writeln!(
        out,
        "| text | size | scan µs/KB | RegexSet µs/KB | scan ÷ RegexSet | memchr µs/KB | found |\n|---|--:|--:|--:|--:|--:|--:|"
    )?;
    for (name, make) in texts().filter(|(name, _)| wants(name)) {
        for size in [KB, 32 * KB] {
            let text = make(size);
            let bytes = text.as_bytes();
            let times = in_turns(vec![
                Box::new(|| {
                    black_box(catalogue.scan(black_box(&text)));
                }),
                Box::new(|| {
                    black_box(set.matches(black_box(bytes)));
                }),
                Box::new(|| {
                    black_box(memchr::memchr(0, black_box(bytes)));
                }),
            ]);
            let [scan, regex, memchr] = *times else {
                return Err("three contenders have three times".into());
            };
            writeln!(
                out,
                "| {name} | {} KB | {} | {} | {} | {} | {} |",
                size / KB,
                micros_a_kilobyte(scan, size),
                micros_a_kilobyte(regex, size),
                Thousandths(scan * 1000 / regex.max(1)),
                micros_a_kilobyte(memchr, size),
                catalogue.scan(&text).len()
            )?;
        }
    }
    Ok(())
}

/// The same 32 KB remembered, and as a stream.
fn in_other_ways(out: &mut Stdout, wants: &dyn Fn(&str) -> bool) -> Result<(), Fault> {
    let catalogue = Catalogue::builtin();
    let cache = Cache::new([7; 16], DEFAULT_CAPACITY);
    writeln!(
        out,
        "\n| text, 32 KB | scan µs/KB | seen before µs/KB | stream, pieces of 5 bytes µs/KB | ns/piece | pieces of 4 KB µs/KB |\n|---|--:|--:|--:|--:|--:|"
    )?;
    for (name, make) in texts().filter(|(name, _)| wants(name)) {
        let size = 32 * KB;
        let text = make(size);
        let _ = cache.scan(catalogue, &text);
        let times = in_turns(vec![
            Box::new(|| {
                black_box(catalogue.scan(black_box(&text)));
            }),
            Box::new(|| {
                black_box(cache.scan(catalogue, black_box(&text)));
            }),
            Box::new(|| stream(catalogue, black_box(&text), 5)),
            Box::new(|| stream(catalogue, black_box(&text), 4 * KB)),
        ]);
        let [scan, seen, tokens, blocks] = *times else {
            return Err("four contenders have four times".into());
        };
        writeln!(
            out,
            "| {name} | {} | {} | {} | {} | {} |",
            micros_a_kilobyte(scan, size),
            micros_a_kilobyte(seen, size),
            micros_a_kilobyte(tokens, size),
            tokens / (size as u64).div_ceil(5) / 1000,
            micros_a_kilobyte(blocks, size),
        )?;
    }
    Ok(())
}

fn stream(catalogue: &Catalogue, text: &str, piece: usize) {
    let mut scanner = Scanner::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.ceil_char_boundary(piece));
        scanner.push(catalogue, now, &mut |piece| {
            black_box(piece);
        });
        rest = later;
    }
    scanner.finish(catalogue, &mut |piece| {
        black_box(piece);
    });
}

fn hostile(out: &mut Stdout, wants: &dyn Fn(&str) -> bool) -> Result<(), Fault> {
    const SIZES: [usize; 3] = [64 * KB, 256 * KB, KB * KB];
    let catalogue = Catalogue::builtin();
    writeln!(
        out,
        "\n| hostile text | µs/KB at 64 KB | 256 KB | 1 MB | as a stream of 5 bytes, 64 KB | 256 KB | 1 MB |\n|---|--:|--:|--:|--:|--:|--:|"
    )?;
    for (name, unit) in HOSTILE.iter().filter(|(name, _)| wants(name)) {
        let texts = SIZES.map(|size| unit.repeat(size.div_ceil(unit.len())));
        let whole = texts.iter().map(|text| -> Contender<'_> {
            Box::new(|| {
                black_box(catalogue.scan(black_box(text)));
            })
        });
        let streamed = texts
            .iter()
            .map(|text| -> Contender<'_> { Box::new(|| stream(catalogue, black_box(text), 5)) });
        let times = in_turns(whole.chain(streamed).collect());
        write!(out, "| {name} |")?;
        for (time, size) in times.iter().zip(SIZES.iter().cycle()) {
            write!(out, " {} |", micros_a_kilobyte(*time, *size))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
