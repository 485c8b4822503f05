//! Applications, deployed as any other: those that this program signs, and those that `cargo xtask guests` made.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use writ_host::{Admission, Artifact, Cache, Candidate, Capacity, Deployment, Host, Policies, Registry, Settings};
use writ_host::{VerifiedArtifact, now};
use writ_manifest::{Application, TrustPolicy};
use writ_provider::Target;
use writ_signing::{PublicKey, Revocations, Roots};

use crate::guest::{self, Signer, guests, variable};

/// An application whose components were verified.
pub(crate) struct App {
    application: Application,
    verified: Vec<VerifiedArtifact>,
    policies: Policies,
}

impl App {
    /// Of these components, in the manifest's order, signed under [`guest::claims`] and names of their own.
    fn signed(components: &[&[u8]], manifest: &str) -> Result<Self> {
        let application = Application::parse(manifest)?;
        let signer = Signer::new(guest::claims())?;
        let roots = Roots::from_iter([(signer.operator(), Revocations::Never)]);
        let verify = |(number, component): (usize, &&[u8])| -> Result<VerifiedArtifact> {
            let signed = signer.sign(&format!("c{number}"), component)?;
            Ok(Artifact::new(signed)?.verify(&roots, now())?)
        };
        let verified = components.iter().enumerate().map(verify).collect::<Result<_>>()?;
        Ok(Self { application, verified, policies: guest::policies(signer.operator()) })
    }

    /// Of these components, each linked to the next for what the benches call.
    pub(crate) fn chain(components: &[&[u8]], separate: bool) -> Result<Self> {
        Self::signed(components, &chain(components.len(), ["bench", "guest", "calls"], separate))
    }

    /// Of these components, each linked to the next for what every language's guest does.
    pub(crate) fn echo(components: &[&[u8]], separate: bool) -> Result<Self> {
        Self::signed(components, &chain(components.len(), ["test", "conformance", "echo"], separate))
    }

    /// Of one component that answers HTTP requests.
    pub(crate) fn served(component: &[u8]) -> Result<Self> {
        let route = "source: { config: [{ name: all, properties: { path: / } }] }";
        let http = "namespace: wasi, package: http, interfaces: [incoming-handler]";
        let link = format!("{{ type: link, properties: {{ target: {{ name: c0 }}, {http}, {route} }} }}");
        let entry = "name: http, type: capability, properties: { image: builtin:http-server }";
        Self::signed(&[component], &format!("{}    - {{ {entry}, traits: [{link}] }}\n", chain(1, [""; 3], false)))
    }

    /// As `cargo xtask guests` signed it and put it beside its manifest.
    pub(crate) fn shipped(manifest: &str) -> Result<Self> {
        let operators = trusted()?;
        let roots = operators.iter().map(|operator| (*operator, Revocations::Never)).collect::<Roots>();
        let file = guests()?.join(manifest);
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let application = Application::parse(&text)?;
        let verify = |entry: &writ_manifest::Component| -> Result<VerifiedArtifact> {
            let image = guests()?.join(&entry.image().context("a component without an image")?.value);
            let bytes = fs::read(&image).with_context(|| image.display().to_string())?;
            Ok(Artifact::new(bytes)?.verify(&roots, now())?)
        };
        let verified = application.components.iter().map(verify).collect::<Result<_>>()?;
        let trust = operators.into_iter().map(|operator| (operator, TrustPolicy::Any)).collect();
        Ok(Self { application, verified, policies: Policies { host: None, trust } })
    }

    /// A host that trusts whoever signed this, and gives each call an hour.
    pub(crate) fn host(&self, registry: Registry, cache: Option<Cache>) -> Result<Host> {
        let capacity = Capacity { time: Duration::from_secs(3_600), ..Capacity::default() };
        let settings = Settings { policies: self.policies.clone(), capacity, cache, ..Settings::default() };
        Ok(Host::new(settings, registry)?)
    }

    pub(crate) fn admit(&self, host: &Host) -> Result<Admission> {
        let parts = self.application.components.iter().zip(&self.verified);
        let candidates: Vec<_> = parts.map(|(entry, verified)| Candidate { entry, verified }).collect();
        Ok(host.authorize(&candidates, &self.application)?)
    }

    /// Starts a host with these providers, and the application on it.
    pub(crate) async fn deploy(&self, registry: Registry) -> Result<Running> {
        self.deploy_on(self.host(registry, None)?).await
    }

    pub(crate) async fn deploy_on(&self, host: Host) -> Result<Running> {
        let deployment = host.deploy(&self.admit(&host)?).await?;
        Ok(Running { host, deployment })
    }

    /// Deploys it on a host of its own, for its first component to be called.
    pub(crate) async fn first(&self) -> Result<(Running, Target)> {
        let running = self.deploy(guest::registry(None)).await?;
        let target = running.target()?;
        Ok((running, target))
    }
}

/// A host and what is deployed on it, until this is dropped.
pub(crate) struct Running {
    pub(crate) host: Host,
    deployment: Deployment,
}

impl Running {
    /// The first component of a chain.
    pub(crate) fn target(&self) -> Result<Target> {
        self.deployment.target("c0").context("there is no c0")
    }
}

/// A manifest of `c0`, `c1` and so on, each linked to the next for that interface.
fn chain(length: usize, [namespace, package, interface]: [&str; 3], separate: bool) -> String {
    let mut text = String::from(
        "apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: { name: bench, annotations: { version: v0.1.0 } }
spec:
  components:
",
    );
    let isolation = if separate { ", isolation: separate" } else { "" };
    let named = format!("namespace: {namespace}, package: {package}, interfaces: [{interface}]");
    for number in 0..length {
        let entry = format!("name: c{number}, type: component, properties: {{ image: c{number}.wasm }}");
        let next = number + 1;
        let link = format!("{{ type: link, properties: {{ target: {{ name: c{next} }}, {named}{isolation} }} }}");
        let traits = if next < length { format!("[{link}]") } else { "[]".to_owned() };
        let _ = writeln!(text, "    - {{ {entry}, traits: {traits} }}");
    }
    text
}

/// The operators whom the guests' home trusts: `trust/O….yaml`.
fn trusted() -> Result<Vec<PublicKey>> {
    let mut operators = Vec::new();
    for entry in fs::read_dir(variable("WRIT_HOME")?.join("trust"))? {
        let name = entry?.file_name();
        operators.extend(name.to_str().and_then(|name| name.strip_suffix(".yaml")?.parse::<PublicKey>().ok()));
    }
    Ok(operators)
}
