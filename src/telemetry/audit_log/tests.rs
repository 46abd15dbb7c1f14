use super::*;
use crate::chat::Usage;
use crate::clock::Wall;
use crate::governance::audit::{ChainFault, Revisions, Verdict, Verifier, Who, Wrong};
use crate::ids::PassageId;
use crate::units::Money;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

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

fn settings(dir: &Path) -> Settings {
    Settings::in_dir(dir.join("decisions"))
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
    let settings = Settings {
        rotate_bytes: 1_000,
        keep: 3,
        ..settings(dir.path())
    };
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
    assert_eq!(write_and_close(&settings, 0).lines, 60);
}

#[test]
fn when_the_disk_refuses_records_wait_and_new_calls_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        queue: 8,
        ..settings(dir.path())
    };
    let (log, _) = AuditLog::start(&settings).unwrap();
    // Hold the queue: the writer cannot take anything meanwhile, as when it waits for the disk.
    let mut held = log.shared.lock();
    for id in 0..8 {
        held.records.push(record(id));
        log.shared.waiting.fetch_add(1, Ordering::Relaxed);
    }
    assert!(!log.has_room());
    held.closing = true;
    drop(held);
    assert_eq!(log.push(record(9)), Err(Full));
    assert_eq!(log.reading().failures, 1);
    log.close();
    assert_eq!(verified(&settings), Ok(8));
    assert!(log.has_room());
}
