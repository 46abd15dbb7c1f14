use super::*;
use clap::CommandFactory as _;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn the_commands_are_well_formed() {
    Cli::command().debug_assert();
}

/// The long help of a command and of all below it, by their full names.
fn helps(command: &mut clap::Command, name: &str, all: &mut Vec<(String, String)>) {
    all.push((name.to_owned(), command.render_long_help().to_string()));
    for below in command.get_subcommands_mut() {
        if below.get_name() != "help" {
            let name = format!("{name} {}", below.get_name());
            helps(below, &name, all);
        }
    }
}

#[test]
fn every_command_has_help_with_examples() {
    let mut all = Vec::new();
    let mut command = Cli::command().term_width(100);
    command.build();
    helps(&mut command, "tollgate", &mut all);
    assert!(all.len() > 15, "{}", all.len());
    for (name, help) in all {
        assert!(help.contains("Examples:"), "{name} has no examples");
        insta::assert_snapshot!(name.replace(' ', "_"), help);
    }
}

#[test]
fn wrong_usage_leaves_with_two_and_help_with_zero() {
    let check = |line: &str, expected: i32| {
        let error = parse(line).expect_err(line);
        assert_eq!(error.exit_code(), expected, "{line}");
    };
    check("tollgate", 2);
    check("tollgate sevre", 2);
    check("tollgate policy", 2);
    check("tollgate policy push", 2);
    check("tollgate policy explain", 2);
    check("tollgate serve --bogus", 2);
    check("tollgate serve --set drain", 2);
    check("tollgate key new", 2);
    check("tollgate completions klingon", 2);
    check("tollgate key list -c a.yaml --state-dir b", 2);
    check("tollgate login --name Ada", 2);
    check("tollgate login https://panel --token --setup tgf_1", 2);
    check("tollgate kill --reason loops", 2);
    check("tollgate kill --key a --everything --reason loops", 2);
    check("tollgate kill --key a", 2);
    check(
        "tollgate kill --gateway a --reason stolen --abort-streams",
        2,
    );
    check("tollgate budget new acme --limit ten --window 1d", 2);
    check(
        "tollgate budget new acme --limit 10 --window 1d --soft 120",
        2,
    );
    check("tollgate budget set acme", 2);
    check("tollgate key new a --panel", 2);
    check("tollgate key new a --node acme", 2);
    check("tollgate key new a --panel --node acme --label team=red", 2);
    check("tollgate key rotate a --grace 1h", 2);
    check("tollgate key list --panel --state-dir b", 2);
    check("tollgate user invite bob@example.com", 2);
    check("tollgate --version", 0);
    check("tollgate up --help", 0);
}

#[test]
fn a_misspelt_command_is_told_the_nearest() {
    let error = parse("tollgate simulte").expect_err("no such command");
    assert!(error.to_string().contains("'simulate'"), "{error}");
}

/// What is told of a failure, and the exit code.
fn told(error: impl Into<anyhow::Error>) -> (ExitCode, String) {
    let failed = Failed::from(error);
    let mut err = Vec::new();
    let code = write_failure(&failed, &mut err).expect("memory");
    let told = String::from_utf8(anstream::adapter::strip_bytes(&err).into_vec()).expect("text");
    (code, told)
}

#[test]
fn a_port_that_is_taken_is_told_with_the_flag_that_helps() {
    let cause = io::Error::from(io::ErrorKind::AddrInUse);
    let error = anyhow::Error::new(cause).context("cannot listen on 127.0.0.1:4100");
    let (code, told) = told(error);
    assert_eq!(code, ExitCode::from(1));
    assert!(
        told.contains("127.0.0.1:4100") && told.contains("--listen"),
        "{told}"
    );
}

#[test]
fn faults_are_told_one_by_one_and_an_unreadable_file_is_another_code() {
    let fault = |code: &'static str| Fault {
        file: PathBuf::from("tollgate.yaml"),
        line: 2,
        column: 3,
        code,
        message: "wrong".to_owned(),
        help: Some("mend it".to_owned()),
    };
    let faults = Faults(vec![fault("unknown_key"), fault("bad_money")]);
    let (code, text) = told(anyhow::Error::new(faults).context("loading"));
    assert_eq!(code, ExitCode::from(1));
    assert_eq!(
        text,
        "tollgate.yaml:2:3: error[unknown_key]: wrong\n  help: mend it\ntollgate.yaml:2:3: error[bad_money]: wrong\n  help: mend it\n"
    );
    let (code, text) = told(Faults(vec![fault("unreadable")]));
    assert_eq!(code, ExitCode::from(2));
    assert!(text.contains("tollgate up"), "{text}");
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let (code, text) = told(io::Error::from(io::ErrorKind::BrokenPipe));
    assert_eq!((code, text.as_str()), (ExitCode::SUCCESS, ""));
}

#[test]
fn the_simulator_takes_the_built_in_prices_or_those_named() {
    assert!(
        price_book(&[])
            .expect("built in")
            .models()
            .contains(&"sim-cent")
    );
    assert!(price_book(&[PathBuf::from("/nowhere.yaml")]).is_err());
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let Ok(Cli {
            command: Command::Completions(args),
        }) = parse(&format!("tollgate completions {shell}"))
        else {
            panic!("{shell}")
        };
        let mut out = Vec::new();
        completions::run(args, &mut out).expect("memory");
        assert!(
            String::from_utf8_lossy(&out).contains("simulate"),
            "{shell}"
        );
    }
}

#[test]
fn a_gateway_never_started_is_told_with_what_starts_it() {
    let fault = Fault {
        file: PathBuf::from(".tollgate/up.yaml"),
        line: 0,
        column: 0,
        code: "unreadable",
        message: "cannot read it".to_owned(),
        help: None,
    };
    let (code, text) = told(Faults(vec![fault]));
    assert_eq!(code, ExitCode::from(2));
    assert!(text.contains("`tollgate up` makes it"), "{text}");
}
