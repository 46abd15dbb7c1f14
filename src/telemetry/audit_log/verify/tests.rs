//! What somebody may do to a log, at places drawn by seed, and what verification says to it.

use crate::clock::Wall;
use crate::governance::audit::{Chain, Record};
use crate::telemetry::audit_log::store::Store;
use crate::telemetry::audit_log::tests::{keys, record, settings, verify};
use crate::telemetry::audit_log::writer::Entry;
use crate::telemetry::audit_log::{Proof, Settings, Trust, files};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

const LINES: u64 = 300;

/// Lines, each with its file's position.
type Lines = Vec<(usize, Vec<u8>)>;

/// A log of several files.
struct Log {
    _dir: TempDir,
    settings: Settings,
}

impl Log {
    fn new() -> Self {
        Self::of(LINES, 20_000)
    }

    fn of(lines: u64, rotate_bytes: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = settings(dir.path());
        settings.bounds.rotate_bytes = rotate_bytes;
        let now = Wall::from_secs(1_763_719_629);
        let (mut store, _) = Store::open(&settings).unwrap();
        for id in 0..lines {
            store.format(&[Entry::Decision(record(u128::from(id)))]);
            store.append(now).unwrap();
        }
        store.checkpoint(now).unwrap();
        drop(store);
        let log = Self {
            _dir: dir,
            settings,
        };
        assert_eq!(log.verify().fault, None);
        log
    }

    fn verify(&self) -> Proof {
        verify(&self.settings)
    }

    fn files(&self) -> Vec<PathBuf> {
        files(&self.settings.dir).in_order().cloned().collect()
    }

    fn lines(&self) -> Lines {
        let files = self.files();
        let lines = files.iter().enumerate().flat_map(|(file, path)| {
            let text = fs::read(path).unwrap();
            let lines = text.split_inclusive(|b| *b == b'\n');
            lines.map(|line| (file, line.to_vec())).collect::<Vec<_>>()
        });
        lines.collect()
    }

    fn write(&self, lines: &[(usize, Vec<u8>)]) {
        for (file, path) in self.files().iter().enumerate() {
            let of_file = lines.iter().filter(|(of, _)| *of == file);
            fs::write(
                path,
                of_file
                    .flat_map(|(_, line)| line.clone())
                    .collect::<Vec<_>>(),
            )
            .unwrap();
        }
    }

    /// Changes the lines, and expects the fault at that line of those that are there then.
    #[track_caller]
    fn check(&self, at: usize, words: &str, change: impl FnOnce(&mut Lines)) {
        let whole = self.lines();
        let mut lines = whole.clone();
        change(&mut lines);
        self.write(&lines);
        let fault = self.verify().fault.expect("a fault");
        let (file, _) = lines[at];
        let in_file = lines[..=at].iter().filter(|(of, _)| *of == file).count();
        assert_eq!(
            (&fault.file, fault.line),
            (&self.files()[file], in_file as u64),
            "{}",
            fault.what
        );
        assert!(fault.what.contains(words), "{}", fault.what);
        self.write(&whole);
    }
}

/// Places drawn by seed (`SplitMix64`).
struct Seed(u64);

impl Seed {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }
}

fn all() -> usize {
    usize::try_from(LINES).unwrap()
}

#[test]
fn a_flipped_bit_is_found_in_its_own_line() {
    let log = Log::new();
    let mut seed = Seed(1);
    for _ in 0..60 {
        let at = seed.below(all());
        let (byte, bit) = (seed.below(400), seed.below(8));
        log.check(at, "", |lines| {
            let line = &mut lines[at].1;
            let last = line.len() - 1;
            line[byte % last] ^= 1 << bit;
        });
    }
}

#[test]
fn a_flipped_line_end_is_found_in_its_own_line() {
    let log = Log::new();
    let mut seed = Seed(2);
    for _ in 0..20 {
        let at = seed.below(all() - 1);
        log.check(at, "", |lines| *lines[at].1.last_mut().unwrap() ^= 4);
    }
}

#[test]
fn a_deleted_line_is_missed_where_it_stood() {
    let log = Log::new();
    let mut seed = Seed(3);
    for _ in 0..30 {
        // Of the very first, nothing but a checkpoint could say that it was there: see below.
        let at = 1 + seed.below(all() - 2);
        log.check(at, "1 lines are missing before it", |lines| {
            lines.remove(at);
        });
    }
}

#[test]
fn lines_cut_off_the_beginning_are_missed() {
    let log = Log::new();
    log.check(0, "lines 1 to 3 were removed before it", |lines| {
        lines.drain(..3);
    });
}

#[test]
fn lines_that_changed_places_are_found_at_the_first() {
    let log = Log::new();
    let mut seed = Seed(4);
    for _ in 0..30 {
        let (one, other) = (1 + seed.below(all() - 1), 1 + seed.below(all() - 1));
        if one != other {
            log.check(one.min(other), "lines were moved", |lines| {
                let (a, b) = (lines[one].1.clone(), lines[other].1.clone());
                (lines[one].1, lines[other].1) = (b, a);
            });
        }
    }
}

#[test]
fn a_line_that_is_there_twice_is_found_at_the_copy() {
    let log = Log::new();
    let mut seed = Seed(5);
    for _ in 0..30 {
        let (from, to) = (seed.below(all()), seed.below(all()));
        // Behind itself; copies before their original are lines that do not belong there yet.
        let (from, to) = (from.min(to), from.max(to) + 1);
        log.check(to, "this line is there twice", |lines| {
            let (file, _) = lines[to - 1];
            let copy = lines[from].1.clone();
            lines.insert(to, (file, copy));
        });
    }
}

#[test]
fn a_cut_end_is_found_whether_lines_or_bytes_were_cut() {
    let log = Log::new();
    let mut seed = Seed(6);
    for _ in 0..20 {
        let left = 1 + seed.below(all() - 1);
        log.check(left - 1, "the end was cut off", |lines| {
            lines.truncate(left);
        });
        let bytes = 1 + seed.below(200);
        // In a full file the cut line itself is named; in the last one it may be one that is being written.
        let lines = log.lines();
        let is_full = lines[left - 1].0 + 1 < log.files().len();
        log.check(left - usize::from(!is_full), "end was cut off", |lines| {
            let mut half = lines[left - 1].clone();
            half.1.truncate(bytes);
            lines.truncate(left);
            lines.push(half);
        });
    }
}

#[test]
fn a_full_file_that_ends_within_a_line_is_named() {
    let log = Log::new();
    let last = log
        .lines()
        .iter()
        .rposition(|(file, _)| *file == 0)
        .unwrap();
    log.check(last, "its end was cut off", |lines| {
        lines[last].1.truncate(100);
    });
}

#[test]
fn a_missing_file_in_the_middle_is_named_and_the_oldest_are_not_missed() {
    let log = Log::new();
    let files = log.files();
    assert!(files.len() >= 5, "{files:?}");
    let bytes = fs::read(&files[2]).unwrap();
    fs::remove_file(&files[2]).unwrap();
    let fault = log.verify().fault.expect("a fault");
    assert_eq!((&fault.file, fault.line), (&files[3], 1));
    assert!(
        fault.what.contains("a whole file may be gone"),
        "{}",
        fault.what
    );
    fs::write(&files[2], bytes).unwrap();
    // The oldest may have been archived by hand: no fault, but not unsaid.
    for path in &files[..2] {
        fs::remove_file(path).unwrap();
    }
    let proof = log.verify();
    assert_eq!(proof.fault, None);
    assert_eq!(proof.notes.len(), 1, "{:?}", proof.notes);
}

/// Writes everything from line `from` on anew, with one word changed, head included, and links that fit.
fn forge(log: &Log, from: usize) {
    let mut lines = log.lines();
    let before = &lines[from - 1].1;
    let before = crate::governance::audit::Head::after(&before[..before.len() - 1]).unwrap();
    let mut chain = Chain::continuing(before);
    for (id, (_, line)) in lines.iter_mut().enumerate().skip(from) {
        line.clear();
        let forged = Record {
            reason: if id == from { "forged" } else { "ok" },
            ..record(id as u128)
        };
        chain.append(&forged, line);
    }
    log.write(&lines);
    let head = chain.head().to_string();
    fs::write(log.settings.dir.join("head"), format!("{head:0>85}\n")).unwrap();
}

#[test]
fn a_tail_written_anew_with_its_head_does_not_fit_its_checkpoint() {
    let mut seed = Seed(7);
    for _ in 0..5 {
        let log = Log::new();
        forge(&log, 1 + seed.below(all() - 1));
        let fault = log.verify().fault.expect("a fault");
        assert!(fault.what.contains("were written anew"), "{}", fault.what);
    }
}

#[test]
fn a_changed_checkpoint_is_named() {
    let log = Log::new();
    let path = log.settings.dir.join("checkpoints.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let second = text.lines().nth(1).unwrap();
    fs::write(
        &path,
        text.replace(second, &second.replace("\"first\":1", "\"first\":2")),
    )
    .unwrap();
    let fault = log.verify().fault.expect("a fault");
    assert_eq!((&fault.file, fault.line), (&path, 2));
    assert!(fault.what.contains("signature"), "{}", fault.what);
}

#[test]
fn a_log_signed_by_somebody_else_is_not_ours() {
    let (ours, theirs) = (Log::new(), Log::new());
    let trust = Trust {
        keys: keys(&theirs.settings),
        copy: None,
    };
    let proof = super::verify(&ours.settings.dir, &trust, &mut |_, _| {}).unwrap();
    assert_eq!(proof.signed, None);
    let fault = proof.fault.expect("a fault");
    assert!(
        fault.what.contains("not among the public keys"),
        "{}",
        fault.what
    );
}

#[test]
fn a_copy_of_the_checkpoints_shows_a_log_that_was_begun_anew() {
    let log = Log::new();
    let trust = Trust {
        keys: keys(&log.settings),
        copy: Some(log.settings.dir.with_file_name("copy.jsonl")),
    };
    let verify = || super::verify(&log.settings.dir, &trust, &mut |_, _| {}).unwrap();
    let checkpoints = log.settings.dir.join("checkpoints.jsonl");
    fs::copy(&checkpoints, trust.copy.as_ref().unwrap()).unwrap();
    assert_eq!(verify().fault, None);
    // Everything beside the copy agrees: the gateway itself wrote it, over a directory somebody had emptied.
    fs::remove_dir_all(&log.settings.dir).unwrap();
    let (mut store, recovered) = Store::open(&log.settings).unwrap();
    assert_eq!(recovered.missing, 0);
    for id in 0..LINES + 10 {
        store.format(&[Entry::Decision(record(u128::from(id) + 7))]);
        store.append(Wall::from_secs(1)).unwrap();
    }
    store.checkpoint(Wall::from_secs(1)).unwrap();
    drop(store);
    assert_eq!(log.verify().fault, None);
    let fault = verify().fault.expect("a fault");
    assert!(fault.what.contains("copy.jsonl:1"), "{}", fault.what);
}
