//! `writ call`: one exported function, with typed arguments.

use std::path::PathBuf;

use crate::application::{self, Loaded};
use crate::data::Data;
use crate::home::Home;
use crate::revocations::Watch;
use crate::runtime::{self, Options};
use crate::settings::Settings;
use crate::{Done, Outcome, clock, output};

/// Arguments and the result are in WAVE, the component model's text format for values: "text", 5, [1, 2],
/// {name: "ada", age: 36}, some(1), ok("x"), a-variant-case(1). As the host's owner you need no `serve` claim to call;
/// what the component itself may do is decided by its claims, as always.
#[derive(Debug, clap::Args)]
pub(crate) struct Call {
    /// The signed component
    file: PathBuf,
    /// The function: NAME, INTERFACE#NAME, or namespace:package/interface#NAME
    function: String,
    /// Its arguments, in WAVE
    #[arg(allow_hyphen_values = true)]
    args: Vec<String>,
    /// Keep the state of its capabilities in this folder [default: in memory, for this call]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(crate) fn run(args: &Call, settings: &Settings, home: &Home) -> Done {
    let watch = Watch::new(home, args.data.as_deref())?;
    let loaded = Loaded::alone(&args.file, &watch.roots(), clock::now()?, args.data.as_deref())?;
    let options = Options { policies: application::policies(home)?, ..Options::default() };
    let admission = loaded.authorize_alone(&options, args.data.as_deref())?;
    let data = args.data.as_deref().map(Data::open).transpose()?;
    let host = runtime::host_of_one_call(options, data.as_ref(), &watch, settings)?;
    let call = host.call(&admission, &args.function, &args.args);
    let runtime = runtime::tokio()?;
    let called = runtime.block_on(watch.during(&host, call));
    // What waits for a folder of lists is not waited for.
    runtime.shutdown_background();
    if let Some(text) = called? {
        output::data(text)?;
    }
    Ok(Outcome::Done)
}
