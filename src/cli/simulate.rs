//! `tollgate simulate`: the simulated provider as a server of its own.

use crate::app::simulator::{self, Settings};
use crate::config::PriceBook;
use crate::secret::Secret;
use crate::units::Money;
use anyhow::Context as _;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

const EXAMPLES: &str = "\
Examples:
  tollgate simulate
  tollgate simulate --listen 127.0.0.1:4199 --seed 7 --prices config/prices.yaml
  curl 127.0.0.1:4199/v1/chat/completions -d '
    {\"model\":\"sim-small\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'
  curl -N 127.0.0.1:4199/v1/responses -d '
    {\"model\":\"sim-small--tps-20\",\"stream\":true,\"input\":\"Hello @sim(out=40)\"}'
  curl 127.0.0.1:4199/__sim/meter
";

/// Run the simulated provider: an OpenAI-compatible server that costs nothing and can be made to fail
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = format!("{EXAMPLES}\n{}", simulator::HELP))]
pub struct Args {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4199")]
    pub listen: SocketAddr,
    /// Answers follow from this number and the request alone
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// Price books for the meter at /__sim/meter; a model without a price costs nothing there
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub prices: Vec<PathBuf>,
    /// The provider's name, for prices of the form PROVIDER/MODEL
    #[arg(long, value_name = "NAME", default_value = "sim")]
    pub provider: String,
    /// Answer 401 to whoever does not bring this key
    #[arg(long, value_name = "SECRET")]
    pub require_key: Option<String>,
}

/// The settings of a simulator that prices its meter with this book.
#[must_use]
pub fn settings(args: &Args, prices: &Arc<PriceBook>) -> Settings {
    let (book, provider) = (Arc::clone(prices), args.provider.clone());
    Settings {
        seed: args.seed,
        price: Arc::new(move |model, usage| {
            book.rate(&provider, model)
                .map_or(Money::ZERO, |rate| rate.cost(usage))
        }),
        models: prices.models().into_iter().map(str::to_owned).collect(),
        require_key: args.require_key.clone().map(Secret::new),
    }
}

/// Serves until the process is stopped; `prices` is the book read from [`Args::prices`].
///
/// # Errors
/// When the address cannot be listened on.
pub fn run(args: &Args, prices: &Arc<PriceBook>) -> anyhow::Result<()> {
    let listener = TcpListener::bind(args.listen)
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    let handle = simulator::serve(listener, settings(args, prices))?;
    let base = format!("http://{}", handle.addr());
    writeln!(
        anstream::stdout(),
        "simulated provider on {base}\n  export OPENAI_BASE_URL={base}/v1\n  export OPENAI_API_KEY=none\n  curl {base}/__sim/meter"
    )?;
    handle.join();
    Ok(())
}
