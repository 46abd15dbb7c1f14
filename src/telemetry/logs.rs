//! The process's own log: pretty on a terminal, JSON otherwise, to standard error.
//!
//! What is logged is our own words with bounded fields; no prompt, answer, key or header is ever a field. What may still
//! come from outside (a provider's error text, a file name) cannot break a line or steer a terminal: control characters
//! are escaped by whatever writes the field, and the writer here strips what is left.
//!
//! Not here: storms (`quiet`), the decision log (`audit_log`).

use std::io::{self, IsTerminal as _, Write};
use std::panic::PanicHookInfo;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Pretty on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// From which level on lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// What needs somebody now.
    Error,
    /// What somebody should look at.
    Warn,
    /// What happened.
    #[default]
    Info,
    /// How it happened.
    Debug,
    /// Everything.
    Trace,
}

impl From<Level> for LevelFilter {
    fn from(level: Level) -> Self {
        match level {
            Level::Error => Self::ERROR,
            Level::Warn => Self::WARN,
            Level::Info => Self::INFO,
            Level::Debug => Self::DEBUG,
            Level::Trace => Self::TRACE,
        }
    }
}

/// Why logging could not start.
#[derive(Debug, thiserror::Error)]
#[error("logging was started twice in this process")]
pub struct StartedTwice;

/// Starts logging to standard error, and has panics logged by place.
///
/// # Errors
/// It was started before.
pub fn init(format: Format, level: Level) -> Result<(), StartedTwice> {
    let terminal = io::stderr().is_terminal();
    let pretty = match format {
        Format::Auto => terminal,
        Format::Json => false,
        Format::Pretty => true,
    };
    let started = if pretty {
        tracing_subscriber::fmt()
            .with_max_level(level)
            .with_target(false)
            .with_ansi(terminal)
            .with_writer(Stderr { colours: terminal })
            .finish()
            .try_init()
    } else {
        tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_max_level(level)
            .with_writer(Stderr { colours: false })
            .finish()
            .try_init()
    };
    started.map_err(|_| StartedTwice)?;
    std::panic::set_hook(Box::new(panicked));
    Ok(())
}

/// Says where, never what: a panic's words may quote the data it stumbled over.
fn panicked(info: &PanicHookInfo<'_>) {
    let place = info.location().map(ToString::to_string);
    let thread = std::thread::current();
    tracing::error!(
        place = place.as_deref().unwrap_or("unknown"),
        thread = thread.name().unwrap_or("unnamed"),
        "panic: this is a fault of tollgate's, please report the place"
    );
}

/// Keeps the process's memory, which holds keys, out of core dumps and away from other processes of the same user.
///
/// # Errors
/// The kernel refused.
pub fn forbid_core_dumps() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Standard error, without what could steer a terminal.
#[derive(Debug, Clone, Copy)]
struct Stderr {
    /// Whether our own colour sequences may pass.
    colours: bool,
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Clean<io::Stderr>;

    fn make_writer(&'a self) -> Self::Writer {
        Clean {
            out: io::stderr(),
            colours: self.colours,
        }
    }
}

/// A writer that leaves out control characters.
struct Clean<W> {
    out: W,
    colours: bool,
}

impl<W: Write> Write for Clean<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.out.write_all(&clean(line, self.colours))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The line without C0 and C1 controls (its last line end, tabs and, if wanted, colour sequences apart). A line end within
/// the line becomes a space: one event is one line.
fn clean(line: &[u8], colours: bool) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let (body, end) = text
        .strip_suffix('\n')
        .map_or((&*text, ""), |body| (body, "\n"));
    let mut kept = String::with_capacity(text.len());
    let mut rest = body;
    while let Some(character) = rest.chars().next() {
        if let Some(after) = colours.then(|| after_colour(rest)).flatten() {
            kept.push_str(rest.strip_suffix(after).unwrap_or_default());
            rest = after;
            continue;
        }
        match character {
            '\n' | '\u{2028}' | '\u{2029}' => kept.push(' '),
            '\t' => kept.push('\t'),
            control if control.is_control() => {}
            other => kept.push(other),
        }
        rest = rest.strip_prefix(character).unwrap_or_default();
    }
    kept.push_str(end);
    kept.into_bytes()
}

/// What follows a colour sequence (`ESC [ digits m`), if the text begins with one.
fn after_colour(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("\u{1b}[")?;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
    rest.get(end..)?.strip_prefix('m')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[test]
    fn nothing_in_a_line_steers_a_terminal_or_makes_a_second_line() {
        let check = |line: &str, colours: bool, expected: &str| {
            assert_eq!(
                String::from_utf8_lossy(&clean(line.as_bytes(), colours)),
                expected
            );
        };
        check("plain\n", false, "plain\n");
        check("a\nb\r\n", false, "a b\n");
        check("\u{1b}[31mred\u{1b}[0m\n", true, "\u{1b}[31mred\u{1b}[0m\n");
        check("\u{1b}[31mred\u{1b}[0m\n", false, "[31mred[0m\n");
        check(
            "\u{1b}]0;title\u{7}\u{9b}2J\u{1b}[2J",
            true,
            "]0;title2J[2J",
        );
        check("tab\there é漢", false, "tab\there é漢");
    }

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_secret_in_a_field_or_a_panic_is_not_written() {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_writer(move || writer.clone())
            .finish();
        let secret = crate::secret::Secret::new(String::from("sk-canary"));
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!(key = ?secret, "a key: {secret}");
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(panicked));
            let result = std::panic::catch_unwind(|| panic!("stumbled over sk-canary"));
            std::panic::set_hook(before);
            assert!(result.is_err());
        });
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("***") && text.contains("logs.rs"), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
}
