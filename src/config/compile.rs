//! From the whole file as written to the configuration as meant.

use super::document::Document;
use super::fault::{Fault, Faults, Place};
use super::layer::{overlay, underlay};
use super::policy::packs;
use super::read::Reader;
use super::settings::{KeyStore, Settings};
use super::yaml::Node;
use super::{Config, Sources, prices};
use crate::chat::tokenizer::Encoding;
use crate::gateway::settings::{Gateway, GatewaySettings, Listen, address, listen};
use crate::governance::identity::{Digest, Key};
use crate::governance::settings::KeySettings;
use crate::lease::settings::MOST_NAMES;
use crate::pattern::Pattern;
use crate::provider::settings::{Kind, Names, Provider, Route, RouteTarget, Strategy, VAULT};
use std::collections::{BTreeSet, HashMap};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

const DEFAULTS: &str = "(built-in defaults)";
const DEFAULT_STATE: &str = ".tollgate";
const DEFAULT_PORT: u16 = 4100;
const DEFAULT_ADMIN_PORT: u16 = 4101;

pub(super) fn load(sources: &Sources) -> Result<Config, Faults> {
    let mut reader = Reader::new(&sources.env);
    let root = root(sources, &mut reader);
    let Some(mut root) = root else {
        reader.places.finish()?;
        // A text that gave no tree gave a fault; if not, that is one.
        return Err(Faults(vec![Fault {
            file: PathBuf::from(DEFAULTS),
            line: 0,
            column: 0,
            code: "internal",
            message: "the configuration has no tree".to_owned(),
            help: None,
        }]));
    };
    // Where the file itself ends up in the tree, whatever is laid over it.
    let file = root.place;
    let env: Vec<(String, String)> = sources.env.clone();
    overlay(&mut root, &env, &sources.flags, &mut reader.places);
    for (name, value) in env
        .iter()
        .filter(|(name, _)| name.starts_with("TOLLGATE__"))
        .chain(&sources.flags)
    {
        reader.count(name.as_bytes());
        reader.count(value.as_bytes());
    }
    underlay(&mut root, &sources.fallbacks, &mut reader.places);
    for fallback in &sources.fallbacks {
        reader.count(fallback.path.as_bytes());
        reader.count(fallback.value.as_bytes());
    }
    let mut document = Document::new(root, &mut reader);
    let settings: Settings = document.settings(&mut reader);
    let loading = Loading {
        settings: &settings,
        document: &document,
        file,
    };
    let config = loading.compile(sources, &mut reader);
    document.finish(&mut reader);
    let (revision, files) = (reader.revision(), std::mem::take(&mut reader.files));
    reader.places.finish()?;
    Ok(Config {
        revision,
        files,
        ..config
    })
}

fn root(sources: &Sources, reader: &mut Reader<'_>) -> Option<Node> {
    match (&sources.text, &sources.file) {
        (Some((name, text)), _) => reader.text(name, text).1,
        (None, Some(file)) => reader.yaml(file, None),
        (None, None) => reader.text(Path::new(DEFAULTS), "").1,
    }
}

/// The file as written, and where.
struct Loading<'a> {
    settings: &'a Settings,
    document: &'a Document,
    file: Place,
}

impl Loading<'_> {
    fn compile(&self, sources: &Sources, reader: &mut Reader<'_>) -> Config {
        let settings = self.settings;
        let report = self.document.report();
        let state_dir = self.file_name(
            settings.state_dir.as_deref().unwrap_or(DEFAULT_STATE),
            &["state_dir"],
            reader,
        );
        let (providers, routes) = self.providers();
        self.secrets(reader);
        let store = match (&sources.keys_file, &sources.text) {
            (Some(file), _) => Some(file.clone()),
            (None, None) => Some(state_dir.join("keys.yaml")),
            (None, Some(_)) => None,
        };
        let keys = self.keys(store.as_deref(), reader);
        let names = settings.budgets.iter().map(|budget| budget.name.as_str());
        self.document.duplicates("budgets", "name", names);
        let names = settings.limits.iter().map(|limit| limit.name.as_str());
        self.document.duplicates("limits", "name", names);
        Config {
            revision: Box::default(),
            files: Vec::new(),
            listen: self.listen(reader),
            admin_listen: self.admin(),
            state_dir,
            gateway: self.gateway(reader),
            timeouts: settings.timeouts.compile(&report.at("timeouts")),
            retries: settings.retries.compile(&report.at("retries")),
            providers,
            routes,
            keys,
            budgets: (settings.budgets.iter().enumerate())
                .filter_map(|(index, budget)| budget.compile(&report.at("budgets").at(index)))
                .collect(),
            limits: (settings.limits.iter().enumerate())
                .map(|(index, limit)| limit.compile(&report.at("limits").at(index)))
                .collect(),
            prices: prices::load(settings.prices.as_deref(), self.document, reader),
            unknown_price: settings
                .unknown_price
                .as_ref()
                .map(|unknown| unknown.compile(&report.at("unknown_price")))
                .unwrap_or_default(),
            journal: settings.journal.compile(),
            panel: (settings.panel.as_ref()).and_then(|panel| panel.compile(&report.at("panel"))),
            policies: self.policies(reader),
            decisions: settings.decisions.compile(&report.at("decisions")),
        }
    }

    /// A file name as written at `path`: relative to the file it stands in. A default is relative to the main file.
    fn file_name(&self, written: &str, path: &[&str], reader: &Reader<'_>) -> PathBuf {
        let path: Vec<Box<str>> = path.iter().map(|step| (*step).into()).collect();
        let (node, steps) = self.document.root.walk(&path);
        let place = if steps == path.len() {
            node.place
        } else {
            self.file
        };
        reader.places.resolve(place.source, Path::new(written))
    }

    fn listen(&self, reader: &Reader<'_>) -> Vec<Listen> {
        let settings = self.settings;
        if settings.listen.is_empty() {
            return vec![Listen::Tcp(SocketAddr::from((
                Ipv4Addr::LOCALHOST,
                DEFAULT_PORT,
            )))];
        }
        let (tls, public) = (settings.tls.is_some(), settings.listen_public);
        let mut all: Vec<Listen> = Vec::new();
        for (index, text) in settings.listen.iter().enumerate() {
            let report = self.document.report().at("listen").at(index);
            let Some(mut one) = listen(text, tls, public, &report) else {
                continue;
            };
            if let Listen::Unix(path) = &mut one {
                *path = self.file_name(
                    &path.to_string_lossy(),
                    &["listen", &index.to_string()],
                    reader,
                );
            }
            if all.contains(&one) && !matches!(&one, Listen::Tcp(address) if address.port() == 0) {
                report.fault(
                    "duplicate_listen",
                    format!("`{text}` is here a second time"),
                );
            }
            all.push(one);
        }
        all
    }

    fn admin(&self) -> Option<SocketAddr> {
        let settings = self.settings;
        let report = self.document.report().at("admin_listen");
        let address = match settings.admin_listen.as_deref() {
            None => Some(SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_ADMIN_PORT))),
            Some("off") => None,
            // TLS guards the door alone: this port never speaks it.
            Some(text) => address(text, false, settings.listen_public, &report),
        }?;
        let clash = |text: &String| text.parse() == Ok(address) && address.port() != 0;
        if settings.listen.iter().any(clash) {
            report.fault_with(
                "duplicate_listen",
                format!("`{address}` is where callers are served"),
                "give metrics and health a port of their own, or `off`",
            );
        }
        Some(address)
    }

    fn gateway(&self, reader: &mut Reader<'_>) -> Gateway {
        let settings = self.settings;
        let written = GatewaySettings {
            hosts: &settings.hosts,
            origins: &settings.origins,
            max_body: settings.max_body.as_deref(),
            client_idle: settings.timeouts.client_idle.as_deref(),
            header: settings.timeouts.header.as_deref(),
            drain: settings.drain.as_deref(),
            max_connections: settings.max_connections,
            threads: settings.threads,
            tls: settings.tls.as_ref(),
            listen_public: settings.listen_public,
        };
        let report = self.document.report();
        let mut gateway = written.compile(&report);
        if let Some(tls) = &mut gateway.tls {
            for (key, file) in [("cert", &mut tls.cert), ("key", &mut tls.key)] {
                *file = self.file_name(&file.to_string_lossy(), &["tls", key], reader);
                reader.watch(file);
                if let Err(error) = std::fs::metadata(&*file) {
                    let message = format!("cannot read `{}`: {error}", file.display());
                    report.at("tls").at(key).fault("missing_file", message);
                }
            }
        }
        gateway
    }

    fn providers(&self) -> (Vec<Provider>, Vec<Route>) {
        let settings = self.settings;
        let report = self.document.report();
        if settings.providers.is_empty() {
            report.at("providers").fault_with(
                "no_provider",
                "no provider is configured, so no call could be answered",
                "add one, like `openai: { kind: openai, credential: \"${OPENAI_API_KEY}\" }` or `sim: { kind: simulator }`",
            );
        }
        let meant: Vec<Option<Provider>> = settings
            .providers
            .iter()
            .map(|(name, provider)| provider.compile(name, &report.at("providers").at(name)))
            .collect();
        if settings.panel.is_none() {
            for provider in meant.iter().flatten() {
                let Some(name) = provider.in_vault() else {
                    continue;
                };
                let report = report.at("providers").at(&provider.name);
                report.at("credential").fault_with(
                    "vault_without_panel",
                    format!("`{VAULT}{name}` is in the vault of a control panel, and there is no `panel`"),
                    "add `panel:` as `tollgate gateway new NAME` prints it, or refer to the credential by \"${NAME}\" or file:PATH",
                );
            }
        }
        let wanted: BTreeSet<_> = meant
            .iter()
            .flatten()
            .filter_map(Provider::in_vault)
            .collect();
        if wanted.len() > MOST_NAMES {
            report.at("providers").fault(
                "vault_too_many",
                format!(
                    "{} credentials of the control panel's vault are referred to, and a gateway asks for no more than {MOST_NAMES}",
                    wanted.len()
                ),
            );
        }
        let names = Names::new(&settings.providers, &meant);
        let routes = match settings.models.as_deref() {
            Some(routes) => {
                self.document.duplicates(
                    "models",
                    "name",
                    routes.iter().map(|route| route.name.as_str()),
                );
                (routes.iter().enumerate())
                    .filter_map(|(index, route)| {
                        route.compile(&names, &report.at("models").at(index))
                    })
                    .collect()
            }
            None => self.single_route(&meant),
        };
        (meant.into_iter().flatten().collect(), routes)
    }

    /// Without `models`, everything goes to the only provider.
    fn single_route(&self, providers: &[Option<Provider>]) -> Vec<Route> {
        if providers.len() > 1 {
            self.document.report().at("models").fault_with(
                "no_models",
                "with several providers, `models` must say which model goes where",
                "add it, like `models: [ { name: \"gpt-*\", provider: openai } ]`",
            );
        }
        let [Some(provider)] = providers else {
            return Vec::new();
        };
        vec![Route {
            pattern: Pattern::new("*"),
            targets: vec![RouteTarget {
                provider: 0,
                model: None,
                weight: 1,
                tokenizer: (provider.kind == Kind::Simulator).then_some(Encoding::Simulator),
            }],
            strategy: Strategy::default(),
            max_output: None,
        }]
    }

    /// Secrets written out need a file that is closed to others.
    fn secrets(&self, reader: &mut Reader<'_>) {
        let root = &self.document.root;
        for (name, provider) in &self.settings.providers {
            let credential = provider.credential.as_deref().unwrap_or_default();
            // The name of a secret is none.
            if credential.starts_with(VAULT) {
                continue;
            }
            reader.secret(root, &["providers", name, "credential"]);
        }
        for index in 0..self.settings.keys.len() {
            reader.secret(root, &["keys", &index.to_string(), "secret"]);
        }
        reader.secret(root, &["panel", "token"]);
    }

    /// The keys of the file, then those of the store.
    fn keys(&self, store: Option<&Path>, reader: &mut Reader<'_>) -> Vec<Key> {
        let mut known = KnownKeys::default();
        known.add(&self.settings.keys, self.document, reader);
        if let Some(store) = store {
            reader.watch(store);
            if store.exists()
                && let Some(root) = reader.yaml(store, None)
            {
                let mut document = Document::new(root, reader);
                let settings: KeyStore = document.settings(reader);
                for index in 0..settings.keys.len() {
                    reader.secret(&document.root, &["keys", &index.to_string(), "secret"]);
                }
                known.add(&settings.keys, &document, reader);
                document.finish(reader);
            }
        }
        known.keys
    }

    /// Where policies are, and packs by name.
    fn policies(&self, reader: &Reader<'_>) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for (index, written) in self.settings.policies.iter().enumerate() {
            let Some(name) = packs::named(Path::new(written)) else {
                paths.push(self.file_name(written, &["policies", &index.to_string()], reader));
                continue;
            };
            if packs::text(name).is_none() {
                let known = packs::PACKS
                    .iter()
                    .map(|(known, _)| (*known).to_owned())
                    .collect();
                let report = self.document.report().at("policies").at(index);
                report.unknown(
                    "unknown_pack",
                    format!("there is no pack `{name}`"),
                    name,
                    known,
                );
            }
            paths.push(PathBuf::from(written));
        }
        paths
    }
}

/// Keys so far, and where each name and digest was first seen.
#[derive(Default)]
struct KnownKeys {
    keys: Vec<Key>,
    names: HashMap<Box<str>, Place>,
    digests: HashMap<Digest, (Box<str>, Place)>,
}

impl KnownKeys {
    fn add(&mut self, written: &[KeySettings], document: &Document, reader: &Reader<'_>) {
        let shown = |place: Place| {
            format!(
                "{}:{}",
                reader.places.name(place.source).display(),
                place.line
            )
        };
        for (index, settings) in written.iter().enumerate() {
            let report = document.report().at("keys").at(index);
            let named = report.at("name");
            if !document.is_faulty(named.path()) && !settings.name.is_empty() {
                let place = document.place(named.path());
                match self.names.get(settings.name.as_str()) {
                    Some(first) => {
                        let message = format!(
                            "`{}` is the name of another key ({})",
                            settings.name,
                            shown(*first)
                        );
                        named.fault("duplicate_name", message);
                    }
                    None => {
                        self.names.insert(settings.name.as_str().into(), place);
                    }
                }
            }
            let Some(key) = settings.compile(&report) else {
                continue;
            };
            let spelled = report.at(if settings.hash.is_some() {
                "hash"
            } else {
                "secret"
            });
            if document.is_faulty(spelled.path()) {
                continue;
            }
            let place = document.place(spelled.path());
            match self.digests.get(&key.digest) {
                Some((name, first)) => {
                    let message = format!(
                        "the same secret as key `{name}` ({}): whose call would it be?",
                        shown(*first)
                    );
                    spelled.fault_with(
                        "duplicate_secret",
                        message,
                        "give each key a secret of its own",
                    );
                }
                None => {
                    self.digests.insert(key.digest, (key.name.clone(), place));
                }
            }
            self.keys.push(key);
        }
    }
}
