//! Lines read back: by time, by id, as they come.

use super::*;

fn second(number: i64) -> Wall {
    Wall::from_secs(1_763_719_629 + number)
}

fn id(number: i64) -> PassageId {
    PassageId::new(second(number), u128::from(number.unsigned_abs()) << 96)
}

fn of_second(number: i64) -> Entry {
    Entry::Decision(Record {
        id: id(number),
        at: second(number),
        ..record(0)
    })
}

/// A log of one line a second, in many files.
fn log(settings: &mut Settings, seconds: std::ops::Range<i64>) -> Store {
    settings.bounds.rotate_bytes = 4_000;
    settings.bounds.keep = 100;
    let (mut store, _) = Store::open(settings).unwrap();
    for number in seconds {
        store.format(&[of_second(number)]);
        store.append(second(number)).unwrap();
    }
    store.sync().unwrap();
    store
}

fn seqs(records: Records) -> Vec<u64> {
    let number = |line: String| {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        line["seq"].as_u64().unwrap()
    };
    records.map(|line| number(line.unwrap())).collect()
}

#[test]
fn a_range_of_time_is_read_over_all_files_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    drop(log(&mut settings, 0..100));
    assert!(files(&settings.dir).numbered.len() > 5);
    let check = |since: Option<i64>, until: Option<i64>, expected: std::ops::Range<u64>| {
        let found = records(&settings.dir, since.map(second), until.map(second)).unwrap();
        assert_eq!(
            seqs(found),
            expected.collect::<Vec<_>>(),
            "{since:?} {until:?}"
        );
    };
    check(None, None, 1..101);
    check(Some(10), Some(20), 11..21);
    check(Some(95), None, 96..101);
    check(None, Some(3), 1..4);
    check(Some(100), None, 1..1);
}

#[test]
fn files_that_are_far_too_old_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    drop(log(&mut settings, 0..50));
    drop(log(&mut settings, 1_000_000..1_000_010));
    let mut found = records(&settings.dir, Some(second(999_999)), None).unwrap();
    let (_, all) = found.progress();
    assert_eq!(found.by_ref().count(), 10);
    let whole: u64 = files(&settings.dir)
        .in_order()
        .map(|path| std::fs::metadata(path).unwrap().len())
        .sum();
    assert!(all < whole / 2, "{all} of {whole} bytes");
}

#[test]
fn a_decision_is_found_by_its_id_wherever_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    let mut store = log(&mut settings, 0..100);
    // A call that took long is written long after it came, and a clock may have been set back.
    store.format(&[of_second(-4_000), of_second(50_000), of_second(100)]);
    store.append(second(100)).unwrap();
    for number in [0, 1, 42, 99, -4_000, 50_000, 100] {
        let line = find(&settings.dir, id(number)).unwrap().expect("there");
        assert!(line.contains(id(number).decision().as_str()), "{line}");
    }
    assert_eq!(find(&settings.dir, id(101)).unwrap(), None);
}

#[test]
fn a_follower_sees_every_line_once_across_rotations() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    let mut store = log(&mut settings, 0..5);
    let mut follower = Follower::from_end(&settings.dir).unwrap();
    let mut seen = Vec::new();
    follower.take(&mut seen).unwrap();
    assert!(seen.is_empty(), "nothing came since");
    for number in 5..100 {
        store.format(&[of_second(number)]);
        store.append(second(number)).unwrap();
        // Now and then it looks; in between several files may come and go.
        if number % 23 == 0 {
            follower.take(&mut seen).unwrap();
        }
    }
    follower.take(&mut seen).unwrap();
    let text = String::from_utf8(seen).unwrap();
    let numbers: Vec<u64> = text
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"]
                .as_u64()
                .unwrap()
        })
        .collect();
    assert_eq!(numbers, (6..101).collect::<Vec<_>>());
}

#[test]
fn a_follower_waits_for_the_end_of_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    let mut store = log(&mut settings, 0..1);
    let mut follower = Follower::from_end(&settings.dir).unwrap();
    let path = settings.dir.join("current.jsonl");
    let whole = std::fs::metadata(&path).unwrap().len();
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap();
    file.write_all(b"{\"seq\":2,\"pr").unwrap();
    let mut seen = Vec::new();
    follower.take(&mut seen).unwrap();
    assert!(seen.is_empty());
    // The write had failed; it is cut off and written anew.
    file.set_len(whole).unwrap();
    store.format(&[of_second(1)]);
    store.append(second(1)).unwrap();
    follower.take(&mut seen).unwrap();
    assert!(seen.starts_with(b"{\"seq\":2,\"prev\"") && seen.ends_with(b"}\n"));
}
