//! The providers a host was built with, and the backends that were opened for its applications.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::sync::OnceCell;
use writ_provider::wasmtime;
use writ_provider::wasmtime::component::LinkerInstance;
use writ_provider::{
    Attached, Claim, Constraint, Document, Grant, GrantParts, Instance, InvalidClaim, Layer, LinkConfig, OpenError,
    Principal, Provider, Slot, Target, Trigger,
};

use crate::audit::Clerk;
use crate::authorize::{Admitted, Statement};
use crate::budgets::Budgets;
use crate::names::InterfaceName;
use crate::vocabulary::Vocabulary;

/// The providers that a host serves. The one place that names them is whoever builds it: the CLI, or an embedder.
#[derive(Default)]
pub struct Registry {
    vocabulary: Vocabulary,
    backends: Vec<Backend>,
}

/// One way to back a capability, opened when the first application needs it.
struct Backend {
    capability: &'static str,
    /// The image that picks it in a manifest.
    image: &'static str,
    open: Open,
    opened: OnceCell<Arc<dyn Opened>>,
}

/// Opens a backend with its owner's configuration.
type Open = Box<dyn Fn() -> Opening + Send + Sync>;
type Opening = BoxFuture<'static, Result<Arc<dyn Opened>, OpenError>>;

impl Registry {
    /// No providers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a provider that components import, under the image that picks it in a manifest: `properties: { image: … }`, with
    /// or without a tag. The first image of a capability is its default. Another provider of the same capability reads the
    /// same claims: what they may say is what the first one's [`Constraint`] says.
    #[must_use]
    pub fn provider<P: Provider>(
        self,
        image: &'static str,
        config: impl Fn() -> P::Config + Send + Sync + 'static,
    ) -> Self {
        self.backend::<P, _>(image, config, |provider| Arc::new(Served { provider, calls: None }))
    }

    /// Adds a provider that also calls into components; otherwise as [`provider`](Self::provider).
    #[must_use]
    pub fn trigger<P: Trigger>(
        self,
        image: &'static str,
        config: impl Fn() -> P::Config + Send + Sync + 'static,
    ) -> Self {
        self.backend::<P, _>(image, config, |provider| Arc::new(Served { calls: Some(provider.clone()), provider }))
    }

    fn backend<P: Provider, F>(mut self, image: &'static str, config: F, wrap: fn(Arc<P>) -> Arc<dyn Opened>) -> Self
    where
        F: Fn() -> P::Config + Send + Sync + 'static,
    {
        let capability = P::CAPABILITY.name;
        self.vocabulary.add::<P>(image);
        let open = move || -> Opening {
            let config = config();
            Box::pin(async move { Ok(wrap(Arc::new(P::open(config).await?))) })
        };
        self.backends.push(Backend { capability, image, open: Box::new(open), opened: OnceCell::new() });
        self
    }

    /// What claims can say on a host with these providers.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// Takes nothing new from any trigger, and awaits the end of what they began. The last that was registered first: what
    /// brings work from outside is registered after what hands it on inside.
    pub(crate) async fn drain(&self, end: Instant) {
        for opened in self.backends.iter().rev().filter_map(|backend| backend.opened.get()) {
            if let Some(calls) = opened.calls() {
                calls.drain(end.saturating_duration_since(Instant::now())).await;
            }
        }
    }

    /// The opened backend of a capability: the image's own where there is one, else the capability's default.
    pub(crate) async fn open(&self, capability: &str, image: Option<&str>) -> Result<Arc<dyn Opened>, OpenError> {
        let registered = match image {
            Some(image) => self.vocabulary.serving(image, capability),
            None => self.vocabulary.images(capability).next(),
        };
        let is = |backend: &&Backend| backend.capability == capability && Some(backend.image) == registered;
        let Some(backend) = self.backends.iter().find(is) else {
            return Err(OpenError::Config(format!("no provider serves {capability} here")));
        };
        backend.opened.get_or_try_init(|| (backend.open)()).await.cloned()
    }
}

/// A provider that was opened, its type forgotten.
pub(crate) trait Opened: Send + Sync {
    /// Links one interface at a slot; false where it is not this provider's.
    fn link(
        &self,
        interface: &InterfaceName,
        linker: &mut LinkerInstance<'_, Instance>,
        slot: Slot,
    ) -> wasmtime::Result<bool>;
    /// Reads a grant once, to attach it to every store.
    fn admit(&self, parts: Parts<'_>) -> Result<Arc<dyn Attach>, InvalidClaim>;
    /// How it calls components, if it does.
    fn calls(&self) -> Option<&dyn Calls>;
}

/// What a trigger does besides, its type forgotten.
pub(crate) trait Calls: Send + Sync {
    /// Connects its source to a target.
    fn connect<'a>(
        &'a self,
        parts: Parts<'a>,
        source: &'a LinkConfig,
        target: Target,
    ) -> BoxFuture<'a, Result<Route, OpenError>>;
    /// Takes nothing new, and awaits the end of what it began.
    fn drain(&self, wait: Duration) -> BoxFuture<'_, ()>;
}

/// Keeps a target connected until it is dropped.
pub(crate) type Route = Box<dyn Send>;

/// Makes a handle for a fresh store.
pub(crate) trait Attach: Send + Sync {
    fn attach(&self) -> Box<dyn Any + Send>;
}

/// What a grant is made of, before its claims are read.
pub(crate) struct Parts<'a> {
    pub(crate) principal: &'a Principal,
    pub(crate) link: &'a LinkConfig,
    pub(crate) settings: &'a LinkConfig,
    /// The document, what names it, and its claim.
    pub(crate) claims: Vec<(Document, &'a str, &'a Value)>,
    pub(crate) budgets: &'a Budgets,
    /// Who counts what is permitted and denied.
    pub(crate) clerk: Option<&'a Clerk>,
}

impl Parts<'_> {
    pub(crate) fn grant<C: Constraint>(&self, capability: &'static str) -> Result<Grant<C>, InvalidClaim> {
        let layer = |(document, id, claim): &(Document, &str, &Value)| {
            let claim = Claim::<C>::parse(claim)?;
            let source = || (document.clone(), (*id).to_owned());
            let budget = |entry, rate| self.budgets.rate(source(), capability, entry, rate);
            Ok(Layer::new(document.clone(), claim, budget))
        };
        // A component's own token always says what it claims, so there is always a layer; without one, nothing is permitted.
        let layers = self.claims.iter().map(layer).collect::<Result<Vec<_>, InvalidClaim>>()?;
        let (principal, link, settings) = (self.principal.clone(), self.link.clone(), self.settings.clone());
        let tally = self.clerk.map(|clerk| clerk.tally(&principal, capability));
        Ok(Grant::counted(GrantParts { capability, principal, link, settings, layers }, tally))
    }
}

impl Admitted {
    /// What its calls will hold of a capability, to be asked before anything runs; none where it was not granted. Its rates
    /// are counted apart from the host's.
    pub fn grant<C: Constraint>(&self, capability: &'static str) -> Option<Grant<C>> {
        let parts = Parts {
            principal: &self.principal,
            link: &self.capabilities.get(capability)?.link,
            settings: &self.settings,
            claims: claims(&self.documents, capability),
            budgets: &Budgets::default(),
            clerk: None,
        };
        parts.grant(capability).ok()
    }
}

struct Attachable<P: Provider> {
    provider: Arc<P>,
    grant: Grant<P::Constraint>,
}

impl<P: Provider> Attach for Attachable<P> {
    fn attach(&self) -> Box<dyn Any + Send> {
        Box::new(self.provider.attach(&self.grant))
    }
}

/// A provider that was opened.
struct Served<P> {
    provider: Arc<P>,
    calls: Option<Arc<dyn Calls>>,
}

impl<P: Provider> Opened for Served<P> {
    fn link(
        &self,
        interface: &InterfaceName,
        linker: &mut LinkerInstance<'_, Instance>,
        slot: Slot,
    ) -> wasmtime::Result<bool> {
        for row in P::CAPABILITY.interfaces {
            let same = row.name.parse::<InterfaceName>().is_ok_and(|name| name.matches(interface));
            if same {
                return (row.link)(linker, slot.getter::<Attached<P>>()).map(|()| true);
            }
        }
        Ok(false)
    }

    fn admit(&self, parts: Parts<'_>) -> Result<Arc<dyn Attach>, InvalidClaim> {
        let grant = parts.grant::<P::Constraint>(P::CAPABILITY.name)?;
        Ok(Arc::new(Attachable { provider: self.provider.clone(), grant }))
    }

    fn calls(&self) -> Option<&dyn Calls> {
        self.calls.as_deref()
    }
}

impl<P: Trigger> Calls for P {
    fn connect<'a>(
        &'a self,
        parts: Parts<'a>,
        source: &'a LinkConfig,
        target: Target,
    ) -> BoxFuture<'a, Result<Route, OpenError>> {
        Box::pin(async move {
            let unreadable = |error: String| OpenError::Config(error);
            let grant = parts.grant(P::CAPABILITY.name).map_err(|error| unreadable(error.to_string()))?;
            let plans = P::Constraint::plans(source).map_err(|error| unreadable(error.to_string()))?;
            let route = Trigger::connect(self, grant, source, plans, target).await?;
            Ok(Box::new(route) as Route)
        })
    }

    fn drain(&self, wait: Duration) -> BoxFuture<'_, ()> {
        Box::pin(Trigger::drain(self, wait))
    }
}

/// The claims of every document about one capability; none where one refuses it, which `authorize` has denied before.
pub(crate) fn claims<'a>(statements: &'a [Statement], capability: &str) -> Vec<(Document, &'a str, &'a Value)> {
    let mut claims = Vec::new();
    for statement in statements {
        match statement.about(capability) {
            Ok(Some(claim)) => claims.push((statement.document.clone(), statement.id.as_str(), claim)),
            Ok(None) => {}
            // A grant without documents permits nothing.
            Err(_) => return Vec::new(),
        }
    }
    claims
}
