//! A trigger that calls nothing: it hands the component it is connected to over to the bench, so that what is measured is
//! the store, the links and the limits that every trigger gets.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::Deserialize;
use serde_json::{Value, json};
use writ_provider::{
    Capability, Constraint, Denied, Grant, InvalidLink, LinkConfig, LinkSource, OpenError, Provider, Target, Trigger,
};

/// The trigger.
pub(crate) struct Probe(Found);

/// Where the component turns up.
pub(crate) type Found = Arc<OnceLock<Target>>;

/// Where to put it. Nothing of it can be written down.
#[derive(Default, Deserialize)]
pub(crate) struct Config {
    #[serde(skip)]
    pub(crate) found: Found,
}

/// A claim: nothing to say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {}

/// All that a link asks for.
#[derive(Debug, Clone)]
pub(crate) struct Calls;

impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("calls")
    }
}

impl Constraint for Entry {
    const NAMED: bool = false;
    const EXAMPLE: &'static str = "{}";
    type Request<'a> = ();
    type Plan = Calls;

    fn permits(&self, (): ()) -> Result<(), Denied> {
        Ok(())
    }

    fn plans(_: &LinkConfig) -> Result<Vec<Calls>, InvalidLink> {
        Ok(vec![Calls])
    }

    fn request(_: &Calls) -> Self::Request<'_> {}

    fn allowing((): ()) -> Value {
        json!({})
    }
}

impl Provider for Probe {
    const CAPABILITY: Capability<Self> =
        Capability { name: "bench", interfaces: &[], exports: &["bench:guest/calls@0.1.0"] };
    type Config = Config;
    type Constraint = Entry;
    type Handle = ();

    async fn open(config: Config) -> Result<Self, OpenError> {
        Ok(Self(config.found))
    }

    fn attach(&self, _: &Grant<Entry>) {}
}

impl Trigger for Probe {
    type Route = Option<Infallible>;

    async fn connect(
        &self,
        _: Grant<Entry>,
        _: &LinkSource,
        _: Vec<Calls>,
        target: Target,
    ) -> Result<Option<Infallible>, OpenError> {
        let taken =
            |target: Target| OpenError::Taken { what: "the probe".into(), holder: target.principal().to_string() };
        self.0.set(target).map_err(taken)?;
        Ok(None)
    }

    async fn drain(&self, _: std::time::Duration) {}
}
