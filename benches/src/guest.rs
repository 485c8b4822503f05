//! The guest that is measured, signed and deployed as any other.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use writ_host::{Artifact, Candidate, Deployment, Host, Policies, Registry, Settings, now};
use writ_http::{HttpConfig, HttpServer};
use writ_keyvalue::{KeyValue, KeyValueConfig};
use writ_logging::Logging;
use writ_manifest::{Application, Policy, TrustPolicy};
use writ_signing::token::{
    self, AccountDraft, Capabilities, CommonDraft, ComponentDraft, Components, SigningKeyDraft, Tokens,
};
use writ_signing::{PublicKey, Revocations, Role, Roots, SigningKey, section};

use crate::probe::{Config, Found, Probe};

/// The guest's bytes, not signed.
pub(crate) fn bytes() -> Result<Vec<u8>> {
    let file = guests()?.join("source").join("bench-guest.wasm");
    std::fs::read(&file).with_context(|| format!("{}: run `cargo xtask bench`", file.display()))
}

/// Where the signed guests are.
pub(crate) fn guests() -> Result<PathBuf> {
    variable("WRIT_GUESTS")
}

/// What `cargo xtask bench` says in the environment.
pub(crate) fn variable(name: &str) -> Result<PathBuf> {
    std::env::var_os(name).map(PathBuf::from).with_context(|| format!("{name} is not set: run `cargo xtask bench`"))
}

/// What each of the three documents says: the component's token, the account's, and the host's policy.
pub(crate) fn claims() -> BTreeMap<String, Value> {
    let claims = json!({
        "keyvalue": { "bucket": "bench", "prefix": "bench/", "verbs": ["read", "write"], "rate": RATE },
        "logging": { "level": "info", "rate": RATE },
        "http-server": { "hosts": "any", "paths": ["/"] },
        "bench": {},
    });
    claims.as_object().into_iter().flatten().map(|(name, claim)| (name.clone(), claim.clone())).collect()
}

/// A rate that is counted and never used up.
pub(crate) const RATE: &str = "100000000/s";

/// The providers that those claims are about, and the bench's own trigger.
pub(crate) fn registry(found: Found, listen: Option<SocketAddr>) -> Registry {
    Registry::new()
        .provider::<KeyValue>("builtin:keyvalue", KeyValueConfig::memory)
        .provider::<Logging>("builtin:logging", Default::default)
        .trigger::<HttpServer>("builtin:http-server", move || HttpConfig { listen, ..HttpConfig::default() })
        .trigger::<Probe>("bench", move || Config { found: found.clone() })
}

/// Who signs: an operator and an account, and what both tokens of a file say.
pub(crate) struct Signer {
    operator: SigningKey,
    account: SigningKey,
    claims: BTreeMap<String, Value>,
}

impl Signer {
    /// With fresh keys.
    pub(crate) fn new(claims: BTreeMap<String, Value>) -> Result<Self> {
        let [operator, account] = [SigningKey::generate(Role::Operator)?, SigningKey::generate(Role::Account)?];
        Ok(Self { operator, account, claims })
    }

    pub(crate) fn operator(&self) -> PublicKey {
        self.operator.public()
    }

    /// The component with an account's token and its own, of a fresh key.
    pub(crate) fn sign(&self, component: &[u8]) -> Result<Vec<u8>> {
        self.sign_by(component, None)
    }

    /// As [`Signer::sign`], by a signing key that stands between the two: a chain of three tokens.
    fn sign_by(&self, component: &[u8], key: Option<&SigningKey>) -> Result<Vec<u8>> {
        let id = SigningKey::generate(Role::Component)?.public();
        let common = |subject, name: &str| CommonDraft {
            subject,
            name: name.to_owned(),
            capabilities: Capabilities::Only(self.claims.clone()),
            limits: BTreeMap::from([("time".to_owned(), json!("1h"))]),
            nbf: None,
            exp: now().saturating_add(86_400 * 30),
        };
        let of_account = AccountDraft { common: common(self.account.public(), "acme") };
        let of_account = token::sign_account(&of_account, &self.operator, now())?;
        let of_key = |key: &SigningKey| {
            let draft = SigningKeyDraft { common: common(key.public(), "release"), components: Components::Any };
            token::sign_signing_key(&draft, &self.account, now())
        };
        let own = ComponentDraft { common: common(id, "guest"), version: "0.1.0".to_owned(), revision: 1 };
        let own = token::sign_component(&own, component, key.unwrap_or(&self.account), now())?;
        Ok(section::embed(component, &Tokens::new(own, key.map(of_key).transpose()?, of_account)?)?)
    }
}

/// A component in a file, and who signed it.
pub(crate) struct Signed {
    pub(crate) bytes: Arc<[u8]>,
    operator: PublicKey,
}

impl Signed {
    /// By a fresh [`Signer`], under [`claims`].
    pub(crate) fn new(component: &[u8]) -> Result<Self> {
        let signer = Signer::new(claims())?;
        Ok(Self { bytes: signer.sign(component)?.into(), operator: signer.operator() })
    }

    /// As [`Signed::new`], with a chain of three tokens.
    pub(crate) fn by_signing_key(component: &[u8]) -> Result<Self> {
        let (signer, key) = (Signer::new(claims())?, SigningKey::generate(Role::Account)?);
        Ok(Self { bytes: signer.sign_by(component, Some(&key))?.into(), operator: signer.operator() })
    }

    pub(crate) fn roots(&self) -> Roots {
        Roots::from_iter([(self.operator, Revocations::Never)])
    }

    /// The host's policy, and trust in whoever signed this.
    pub(crate) fn policies(&self) -> Policies {
        let host = Policy::new(writ_manifest::Capabilities::Only(claims()), BTreeMap::new());
        Policies { host: Some(host), trust: BTreeMap::from([(self.operator, TrustPolicy::Any)]) }
    }

    /// Starts a host with these providers, and the component on it.
    pub(crate) async fn deploy(&self, registry: Registry, application: &Application) -> Result<Running> {
        let settings = Settings { policies: self.policies(), ..Settings::default() };
        let host = Host::new(settings, registry)?;
        let artifact = Artifact::new(self.bytes.clone())?;
        let verified = artifact.verify(&self.roots(), now())?;
        let entry = application.components.first().context("no component")?;
        let candidate = Candidate { entry, verified: &verified };
        let admission = host.authorize(&[candidate], application)?;
        let deployment = host.deploy(&admission).await?;
        Ok(Running { host, _deployment: deployment })
    }
}

/// A host and what is deployed on it, until this is dropped.
pub(crate) struct Running {
    pub(crate) host: Host,
    _deployment: Deployment,
}

/// A manifest of the guest and one trigger: its entry's source, and the link's interface and configuration.
pub(crate) fn application(source: &str, interface: [&str; 3], config: &str) -> Result<Application> {
    let [namespace, package, interface] = interface;
    let text = format!(
        "apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{ name: bench, annotations: {{ version: v0.1.0, description: what is measured }} }}
spec:
  components:
    - name: guest
      type: component
      properties: {{ image: guest.wasm }}
    - name: trigger
      type: capability
      properties: {{ {source} }}
      traits:
        - type: link
          properties:
            target: {{ name: guest }}
            namespace: {namespace}
            package: {package}
            interfaces: [{interface}]
            source:
              config:
                - name: bench
                  properties: {{ {config} }}
"
    );
    Ok(Application::parse(&text)?)
}
