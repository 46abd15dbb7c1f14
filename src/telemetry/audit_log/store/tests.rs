use super::*;
use crate::telemetry::audit_log::tests::{entries, settings, verify};
use std::fs::OpenOptions;

const NOW: Wall = Wall::from_secs(1_763_719_630);

#[test]
fn a_full_disk_delays_lines_and_doubles_none() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let (mut store, _) = Store::open(&settings).unwrap();
    store.format(&entries(1..=2));
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let disk = std::mem::replace(&mut store.file, full);
    for _ in 0..2 {
        assert!(store.append(NOW).is_err());
    }
    // Space again; what a failed write may have left behind is part of a line.
    store.file = disk;
    store.file.write_all(b"{\"seq\":1,\"pre").unwrap();
    store.append(NOW).unwrap();
    store.format(&entries(3..=3));
    store.append(NOW).unwrap();
    store.sync().unwrap();
    let proof = verify(&settings);
    assert_eq!((proof.lines, proof.fault), (3, None));
}

#[test]
fn lines_a_crash_left_unnamed_are_named_by_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let (mut store, _) = Store::open(&settings).unwrap();
    store.format(&entries(1..=2));
    store.append(NOW).unwrap();
    drop(store);
    drop(Store::open(&settings).unwrap());
    let file = settings.dir.join(CURRENT);
    let text = std::fs::read_to_string(&file).unwrap();
    let first = text.split_inclusive('\n').next().unwrap();
    std::fs::write(&file, first).unwrap();
    let proof = verify(&settings);
    assert!(proof.fault.is_some(), "the second line is gone");
}

#[test]
fn a_rotation_that_stopped_halfway_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.bounds.rotate_bytes = 1;
    let (mut store, _) = Store::open(&settings).unwrap();
    store.format(&entries(1..=1));
    // As if the file had been renamed and the new one not opened.
    std::fs::rename(
        settings.dir.join(CURRENT),
        settings.dir.join("000001.jsonl"),
    )
    .unwrap();
    store.append(NOW).unwrap();
    store.format(&entries(2..=2));
    store.append(NOW).unwrap();
    store.sync().unwrap();
    let proof = verify(&settings);
    assert_eq!((proof.lines, proof.files, proof.fault), (2, 3, None));
}
