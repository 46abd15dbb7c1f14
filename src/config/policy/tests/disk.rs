use super::*;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use tempfile::TempDir;

const GOOD: &str = "version: 1\nscope: {team: ";

fn put(folder: &Path, name: &str, content: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    path
}

fn policy(folder: &Path, name: &str, team: &str) -> PathBuf {
    put(folder, name, &format!("{GOOD}{team}}}\n"))
}

fn look(paths: &[PathBuf]) -> Loaded {
    load(paths, &Trusted::running())
}

/// The names read, below a folder, and what is wrong with them.
fn check(folder: &Path, loaded: &Loaded, names: &[&str], wrong: &[&str]) {
    let read: Vec<String> = loaded
        .names
        .iter()
        .map(|name| {
            name.strip_prefix(folder)
                .unwrap_or(name)
                .display()
                .to_string()
        })
        .collect();
    assert_eq!(read, names);
    let found: Vec<String> = loaded
        .diagnostics
        .iter()
        .map(|one| {
            format!(
                "{} {}",
                one.code,
                one.message.split([':', '`']).next().unwrap()
            )
        })
        .collect();
    assert_eq!(found, wrong);
}

#[test]
fn a_folder_is_read_in_order_with_all_below_it() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    for name in [
        "org.yaml",
        "teams/b.yml",
        "teams/a.yaml",
        "teams/deep/c.yaml",
    ] {
        policy(
            root,
            name,
            name.split('/')
                .next_back()
                .unwrap()
                .split('.')
                .next()
                .unwrap(),
        );
    }
    put(root, "README.md", "not a policy");
    put(root, ".hidden.yaml", "not a policy");
    put(root, ".git/x.yaml", "not a policy");
    let loaded = look(&[root.to_owned()]);
    check(
        root,
        &loaded,
        &[
            "org.yaml",
            "teams/a.yaml",
            "teams/b.yml",
            "teams/deep/c.yaml",
        ],
        &[],
    );
    assert_eq!(loaded.files.len(), 4);
    assert!(!loaded.unreadable);
    // Named twice, read once.
    let again = look(&[root.to_owned(), root.join("org.yaml"), root.join("teams")]);
    assert_eq!(again.files.len(), 4);
    assert_eq!(again.revision, loaded.revision);
}

#[test]
fn kubernetes_links_are_followed_and_those_that_lead_out_are_not() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("mounted");
    policy(&root, "..2026_11_27/org.yaml", "org");
    policy(&root, "..2026_11_27/teams/a.yaml", "a");
    symlink("..2026_11_27", root.join("..data")).unwrap();
    symlink("..data/org.yaml", root.join("org.yaml")).unwrap();
    symlink("..data/teams", root.join("teams")).unwrap();
    let loaded = look(std::slice::from_ref(&root));
    check(&root, &loaded, &["org.yaml", "teams/a.yaml"], &[]);
    let loaded = look(&[root.join("org.yaml")]);
    check(&root, &loaded, &["org.yaml"], &[]);

    let secret = policy(folder.path(), "outside/secret.yaml", "secret");
    symlink(&secret, root.join("out.yaml")).unwrap();
    symlink("../outside", root.join("others")).unwrap();
    symlink("nowhere", root.join("lost.yaml")).unwrap();
    symlink(".", root.join("round")).unwrap();
    let loaded = look(std::slice::from_ref(&root));
    check(
        &root,
        &loaded,
        &[
            "lost.yaml",
            "org.yaml",
            "others",
            "out.yaml",
            "teams/a.yaml",
        ],
        &[
            "TG006 cannot be read",
            "TG006 a symbolic link leads out of its folder, to ",
            "TG006 a symbolic link leads out of its folder, to ",
        ],
    );
}

#[test]
fn a_file_others_may_change_is_refused() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let file = policy(root, "org.yaml", "org");
    let check = |mode: u32, good: bool| {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let loaded = look(std::slice::from_ref(&file));
        assert_eq!(loaded.files.len() == 1, good, "{mode:o}");
        assert_eq!(loaded.diagnostics.is_empty(), good);
    };
    check(0o600, true);
    check(0o444, true);
    check(0o664, false);
    check(0o646, false);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let strangers = load(std::slice::from_ref(&file), &Trusted::users(vec![4_242]));
    assert_eq!(codes(&strangers), ["TG006 0:0"]);
    assert!(!strangers.unreadable);
}

#[test]
fn what_is_no_regular_file_is_refused_without_waiting_for_it() {
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe.yaml");
    let here = rustix::fs::CWD;
    rustix::fs::mknodat(here, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let loaded = look(&[pipe]);
    assert_eq!(codes(&loaded), ["TG006 0:0"]);
    let loaded = look(&[folder.path().join("missing")]);
    assert_eq!(codes(&loaded), ["TG006 0:0"]);
    assert!(loaded.unreadable);
}

#[test]
fn a_file_beyond_the_bound_is_not_read_to_its_end() {
    let folder = TempDir::new().unwrap();
    let file = put(
        folder.path(),
        "large.yaml",
        &"#".repeat(files::MAX_BYTES + 10),
    );
    assert_eq!(codes(&look(&[file])), ["TG003 0:0"]);
}
