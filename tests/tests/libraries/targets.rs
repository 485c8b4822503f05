//! What a program that embeds the host may call of what it deployed.

use serde_json::{Value, json};
use writ_host::{Candidate, Host, Registry, Settings};
use writ_http::HttpServer;
use writ_logging::Logging;
use writ_manifest::Application;
use writ_tests::Mint;

use crate::signed::{policies, signed};

const MANIFEST: &str = "
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: { name: app }
spec:
  components:
    - name: front
      type: component
      properties: { image: front.wasm }
      traits:
        - type: link
          properties: { target: { name: behind }, namespace: wasi, package: http, interfaces: [incoming-handler] }
    - name: behind
      type: component
      properties: { image: behind.wasm }
";

#[test]
fn what_stands_behind_another_is_no_target() {
    let (mint, handler) = (Mint::new(), "wasi:http/incoming-handler@0.2.12");
    let verified =
        |name: &str, guest: &str, claims: Value| signed(&mint, name, guest, &serde_json::from_value(claims).unwrap());
    let any = json!({ "hosts": "any", "paths": ["/"] });
    let call = json!({ "interface": handler, "component": "behind" });
    let serve = json!({ "interface": handler, "component": "front" });
    let front = verified("front", "front-headers.wasm", json!({ "http-server": any, "call": call }));
    let nothing = json!([]);
    let claims = json!({ "http-server": any, "serve": serve, "config": { "keys": [] }, "logging": nothing });
    let behind = verified("behind", "settings.wasm", claims);

    let registry = Registry::new()
        .provider::<Logging>("builtin:logging", Default::default)
        .provider::<writ_config::Settings>("builtin:config", Default::default)
        .trigger::<HttpServer>("builtin:http-server", Default::default);
    let application = Application::parse(MANIFEST).unwrap();
    let [one, two] = application.components.as_slice() else { panic!("two components") };
    let candidates = [Candidate { entry: one, verified: &front }, Candidate { entry: two, verified: &behind }];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let host = Host::new(Settings { policies: policies(&mint), ..Settings::default() }, registry).unwrap();
        let deployment = host.deploy(&host.authorize(&candidates, &application).unwrap()).await.unwrap();
        let is_target = ["front", "behind", "another"].map(|name| deployment.target(name).is_some());
        assert_eq!(is_target, [true, false, false]);
    });
}
