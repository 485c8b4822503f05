//! Documents in, grants or denials out.

use std::collections::BTreeMap;
use std::fmt;

use expect_test::{Expect, expect};
use serde::Deserialize;
use serde_json::{Value, json};
use writ_manifest::{Application, Capabilities, Policy, TrustPolicy};
use writ_provider::{Capability, Constraint, Denied, Grant, InvalidLink, LinkConfig, OpenError, Provider};
use writ_signing::token::{self, AccountDraft, CommonDraft, ComponentDraft, Tokens};
use writ_signing::{Revocations, Role, Roots, SigningKey, section};

use super::{Candidate, Policies, authorize};
use crate::denial::Denials;
use crate::load::{Artifact, VerifiedArtifact};
use crate::registry::Registry;

mod given;
mod links;

/// A capability with a naming field, that is imported and also calls.
struct Shelf;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShelfEntry {
    shelf: String,
}

#[derive(Clone)]
struct ShelfPlan(String);

impl fmt::Display for ShelfPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shelf {}", self.0)
    }
}

impl Constraint for ShelfEntry {
    const NAMED: bool = true;
    const EXAMPLE: &'static str = "{ shelf: NAME }";
    type Request<'a> = &'a str;
    type Plan = ShelfPlan;

    fn permits(&self, shelf: &str) -> Result<(), Denied> {
        let named = self.shelf == "any" || self.shelf == shelf;
        if named { Ok(()) } else { Err(Denied::new(format!("permits shelf {}", self.shelf))) }
    }

    fn plans(link: &LinkConfig) -> Result<Vec<ShelfPlan>, InvalidLink> {
        let plan = |(property, shelf): (&String, &String)| match property.as_str() {
            "shelf" => Ok(ShelfPlan(shelf.clone())),
            _ => Err(InvalidLink { property: property.clone(), reason: "only `shelf` is known".to_owned() }),
        };
        link.iter().map(plan).collect()
    }

    fn request(plan: &ShelfPlan) -> &str {
        &plan.0
    }

    fn allowing(shelf: &str) -> Value {
        json!({ "shelf": shelf })
    }
}

impl Provider for Shelf {
    const CAPABILITY: Capability<Self> = Capability {
        name: "keyvalue",
        interfaces: &[
            writ_provider::Interface { name: "demo:shelf/store@0.2.0-draft", link: |_, _| Ok(()) },
            writ_provider::Interface { name: "demo:shelf/more@0.2.0-draft", link: |_, _| Ok(()) },
        ],
        exports: &["demo:shelf/handler@0.2.0"],
    };
    type Config = ();
    type Constraint = ShelfEntry;
    type Handle = ();

    async fn open((): ()) -> Result<Self, OpenError> {
        Ok(Self)
    }

    fn attach(&self, _: &Grant<ShelfEntry>) {}
}

/// A capability without a naming field.
struct Bell;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BellEntry {
    #[serde(rename = "loud")]
    _loud: Option<bool>,
}

impl Constraint for BellEntry {
    const NAMED: bool = false;
    const EXAMPLE: &'static str = "{ loud: true }";
    type Request<'a> = ();
    type Plan = ShelfPlan;

    fn permits(&self, (): ()) -> Result<(), Denied> {
        Ok(())
    }

    fn plans(_: &LinkConfig) -> Result<Vec<ShelfPlan>, InvalidLink> {
        Ok(vec![])
    }

    fn request(_: &ShelfPlan) {}

    fn allowing((): ()) -> Value {
        json!({})
    }
}

impl Provider for Bell {
    const CAPABILITY: Capability<Self> = Capability {
        name: "bell",
        interfaces: &[writ_provider::Interface { name: "demo:bell/bell@0.1.0", link: |_, _| Ok(()) }],
        exports: &[],
    };
    type Config = ();
    type Constraint = BellEntry;
    type Handle = ();

    async fn open((): ()) -> Result<Self, OpenError> {
        Ok(Self)
    }

    fn attach(&self, _: &Grant<BellEntry>) {}
}

/// A component with empty interfaces of these names.
fn component(imports: &[&'static str], exports: &[&'static str]) -> Vec<u8> {
    let empty = |names: &[&'static str]| names.iter().map(|name| (*name, None)).collect::<Vec<_>>();
    links::component_of(&empty(imports), &empty(exports))
}

/// An operator, and an account that it vouches for.
struct Keys {
    operator: SigningKey,
    account: SigningKey,
}

impl Keys {
    fn new() -> Self {
        let [operator, account] = [Role::Operator, Role::Account].map(|role| SigningKey::generate(role).unwrap());
        Self { operator, account }
    }

    /// A component that the account signed under this name, verified.
    fn verified(&self, name: &str, bytes: &[u8], [claims, limits, account]: [&Value; 3]) -> VerifiedArtifact {
        let now = 1_770_000_000;
        let common = |subject, name: &str, capabilities, limits| CommonDraft {
            subject,
            name: name.to_owned(),
            capabilities,
            limits,
            nbf: None,
            exp: now + 86_400,
        };
        let of_account = common(self.account.public(), "acme", capabilities(account), BTreeMap::new());
        let of_account = token::sign_account(&AccountDraft { common: of_account }, &self.operator, now).unwrap();
        let id = SigningKey::generate(Role::Component).unwrap().public();
        let own = common(id, name, capabilities(claims), map(limits));
        let own = ComponentDraft { common: own, version: "0.1.0".to_owned(), revision: 1 };
        let own = token::sign_component(&own, bytes, &self.account, now).unwrap();
        let file = section::embed(bytes, &Tokens::new(own, None, of_account).unwrap()).unwrap();
        let roots = Roots::from_iter([(self.operator.public(), Revocations::Never)]);
        Artifact::new(file).unwrap().verify(&roots, now).unwrap()
    }

    /// What a host's owner allows at most.
    fn policies(&self, host: Option<Policy>, trust: TrustPolicy) -> Policies {
        Policies { host, trust: BTreeMap::from([(self.operator.public(), trust)]) }
    }
}

/// What one case is about. Every field has the value that refuses nothing.
struct Case {
    imports: Vec<&'static str>,
    exports: Vec<&'static str>,
    claims: Value,
    limits: Value,
    account: Value,
    trust: Option<Value>,
    host: Option<Value>,
    manifest: &'static str,
    /// What arguments give instead of a manifest: a capability, and its link's configuration.
    given: Vec<(&'static str, [(&'static str, &'static str); 1])>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            imports: vec![],
            exports: vec![],
            claims: json!({}),
            limits: json!({}),
            account: json!("any"),
            trust: None,
            host: None,
            manifest: PLAIN,
            given: vec![],
        }
    }
}

const PLAIN: &str = "
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: { name: app }
spec:
  components:
    - name: one
      type: component
      properties: { image: one.wasm }
";

const LINKED: &str = "
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: { name: app }
spec:
  components:
    - name: one
      type: component
      properties: { image: one.wasm }
      traits:
        - type: link
          properties:
            target: { name: shelf, config: [{ name: a, properties: { shelf: fiction } }] }
            namespace: demo
            package: shelf
            interfaces: [store]
    - name: shelf
      type: capability
      properties: { image: builtin:keyvalue }
      traits:
        - type: link
          properties:
            target: { name: one }
            namespace: demo
            package: shelf
            interfaces: [handler]
            source: { config: [{ name: b, properties: { shelf: poetry } }] }
";

const TWICE: &str = "
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: { name: app }
spec:
  components:
    - name: one
      type: component
      properties: { image: one.wasm }
      traits:
        - type: link
          properties:
            target: { name: shelf, config: [{ name: a, properties: { shelf: fiction } }] }
            namespace: demo
            package: shelf
            interfaces: [store]
        - type: link
          properties:
            target: { name: other, config: [{ name: b, properties: { shelf: poetry } }] }
            namespace: demo
            package: shelf
            interfaces: [more]
    - name: shelf
      type: capability
      properties: { image: builtin:keyvalue }
    - name: other
      type: capability
      properties: { image: registry.example/acme/shelf:1.2.0 }
";

const RESTRICTED: &str = "
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: { name: app }
spec:
  components:
    - name: one
      type: component
      properties: { image: one.wasm }
      traits:
        - type: writ.dev/restrict
          properties: { claims: { bell: [] } }
";

fn map(value: &Value) -> BTreeMap<String, Value> {
    serde_json::from_value(value.clone()).unwrap()
}

fn capabilities(value: &Value) -> token::Capabilities {
    if value == "any" { token::Capabilities::Any } else { token::Capabilities::Only(map(value)) }
}

fn policy(value: &Value) -> Policy {
    let capabilities = if value == "any" { Capabilities::Any } else { Capabilities::Only(map(value)) };
    Policy::new(capabilities, BTreeMap::new())
}

impl Case {
    fn decide(&self) -> Result<Vec<String>, Denials> {
        let keys = Keys::new();
        let bytes = component(&self.imports, &self.exports);
        let verified = keys.verified("one", &bytes, [&self.claims, &self.limits, &self.account]);
        let trust = self.trust.as_ref().map_or(TrustPolicy::Any, |value| TrustPolicy::Inline(policy(value)));
        let policies = keys.policies(self.host.as_ref().map(policy), trust);
        let registry = Registry::new()
            .provider::<Shelf>("builtin:keyvalue", || ())
            .provider::<Shelf>("registry.example/acme/shelf", || ())
            .provider::<Bell>("builtin:bell", || ());
        let mut application = Application::parse(self.manifest).unwrap();
        for (capability, given) in &self.given {
            let interface = match *capability {
                "environment" => ["wasi", "cli", "environment"],
                other => ["wasi", other, "preopens"],
            };
            application.give(capability, interface, given.map(|(a, b)| (a.to_owned(), b.to_owned())).into());
        }
        let candidate = Candidate { entry: &application.components[0], verified: &verified };
        let admission = authorize(&[candidate], &application, &policies, registry.vocabulary())?;
        Ok(admission.components()[0].capabilities().map(str::to_owned).collect())
    }

    #[track_caller]
    fn check(&self, expected: Expect) {
        let text = match self.decide() {
            Ok(granted) => format!("granted: {}\n", granted.join(", ")),
            Err(denials) => denials.to_string(),
        };
        expected.assert_eq(&text);
    }
}

const STORE: &str = "demo:shelf/store@0.2.0-draft";
const HANDLER: &str = "demo:shelf/handler@0.2.7";

#[test]
fn nothing_is_granted_without_asking() {
    Case { imports: vec!["wasi:io/poll@0.2.0", "wasi:cli/exit@0.2.12"], ..Case::default() }.check(expect![[r#"
        granted: 
    "#]]);
}

#[test]
fn what_is_claimed_is_granted() {
    let claims = json!({ "keyvalue": [{ "shelf": "fiction" }], "bell": "any" });
    Case { imports: vec![STORE, "demo:bell/bell@0.1.9"], claims, ..Case::default() }.check(expect![[r#"
        granted: bell, keyvalue
    "#]]);
}

#[test]
fn an_import_without_a_claim() {
    Case { imports: vec![STORE, "demo:bell/bell@0.1.9"], ..Case::default() }.check(expect![[r#"
        denied: one (acme/one) may not use keyvalue: it imports demo:shelf/store@0.2.0-draft
          the component's token has no `keyvalue`
        denied: one (acme/one) may not use bell: it imports demo:bell/bell@0.1.9
          the component's token has no `bell`

        to allow it to one, write in the component's token (its writ.yaml, below `claims:`; then sign again):
          bell: any
          keyvalue: []  # links it, permits nothing yet; an entry is like { shelf: NAME }
    "#]]);
}

#[test]
fn every_document_that_refuses_is_named() {
    Case {
        imports: vec!["demo:bell/bell@0.1.0"],
        claims: json!({ "bell": "any" }),
        account: json!({ "keyvalue": [] }),
        trust: Some(json!({})),
        host: Some(json!({ "keyvalue": [] })),
        ..Case::default()
    }
    .check(expect![[r#"
        denied: one (acme/one) may not use bell: it imports demo:bell/bell@0.1.0
          the account's token has no `bell`
          the policy of the operator's trust entry has no `bell`
          the host's policy has no `bell`

        to allow it to one, write in the account's token (below `capabilities:`; the operator issues it again):
          bell: any

        to allow it to one, write in the policy of the operator's trust entry (WRIT_HOME/trust/O….yaml, below `policy: capabilities:`):
          bell: any

        to allow it to one, write in the host's policy (WRIT_HOME/policy.yaml, below `capabilities:`):
          bell: any
    "#]]);
}

#[test]
fn plans_of_links() {
    Case {
        imports: vec![STORE],
        exports: vec![HANDLER],
        claims: json!({ "keyvalue": [{ "shelf": "other" }] }),
        manifest: LINKED,
        ..Case::default()
    }
    .check(expect![[r#"
        denied: one (acme/one) may not use keyvalue: shelf fiction (line 11)
          the component's token permits shelf other
        denied: one (acme/one) may not be called through demo:shelf/handler@0.2.7: shelf poetry (line 21)
          the component's token permits shelf other

        to allow it to one, write in the component's token (its writ.yaml, below `claims:`; then sign again):
          keyvalue: [{ shelf: other }, { shelf: fiction }, { shelf: poetry }]
    "#]]);
    Case { imports: vec![STORE], exports: vec![HANDLER], manifest: LINKED, ..Case::default() }.check(expect![[r#"
        denied: one (acme/one) may not use keyvalue: shelf fiction (line 11)
          the component's token has no `keyvalue`
        denied: one (acme/one) may not be called through demo:shelf/handler@0.2.7: shelf poetry (line 21)
          the component's token has no `keyvalue`

        to allow it to one, write in the component's token (its writ.yaml, below `claims:`; then sign again):
          keyvalue: [{ shelf: fiction }, { shelf: poetry }]
    "#]]);
    Case {
        imports: vec![STORE],
        exports: vec![HANDLER],
        claims: json!({ "keyvalue": [{ "shelf": "fiction" }, { "shelf": "poetry" }] }),
        manifest: LINKED,
        ..Case::default()
    }
    .check(expect![[r#"
        granted: keyvalue
    "#]]);
    Case {
        imports: vec![STORE],
        claims: json!({ "keyvalue": { "shelf": "any" } }),
        manifest: LINKED,
        ..Case::default()
    }
    .check(expect![[r#"
        denied: one (acme/one) is linked from shelf by line 21, but exports no demo:shelf/handler
          hint: link it to a component that exports it, or build it with that export
    "#]]);
}

#[test]
fn two_links_that_differ() {
    let imports = vec![STORE, "demo:shelf/more@0.2.0-draft"];
    Case { imports, claims: json!({ "keyvalue": { "shelf": "any" } }), manifest: TWICE, ..Case::default() }.check(
        expect![[r#"
            denied: one (acme/one) is linked to keyvalue twice, differently (lines 11 and 17)
              hint: one backend serves all interfaces of a capability: write one link with all of them
        "#]],
    );
}

#[test]
fn an_image_that_serves_something_else() {
    let manifest = LINKED.replace("builtin:keyvalue", "builtin:bell").leak();
    let claims = json!({ "keyvalue": { "shelf": "any" } });
    Case { imports: vec![STORE], exports: vec![HANDLER], claims, manifest, ..Case::default() }.check(expect![[r#"
        denied: one (acme/one) is linked at line 11 to the image builtin:bell, which does not serve keyvalue
          hint: use `image: builtin:keyvalue` or `image: registry.example/acme/shelf`
        denied: one (acme/one) is linked at line 21 to the image builtin:bell, which does not serve keyvalue
          hint: use `image: builtin:keyvalue` or `image: registry.example/acme/shelf`
    "#]]);
}

#[test]
fn a_restriction_narrows_only_what_it_names() {
    let claims = json!({ "keyvalue": [], "bell": "any" });
    Case { imports: vec![STORE, "demo:bell/bell@0.1.0"], claims, manifest: RESTRICTED, ..Case::default() }.check(
        expect![[r#"
            granted: bell, keyvalue
        "#]],
    );
}

#[test]
fn unknown_means_refuse() {
    Case { imports: vec!["evil:io/poll@0.2.0"], ..Case::default() }.check(expect![[r#"
        denied: one (acme/one) imports evil:io/poll@0.2.0, which nobody serves here: the entry at line 7 has no link that does
          hint: write a `link` there to a component that exports it, or build without it
    "#]]);
    Case { imports: vec!["wasi:io/poll@0.3.0"], ..Case::default() }.check(expect![[r#"
        denied: one (acme/one) imports wasi:io/poll@0.3.0, which nobody serves here: the entry at line 7 has no link that does
          hint: write a `link` there to a component that exports it, or build without it
    "#]]);
    Case { imports: vec!["wasi:io/poll@0.2.0-draft"], ..Case::default() }.check(expect![[r#"
        denied: one (acme/one) imports wasi:io/poll@0.2.0-draft, which nobody serves here: the entry at line 7 has no link that does
          hint: write a `link` there to a component that exports it, or build without it
    "#]]);
    Case { claims: json!({ "teleport": [] }), ..Case::default() }.check(expect![[r#"
        denied: one (acme/one) has a claim that cannot be understood
          the component's token claims `teleport`, which this host does not know
          hint: correct that document; capabilities served here: call, serve, environment, filesystem, clocks, keyvalue, bell
    "#]]);
    Case { claims: json!({ "keyvalue": [{ "shelf": "a", "color": "red" }] }), ..Case::default() }.check(expect![[r#"
            denied: one (acme/one) has a claim that cannot be understood
              the component's token says of `keyvalue`: entry 1: unknown field `color`, expected `shelf`
              hint: correct that document; capabilities served here: call, serve, environment, filesystem, clocks, keyvalue, bell
        "#]]);
    Case { claims: json!({ "keyvalue": {} }), ..Case::default() }.check(expect![[r#"
        denied: one (acme/one) has a claim that cannot be understood
          the component's token says of `keyvalue`: entry 1: missing field `shelf`
          hint: correct that document; capabilities served here: call, serve, environment, filesystem, clocks, keyvalue, bell
    "#]]);
    Case { claims: json!({ "keyvalue": "any" }), ..Case::default() }.check(expect![[r#"
        denied: one (acme/one) has a claim that cannot be understood
          the component's token says of `keyvalue`: `any` belongs in its naming field; an entry is like { shelf: NAME }
          hint: correct that document; capabilities served here: call, serve, environment, filesystem, clocks, keyvalue, bell
    "#]]);
    Case { limits: json!({ "memory": "32MB" }), ..Case::default() }.check(expect![[r#"
        denied: one (acme/one) has a limit that cannot be understood
          the component's token says `memory: 32MB`: `32MB` is not a size such as `64KiB`: a whole number and one of `B`, `KiB`, `MiB`, `GiB`, `TiB`
          hint: correct that document: limits are `memory: 32MiB` and `time: 500ms`
    "#]]);
    Case { limits: json!({ "fuel": "3s" }), ..Case::default() }.check(expect![[r#"
        denied: one (acme/one) has a limit that cannot be understood
          the component's token has a limit `fuel`, which this host does not know
          hint: correct that document: limits are `memory: 32MiB` and `time: 500ms`
    "#]]);
}

#[test]
fn a_known_capability_that_nobody_serves() {
    let imports = vec!["wasi:blobstore/container@0.2.0-draft", "wasi:http/outgoing-handler@0.2.3"];
    Case { imports: imports.clone(), claims: json!({ "blobstore": [], "http-client": [] }), ..Case::default() }.check(
        expect![[r#"
            granted: 
        "#]],
    );
    Case { imports: imports.clone(), claims: json!({ "blobstore": [{ "a": 1 }] }), ..Case::default() }.check(expect![
        [r#"
            denied: one (acme/one) has a claim that cannot be understood
              the component's token claims `blobstore`, which no provider serves here: only `blobstore: []` is possible
              hint: correct that document; capabilities served here: call, serve, environment, filesystem, clocks, keyvalue, bell
            denied: one (acme/one) may not use http-client: it imports wasi:http/outgoing-handler@0.2.3
              the component's token has no `http-client`

            to allow it to one, write in the component's token (its writ.yaml, below `claims:`; then sign again):
              http-client: []
        "#]
    ]);
}

/// Pasting every offered line into its document makes it pass.
#[test]
fn the_lines_of_a_denial_allow_it() {
    let mut case = Case {
        imports: vec![STORE, "demo:bell/bell@0.1.0"],
        exports: vec![HANDLER],
        claims: json!({ "keyvalue": [{ "shelf": "history" }] }),
        account: json!({}),
        trust: Some(json!({ "keyvalue": { "shelf": "poetry" } })),
        host: Some(json!({})),
        manifest: LINKED,
        ..Case::default()
    };
    let denials = case.decide().unwrap_err();
    for ((component, document), lines) in denials.lines() {
        assert_eq!(component, "one");
        let place = match document {
            writ_provider::Document::Component => &mut case.claims,
            writ_provider::Document::Account => &mut case.account,
            writ_provider::Document::Trust => case.trust.as_mut().unwrap(),
            writ_provider::Document::HostPolicy => case.host.as_mut().unwrap(),
            other => panic!("{other}"),
        };
        for line in lines {
            place[line.capability.as_str()] = line.claim.clone();
        }
    }
    assert_eq!(case.decide().unwrap(), ["bell", "keyvalue"]);
    assert_eq!(case.claims["keyvalue"][0], json!({ "shelf": "history" }), "what was there stays");
}
