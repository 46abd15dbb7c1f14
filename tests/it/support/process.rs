//! A `tollgate` process: started, listened to, killed. It ends with the test, whatever becomes of that.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::until;

/// Runs `tollgate` in this directory to its end, which must be a good one. What it printed.
#[track_caller]
pub(crate) fn run(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .expect("tollgate runs");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{arguments:?}: {out}{err}");
    out.into_owned()
}

/// A running process whose output goes to a file.
pub(crate) struct Process {
    child: Child,
    output: PathBuf,
}

impl Process {
    /// Starts `tollgate` with these arguments in `dir`; what it prints goes to `dir/name.log`.
    pub(crate) fn start(dir: &Path, name: &str, arguments: &[&str]) -> Self {
        let output = dir.join(format!("{name}.log"));
        let file = File::create(&output).expect("a log file");
        let errors = OpenOptions::new()
            .append(true)
            .open(&output)
            .expect("the log file once more");
        let child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(arguments)
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .expect("tollgate starts");
        Self { child, output }
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it printed so far.
    pub(crate) fn output(&self) -> String {
        std::fs::read_to_string(&self.output).unwrap_or_default()
    }

    /// Waits until `find` finds something in a line it printed.
    pub(crate) fn says<T>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        until(what, || {
            let output = self.output();
            let found = output.lines().find_map(&find);
            if found.is_none()
                && let Some(status) = self.child.try_wait().expect("its state")
            {
                panic!("tollgate ended with {status} before it said {what}:\n{output}");
            }
            found
        })
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Tells it to stop in order (SIGTERM).
    pub(crate) fn tell_to_stop(&self) {
        let id = i32::try_from(self.child.id()).expect("a process id");
        let pid = rustix::process::Pid::from_raw(id).expect("a process id");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is there");
    }

    /// It does nothing any more and knows nothing of it (SIGSTOP), or goes on (SIGCONT).
    pub(crate) fn freeze(&self, frozen: bool) {
        let id = i32::try_from(self.child.id()).expect("a process id");
        let pid = rustix::process::Pid::from_raw(id).expect("a process id");
        let signal = if frozen {
            rustix::process::Signal::STOP
        } else {
            rustix::process::Signal::CONT
        };
        rustix::process::kill_process(pid, signal).expect("it is there");
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        until("the process ends", || {
            self.child.try_wait().expect("its state")
        })
    }

    /// File descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).map_or(0, Iterator::count)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let output = self.output();
            let tail: Vec<&str> = output.lines().rev().take(20).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            eprintln!(
                "--- {} ends with:\n{}",
                self.output.display(),
                tail.join("\n")
            );
        }
    }
}
