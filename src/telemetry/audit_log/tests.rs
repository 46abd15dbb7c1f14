use super::*;
use crate::chat::Usage;
use crate::clock::{self, Wall};
use crate::governance::audit::{ChainFault, Gap, Revisions, Verdict, Verifier, Who, Wrong, stamp};
use crate::ids::PassageId;
use crate::units::Money;
use std::io::{BufRead as _, BufReader, Write as _};
use std::ops::RangeInclusive;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

mod reading;

const LONG: Duration = Duration::from_secs(30);

pub(super) fn record(id: u128) -> Record {
    Record {
        id: PassageId::from_u128(id),
        at: Wall::from_secs(1_763_719_629),
        who: Arc::new(Who::unknown()),
        run: None,
        session: None,
        endpoint: None,
        streaming: false,
        model: Arc::from("m"),
        provider: None,
        verdict: Verdict::Allow,
        reason: "ok",
        scope: None,
        status: 200,
        revisions: Arc::new(Revisions::default()),
        usage: Usage::default(),
        cost: Money::ZERO,
        reserved: Money::ZERO,
        estimated: false,
        decide: Duration::ZERO,
        first_byte: None,
        total: Duration::ZERO,
        ruled: None,
    }
}

pub(super) fn entries(ids: RangeInclusive<u128>) -> Vec<Entry> {
    ids.map(record).map(Entry::Decision).collect()
}

pub(super) fn settings(state_dir: &Path) -> Settings {
    Settings::of_state(state_dir, Decisions::default())
}

pub(super) fn keys(settings: &Settings) -> PublicKeys {
    PublicKeys::read(&std::fs::read_to_string(settings.public_key()).unwrap()).unwrap()
}

pub(super) fn verify(settings: &Settings) -> Proof {
    let trust = Trust {
        keys: keys(settings),
        copy: None,
    };
    super::verify(&settings.dir, &trust, &mut |_, _| {}).unwrap()
}

fn write_and_close(settings: &Settings, count: u128) -> Recovered {
    let (log, recovered) = AuditLog::start(settings).expect("starts");
    for id in 0..count {
        log.push(record(id)).expect("room");
    }
    log.close();
    assert_eq!(log.reading().queued, 0);
    recovered
}

fn verified(settings: &Settings) -> Result<u64, ChainFault> {
    let files = files(&settings.dir);
    let mut verifier = Verifier::against(files.head);
    for path in files.in_order() {
        for line in BufReader::new(std::fs::File::open(path).unwrap()).split(b'\n') {
            verifier.line(&line.unwrap())?;
        }
    }
    verifier.finish()
}

#[test]
fn every_record_is_written_in_order_and_the_chain_goes_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    assert_eq!(write_and_close(&settings, 1_000), Recovered::default());
    assert_eq!(verified(&settings), Ok(1_000));
    let again = write_and_close(&settings, 500);
    assert_eq!((again.lines, again.cut_bytes, again.missing), (1_000, 0, 0));
    assert_eq!(verified(&settings), Ok(1_500));
    let last = last_lines(&settings.dir, 2).unwrap();
    assert_eq!(last.len(), 2);
    assert!(last[1].starts_with("{\"seq\":1500,"), "{}", last[1]);
}

#[test]
fn a_flush_waits_until_everything_is_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let (log, _) = AuditLog::start(&settings).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let log = &log;
            scope.spawn(move || {
                (0..250).for_each(|n| log.push(record(thread * 1_000 + n)).unwrap());
            });
        }
    });
    assert!(log.flush(LONG));
    assert_eq!(log.reading().records, 1_000);
    assert_eq!(last_lines(&settings.dir, 5_000).unwrap().len(), 1_000);
}

#[test]
fn the_log_is_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    write_and_close(&settings, 1);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&settings.dir), 0o700);
    assert_eq!(mode(&settings.dir.join("current.jsonl")), 0o600);
    assert_eq!(mode(&settings.dir.join("head")), 0o600);
}

#[test]
fn a_link_in_the_logs_place_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    std::fs::create_dir(&settings.dir).unwrap();
    std::os::unix::fs::symlink(
        dir.path().join("elsewhere"),
        settings.dir.join("current.jsonl"),
    )
    .unwrap();
    assert!(matches!(
        AuditLog::start(&settings),
        Err(LogFault::File { .. })
    ));
    assert!(!dir.path().join("elsewhere").exists());
}

#[test]
fn a_second_writer_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    let (_log, _) = AuditLog::start(&settings).unwrap();
    assert!(matches!(
        AuditLog::start(&settings),
        Err(LogFault::InUse(_))
    ));
}

#[test]
fn a_torn_last_line_is_cut_and_reported() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    write_and_close(&settings, 3);
    let current = settings.dir.join("current.jsonl");
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(&current)
        .unwrap();
    file.write_all(b"{\"seq\":4,\"pr").unwrap();
    let recovered = write_and_close(&settings, 2);
    assert_eq!(
        (recovered.lines, recovered.cut_bytes, recovered.missing),
        (3, 12, 0)
    );
    assert_eq!(verified(&settings), Ok(5));
}

#[test]
fn lines_cut_off_the_end_are_missed_and_stay_missed() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    write_and_close(&settings, 4);
    let current = settings.dir.join("current.jsonl");
    let text = std::fs::read_to_string(&current).unwrap();
    let two: String = text.split_inclusive('\n').take(2).collect();
    std::fs::write(&current, two).unwrap();
    assert_eq!(
        verified(&settings),
        Err(ChainFault {
            line: 2,
            what: Wrong::Missing { missing: 2 }
        })
    );
    assert_eq!(write_and_close(&settings, 1).missing, 2);
    assert_eq!(
        verified(&settings),
        Err(ChainFault {
            line: 3,
            what: Wrong::Number {
                expected: 3,
                found: 5
            }
        })
    );
}

#[test]
fn full_files_are_numbered_and_the_oldest_go() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.bounds.rotate_bytes = 1_000;
    settings.bounds.keep = 3;
    for _ in 0..6 {
        write_and_close(&settings, 10);
    }
    let found = files(&settings.dir);
    let names: Vec<_> = found
        .numbered
        .iter()
        .map(|p| p.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(names, ["000004.jsonl", "000005.jsonl", "000006.jsonl"]);
    assert_eq!(verified(&settings), Ok(30));
    let proof = verify(&settings);
    assert_eq!((proof.fault, proof.notes), (None, vec![]));
    assert_eq!(write_and_close(&settings, 0).lines, 60);
}

#[test]
fn when_the_disk_refuses_records_wait_and_new_calls_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.bounds.queue = 8;
    let (log, _) = AuditLog::start(&settings).unwrap();
    // Hold the queue: the writer cannot take anything meanwhile, as when it waits for the disk.
    let mut held = log.shared.lock();
    for id in 0..8 {
        held.entries.push(Entry::Decision(record(id)));
        log.shared.waiting.fetch_add(1, Ordering::Relaxed);
    }
    assert!(!log.has_room());
    held.closing = true;
    drop(held);
    assert_eq!(log.push(record(9)), Err(Full));
    assert_eq!(log.reading().dropped, 1);
    log.close();
    assert_eq!(verified(&settings), Ok(8));
    assert!(log.has_room());
}

#[test]
fn when_records_may_be_dropped_calls_go_on_and_the_gap_is_in_the_chain() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.bounds.queue = 4;
    settings.bounds.on_full = OnFull::Drop;
    let (log, _) = AuditLog::start(&settings).unwrap();
    assert!(log.flush(LONG));
    // As if the disk had refused four records: the writer has taken none of them.
    log.shared.waiting.fetch_add(4, Ordering::Relaxed);
    for (id, secs) in [(5, 300), (6, 100), (7, 200)] {
        let at = Wall::from_secs(secs);
        assert!(log.has_room(), "calls go on");
        let lost = Record { at, ..record(id) };
        assert_eq!(log.push(lost), Err(Full));
    }
    assert_eq!(log.reading().dropped, 3);
    log.shared.waiting.fetch_sub(4, Ordering::Relaxed);
    log.push(record(8)).unwrap();
    log.close();
    let lines = last_lines(&settings.dir, 9).unwrap();
    let gaps: Vec<_> = lines
        .iter()
        .filter(|line| Gap::is(line.as_bytes()))
        .collect();
    assert!(lines.last().unwrap().contains("\"id\":\"dec_"), "{lines:?}");
    let lost: u64 = gaps
        .iter()
        .map(|gap| {
            serde_json::from_str::<serde_json::Value>(gap).unwrap()["lost"]
                .as_u64()
                .unwrap()
        })
        .sum();
    assert_eq!(lost, 3, "{gaps:?}");
    let (from, to) = (stamp(Wall::from_secs(100)), stamp(Wall::from_secs(300)));
    let all = gaps.iter().map(|gap| gap.as_str()).collect::<String>();
    assert!(all.contains(&from) && all.contains(&to), "{all}");
    let proof = verify(&settings);
    assert_eq!((proof.lost, proof.fault), (3, None));
}

#[test]
fn a_checkpoint_is_signed_at_every_rotation_and_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.bounds.rotate_bytes = 4_000;
    for _ in 0..3 {
        write_and_close(&settings, 20);
    }
    let proof = verify(&settings);
    assert_eq!(proof.fault, None);
    let signed = proof.signed.unwrap();
    assert_eq!((signed.seq, signed.key), (60, keys(&settings).0[0].id()));
    let text = std::fs::read_to_string(settings.dir.join("checkpoints.jsonl")).unwrap();
    let seqs: Vec<u64> = text
        .lines()
        .map(|line| Checkpoint::read(line).unwrap().head.seq)
        .collect();
    for path in files(&settings.dir).numbered {
        let last = std::fs::read_to_string(path).unwrap();
        let last = crate::governance::audit::Head::after(last.lines().last().unwrap().as_bytes());
        assert!(seqs.contains(&last.unwrap().seq), "{seqs:?}");
    }
}

#[test]
fn a_checkpoint_is_signed_after_so_many_lines() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.bounds.checkpoint_lines = 10;
    let (log, _) = AuditLog::start(&settings).unwrap();
    (0..25).for_each(|id| log.push(record(id)).unwrap());
    let signed = || verify(&settings).signed.map_or(0, |signed| signed.seq);
    let until = clock::since_start() + LONG;
    while signed() < 10 && clock::since_start() < until {
        std::thread::yield_now();
    }
    assert!((10..=25).contains(&signed()));
    log.close();
}

#[test]
fn the_key_is_made_once_and_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    write_and_close(&settings, 1);
    let (key, public) = (std::fs::read(&settings.key).unwrap(), keys(&settings));
    let mode = std::fs::metadata(&settings.key)
        .unwrap()
        .permissions()
        .mode()
        & 0o777;
    assert_eq!((mode, public.0.len()), (0o600, 1));
    write_and_close(&settings, 1);
    assert_eq!(std::fs::read(&settings.key).unwrap(), key);
    // A lost key is replaced; what the old one signed still counts.
    std::fs::remove_file(&settings.key).unwrap();
    write_and_close(&settings, 1);
    assert_eq!(keys(&settings).0.len(), 2);
    let proof = verify(&settings);
    assert_eq!((proof.checkpoints, proof.fault), (3, None));
}

#[test]
fn a_file_that_holds_no_key_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path());
    std::fs::write(&settings.key, "no key").unwrap();
    let fault = AuditLog::start(&settings).unwrap_err().to_string();
    assert!(fault.contains("decisions.key"), "{fault}");
}

#[test]
fn lines_go_by_age_and_a_quiet_file_is_closed_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.bounds.keep = 3;
    settings.bounds.retain = Some(Duration::from_hours(72));
    let day = |number: i64| Wall::from_secs(1_763_719_629 + number * 86_400);
    let (mut store, _) = Store::open(&settings).unwrap();
    for number in 0..10 {
        let at = day(number);
        let line = |id| Entry::Decision(Record { at, ..record(id) });
        store.tidy(at).unwrap();
        store.format(&[line(1), line(2)]);
        store.append(at).unwrap();
    }
    store.checkpoint(day(10)).unwrap();
    drop(store);
    let proof = verify(&settings);
    assert_eq!((&proof.fault, proof.notes.len()), (&None, 0), "{proof:?}");
    let lines = last_lines(&settings.dir, 100).unwrap();
    assert!(
        lines[0].contains(&stamp(day(6))[..10]) || lines[0].contains(&stamp(day(5))[..10]),
        "{}",
        lines[0]
    );
    assert!(proof.lines >= 6, "{proof:?}");
}
