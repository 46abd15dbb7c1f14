//! A server under test: started on its own core, asked what it cost, ended with the bench.
//!
//! Its cost is the scheduler's own account of every one of its threads, in nanoseconds: it holds the work done in the kernel
//! for it and leaves out the time it waited, so that it changes little with what else the machine does.

use crate::http::Fault;
use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;
use tollgate::clock::since_start;

/// The core the server under test has to itself.
const SERVER_CORE: &str = "0";
/// The core the upstream and the load share.
const LOAD_CORE: &str = "1";

/// A child process, killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

/// Which core a process belongs on.
#[derive(Clone, Copy)]
pub(crate) enum Core {
    /// The server's own.
    Server,
    /// The one of upstream and load.
    Load,
}

impl Server {
    /// Starts `command` on a core; it is expected to listen on `address`, which nobody has checked yet.
    pub(crate) fn start(
        command: &[OsString],
        address: SocketAddr,
        core: Core,
    ) -> Result<Self, Fault> {
        let pin = match core {
            Core::Server => SERVER_CORE,
            Core::Load => LOAD_CORE,
        };
        let mut words: Vec<OsString> = Vec::new();
        if pinning() {
            // Replaces itself by the command, so that the process we started is the server.
            words.extend(["taskset", "-c", pin].map(OsString::from));
        }
        words.extend_from_slice(command);
        let (program, arguments) = words.split_first().ok_or("nothing to start")?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("{} does not start: {error}", program.display()))?;
        Ok(Self { child, address })
    }

    /// An error if it has ended.
    pub(crate) fn must_run(&mut self) -> Result<(), Fault> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("the server ended before it answered ({status})").into()),
        }
    }

    /// Processor time of all its threads so far.
    pub(crate) fn cpu(&self) -> Result<Duration, Fault> {
        threads_cpu(&self.child.id().to_string())
    }

    /// Memory it holds, in KiB.
    pub(crate) fn resident_kib(&self) -> Result<u64, Fault> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        Ok(number.ok_or("no VmRSS in /proc")?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn threads_cpu(process: &str) -> Result<Duration, Fault> {
    let mut nanos = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end between the listing and the reading.
        let Ok(account) = fs::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
        let spent = account.split_whitespace().next().unwrap_or_default();
        nanos += spent.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// Processor time of this process so far.
pub(crate) fn own_cpu() -> Result<Duration, Fault> {
    threads_cpu("self")
}

/// Time all processors of the machine spent on any work so far, in steps of 10 ms.
pub(crate) fn machine_cpu() -> Result<Duration, Fault> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().ok_or("/proc/stat is empty")?;
    // user nice system (idle iowait) irq softirq steal
    let spent = line
        .split_whitespace()
        .skip(1)
        .take(8)
        .enumerate()
        .filter(|(column, _)| !matches!(column, 3 | 4))
        .map(|(_, ticks)| ticks.parse::<u64>())
        .sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(spent * 10))
}

/// Cores this process had when it started: once it is pinned, the system names only the one.
pub(crate) fn cores() -> u64 {
    static AT_START: OnceLock<u64> = OnceLock::new();
    *AT_START.get_or_init(|| {
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64
    })
}

/// Whether processes can be put on cores of their own here.
pub(crate) fn pinning() -> bool {
    cores() >= 2
        && Command::new("taskset")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}

/// Puts this process, and so the load, beside the upstream. Must come before the first thread.
pub(crate) fn pin_self() {
    if pinning() {
        let own = std::process::id().to_string();
        let _ = Command::new("taskset")
            .args(["-cp", LOAD_CORE, &own])
            .stdout(Stdio::null())
            .status();
    }
}

/// Raises the number of files this process and its children may open as far as it goes: a stream is three sockets.
pub(crate) fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    );
}

/// A loopback address nobody listens on at the moment.
pub(crate) fn free_address() -> Result<SocketAddr, Fault> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Waits until `ready` says so, or the server ends, or patience does.
pub(crate) fn until(
    server: &mut Server,
    mut ready: impl FnMut(&Server) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let start = since_start();
    loop {
        let Err(fault) = ready(server) else {
            return Ok(());
        };
        server.must_run()?;
        if since_start().saturating_sub(start) > crate::wire::PATIENCE {
            return Err(fault);
        }
        std::thread::sleep(Duration::from_micros(200));
    }
}
