//! What the kernel says of this process, read from `/proc` at each scrape.
//!
//! Missing numbers (another system, a hidden `/proc`) are left out rather than made up.

/// One reading.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct Reading {
    pub(super) cpu_ticks: Option<u64>,
    pub(super) resident_bytes: Option<u64>,
    pub(super) open_files: Option<u64>,
}

/// Ticks in a second: what Linux shows to programs, whatever the kernel's own rate.
pub(super) const TICKS: u64 = 100;

pub(super) fn read() -> Reading {
    Reading {
        cpu_ticks: std::fs::read_to_string("/proc/self/stat")
            .ok()
            .and_then(|text| cpu_ticks(&text)),
        resident_bytes: std::fs::read_to_string("/proc/self/status")
            .ok()
            .and_then(|text| resident_bytes(&text)),
        open_files: std::fs::read_dir("/proc/self/fd")
            .ok()
            .and_then(|entries| u64::try_from(entries.count()).ok()),
    }
}

/// User and system time. The program's name, in parentheses, may hold anything: what counts is behind the last one.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lines_are_read_by_position() {
        let stat = "42 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 700 30 0 0 20 0 1 0 99";
        assert_eq!(cpu_ticks(stat), Some(730));
        assert_eq!(cpu_ticks("nonsense"), None);
        assert_eq!(
            resident_bytes("VmPeak:\t 9 kB\nVmRSS:\t   12 kB\n"),
            Some(12_288)
        );
        assert_eq!(resident_bytes(""), None);
    }
}
