use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const NOW: i64 = 1_800_000_000;
const ROUTER: RouterId = RouterId(7);
/// How long this machine has been running.
const BOOT: Duration = Duration::from_hours(5);

fn boot(secs: u64) -> Duration {
    BOOT + Duration::from_secs(secs)
}

fn at(secs: i64) -> Wall {
    Wall::from_secs(NOW + secs)
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn answer(revision: u64, credentials: &[(&str, u64)], missing: &[(&str, Why)]) -> Answer {
    let asked = credentials.iter().map(|(name, _)| *name);
    let asked = asked.chain(missing.iter().map(|(name, _)| *name));
    Answer {
        router: ROUTER,
        asked_at: at(0),
        asked_since_boot: BOOT,
        asked: asked.map(str::to_owned).collect(),
        revision,
        lifetime: Duration::from_secs(100),
        credentials: credentials
            .iter()
            .map(|(name, version)| Credential {
                name: (*name).to_owned(),
                version: *version,
                secret: Secret::new(format!("sk-{name}-{version}")),
            })
            .collect(),
        missing: missing
            .iter()
            .map(|(name, why)| Missing {
                name: (*name).to_owned(),
                why: *why,
            })
            .collect(),
    }
}

/// A vault that wants these, and how often it told of a change.
fn vault(wanted: &[&str]) -> (Vault, Arc<AtomicUsize>) {
    let vault = Vault::new(None, Some(ROUTER), at(0), BOOT);
    let told = Arc::<AtomicUsize>::default();
    let count = told.clone();
    vault.on_change(move || {
        count.fetch_add(1, Ordering::Relaxed);
    });
    vault.want(names(wanted));
    (vault, told)
}

fn exposed(vault: &Vault, name: &str) -> Option<String> {
    vault.secret(name).map(|secret| secret.expose().clone())
}

#[test]
fn a_rotation_swaps_the_secret_and_is_told_once() {
    let (vault, told) = vault(&["a", "b"]);
    assert!(!vault.is_whole());
    assert!(vault.take(answer(1, &[("a", 1), ("b", 1)], &[])));
    assert_eq!(exposed(&vault, "a").as_deref(), Some("sk-a-1"));
    assert!(vault.is_whole());
    assert!(vault.take(answer(2, &[("a", 2), ("b", 1)], &[])));
    assert_eq!(exposed(&vault, "a").as_deref(), Some("sk-a-2"));
    assert_eq!(told.load(Ordering::Relaxed), 2);
    // The same once more: nothing is told, and nothing needs to be written.
    assert!(!vault.take(answer(2, &[("a", 2), ("b", 1)], &[])));
    assert_eq!(told.load(Ordering::Relaxed), 2);
}

#[test]
fn another_secret_under_a_version_that_was_counted_before_is_another_secret() {
    let (vault, told) = vault(&["a"]);
    vault.take(answer(7, &[("a", 2)], &[]));
    let mut set_back = answer(8, &[("a", 2)], &[]);
    set_back.credentials[0].secret = Secret::new("sk-other".to_owned());
    assert!(vault.take(set_back));
    assert_eq!(exposed(&vault, "a").as_deref(), Some("sk-other"));
    assert_eq!(told.load(Ordering::Relaxed), 2);
}

#[test]
fn what_was_taken_away_goes_and_what_cannot_be_read_stays() {
    let (vault, told) = vault(&["a", "b"]);
    vault.take(answer(1, &[("a", 1), ("b", 1)], &[]));
    let less = || answer(2, &[], &[("a", Why::NotForYou), ("b", Why::Unreadable)]);
    assert!(vault.take(less()));
    assert_eq!(told.load(Ordering::Relaxed), 2);
    // The same once more changes nothing.
    assert!(!vault.take(less()));
    assert_eq!(told.load(Ordering::Relaxed), 2);
    assert_eq!(exposed(&vault, "a"), None);
    assert_eq!(exposed(&vault, "b").as_deref(), Some("sk-b-1"));
    let reading = vault.reading(at(40));
    assert_eq!(reading.items[0].missing, Some(Why::NotForYou));
    assert_eq!(reading.items[0].held, None);
    assert_eq!(reading.items[1].held, Some((1, Duration::from_mins(1))));
    assert!(!format!("{reading:?} {vault:?}").contains("sk-"));
    assert!(vault.empty());
    assert_eq!(exposed(&vault, "b"), None);
}

#[test]
fn a_credential_is_good_until_its_end_and_asked_for_again_at_half() {
    let (vault, told) = vault(&["a"]);
    assert_eq!(vault.question(ROUTER, at(0)), (names(&["a"]), 0));
    vault.take(answer(5, &[("a", 1)], &[]));
    assert_eq!(vault.question(ROUTER, at(49)).1, 5);
    assert_eq!(
        vault.until_due(at(0), boot(0)),
        Some(Duration::from_secs(50))
    );
    assert_eq!(vault.question(ROUTER, at(50)).1, 0, "half is over");
    assert_eq!(
        vault.until_due(at(60), boot(60)),
        Some(Duration::from_secs(40))
    );
    assert_eq!(vault.question(RouterId(8), at(1)).1, 0, "somebody else");
    vault.want(names(&["a", "b"]));
    assert_eq!(vault.question(ROUTER, at(1)).1, 0, "something else");
    assert!(!vault.expire(at(99), boot(99)));
    assert!(vault.expire(at(100), boot(99)));
    assert_eq!(exposed(&vault, "a"), None);
    assert_eq!(told.load(Ordering::Relaxed), 2);
}

#[test]
fn a_clock_that_is_set_back_prolongs_nothing() {
    let (vault, _) = vault(&["a"]);
    vault.take(answer(1, &[("a", 1)], &[]));
    // A little is how clocks are set right.
    assert!(!vault.expire(at(-200), boot(1)));
    assert_eq!(
        vault.until_due(at(-200), boot(90)),
        Some(Duration::from_secs(10))
    );
    assert!(
        vault.expire(at(-200), boot(100)),
        "its time is over, whatever the clock says"
    );
    vault.take(answer(2, &[("a", 2)], &[]));
    assert!(vault.expire(at(-301), boot(1)), "it comes from the future");
    assert_eq!(exposed(&vault, "a"), None);
}

#[test]
fn what_is_over_when_a_gateway_starts_goes_from_the_disk_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("opens");
    let key = store.key().expect("a key");
    let (vault, _) = vault(&["a"]);
    vault.take(answer(3, &[("a", 4)], &[]));
    assert!(vault.is_unkept());
    vault.keep(&store, &key).expect("kept");
    assert!(!vault.is_unkept());
    let start = |router: RouterId, now: Wall| {
        let kept = store.vault(&key).expect("readable");
        Vault::new(kept, Some(router), now, BOOT)
    };
    assert!(!start(ROUTER, at(50)).is_unkept());
    for late in [
        start(ROUTER, at(100)),
        start(ROUTER, at(-301)),
        start(RouterId(8), at(1)),
    ] {
        assert!(late.is_unkept());
    }
    let late = start(ROUTER, at(100));
    std::fs::write(
        folder.path().join("panel/vault.sealed.new"),
        "left by a crash",
    )
    .expect("written");
    late.keep(&store, &key).expect("kept");
    assert!(!folder.path().join("panel/vault.sealed").exists());
    assert!(!folder.path().join("panel/vault.sealed.new").exists());
}

#[test]
fn what_is_kept_is_read_by_the_same_gateway_and_only_while_it_is_good() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(folder.path()).expect("opens");
    let key = store.key().expect("a key");
    let (vault, _) = vault(&["a"]);
    vault.take(answer(3, &[("a", 4)], &[]));
    vault.keep(&store, &key).expect("kept");
    let file = folder.path().join("panel/vault.sealed");
    let raw = std::fs::read(&file).expect("there");
    assert!(!raw.windows(3).any(|window| window == b"sk-"));
    let again = |router: RouterId, now: Wall| {
        let kept = store.vault(&key).expect("readable");
        let vault = Vault::new(kept, Some(router), now, BOOT);
        exposed(&vault, "a")
    };
    assert_eq!(again(ROUTER, at(99)).as_deref(), Some("sk-a-4"));
    assert_eq!(again(ROUTER, at(100)), None);
    assert_eq!(again(RouterId(8), at(1)), None);
    let other = KeyPair::generate().expect("a key");
    assert!(store.vault(&other).expect("there").is_none());
    // What goes from memory goes from the disk.
    vault.empty();
    vault.keep(&store, &key).expect("kept");
    assert!(!file.exists());
}
