//! What was composed before signing is one principal: what it holds inside lends it nothing, and hides nothing of it.

use serde_json::json;
use wasm_encoder::{ComponentBuilder, ComponentExportKind, ComponentTypeRef};
use writ_manifest::Application;
use writ_provider::wasmtime::Engine;
use writ_provider::wasmtime::component::Component;
use writ_signing::defence::without;

use super::chain::{Chain, Kind, Link, Request, World, component, shape};

const SENDS: &str = "wasi:http/outgoing-handler@0.2.0";

/// A component that holds another one, and hands it what it imports, or leaves it asleep.
fn around(inner: &[u8], import: Option<&str>) -> Vec<u8> {
    let mut builder = ComponentBuilder::default();
    let imported = import.map(|import| {
        let shape = shape(&mut builder);
        (import, builder.import(import, ComponentTypeRef::Instance(shape)))
    });
    let nested = builder.component_raw(None, inner);
    if let Some((_, imported)) = imported {
        builder.instantiate(None, nested, [(SENDS, ComponentExportKind::Instance, imported)]);
    }
    builder.finish()
}

/// A component that sends, signed or not, somewhere inside of others.
struct Topology {
    depth: usize,
    is_signed_inside: bool,
    /// Under which name the outermost one imports what the innermost one uses; it is asleep where there is none.
    import: Option<&'static str>,
}

impl Topology {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for depth in 1..=3 {
            for is_signed_inside in [false, true] {
                for import in [Some(SENDS), Some("wasi:http/outgoing-handler@0.2.9"), None] {
                    all.push(Self { depth, is_signed_inside, import });
                }
            }
        }
        all
    }

    fn build(&self, world: &World) -> Vec<u8> {
        let mut bytes = component(&[SENDS.to_owned()], &[]);
        for depth in (0..self.depth).rev() {
            if self.is_signed_inside {
                bytes = world.sign(&bytes, &chain(true, true));
            }
            let import = if depth == 0 { self.import } else { self.import.map(|_| SENDS) };
            bytes = around(&bytes, import);
        }
        bytes
    }
}

fn chain(component_may: bool, account_may: bool) -> Chain {
    let says = |may: bool| if may { json!({ "http-client": { "hosts": "any" } }) } else { json!({}) };
    Chain {
        imports: vec![],
        exports: vec![],
        link: Link::Nothing,
        documents: vec![(Kind::Component, says(component_may)), (Kind::Account, says(account_may))],
        capability: "http-client",
        requests: vec![Request::Run],
    }
}

/// The topologies that are decided otherwise than by the claims of the whole.
fn wrong(world: &World) -> usize {
    let mut wrong = 0;
    for topology in Topology::all() {
        let bytes = topology.build(world);
        Component::new(&Engine::default(), &bytes).unwrap();
        for (component_may, account_may) in [(false, true), (true, false), (false, false), (true, true)] {
            let admission = world.admit(&bytes, &chain(component_may, account_may));
            let held = admission.map(|admission| admission.components()[0].capabilities().collect::<Vec<_>>());
            let expected = match topology.import {
                Some(_) => (component_may && account_may).then(|| vec!["http-client"]),
                None => Some(vec![]),
            };
            wrong += usize::from(held != expected);
        }
    }
    wrong
}

#[test]
fn threat_15_what_is_inside_a_component_lends_it_nothing() {
    let world = World::new();
    assert_eq!(Topology::all().len(), 18);
    assert_eq!(wrong(&world), 0);
    assert!(without("imports: claimed", || wrong(&world)) > 0);
}

const PAIR: &str = "
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
          properties: { target: { name: two }, namespace: demo, package: pricing, interfaces: [price] }
    - name: two
      type: component
      properties: { image: two.wasm }
";

#[test]
fn threat_16_a_component_is_linked_to_another_only_where_both_say_so() {
    let world = World::new();
    let name = || vec!["demo:pricing/price@0.1.0".to_owned()];
    let pair = Application::parse(PAIR).unwrap();
    let open = chain(true, true);
    let decide = |application: &Application, imports: &[String]| {
        let files = [component(imports, &[]), component(&[], &name())];
        world.admit_all(&files, &open, application).is_some()
    };
    assert!(!decide(&pair, &name()), "neither `call` nor `serve` is claimed");
    let mut apart = pair.clone();
    apart.links.clear();
    assert!(decide(&apart, &[]), "there is nothing to be claimed");
    assert!(!decide(&apart, &name()), "an import that nothing serves");
}
