//! The `tollgate` binary: see [`tollgate::cli`].
fn main() -> std::process::ExitCode {
    let file = std::env::args().nth(1).expect("config");
    let sources = tollgate::config::Sources {
        file: Some(file.into()),
        env: tollgate::config::environment(),
        ..Default::default()
    };
    match tollgate::app::run(tollgate::app::Options {
        sources,
        log: Default::default(),
        level: Default::default(),
        announce: None,
    }) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
