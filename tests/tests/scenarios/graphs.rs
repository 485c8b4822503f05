//! Components that cannot be joined, and graphs of them that are too large: each is refused before anything starts, with its
//! own words.

use std::fmt::Write as _;

use wasm_encoder::{
    Component, ComponentBuilder, ComponentExportKind, ComponentInstanceSection, ComponentSection, ComponentSectionId,
    ComponentTypeRef, Encode, InstanceType, NestedComponentSection, PrimitiveValType,
};
use wasmparser::{Parser, Payload};
use writ_tests::{Form, Home, Scratch, Topology, unsigned_guest};

/// Starts an application, which is refused with these words, and with few others.
#[track_caller]
fn refused(topology: &Topology, words: &str) {
    let (home, scratch) = (Home::new(), Scratch::new());
    let manifest = topology.written(&home, &scratch);
    told(&home, &scratch, manifest.to_str().unwrap(), words);
}

/// As [`refused`], of a manifest as it is written.
#[track_caller]
fn manifest(text: String, words: &str) {
    let (home, scratch) = (Home::new(), Scratch::new());
    let manifest = scratch.write("app.yaml", text);
    told(&home, &scratch, manifest.to_str().unwrap(), words);
}

#[track_caller]
fn told(home: &Home, scratch: &Scratch, manifest: &str, words: &str) {
    let data = scratch.data();
    let stderr = home.writ(&["up", manifest, "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]).refused();
    assert!(stderr.contains(words) && stderr.len() < 2000, "{words:?} is not in\n{stderr}");
}

fn leaf() -> Vec<u8> {
    std::fs::read(unsigned_guest("hop-leaf.wasm")).unwrap()
}

/// Components in components, so deep.
fn nested(depth: usize) -> Component {
    let mut outer = Component::new();
    if depth > 0 {
        outer.section(&NestedComponentSection(&nested(depth - 1)));
    }
    outer
}

/// A component with so many instances more than it has, of a component that holds nothing.
fn with_instances(mut wasm: Vec<u8>, count: usize) -> Vec<u8> {
    let (mut depth, mut components) = (0, 0);
    for payload in Parser::new(0).parse_all(&wasm) {
        match payload.unwrap() {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentSection { .. } if depth == 1 => components += 1,
            _ => {}
        }
    }
    let mut instances = ComponentInstanceSection::new();
    for _ in 0..count {
        instances.instantiate::<[(&str, _, _); 0], &str>(components, []);
    }
    wasm.push(ComponentSectionId::Component.into());
    NestedComponentSection(&Component::new()).encode(&mut wasm);
    wasm.push(ComponentSection::id(&instances));
    instances.encode(&mut wasm);
    wasm
}

/// So many components, each linked to the next one, or to none.
fn components(count: usize, is_linked: bool) -> String {
    let mut text =
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: { name: long }\nspec:\n  components:\n"
            .to_owned();
    for at in 0..count {
        let _ = write!(text, "    - {{ name: c{at}, type: component, properties: {{ image: a.wasm }}");
        if is_linked && at + 1 < count {
            let next = at + 1;
            let _ = write!(
                text,
                ", traits: [{{ type: link, properties: {{ target: c{next}, namespace: a, package: b, interfaces: [c] }} }}]"
            );
        }
        text.push_str(" }\n");
    }
    text
}

#[test]
fn components_nested_in_components() {
    let topology = Topology::new(Form::Free).component("a", nested(64).finish(), vec![]);
    refused(&topology, "components nested in components: at most 16");
}

#[test]
fn a_component_of_ten_thousand_instances() {
    for form in Form::ALL {
        let alone = Topology::new(form).component("a", with_instances(leaf(), 10_000), vec![]);
        refused(&alone, "instances: at most 1000");
        let called = Topology::new(form).step("a", "b").component("b", with_instances(leaf(), 10_000), vec![]);
        refused(&called, "instances: at most 1000");
    }
}

/// A component that declares that `demo:hops/left` has a function, and exports nothing under that name.
fn of_another_shape() -> Vec<u8> {
    let mut outer = ComponentBuilder::default();
    let nothing = outer.component(None, ComponentBuilder::default());
    let left = outer.instantiate(None, nothing, Vec::<(&str, ComponentExportKind, u32)>::new());
    let mut declared = InstanceType::new();
    declared.ty().function().params([("way", PrimitiveValType::U32)]).result(None);
    declared.export("visit", ComponentTypeRef::Func(0));
    let declared = outer.type_instance(None, &declared);
    outer.export(
        "demo:hops/left@0.1.0",
        ComponentExportKind::Instance,
        left,
        Some(ComponentTypeRef::Instance(declared)),
    );
    outer.finish()
}

#[test]
fn an_export_that_is_not_what_it_is_declared_to_be() {
    for form in Form::ALL {
        let topology = Topology::new(form).step("a", "b").component("b", of_another_shape(), vec![]);
        refused(
            &topology,
            "a (mint/a) is linked to b at line 10 for demo:hops/left, but the types of b cannot be read",
        );
    }
}

#[test]
fn manifests_of_too_many_components() {
    let many =
        "with this link one request to `c0` may need 65 instances at once, one for each link below it: at most 64";
    manifest(components(65, true), many);
    manifest(components(1_000, true), "may need 65 instances at once, one for each link below it: at most 64");
    manifest(components(10_000, true), "is longer than the 1048576 bytes that are read");
    manifest(components(10_000, false), "`components` has 10000 entries: an application has at most 4096");
}

#[test]
fn a_component_that_calls_itself() {
    refused(&Topology::new(Form::Free).step("a", "a"), "itself");
    refused(&Topology::new(Form::Free).step("a", "b").step("b", "a"), "in a circle");
}
