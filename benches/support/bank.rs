//! A control panel beside the gateway, set up as an administrator would: by the commands of the README.
//!
//! It runs beside upstream and load, so that what it does is not counted as the gateway's; what the gateway does because of
//! it is.

use crate::http::Fault;
use crate::process::{Core, Server, free_address, until};
use std::ffi::OsString;
use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// A running panel, the gateway's `panel:` and the secret of a key that the panel alone knows.
pub(crate) struct Bank {
    _panel: Server,
    pub(crate) section: String,
    pub(crate) secret: String,
}

impl Bank {
    /// A panel with one budget that nothing reaches, one key and one gateway, its state in `directory`.
    pub(crate) fn open(directory: &Path) -> Result<Self, Fault> {
        let address = free_address()?;
        let home = directory.join("panel");
        fs::create_dir(&home)?;
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700))?;
        let (file, said) = (home.join("panel.yaml"), home.join("said"));
        fs::write(
            &file,
            format!("listen: {address}\nstate_dir: {}\n", home.display()),
        )?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
        // What it prints first holds the token of its first administrator.
        let shell = format!(
            "exec \"$0\" panel -c '{}' > '{}'",
            file.display(),
            said.display()
        );
        let command: Vec<OsString> = ["sh", "-c", &shell, env!("CARGO_BIN_EXE_tollgate")]
            .map(OsString::from)
            .into();
        let mut panel = Server::start(&command, address, Core::Load)?;
        let mut token = None;
        until(&mut panel, |_| {
            let words = fs::read_to_string(&said)?;
            let mut words = words
                .split_whitespace()
                .skip_while(|word| *word != "--setup");
            token = Some(words.nth(1).ok_or("the panel told no token")?.to_owned());
            TcpStream::connect(address)?;
            Ok(())
        })?;
        let token = token.ok_or("the panel told no token")?;
        let admin = Admin { home: &home };
        let ca = home.join("panel-ca.pem");
        admin.says(&[
            "login",
            &format!("https://{address}"),
            "--ca",
            &ca.display().to_string(),
            "--setup",
            &token,
            "--email",
            "root@example.com",
            "--name",
            "Root",
        ])?;
        admin.says(&["node", "new", "acme/team-0/atlas", "--parents"])?;
        admin.says(&[
            "budget",
            "new",
            "acme",
            "--limit",
            "1000000000",
            "--window",
            "total",
        ])?;
        let key = admin.says(&[
            "key",
            "new",
            "bench",
            "--panel",
            "--node",
            "acme/team-0/atlas",
            "--json",
        ])?;
        let gateway = admin.says(&["gateway", "new", "bench", "--json"])?;
        let section = format!(
            "panel: {{ url: \"https://{address}\", token: \"{}\", ca: \"file:{}\" }}\n",
            member(&gateway, "token")?,
            ca.display(),
        );
        Ok(Self {
            _panel: panel,
            section,
            secret: member(&key, "secret")?,
        })
    }
}

/// Whoever sets the panel up.
struct Admin<'a> {
    home: &'a Path,
}

impl Admin<'_> {
    /// What a command prints.
    fn says(&self, words: &[&str]) -> Result<String, Fault> {
        let password = self.home.join("password");
        fs::write(&password, "correct horse battery staple\n")?;
        let done = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(words)
            .current_dir(self.home)
            .env("XDG_CONFIG_HOME", self.home)
            .stdin(fs::File::open(&password)?)
            .stderr(Stdio::piped())
            .output()?;
        if !done.status.success() {
            let (words, said) = (words.join(" "), String::from_utf8_lossy(&done.stderr));
            return Err(format!("`tollgate {words}` fails: {said}").into());
        }
        Ok(String::from_utf8(done.stdout)?)
    }
}

/// A member of the JSON that a command printed.
fn member(json: &str, name: &str) -> Result<String, Fault> {
    let value: serde_json::Value = serde_json::from_str(json)?;
    let text = value.get(name).and_then(serde_json::Value::as_str);
    Ok(text
        .ok_or_else(|| format!("no `{name}` in {json}"))?
        .to_owned())
}
