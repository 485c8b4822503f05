//! Chains of documents and what is asked under them, and the decision of the product about that: signed, verified,
//! authorized and granted as on any host.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use wasm_encoder::{ComponentBuilder, ComponentExportKind, ComponentTypeRef, InstanceType, PrimitiveValType};
use writ_config::Entry as ConfigEntry;
use writ_host::{Admission, Admitted, Artifact, Candidate, Policies, Registry, authorize};
use writ_http::{ClientEntry, ClientRequest, HttpClient, HttpConfig, HttpEntry, HttpRequest, HttpServer, Scheme};
use writ_keyvalue::claim::{Request as KeyRequest, Verb};
use writ_keyvalue::{Entry as KeyEntry, KeyValue, KeyValueConfig};
use writ_logging::{Entry as LogEntry, Level, Logging, Request as Line};
use writ_manifest::{Application, Capabilities, Policy, TrustPolicy};
use writ_messaging::{Entry as MessageEntry, Messaging, Request as MessageRequest};
use writ_provider::{Constraint, Grant};
use writ_signing::token::{self, AccountDraft, CommonDraft, ComponentDraft, Components, SigningKeyDraft, Tokens};
use writ_signing::{PublicKey, Revocations, Role, Roots, SigningKey, section};

/// What can refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Component,
    SigningKey,
    Account,
    Trust,
    Host,
    Restriction,
}

/// A component, every document about it, and what it asks for.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
    pub(super) link: Link,
    /// `"any"`, or capability to claim. A trust entry that is not there is `null`: such an operator may grant nothing.
    pub(super) documents: Vec<(Kind, Value)>,
    /// The capability that the requests are of.
    pub(super) capability: &'static str,
    pub(super) requests: Vec<Request>,
}

/// What the manifest asks for on the component's behalf.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Link {
    Nothing,
    /// A label for a bucket.
    Bucket(&'static str),
    Subscription(&'static str),
    /// Host and path.
    Route(&'static str, &'static str),
    Variable(&'static str),
    /// The guest's path, the host's path, and whether it may be written to.
    Folder(&'static str, &'static str, bool),
}

/// What a guest asks, or the world outside asks of it.
#[derive(Debug, Clone)]
pub(super) enum Request {
    Open(&'static str),
    Key {
        bucket: &'static str,
        key: &'static str,
        verb: &'static str,
        size: usize,
    },
    Publish {
        subject: &'static str,
        size: usize,
    },
    Deliver(&'static str),
    Log(&'static str),
    Serve {
        method: &'static str,
        host: &'static str,
        path: &'static str,
    },
    Fetch(Fetch),
    Setting(&'static str),
    /// That it runs at all, with what its link gives.
    Run,
}

/// An outgoing request.
#[derive(Debug, Clone)]
pub(super) struct Fetch {
    pub(super) method: &'static str,
    pub(super) scheme: &'static str,
    pub(super) host: &'static str,
    pub(super) port: u16,
    pub(super) path: &'static str,
    pub(super) address: &'static str,
    pub(super) size: u64,
}

/// The keys of one operator, and a host's providers.
pub(super) struct World {
    operator: SigningKey,
    account: SigningKey,
    signing_key: SigningKey,
    id: PublicKey,
    registry: Registry,
    applications: RefCell<HashMap<Link, Application>>,
}

impl World {
    pub(super) fn new() -> Self {
        let key = |role| SigningKey::generate(role).unwrap();
        let registry = Registry::new()
            .provider::<KeyValue>("builtin:keyvalue", KeyValueConfig::memory)
            .provider::<Logging>("builtin:logging", Default::default)
            .provider::<writ_config::Settings>("builtin:config", Default::default)
            .provider::<HttpClient>("builtin:http-client", Default::default)
            .trigger::<Messaging>("builtin:messaging", Default::default)
            .trigger::<HttpServer>("builtin:http-server", HttpConfig::default);
        Self {
            operator: key(Role::Operator),
            account: key(Role::Account),
            signing_key: key(Role::Account),
            id: key(Role::Component).public(),
            registry,
            applications: RefCell::default(),
        }
    }

    /// Whether each of the chain's requests is permitted.
    pub(super) fn decide(&self, chain: &Chain) -> Vec<bool> {
        match self.authorize(chain) {
            Some(admission) => answers(&admission.components()[0], chain.capability, &chain.requests),
            None => vec![false; chain.requests.len()],
        }
    }

    /// The admission, if the component may run at all.
    pub(super) fn authorize(&self, chain: &Chain) -> Option<Admission> {
        self.admit(&component(&chain.imports, &chain.exports), chain)
    }

    /// As [`authorize`](Self::authorize), of a component of these bytes.
    pub(super) fn admit(&self, bytes: &[u8], chain: &Chain) -> Option<Admission> {
        self.admit_all(&[bytes.to_vec()], chain, &self.application(&chain.link))
    }

    /// As [`admit`](Self::admit), of the components of an application, which all are under the same documents.
    pub(super) fn admit_all(&self, files: &[Vec<u8>], chain: &Chain, application: &Application) -> Option<Admission> {
        let roots = Roots::from_iter([(self.operator.public(), Revocations::Never)]);
        let mut verified = Vec::new();
        for bytes in files {
            verified.push(Artifact::new(self.sign(bytes, chain)).ok()?.verify(&roots, NOW).unwrap());
        }
        let says = |kind| chain.documents.iter().find(|(own, _)| *own == kind).map(|(_, says)| says);
        let trust = match says(Kind::Trust) {
            Some(Value::Null) => None,
            Some(Value::String(_)) | None => Some(TrustPolicy::Any),
            Some(claims) => Some(TrustPolicy::Inline(policy(claims))),
        };
        let policies = Policies {
            host: says(Kind::Host).map(policy),
            trust: trust.map(|trust| (self.operator.public(), trust)).into_iter().collect(),
        };
        let mut application = application.clone();
        application.components[0].restriction = says(Kind::Restriction).map(map);
        let candidate = |(entry, verified)| Candidate { entry, verified };
        let candidates: Vec<_> = application.components.iter().zip(&verified).map(candidate).collect();
        authorize(&candidates, &application, &policies, self.registry.vocabulary()).ok()
    }

    /// A component's file with the chain's tokens.
    pub(super) fn sign(&self, bytes: &[u8], chain: &Chain) -> Vec<u8> {
        let common = |subject, name: &str, says: &Value| CommonDraft {
            subject,
            name: name.to_owned(),
            capabilities: if says == "any" { token::Capabilities::Any } else { token::Capabilities::Only(map(says)) },
            limits: BTreeMap::new(),
            nbf: None,
            exp: NOW + 86_400,
        };
        let (mut own, mut of_key, mut of_account) = (None, None, None);
        for (kind, says) in &chain.documents {
            match kind {
                Kind::Component => own = Some(common(self.id, "one", says)),
                Kind::SigningKey => of_key = Some(common(self.signing_key.public(), "ci", says)),
                Kind::Account => of_account = Some(common(self.account.public(), "acme", says)),
                Kind::Trust | Kind::Host | Kind::Restriction => {}
            }
        }
        let signer = if of_key.is_some() { &self.signing_key } else { &self.account };
        let of_key = of_key.map(|common| {
            let draft = SigningKeyDraft { common, components: Components::Any };
            token::sign_signing_key(&draft, &self.account, NOW).unwrap()
        });
        let of_account =
            token::sign_account(&AccountDraft { common: of_account.unwrap() }, &self.operator, NOW).unwrap();
        let own = ComponentDraft { common: own.unwrap(), version: "0.1.0".to_owned(), revision: 1 };
        let own = token::sign_component(&own, bytes, signer, NOW).unwrap();
        section::embed(bytes, &Tokens::new(own, of_key, of_account).unwrap()).unwrap()
    }

    fn application(&self, link: &Link) -> Application {
        let mut known = self.applications.borrow_mut();
        known.entry(link.clone()).or_insert_with(|| application(link)).clone()
    }
}

/// A component with these names. Every interface has a function, so that a linker has to find it.
pub(super) fn component(imports: &[String], exports: &[String]) -> Vec<u8> {
    let mut builder = ComponentBuilder::default();
    let shape = shape(&mut builder);
    for import in imports {
        builder.import(import.as_str(), ComponentTypeRef::Instance(shape));
    }
    for export in exports {
        let nothing = builder.component(None, ComponentBuilder::default());
        let instance = builder.instantiate(None, nothing, Vec::<(&str, ComponentExportKind, u32)>::new());
        builder.export(export.as_str(), ComponentExportKind::Instance, instance, None);
    }
    builder.finish()
}

/// The type of an instance with one function.
pub(super) fn shape(builder: &mut ComponentBuilder) -> u32 {
    let mut shape = InstanceType::new();
    shape.ty().function().params::<[(&str, PrimitiveValType); 0], _>([]).result(None);
    shape.export("f", ComponentTypeRef::Func(0));
    builder.type_instance(None, &shape)
}

fn map(says: &Value) -> BTreeMap<String, Value> {
    serde_json::from_value(says.clone()).unwrap()
}

fn policy(says: &Value) -> Policy {
    let capabilities = if says == "any" { Capabilities::Any } else { Capabilities::Only(map(says)) };
    Policy::new(capabilities, BTreeMap::new())
}

fn application(link: &Link) -> Application {
    let (image, [namespace, package, interface], properties) = match link {
        Link::Nothing => ("keyvalue", [""; 3], String::new()),
        Link::Bucket(name) => ("keyvalue", ["wasi", "keyvalue", "store"], format!("bucket.shelf: {name}")),
        Link::Subscription(pattern) => {
            ("messaging", ["wasmcloud", "messaging", "handler"], format!("subscriptions: \"{pattern}\""))
        }
        Link::Route(host, path) => {
            ("http-server", ["wasi", "http", "incoming-handler"], format!("host: \"{host}\", path: \"{path}\""))
        }
        Link::Variable(name) => ("environment", ["wasi", "cli", "environment"], format!("\"{name}\": x")),
        Link::Folder(guest, host, writable) => {
            let right = if *writable { "write" } else { "read" };
            ("filesystem", ["wasi", "filesystem", "preopens"], format!("{right}.{guest}: {host}"))
        }
    };
    let config = format!("config: [{{ name: c, properties: {{ {properties} }} }}]");
    let is_called = matches!(link, Link::Subscription(_) | Link::Route(..));
    let ends = match is_called {
        true => format!("target: {{ name: one }}, source: {{ {config} }}"),
        false => format!("target: {{ name: provider, {config} }}"),
    };
    let link_of = |calls: bool| match calls == is_called && *link != Link::Nothing {
        true => format!(
            "      traits: [{{ type: link, properties: {{ {ends}, namespace: {namespace}, package: {package}, interfaces: [{interface}] }} }}]\n"
        ),
        false => String::new(),
    };
    let text = format!(
        "{MANIFEST}    - name: one\n      type: component\n      properties: {{ image: one.wasm }}\n{}    - name: provider\n      type: capability\n      properties: {{ image: \"builtin:{image}\" }}\n{}",
        link_of(false),
        link_of(true),
    );
    Application::parse(&text).unwrap()
}

fn answers(admitted: &Admitted, capability: &'static str, requests: &[Request]) -> Vec<bool> {
    match capability {
        "keyvalue" => each::<KeyEntry>(admitted, capability, requests, keyvalue),
        "messaging" => each::<MessageEntry>(admitted, capability, requests, messaging),
        "logging" => each::<LogEntry>(admitted, capability, requests, logging),
        "http-server" => each::<HttpEntry>(admitted, capability, requests, serve),
        "http-client" => each::<ClientEntry>(admitted, capability, requests, |grant, request| match request {
            Request::Fetch(fetched) => fetch(grant, fetched),
            other => panic!("{other:?}"),
        }),
        "config" => each::<ConfigEntry>(admitted, capability, requests, |grant, request| match request {
            Request::Setting(key) => grant.permits(key).is_ok(),
            other => panic!("{other:?}"),
        }),
        // The host's own: what they give was asked about before it would run.
        _ => vec![true; requests.len()],
    }
}

fn each<C: Constraint>(
    admitted: &Admitted,
    capability: &'static str,
    requests: &[Request],
    permits: fn(&Grant<C>, &Request) -> bool,
) -> Vec<bool> {
    let grant = admitted.grant::<C>(capability);
    let permitted = |request| grant.as_ref().is_some_and(|grant| permits(grant, request));
    requests.iter().map(permitted).collect()
}

fn keyvalue(grant: &Grant<KeyEntry>, request: &Request) -> bool {
    match *request {
        Request::Open(bucket) => grant.permits(KeyRequest::Open { bucket }).is_ok(),
        Request::Key { bucket, key, verb, size } => {
            let verb = match verb {
                "read" => Verb::Read,
                "list" => Verb::List,
                "write" => Verb::Write,
                _ => Verb::Increment,
            };
            grant.permits(KeyRequest::Operation { bucket, key, verb, size }).is_ok()
        }
        ref other => panic!("{other:?}"),
    }
}

fn messaging(grant: &Grant<MessageEntry>, request: &Request) -> bool {
    match *request {
        Request::Publish { subject, size } => subject
            .parse()
            .is_ok_and(|subject| grant.permits(MessageRequest::Publish { subject: &subject, size }).is_ok()),
        Request::Deliver(subject) => {
            subject.parse().is_ok_and(|subject| grant.permits(MessageRequest::Deliver { subject: &subject }).is_ok())
        }
        ref other => panic!("{other:?}"),
    }
}

fn logging(grant: &Grant<LogEntry>, request: &Request) -> bool {
    let Request::Log(level) = request else { panic!("{request:?}") };
    let level = match *level {
        "trace" => Level::Trace,
        "debug" => Level::Debug,
        "info" => Level::Info,
        "warn" => Level::Warn,
        "error" => Level::Error,
        _ => Level::Critical,
    };
    grant.permits(Line { level, bytes: 10 }).is_ok()
}

fn serve(grant: &Grant<HttpEntry>, request: &Request) -> bool {
    let Request::Serve { method, host, path } = *request else { panic!("{request:?}") };
    let host = host.parse().unwrap();
    grant.permits(HttpRequest { host: &host, path, method: Some(method) }).is_ok()
}

/// As it is asked of a real request: before its name is looked up, then with its address, then with its length.
fn fetch(grant: &Grant<ClientEntry>, fetch: &Fetch) -> bool {
    let host = fetch.host.parse().unwrap();
    let unknown = ClientRequest {
        method: fetch.method,
        scheme: if fetch.scheme == "https" { Scheme::Https } else { Scheme::Http },
        host: &host,
        port: fetch.port,
        path: fetch.path,
        address: None,
        size: 0,
    };
    let Ok(mut approved) = grant.approve(unknown) else { return false };
    let resolved = ClientRequest { address: Some(fetch.address.parse().unwrap()), ..unknown };
    approved.extend(resolved).is_ok() && approved.extend(ClientRequest { size: fetch.size, ..resolved }).is_ok()
}

const MANIFEST: &str =
    "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: { name: app }\nspec:\n  components:\n";
/// The time of every chain.
const NOW: u64 = 1_770_000_000;
