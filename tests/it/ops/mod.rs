//! Running it: disks that fill or fail, signals, limits, and what it tells about itself.

mod connections;
mod disk;
mod limits;
mod shutdown;
mod state;
mod telling;

use crate::live::PRICES;
use crate::support::Home;
use std::path::Path;
use std::process::{Command, Output};

/// Runs `tollgate` in a home to its end.
fn tollgate(home: &Home, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(arguments)
        .current_dir(home.path())
        .output()
        .expect("it runs")
}

/// Starts a gateway that is not to start, and gives back what it says.
#[track_caller]
fn refuses_to_start(home: &Home) -> String {
    let output = tollgate(home, &["serve", "-c", "tollgate.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).expect("text")
}

/// Whether we may do what only root may.
fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("skipped: this needs root");
    }
    root
}

/// A small file system in memory; gone with the value.
struct Tmpfs<'a>(&'a Path);

impl<'a> Tmpfs<'a> {
    /// `None`, and a word about it, where mounting is not allowed.
    fn mount(at: &'a Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(at).expect("a directory");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(at)
            .output();
        let done = mounted.is_ok_and(|output| output.status.success());
        if !done {
            println!("skipped: nothing can be mounted here");
        }
        done.then_some(Self(at))
    }
}

impl Drop for Tmpfs<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}
