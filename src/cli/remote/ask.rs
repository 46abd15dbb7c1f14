//! What only the person at the terminal knows: passwords and tokens, read without showing them.
//!
//! Where standard input is no terminal, each answer is one line of it.

use super::fault::Fault;
use crate::secret::Secret;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::process::{Command, Stdio};
use zeroize::Zeroize as _;

/// Longer answers are no passwords.
const MOST: usize = 4096;

/// What opens an address in a browser.
const BROWSER: &str = if cfg!(target_os = "macos") {
    "open"
} else {
    "xdg-open"
};

/// Asks a person, or whoever stands for one.
pub(in crate::cli) trait Ask {
    /// A secret.
    fn secret(&mut self, prompt: &str) -> Result<Secret<String>, Fault>;
    /// Something that may be seen; none where nobody can be asked.
    fn line(&mut self, prompt: &str) -> Result<Option<String>, Fault>;
    /// Whether it is a person, who may mistype.
    fn is_person(&self) -> bool;
    /// Has them look at an address in a browser.
    fn visit(&mut self, address: &str) -> Result<(), Fault>;
}

/// Standard input.
#[derive(Debug)]
pub(in crate::cli) struct Terminal;

impl Ask for Terminal {
    fn secret(&mut self, prompt: &str) -> Result<Secret<String>, Fault> {
        if self.is_person() {
            return hidden(prompt);
        }
        let line = piped()?;
        line.ok_or_else(|| {
            Fault::Usage("standard input holds no password or token: each is one line of it".into())
        })
        .map(Secret::new)
    }

    fn line(&mut self, prompt: &str) -> Result<Option<String>, Fault> {
        if !self.is_person() {
            return Ok(None);
        }
        let mut err = anstream::stderr().lock();
        write!(err, "{prompt}: ").and_then(|()| err.flush())?;
        Ok(piped()?.filter(|line| !line.is_empty()))
    }

    fn is_person(&self) -> bool {
        io::stdin().is_terminal()
    }

    fn visit(&mut self, address: &str) -> Result<(), Fault> {
        writeln!(
            anstream::stderr(),
            "Sign in here, in a browser of this machine:\n  {address}"
        )?;
        if self.is_person() && io::stderr().is_terminal() {
            // Whoever has none, or none that opens like this, has the address.
            let opened = Command::new(BROWSER)
                .arg(address)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            if let Ok(mut opened) = opened {
                std::thread::spawn(move || opened.wait());
            }
        }
        Ok(())
    }
}

/// A password that is new: a person types it twice.
pub(in crate::cli) fn new_secret(ask: &mut dyn Ask, prompt: &str) -> Result<Secret<String>, Fault> {
    let secret = ask.secret(prompt)?;
    if ask.is_person() && ask.secret("The same again")? != secret {
        return Err(Fault::Usage("the two are not the same".to_owned()));
    }
    Ok(secret)
}

/// A line of standard input, without its end.
fn piped() -> Result<Option<String>, Fault> {
    let mut line = String::new();
    let read = io::stdin()
        .lock()
        .take(MOST as u64 + 2)
        .read_line(&mut line)?;
    let bare = line.trim_end_matches(['\r', '\n']);
    if bare.len() > MOST {
        return Err(Fault::Usage(format!(
            "a line of standard input has more than {MOST} bytes"
        )));
    }
    line.truncate(bare.len());
    Ok((read > 0).then_some(line))
}

/// The terminal as it was, whatever happens in between.
struct Restored(Termios);

impl Drop for Restored {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}

/// What is typed, without showing it.
///
/// The terminal hands out each key, Ctrl-C too, so that nothing can end the process while it is deaf.
fn hidden(prompt: &str) -> Result<Secret<String>, Fault> {
    let mut err = anstream::stderr().lock();
    write!(err, "{prompt}: ").and_then(|()| err.flush())?;
    let before = tcgetattr(io::stdin()).map_err(io::Error::from)?;
    let mut deaf = before.clone();
    deaf.local_modes
        .remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
    deaf.special_codes[SpecialCodeIndex::VMIN] = 1;
    deaf.special_codes[SpecialCodeIndex::VTIME] = 0;
    let restored = Restored(before);
    tcsetattr(io::stdin(), OptionalActions::Flush, &deaf).map_err(io::Error::from)?;
    let typed = typed(io::stdin().lock().bytes());
    drop(restored);
    writeln!(err)?;
    typed
}

/// Reads keys until Enter.
fn typed(keys: impl Iterator<Item = io::Result<u8>>) -> Result<Secret<String>, Fault> {
    // All of it at once, so that growing leaves no piece behind.
    let mut typed: Vec<u8> = Vec::with_capacity(MOST);
    let mut outcome = Ok(());
    for key in keys {
        match key? {
            b'\r' | b'\n' => break,
            3 => {
                outcome = Err(Fault::Interrupted);
                break;
            }
            4 if typed.is_empty() => {
                outcome = Err(Fault::Interrupted);
                break;
            }
            // Backspace takes a letter, not a byte; Ctrl-U takes all.
            8 | 127 => while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            21 => typed.clear(),
            key if typed.len() < MOST => typed.push(key),
            _ => {}
        }
    }
    let secret = String::from_utf8(typed).map_err(|error| {
        error.into_bytes().zeroize();
        Fault::Usage("what was typed is no text".to_owned())
    })?;
    let secret = Secret::new(secret);
    outcome.map(|()| secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_a_password_until_enter() {
        let check = |keys: &[u8], expected: Option<&str>| {
            let typed = typed(keys.iter().map(|key| Ok(*key))).ok();
            let typed = typed.as_ref().map(|typed| typed.expose().as_str());
            assert_eq!(typed, expected, "{keys:?}");
        };
        check(b"secret\nmore", Some("secret"));
        check("wr\u{e4}\u{7f}ight\r".as_bytes(), Some("wright"));
        check(b"wrong\x15right\n", Some("right"));
        check(b"\x7f\x7fa", Some("a"));
        check(b"abc\x03", None);
        check(b"\x04", None);
        check(b"", Some(""));
    }
}
