use super::*;
use std::fs;

const FILE: &str = "model_list:\n  - model_name: fast\n    litellm_params: { model: groq/m, api_key: sk-clear, input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 }\nrouter_settings: { cooldown_time: 5 }\n";

/// The exit code, standard output and standard error, the folder left out.
fn told(
    folder: &Path,
    text: &str,
    change: impl FnOnce(&mut LitellmArgs),
) -> (ExitCode, String, String) {
    let file = folder.join("config.yaml");
    fs::write(&file, text).unwrap();
    let mut args = LitellmArgs {
        file,
        output: None,
        force: false,
        strict: false,
        json: false,
    };
    change(&mut args);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(
        &ImportArgs {
            from: From::Litellm(args),
        },
        &mut out,
        &mut err,
    )
    .unwrap();
    let said = |bytes: Vec<u8>| {
        String::from_utf8(bytes)
            .unwrap()
            .replace(&format!("{}/", folder.display()), "")
    };
    (code, said(out), said(err))
}

#[test]
fn a_configuration_is_written_with_its_prices_and_what_was_left_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("tollgate.yaml");
    let (code, out, err) = told(folder.path(), FILE, |args| {
        args.output = Some(output.clone());
    });
    assert_eq!((code, &err[..]), (ExitCode::SUCCESS, ""));
    assert!(
        out.contains("config.yaml:4:20: not converted: router_settings.cooldown_time: "),
        "{out}"
    );
    assert!(out.contains("config.yaml:3:47: secret: "), "{out}");
    assert!(out.ends_with("wrote tollgate.yaml and tollgate.prices.yaml: 1 model; 1 setting not converted, 0 changed, 1 secret not copied\nset before it is used: GROQ_API_KEY\n"), "{out}");
    let written = fs::read_to_string(&output).unwrap();
    assert!(
        written.contains("prices: [built-in, \"tollgate.prices.yaml\"]")
            && !written.contains("sk-clear"),
        "{written}"
    );
    let env = vec![("GROQ_API_KEY".to_owned(), "sk".to_owned())];
    let sources = Sources {
        file: Some(output.clone()),
        env,
        ..Sources::default()
    };
    let config = config::load(&sources).unwrap();
    assert_eq!(
        config
            .prices
            .rate("groq", "m")
            .unwrap()
            .base
            .output
            .to_string(),
        "2.00"
    );
    // A second time it is there already.
    let args = ImportArgs {
        from: From::Litellm(LitellmArgs {
            file: folder.path().join("config.yaml"),
            output: Some(output),
            force: false,
            strict: false,
            json: false,
        }),
    };
    let error = run(&args, &mut Vec::new(), &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("--force"), "{error}");
}

#[test]
fn without_a_file_the_result_is_printed_and_the_rest_told_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let (code, out, err) = told(folder.path(), FILE, |args| args.strict = true);
    assert_eq!(code, ExitCode::from(1));
    assert!(
        out.contains("groq: { kind: groq, credential: \"${GROQ_API_KEY}\" }"),
        "{out}"
    );
    assert!(
        !out.contains("prices:") && err.contains("not converted: costs of groq/m: "),
        "{err}"
    );
    let (code, out, err) = told(folder.path(), FILE, |args| args.json = true);
    assert_eq!((code, &err[..]), (ExitCode::SUCCESS, ""));
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&said["ok"], &said["models"]), (&json!(true), &json!(1)));
    assert_eq!(said["variables"], json!(["GROQ_API_KEY"]));
    assert_eq!(said["notes"][0]["fate"], json!("secret"));
}

#[test]
fn a_file_without_a_model_or_without_a_form_is_another_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, err) = told(
        folder.path(),
        "general_settings: { master_key: sk-1 }\n",
        |_| (),
    );
    assert_eq!(code, ExitCode::from(1));
    assert!(err.ends_with("no model could be converted\n"), "{err}");
    let (code, _, err) = told(folder.path(), "a: [\n", |_| ());
    assert_eq!(code, ExitCode::from(1));
    assert!(err.contains("error[yaml]"), "{err}");
    let none = folder.path().join("none.yaml");
    let (code, ..) = told(folder.path(), FILE, |args| args.file = none);
    assert_eq!(code, ExitCode::from(2));
}
