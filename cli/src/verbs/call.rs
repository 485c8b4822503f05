//! `writ call`: one exported function, with typed arguments.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::application::Loaded;
use crate::data::{self, Data};
use crate::home::Home;
use crate::runtime::{self, Options};
use crate::settings::Settings;

/// Call any exported function of a signed component, and print its result
///
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

impl Call {
    pub(crate) fn run(self, settings: &Settings) -> Result<ExitCode> {
        let home = Home::open(settings)?;
        let loaded = Loaded::alone(&self.file, &home.roots()?, writ_host::now())?;
        let data = self.data.as_deref().map(Data::open).transpose()?;
        let cache = match &data {
            Some(data) => data.cache()?,
            None => data::cache(&settings.cache())?,
        };
        let options = Options {
            store: data.as_ref().map(Data::store).transpose()?,
            cache: Some(cache),
            policies: home.policies()?,
            ..Options::default()
        };
        let tokio = runtime::tokio()?;
        let result = tokio.block_on(async {
            let host = runtime::host(options)?;
            let admission = loaded.authorize(&host)?;
            let artifact = loaded.artifacts.first().ok_or_else(|| anyhow::anyhow!("nothing was loaded"))?;
            anyhow::Ok(host.call(&admission, artifact, &self.function, &self.args).await?)
        })?;
        if let Some(text) = result {
            crate::out::line(&text);
        }
        Ok(ExitCode::SUCCESS)
    }
}
