use super::*;

fn sources(text: &str) -> Sources {
    Sources {
        text: Some((PathBuf::from("tollgate.yaml"), text.to_owned())),
        env: ["OPENAI_API_KEY", "TOLLGATE_DEV_KEY", "TOLLGATE_CI_KEY"]
            .map(|name| (name.to_owned(), format!("value-of-{name}")))
            .into(),
        ..Sources::default()
    }
}

fn faults(text: &str) -> String {
    match load(&sources(text)) {
        Ok(_) => String::new(),
        Err(faults) => faults.to_string(),
    }
}

#[test]
fn every_file_in_config_loads() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    for name in ["tollgate.yaml", "minimal.yaml"] {
        let file = folder.join(name);
        let text = std::fs::read_to_string(&file).unwrap();
        let loaded = load(&Sources {
            text: Some((file, text.clone())),
            ..sources("")
        });
        if let Err(faults) = loaded {
            panic!("{faults}");
        }
    }
}

#[test]
fn everything_wrong_is_told_at_once() {
    println!("{}", faults(include_str!("broken.yaml")));
}
