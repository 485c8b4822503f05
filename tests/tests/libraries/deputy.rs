//! Whose grants a component acts under that others call, while it runs in one store with them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use writ_host::{Candidate, Host, Registry, Settings};
use writ_http::HttpClient;
use writ_keyvalue::{KeyValue, KeyValueConfig};
use writ_logging::Logging;
use writ_manifest::Application;
use writ_messaging::Messaging;
use writ_signing::defence::without;
use writ_tests::Mint;

use crate::signed::{policies, signed};

const MANIFEST: &str = "
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: { name: app }
spec:
  components:
    - name: step
      type: component
      properties: { image: step.wasm }
      traits:
        - type: link
          properties: { target: { name: leaf }, namespace: demo, package: hops, interfaces: [left] }
    - name: leaf
      type: component
      properties: { image: leaf.wasm }
";

/// Whether the leaf may open a bucket when the step sends it there. Each claims the bucket of its own name.
fn opens(bucket: &str) -> bool {
    let (mint, link) = (Mint::new(), "demo:hops/left@0.1.0");
    let verified = |name: &str, other: (&str, Value)| {
        let mut claims: BTreeMap<_, _> =
            ["logging", "messaging", "http-client"].map(|unused| (unused.to_owned(), json!([]))).into();
        claims.insert("keyvalue".to_owned(), json!({ "bucket": name }));
        claims.insert(other.0.to_owned(), other.1);
        signed(&mint, name, &format!("hop-{name}.wasm"), &claims)
    };
    let step = verified("step", ("call", json!({ "interface": link, "component": "leaf" })));
    let leaf = verified("leaf", ("serve", json!({ "interface": link, "component": "step" })));
    let registry = Registry::new()
        .provider::<KeyValue>("builtin:keyvalue", KeyValueConfig::memory)
        .provider::<Logging>("builtin:logging", Default::default)
        .provider::<HttpClient>("builtin:http-client", Default::default)
        .trigger::<Messaging>("builtin:messaging", Default::default);
    let application = Application::parse(MANIFEST).unwrap();
    let [one, two] = application.components.as_slice() else { panic!("two components") };
    let candidates = [Candidate { entry: one, verified: &step }, Candidate { entry: two, verified: &leaf }];
    // On this thread, where a defence can be switched off.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(async {
        let host = Host::new(Settings { policies: policies(&mint), ..Settings::default() }, registry).unwrap();
        let admission = host.authorize(&candidates, &application).unwrap();
        let task = ["[left]".to_owned(), format!("bucket({bucket:?})")];
        host.call(&admission, &format!("{link}#visit"), &task).await.unwrap().unwrap()
    });
    match (answer.contains(r#"ok("new")"#), answer.contains("err(")) {
        (true, false) => true,
        (false, true) => false,
        _ => panic!("{answer}"),
    }
}

#[test]
fn threat_16_a_deputy_acts_under_its_own_grants_while_it_runs() {
    let buckets = || ["step", "leaf"].map(opens);
    assert_eq!(buckets(), [false, true]);
    // Without what gives each its own, and what sees that, it acts under its caller's: it has that one's bucket, and not its own.
    let unseen = || without("fuse: checked names", buckets);
    assert_eq!(without("fuse: own names", unseen), [true, false]);
}
