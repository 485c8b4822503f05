//! The guest that is measured, signed and deployed as any other.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use writ_host::{Policies, Registry, now};
use writ_http::{HttpConfig, HttpServer};
use writ_keyvalue::{KeyValue, KeyValueConfig};
use writ_logging::Logging;
use writ_manifest::{Policy, TrustPolicy};
use writ_signing::token::{
    self, AccountDraft, Capabilities, CommonDraft, ComponentDraft, Components, SigningKeyDraft, Tokens,
};
use writ_signing::{PublicKey, Revocations, Role, Roots, SigningKey, section};

/// A guest's bytes, not signed.
pub(crate) fn bytes(name: &str) -> Result<Vec<u8>> {
    let file = guests()?.join("source").join(format!("{name}.wasm"));
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
        "call": { "interface": "any", "component": "any" },
        "serve": { "interface": "any", "component": "any" },
    });
    claims.as_object().into_iter().flatten().map(|(name, claim)| (name.clone(), claim.clone())).collect()
}

/// A rate that is counted and never used up.
pub(crate) const RATE: &str = "100000000/s";

/// The providers that those claims are about.
pub(crate) fn registry(listen: Option<SocketAddr>) -> Registry {
    Registry::new()
        .provider::<KeyValue>("builtin:keyvalue", KeyValueConfig::memory)
        .provider::<Logging>("builtin:logging", Default::default)
        .trigger::<HttpServer>("builtin:http-server", move || HttpConfig { listen, ..HttpConfig::default() })
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

    /// The component under a name, with an account's token and its own, of a fresh key.
    pub(crate) fn sign(&self, name: &str, component: &[u8]) -> Result<Vec<u8>> {
        self.sign_by(name, component, None)
    }

    /// As [`Signer::sign`], by a signing key that stands between the two: a chain of three tokens.
    fn sign_by(&self, name: &str, component: &[u8], key: Option<&SigningKey>) -> Result<Vec<u8>> {
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
        let own = ComponentDraft { common: common(id, name), version: "0.1.0".to_owned(), revision: 1 };
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
    /// Under [`claims`], with a chain of three tokens.
    pub(crate) fn by_signing_key(component: &[u8]) -> Result<Self> {
        let (signer, key) = (Signer::new(claims())?, SigningKey::generate(Role::Account)?);
        Ok(Self { bytes: signer.sign_by("guest", component, Some(&key))?.into(), operator: signer.operator() })
    }

    pub(crate) fn roots(&self) -> Roots {
        Roots::from_iter([(self.operator, Revocations::Never)])
    }

    pub(crate) fn policies(&self) -> Policies {
        policies(self.operator)
    }
}

/// The host's policy, and trust in whoever signed.
pub(crate) fn policies(operator: PublicKey) -> Policies {
    let host = Policy::new(writ_manifest::Capabilities::Only(claims()), BTreeMap::new());
    Policies { host: Some(host), trust: BTreeMap::from([(operator, TrustPolicy::Any)]) }
}
