//! What the containers are made of, as far as no Docker is needed to see it.

use std::fs;
use std::path::{Path, PathBuf};
use tollgate::config::{Sources, load, load_panel};

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn compose_config() -> tollgate::config::Config {
    let file: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/compose.yaml");
    let sources = Sources {
        file: Some(file),
        env: vec![(
            "TOLLGATE_DEV_KEY".to_owned(),
            "tollgate-laptop-key".to_owned(),
        )],
        ..Sources::default()
    };
    load(&sources).unwrap_or_else(|faults| panic!("{faults}"))
}

#[test]
fn the_configuration_inside_loads() {
    let config = compose_config();
    assert_eq!(config.keys.len(), 1);
    assert_eq!(config.budgets.len(), 1);
}

#[test]
fn prometheus_calls_the_gateway_by_a_name_it_answers_to() {
    let config = compose_config();
    assert!(read("config/observability/prometheus.yml").contains("\"gateway:4101\""));
    assert!(config.gateway.hosts.iter().any(|host| &**host == "gateway"));
    assert_eq!(
        config.admin_listen.map(|address| address.port()),
        Some(4101)
    );
}

#[test]
fn compose_mounts_files_that_are_there() {
    let compose = read("docker-compose.yml");
    let mounted: Vec<&str> = compose
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- ./")?.split(':').next())
        .collect();
    assert_eq!(mounted.len(), 3);
    for file in mounted {
        assert!(!read(file).is_empty(), "{file}");
    }
}

#[test]
fn the_compose_file_is_yaml_with_three_services() {
    let compose = read("docker-compose.yml");
    let events: Result<Vec<_>, _> = saphyr_parser::Parser::new_from_str(&compose).collect();
    assert!(events.is_ok(), "{:?}", events.err());
    let services: Vec<&str> = compose
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   ") && line.ends_with(':'))
        .map(|line| line.trim().trim_end_matches(':'))
        .collect();
    assert_eq!(services, ["gateway", "simulator", "prometheus", "state"]);
}

#[test]
fn the_image_is_empty_but_for_the_binary_and_its_state() {
    let dockerfile = read("Dockerfile");
    let (_, last) = dockerfile.rsplit_once("FROM ").unwrap();
    assert!(last.starts_with("scratch\n"));
    assert_eq!(last.matches("COPY").count(), 2);
    assert!(last.contains("USER 65532:65532") && last.contains("VOLUME /state"));
}

#[test]
fn the_configurations_of_two_panels_and_three_gateways_load() {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let sources = |file: &str, name: &str, value: &str| Sources {
        file: Some(deploy.join(file)),
        env: vec![(name.to_owned(), value.to_owned())],
        ..Sources::default()
    };
    let store = "postgres://tollgate:secret@localhost/tollgate?host=/run/postgresql";
    let panel = load_panel(&sources("panel.yaml", "TOLLGATE_STORE", store));
    let panel = panel.unwrap_or_else(|faults| panic!("{faults}"));
    assert!(panel.server.is_some() && panel.names.contains(&"panel".to_owned()));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("edge.yaml"), read("deploy/edge.yaml")).unwrap();
    // The authority is there once the panel has made it.
    let key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = authority.self_signed(&key).unwrap().pem();
    fs::write(folder.path().join("panel-ca.pem"), authority).unwrap();
    let edge = Sources {
        file: Some(folder.path().join("edge.yaml")),
        ..sources("", "TOLLGATE_PANEL_TOKEN", "tg-router-once")
    };
    let edge = load(&edge).unwrap_or_else(|faults| panic!("{faults}"));
    for gateway in ["edge-1", "edge-2", "edge-3"] {
        assert!(read("deploy/prometheus.yml").contains(&format!("\"{gateway}:4101\"")));
        assert!(edge.gateway.hosts.iter().any(|host| &**host == gateway));
    }
    let compose = read("deploy/compose.yaml");
    let events: Result<Vec<_>, _> = saphyr_parser::Parser::new_from_str(&compose).collect();
    assert!(events.is_ok(), "{:?}", events.err());
}
