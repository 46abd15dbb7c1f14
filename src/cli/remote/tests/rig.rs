//! A panel on a loopback socket, and people at their terminals.

use crate::app::bundles::checker;
use crate::cli::remote::{Ask, AtPanel, Fault, Panel as Asked, whereabouts};
use crate::cli::{Cli, Command, key, login, policy, user, vault};
use crate::clock;
use crate::control::api;
use crate::control::authority::{Authority, CERTIFICATE};
use crate::control::bulletin::Bulletin;
use crate::control::door::{self, Certificates};
use crate::control::service::bundles::Office;
use crate::control::service::vault::{Keyring, open as open_vault};
use crate::control::service::{Panel, oidc, users};
use crate::control::settings::{Oidc, VaultKeys};
use crate::control::signer::Signer;
use crate::control::store::Store;
use crate::control::store::support::Books;
use crate::control::tests::identity::{Browser, CLIENT, Identity, SECRET};
use crate::control::treasury::Treasury;
use crate::lease::protocol::{
    Answer, DiskId, Hello, LeafId, RouterId, Sync as Synchronise, Terms, Want,
};
use crate::secret::Secret;
use crate::units::Money;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use clap::Parser as _;
use serde_json::Value;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::watch;

pub(super) const PASSWORD: &str = "correct horse battery";

/// A panel, and the home of somebody who runs it.
pub(in crate::cli) struct Rig {
    pub(super) url: String,
    pub(super) ca: String,
    pub(super) home: TempDir,
    setup: String,
    treasury: Arc<Treasury>,
    to_lose: Arc<AtomicUsize>,
    lost: Arc<AtomicUsize>,
    answers: Mutex<VecDeque<String>>,
    pub(super) identity: Identity,
    stop: watch::Sender<bool>,
    serving: Option<JoinHandle<()>>,
    _folder: TempDir,
}

/// What a thread that serves tells before it does.
struct Opened {
    port: u16,
    ca: String,
    setup: String,
    treasury: Arc<Treasury>,
}

impl Rig {
    pub(in crate::cli) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().to_owned();
        let (stop, stopped) = watch::channel(false);
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let identity = Identity::start();
        let issuer = identity.issuer().to_owned();
        let (to_lose, lost) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let losing = (Arc::clone(&to_lose), Arc::clone(&lost));
        let serving = std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            let books = Books::new(&state);
            let treasury = Treasury::start(&books.place, Terms::default()).expect("a bank");
            let treasury = Arc::new(treasury);
            runtime.block_on(async move {
                let store = Store::open(&books.place).await.expect("books");
                let now = Arc::new(|| clock::now().wall);
                let bulletin = Arc::new(Bulletin::new(100));
                let panel = Panel::open(store, Arc::clone(&treasury), bulletin, now).await;
                let mut panel = panel.expect("a panel");
                let signer = Signer::open(&state).expect("a key");
                let staffed = panel.staff(Office::new(checker(), signer)).await;
                staffed.expect("an office");
                let panel = Arc::new(panel);
                let keyring = Keyring::open(&state, &VaultKeys::default(), false).expect("a key");
                open_vault(&panel, keyring).await.expect("a vault");
                let setup = users::first_admin_link(&panel).await.expect("a link");
                let authority = Authority::open(&state, clock::now().wall).expect("an authority");
                let names = vec!["localhost".to_owned()];
                let certificates = Certificates::new(Arc::new(authority), names, clock::now().wall);
                let certificates = Arc::new(certificates.expect("certificates"));
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let port = listener.local_addr().expect("an address").port();
                oidc::open(&panel, provider(issuer, port));
                tell.send(Opened {
                    port,
                    ca: std::fs::read_to_string(state.join(CERTIFICATE)).expect("a certificate"),
                    setup: setup.expect("nobody is there yet").expose().clone(),
                    treasury,
                })
                .expect("somebody waits");
                let router = api::router(panel);
                let router = router.layer(from_fn(move |request: Request, next: Next| {
                    let losing = losing.clone();
                    async move { lose(losing, next.run(request).await) }
                }));
                door::serve(listener, certificates, router, stopped).await;
            });
        });
        let opened: Opened = told.recv().expect("a panel");
        Self {
            url: format!("https://localhost:{}", opened.port),
            ca: opened.ca,
            home: tempfile::tempdir().expect("a home"),
            setup: opened.setup,
            treasury: opened.treasury,
            to_lose,
            lost,
            answers: Mutex::default(),
            identity,
            stop,
            serving: Some(serving),
            _folder: folder,
        }
    }

    pub(super) fn env(&self) -> Vec<(String, String)> {
        let home = self.home.path().to_str().expect("text").to_owned();
        vec![("XDG_CONFIG_HOME".to_owned(), home)]
    }

    /// Somebody else's home at the same machine.
    pub(super) fn move_in(&mut self) -> TempDir {
        std::mem::replace(&mut self.home, tempfile::tempdir().expect("a home"))
    }

    /// What will be typed when somebody is asked.
    pub(super) fn type_next(&self, answers: &[&str]) {
        let answers = answers.iter().map(|answer| (*answer).to_owned());
        self.answers.lock().expect("no panic").extend(answers);
    }

    /// `panel-ca.pem`, where somebody put it.
    pub(super) fn ca_file(&self) -> String {
        let file = self.home.path().join(CERTIFICATE);
        std::fs::write(&file, &self.ca).expect("written");
        file.to_str().expect("text").to_owned()
    }

    /// Becomes the first administrator.
    pub(in crate::cli) fn first_admin(&self) {
        self.type_next(&[PASSWORD]);
        let (url, ca, setup) = (&self.url, self.ca_file(), &self.setup);
        let line =
            format!("login {url} --ca {ca} --email Ada@example.com --name Ada --setup {setup}");
        let said = self.run(&line).expect("signed in");
        assert_eq!(
            said,
            format!("signed in to {url} as ada@example.com (admin)\n")
        );
    }

    /// What a command prints, if it does what it is for.
    pub(in crate::cli) fn run(&self, line: &str) -> anyhow::Result<String> {
        Ok(self.coded(line)?.0)
    }

    pub(super) fn json(&self, line: &str) -> Value {
        let said = self.run(line);
        let said = said.unwrap_or_else(|error| panic!("{line}: {error:#}"));
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{line}: {error}: {said}"))
    }

    /// What a command prints, and whether it says yes. Words are apart by spaces; `%20` is one within.
    pub(super) fn coded(&self, line: &str) -> anyhow::Result<(String, bool)> {
        let words = line.split(' ').map(|word| word.replace("%20", " "));
        let words = std::iter::once("tollgate".to_owned()).chain(words);
        let command = Cli::try_parse_from(words)?.command;
        let (env, mut out) = (self.env(), Vec::new());
        let mut typed = Typed(self.answers.lock().expect("no panic"), self);
        let code = match command {
            Command::AtPanel(AtPanel::Login(args)) => {
                login::sign_in(&args, &env, &mut typed, &mut out)
            }
            Command::AtPanel(AtPanel::User(_)) if line == "user password" => {
                let login = whereabouts(&env)?;
                let panel = Asked::of(&login)?;
                let done = user::password(&panel, &login, &env, &mut typed, &mut out);
                done.map(|()| ExitCode::SUCCESS)
            }
            Command::AtPanel(AtPanel::Vault(args)) => {
                vault::asked(&args, &env, &mut typed, &mut out)
            }
            Command::AtPanel(command) => command.run(&env, &mut out),
            Command::Policy(args) => policy::run(&args, &env, &mut out),
            Command::Key(args) => key::run(args, &env, &mut out).map(|()| ExitCode::SUCCESS),
            other => panic!("{other:?}"),
        }?;
        let said = anstream::adapter::strip_bytes(&out).into_vec();
        let said = String::from_utf8(said).expect("text");
        Ok((said, code == ExitCode::SUCCESS))
    }

    /// The answer to the next request does not arrive.
    pub(super) fn lose_next_answer(&self) {
        self.to_lose.store(1, Ordering::SeqCst);
    }

    /// Answers that did not arrive.
    pub(super) fn lost(&self) -> usize {
        self.lost.load(Ordering::SeqCst)
    }

    /// A gateway that has borrowed for a key.
    pub(super) fn borrow(&self, router: RouterId, leaf: u64, need: &str) {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            self.treasury.enrol(router).await.expect("enrolled");
            let hello = Hello {
                router,
                disk: DiskId(1),
                start: 1,
            };
            self.treasury.hello(hello).await.expect("a number");
            let sync = Synchronise {
                router,
                incarnation: 1,
                seq: 1,
                leases: Vec::new(),
                wants: vec![Want {
                    leaf: LeafId(leaf),
                    need: need.parse().expect("dollars"),
                    rate: Money::ZERO,
                }],
                finals: Vec::new(),
            };
            let answer = self.treasury.sync(sync).await.expect("an answer");
            assert!(matches!(answer, Answer::Synced(synced) if synced.grants.len() == 1));
        });
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
        self.treasury.close();
    }
}

/// The provider at which people sign in besides.
fn provider(issuer: String, port: u16) -> Oidc {
    Oidc {
        issuer,
        client_id: CLIENT.to_owned(),
        client_secret: Some(Secret::new(SECRET.to_owned())),
        name: "Example SSO".to_owned(),
        scopes: ["openid", "email", "profile"].map(str::to_owned).to_vec(),
        passwords: true,
        redirect: format!("https://localhost:{port}/api/v1/oidc/callback"),
    }
}

/// Answers of somebody who does not sit at a terminal.
struct Typed<'a>(std::sync::MutexGuard<'a, VecDeque<String>>, &'a Rig);

impl Ask for Typed<'_> {
    fn secret(&mut self, prompt: &str) -> Result<Secret<String>, Fault> {
        let typed = self.0.pop_front();
        let nothing = || Fault::Usage(format!("nothing was typed: {prompt}"));
        typed.ok_or_else(nothing).map(Secret::new)
    }

    fn line(&mut self, _: &str) -> Result<Option<String>, Fault> {
        Ok(self.0.pop_front())
    }

    fn is_person(&self) -> bool {
        false
    }

    fn visit(&mut self, address: &str) -> Result<(), Fault> {
        let browser = Browser::trusting(&self.1.ca);
        let gone = browser.get(address, "");
        let back = self.1.identity.visit(&gone.location);
        // The command listens only after this: the browser goes on by itself.
        std::thread::spawn(move || {
            let told = browser.get(&back, &gone.cookie).location;
            let port = told.strip_prefix("http://").expect("this machine");
            let port = port.split('/').next().expect("a port");
            // One that connects and says nothing, and one that makes a code up, keep nobody from being heard.
            let silent = std::net::TcpStream::connect(port).expect("it listens");
            browser.get(&format!("http://{port}/?code=tgc_forged&state=forged"), "");
            browser.get(&told, "");
            drop(silent);
        });
        Ok(())
    }
}

/// Breaks the connection in the place of an answer, if one is to be lost.
fn lose((to_lose, lost): (Arc<AtomicUsize>, Arc<AtomicUsize>), answer: Response) -> Response {
    if to_lose.swap(0, Ordering::SeqCst) == 0 {
        return answer;
    }
    lost.fetch_add(1, Ordering::SeqCst);
    answer.map(|_| Body::new(Broken))
}

/// A body that ends before it begins.
struct Broken;

impl http_body::Body for Broken {
    type Data = bytes::Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, io::Error>>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
    }
}
