//! Two deployments of one component on one host.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::fmt;
use std::sync::{Mutex, Weak};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use wasm_encoder::{ComponentBuilder, ComponentExportKind};
use writ_manifest::TrustPolicy;
use writ_provider::units::Rate;
use writ_provider::{Busy, Capability, Constraint, Denied, Grant, InvalidLink, LinkConfig, LinkSource};
use writ_provider::{Provider, Trigger};
use writ_signing::token::{self, AccountDraft, Capabilities, CommonDraft, ComponentDraft, Tokens};
use writ_signing::{Revocations, Role, Roots, SigningKey, section};

use super::*;
use crate::load::{Artifact, VerifiedArtifact};
use crate::prepared::Prepared;

/// A trigger that calls nobody: the test does, through what it was given.
struct Bell {
    towers: Towers,
}

/// What is connected, in the order of its connection.
type Towers = Arc<Mutex<Vec<Rope>>>;

#[derive(Clone)]
struct Rope {
    target: Target,
    grant: Grant<Entry>,
}

/// Keeps a rope in its tower.
struct Hung {
    towers: Towers,
    generation: u64,
}

impl Drop for Hung {
    fn drop(&mut self) {
        self.towers.lock().unwrap().retain(|rope| rope.target.generation().number() != self.generation);
    }
}

#[derive(Deserialize)]
struct Config {
    #[serde(skip)]
    towers: Towers,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    rate: Option<Rate>,
}

/// What the link says: whether connecting fails.
#[derive(Clone)]
struct Plan {
    cracked: bool,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bell")
    }
}

impl Constraint for Entry {
    const NAMED: bool = false;
    const EXAMPLE: &'static str = "{ rate: RATE }";
    type Request<'a> = ();
    type Plan = Plan;

    fn permits(&self, (): ()) -> Result<(), Denied> {
        Ok(())
    }

    fn rate(&self) -> Option<Rate> {
        self.rate
    }

    fn plans(link: &LinkConfig) -> Result<Vec<Plan>, InvalidLink> {
        Ok(vec![Plan { cracked: link.contains_key("cracked") }])
    }

    fn request(_: &Plan) {}

    fn allowing((): ()) -> Value {
        json!({})
    }
}

impl Provider for Bell {
    const CAPABILITY: Capability<Self> =
        Capability { name: "messaging", interfaces: &[], exports: &["demo:bell/handler@0.1.0"] };
    type Config = Config;
    type Constraint = Entry;
    type Handle = ();

    async fn open(config: Config) -> Result<Self, OpenError> {
        Ok(Self { towers: config.towers })
    }

    fn attach(&self, _: &Grant<Entry>) {}
}

impl Trigger for Bell {
    type Route = Hung;

    async fn connect(
        &self,
        grant: Grant<Entry>,
        _: &LinkSource,
        plans: Vec<Plan>,
        target: Target,
    ) -> Result<Hung, OpenError> {
        if plans.iter().any(|plan| plan.cracked) {
            return Err(OpenError::Config("it is cracked".to_owned()));
        }
        assert!(!target.generation().is_open(), "not before everything is connected");
        let (towers, generation) = (self.towers.clone(), target.generation().number());
        towers.lock().unwrap().push(Rope { target, grant });
        Ok(Hung { towers, generation })
    }

    async fn drain(&self, _: Duration) {}
}

/// A host, and an application of two components of one account on it.
struct Fixture {
    host: Host,
    towers: Towers,
    operator: writ_signing::PublicKey,
    components: [VerifiedArtifact; 2],
}

impl Fixture {
    fn new(claims: &Value) -> Self {
        Self::audited(claims, None)
    }

    fn audited(claims: &Value, audit: Option<Audit>) -> Self {
        let [operator, account] = [Role::Operator, Role::Account].map(|role| SigningKey::generate(role).unwrap());
        let components = ["one", "two"].map(|name| sign(name, claims, &operator, &account));
        let trust = [(operator.public(), TrustPolicy::Any)].into();
        let capacity = Capacity { stores: 4, memory: 1 << 20, ..Capacity::default() };
        let settings = Settings { capacity, policies: Policies { host: None, trust }, audit, ..Settings::default() };
        let towers = Towers::default();
        let kept = towers.clone();
        let registry = Registry::new().trigger::<Bell>("builtin:messaging", move || Config { towers: kept.clone() });
        Self { host: Host::new(settings, registry).unwrap(), towers, operator: operator.public(), components }
    }

    /// What the two may do, with a scaler and a link's property.
    fn admit(&self, instances: u32, property: &str) -> Result<Admission, Denials> {
        let application = Application::parse(&manifest(instances, property)).unwrap();
        let parts = application.components.iter().zip(&self.components);
        let candidates: Vec<_> = parts.map(|(entry, verified)| Candidate { entry, verified }).collect();
        self.host.authorize(&candidates, &application)
    }

    async fn deploy(&self, instances: u32) -> Deployment {
        self.host.deploy(&self.admit(instances, "sound").unwrap()).await.unwrap()
    }

    /// What is connected of the first component, the oldest first.
    fn ropes(&self) -> Vec<Rope> {
        let first = self.components[0].principal();
        self.towers.lock().unwrap().iter().filter(|rope| *rope.target.principal() == first).cloned().collect()
    }

    /// Whom a trigger calls now: the number of its generation.
    fn called(&self) -> Option<u64> {
        let ropes = self.ropes();
        let generations = ropes.iter().map(|rope| rope.target.generation());
        generations.max_by_key(|generation| generation.rank()).map(Generation::number)
    }
}

/// A component that exports an empty handler, signed for a day.
fn sign(name: &str, claims: &Value, operator: &SigningKey, account: &SigningKey) -> VerifiedArtifact {
    let mut builder = ComponentBuilder::default();
    let nothing = builder.component(None, ComponentBuilder::default());
    let instance = builder.instantiate(None, nothing, Vec::<(&str, ComponentExportKind, u32)>::new());
    builder.export("demo:bell/handler@0.1.0", ComponentExportKind::Instance, instance, None);
    let bytes = builder.finish();
    let now = crate::now();
    let common = |subject, name: &str, capabilities| CommonDraft {
        subject,
        name: name.to_owned(),
        capabilities,
        limits: Default::default(),
        nbf: None,
        exp: now + 86_400,
    };
    let of_account = AccountDraft { common: common(account.public(), "acme", Capabilities::Any) };
    let of_account = token::sign_account(&of_account, operator, now).unwrap();
    let id = SigningKey::generate(Role::Component).unwrap().public();
    let claims = serde_json::from_value(json!({ "messaging": claims })).unwrap();
    let common = common(id, name, Capabilities::Only(claims));
    let own = ComponentDraft { common, version: "0.1.0".to_owned(), revision: 1 };
    let own = token::sign_component(&own, &bytes, account, now).unwrap();
    let file = section::embed(&bytes, &Tokens::new(own, None, of_account).unwrap()).unwrap();
    Artifact::new(file).unwrap().verify(&Roots::from_iter([(operator.public(), Revocations::Never)]), now).unwrap()
}

/// The second component's link has the property.
fn manifest(instances: u32, property: &str) -> String {
    format!(
        "
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: {{ name: app }}
spec:
  components:
    - name: one
      type: component
      properties: {{ image: one.wasm }}
      traits: [{{ type: spreadscaler, properties: {{ instances: {instances} }} }}]
    - name: two
      type: component
      properties: {{ image: two.wasm }}
    - name: bell
      type: capability
      properties: {{ image: \"builtin:messaging\" }}
      traits:
        - type: link
          properties: {{ name: a, target: {{ name: one }}, namespace: demo, package: bell, interfaces: [handler] }}
        - type: link
          properties:
            name: b
            target: {{ name: two }}
            namespace: demo
            package: bell
            interfaces: [handler]
            source: {{ config: [{{ name: c, properties: {{ {property}: \"yes\" }} }}] }}
"
    )
}

fn weak(deployment: &Deployment) -> Vec<Weak<Prepared>> {
    deployment.entries.iter().map(|entry| Arc::downgrade(&entry.0)).collect()
}

fn freed(all: &[Weak<Prepared>]) -> bool {
    all.iter().all(|one| one.strong_count() == 0)
}

#[tokio::test]
async fn the_newer_deployment_takes_over_and_the_older_one_is_freed() {
    let fixture = Fixture::new(&json!([{}]));
    let old = fixture.deploy(4).await;
    let first = fixture.called().unwrap();
    let gone = weak(&old);
    let new = fixture.deploy(4).await;
    assert_eq!((fixture.called(), fixture.ropes().len()), (Some(first + 1), 2));
    drop(old);
    assert_eq!((fixture.called(), fixture.ropes().len()), (Some(first + 1), 1));
    assert!(freed(&gone) && !freed(&weak(&new)));
}

#[tokio::test]
async fn dropping_the_newer_one_leaves_the_older_one() {
    let fixture = Fixture::new(&json!([{}]));
    let old = fixture.deploy(4).await;
    let first = fixture.called();
    let new = fixture.deploy(4).await;
    let gone = weak(&new);
    drop(new);
    assert!(freed(&gone) && !freed(&weak(&old)));
    assert_eq!(fixture.called(), first);
}

#[tokio::test]
async fn one_that_fails_half_way_was_never_called() {
    let fixture = Fixture::new(&json!([{}]));
    let _old = fixture.deploy(4).await;
    let first = fixture.called();
    let refused = fixture.host.deploy(&fixture.admit(4, "cracked").unwrap()).await;
    assert!(matches!(refused, Err(DeployError::Connect { component, .. }) if component == "two"));
    assert_eq!((fixture.called(), fixture.ropes().len()), (first, 1));
}

#[tokio::test]
async fn the_embedding_program_calls_a_component_by_its_name() {
    let fixture = Fixture::new(&json!([{}]));
    let deployment = fixture.deploy(4).await;
    assert!(deployment.target("three").is_none());
    let target = deployment.target("two").unwrap();
    let permit = target.admit(Duration::ZERO).await.unwrap();
    let pre = target.pre().clone();
    let work = target.run(permit, move |store| Box::pin(async move { pre.instantiate_async(store).await.map(drop) }));
    work.await.unwrap();
    // As anybody else's, its calls end with the host.
    fixture.host.pool.stop();
    assert!(matches!(target.admit(Duration::ZERO).await, Err(Busy::Stopping)));
}

/// The names of the events in a log.
fn written(folder: &std::path::Path) -> Vec<&'static str> {
    let lines = crate::records(folder).unwrap();
    lines.map(|line| line.unwrap().record.unwrap().event.name()).collect()
}

#[tokio::test]
async fn what_did_not_start_was_granted_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::open(folder.path(), crate::Bounds::default()).unwrap();
    let fixture = Fixture::audited(&json!([{}]), Some(audit));
    assert!(fixture.host.deploy(&fixture.admit(4, "cracked").unwrap()).await.is_err());
    assert_eq!(written(folder.path()), ["not-started"]);
    drop(fixture.deploy(4).await);
    assert_eq!(written(folder.path()), ["not-started", "granted", "granted", "deployed", "withdrawn"]);
}

#[tokio::test]
async fn a_call_that_began_in_the_old_code_ends_there_and_then_it_is_freed() {
    let fixture = Fixture::new(&json!([{}]));
    let old = fixture.deploy(4).await;
    let gone = weak(&old);
    let (end, ends) = oneshot::channel::<()>();
    let running = {
        let target = fixture.ropes()[0].target.clone();
        let permit = target.admit(Duration::ZERO).await.unwrap();
        tokio::spawn(target.run(permit, |_| {
            Box::pin(async move {
                ends.await?;
                Ok(())
            })
        }))
    };
    let _new = fixture.deploy(4).await;
    drop(old);
    assert!(gone[0].upgrade().is_some() && gone[1].upgrade().is_none(), "the one that runs, and not the other");
    end.send(()).unwrap();
    assert!(running.await.unwrap().is_ok());
    assert!(freed(&gone));
}

#[tokio::test]
async fn a_swap_fills_no_rate() {
    let fixture = Fixture::new(&json!([{ "rate": "3/h" }]));
    let mut running = fixture.deploy(4).await;
    for left in [true, true, true, false, false] {
        assert_eq!(fixture.ropes()[0].grant.permits(()).is_ok(), left);
        let new = fixture.deploy(4).await;
        drop(std::mem::replace(&mut running, new));
    }
    // Not even one that is stopped and started.
    drop(running);
    let _again = fixture.deploy(4).await;
    assert!(fixture.ropes()[0].grant.permits(()).is_err());
}

#[tokio::test]
async fn what_may_run_at_once_is_counted_for_both() {
    let fixture = Fixture::new(&json!([{}]));
    let old = fixture.deploy(1).await;
    let permit = fixture.ropes()[0].target.admit(Duration::ZERO).await.unwrap();
    let _new = fixture.deploy(1).await;
    drop(old);
    let target = fixture.ropes()[0].target.clone();
    assert!(matches!(target.admit(Duration::ZERO).await, Err(Busy::Full)), "it runs once at a time");
    drop(permit);
    assert!(target.admit(Duration::ZERO).await.is_ok());
}

#[tokio::test]
async fn no_principal_takes_the_last_quarter_while_it_is_swapped() {
    let fixture = Fixture::new(&json!([{}]));
    let _old = fixture.deploy(4).await;
    let _new = fixture.deploy(4).await;
    let ropes = fixture.ropes();
    let admit = |rope: &Rope| {
        let target = rope.target.clone();
        async move { target.admit(Duration::ZERO).await }
    };
    let held = [admit(&ropes[0]).await, admit(&ropes[1]).await, admit(&ropes[0]).await];
    assert!(held.iter().all(Result::is_ok));
    assert!(matches!(admit(&ropes[1]).await, Err(Busy::Full)));
}

#[tokio::test]
async fn policies_follow_their_owner() {
    let fixture = Fixture::new(&json!([{}]));
    assert!(fixture.admit(4, "sound").is_ok());
    fixture.host.set_policies(Policies::default());
    assert!(fixture.admit(4, "sound").is_err());
    fixture.host.set_policies(Policies { host: None, trust: [(fixture.operator, TrustPolicy::Any)].into() });
    assert!(fixture.admit(4, "sound").is_ok());
}

/// Whether a call of the first component may start.
async fn may_start(fixture: &Fixture) -> Result<(), Busy> {
    let target = fixture.ropes().last().unwrap().target.clone();
    target.admit(Duration::ZERO).await.map(drop)
}

/// Compiling takes its time: what is known at its end counts, and not what was known when the file was verified.
#[tokio::test]
async fn what_was_revoked_while_it_was_compiled_does_not_start() {
    let fixture = Fixture::new(&json!([{}]));
    let trusted = Arc::new(Roots::from_iter([(fixture.operator, Revocations::Never)]));
    let nobody = Arc::new(Roots::default());
    fixture.host.review(&nobody, crate::now());
    let deployment = fixture.deploy(4).await;
    assert!(matches!(may_start(&fixture).await, Err(Busy::Revoked)));
    fixture.host.review(&trusted, crate::now());
    assert!(may_start(&fixture).await.is_ok());
    drop(deployment);

    // Nobody reviews it meanwhile, so the host asks.
    let host = fixture.host.asking(move || Box::pin(std::future::ready(nobody.clone())));
    let fixture = Fixture { host, ..fixture };
    let _deployment = fixture.deploy(4).await;
    assert!(matches!(may_start(&fixture).await, Err(Busy::Revoked)));
    fixture.host.review(&trusted, crate::now());
    let admission = fixture.admit(4, "sound").unwrap();
    let prepared = fixture.host.prepare_first(&admission, &admission.components()[0], "f").await.unwrap();
    assert!(matches!(prepared.standings[0].admits(), Err(Busy::Revoked)));
}

#[test]
fn what_expires_while_it_runs_is_said_once() {
    let fixture = Fixture::new(&json!([{}]));
    let folder = tempfile::tempdir().unwrap();
    let audit = Audit::open(folder.path(), crate::Bounds::default()).unwrap();
    let standings = Standings::new(Some(audit));
    let roots = Arc::new(Roots::from_iter([(fixture.operator, Revocations::Never)]));
    let admission = fixture.admit(4, "sound").unwrap();
    let _standings = [(); 2].map(|()| standings.of(admission.components()[0].verified.clone()));
    let end = admission.components()[0].expires;
    for (now, expected) in [(end - 1, 0), (end, 1), (end + 100, 1)] {
        standings.review(&roots, now);
        assert_eq!(written(folder.path()), ["expired"].repeat(expected), "{now}");
    }
}
