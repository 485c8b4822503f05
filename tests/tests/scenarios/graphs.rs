//! Components that cannot be joined, and graphs of them that are too large: each is refused before anything starts, with its
//! own words.

use std::fmt::Write as _;
use std::time::Duration;

use wasm_encoder::{
    Component, ComponentBuilder, ComponentExportKind, ComponentImportSection, ComponentInstanceSection,
    ComponentSection, ComponentSectionId, ComponentTypeRef, ComponentTypeSection, Encode, InstanceType,
    NestedComponentSection, PrimitiveValType,
};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};
use writ_tests::{Form, Home, Scratch, Topology, unsigned_guest};

/// What a refusal may take of the processors, however busy the machine is, in a build that is hardly optimised: the largest of the
/// graphs below takes a third of it.
const MOST_TIME: Duration = Duration::from_secs(1);

/// What it may take of memory.
const MOST_MEMORY: u64 = 256 << 20;

/// Starts an application, which is refused with these words, with few others, and cheaply.
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
#[allow(clippy::print_stdout)]
fn told(home: &Home, scratch: &Scratch, manifest: &str, words: &str) {
    let data = scratch.data();
    let output = home.writ(&["up", manifest, "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0"]);
    // Shown by `--nocapture`.
    println!("{} ms of processors, {} MiB: {words}", output.cost.time.as_millis(), output.cost.memory >> 20);
    assert!(output.cost.time < MOST_TIME && output.cost.memory < MOST_MEMORY, "{output:?}");
    let stderr = output.refused();
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

/// So many components, each linked to those that `to` names.
fn components<T: IntoIterator<Item = usize>>(count: usize, to: impl Fn(usize) -> T) -> String {
    let mut text =
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: { name: long }\nspec:\n  components:\n"
            .to_owned();
    for at in 0..count {
        let _ = write!(text, "    - {{ name: c{at}, type: component, properties: {{ image: a }}");
        for (number, next) in to(at).into_iter().enumerate() {
            let name = if number == 0 { String::new() } else { format!("name: l{number}, ") };
            let link = format!("{name}target: c{next}, namespace: a, package: b, interfaces: [c]");
            let before = if number == 0 { ", traits: [" } else { ", " };
            let _ = write!(text, "{before}{{ type: link, properties: {{ {link} }} }}");
        }
        text.push_str(if to(at).into_iter().next().is_some() { "] }\n" } else { " }\n" });
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

/// A component with one import more, of an interface that has one function.
fn importing(mut wasm: Vec<u8>, name: &str) -> Vec<u8> {
    let types = Validator::new_with_features(WasmFeatures::all()).validate_all(&wasm).unwrap();
    let (mut section, mut imports) = (ComponentTypeSection::new(), ComponentImportSection::new());
    let mut interface = InstanceType::new();
    interface.ty().function().params([("key", PrimitiveValType::U32)]).result(None);
    interface.export("get", ComponentTypeRef::Func(0));
    section.instance(&interface);
    imports.import(name, ComponentTypeRef::Instance(types.as_ref().component_type_count()));
    wasm.push(ComponentSection::id(&section));
    section.encode(&mut wasm);
    wasm.push(ComponentSection::id(&imports));
    imports.encode(&mut wasm);
    wasm
}

/// No name passes for another: neither where the component that has it is called nor where it calls, in either form.
#[test]
fn names_that_are_nearly_anothers() {
    let given = "which is a name that the host gives, where it joins components: no component has it of its own";
    let plain = "which is not a name of the form namespace:package/interface@version";
    let nobody = "which nobody serves here";
    for (name, words) in [
        ("p0-wasi:keyvalue/store@0.2.0-draft", given),
        ("p1-demo:hops/left@0.1.0", given),
        ("P0-wasi:keyvalue/store@0.2.0-draft", given),
        ("e0-writ:identity/caller@0.1.0", given),
        ("p0-writ:carry/carry@0.1.0", given),
        ("xp0-wasi:keyvalue/store@0.2.0-draft", nobody),
        ("xwasi:keyvalue/store@0.2.0-draft", nobody),
        ("x-e0-writ:identity/caller@0.1.0", nobody),
        ("demo:hops/lefts@0.1.0", nobody),
        ("demo:hops/left@0.2.0", nobody),
        // Names that WIT has not: what it does not know, it cannot read the types of.
        ("WASI:blobstore/container@0.2.0", "WASI:blobstore/container@0.2.0, whose types cannot be read"),
        ("demo:hops/RIGHT@0.1.0", "demo:hops/RIGHT@0.1.0"),
        ("demo:hops/Right@0.1.0", "Right"),
        ("demo:hops/left@0.1.0+evil", plain),
        ("wasi:keyvalue/store@0.2.0-draft+evil", plain),
        ("demo:hops/l\u{435}ft@0.1.0", plain),
        ("w\u{430}si:keyvalue/store@0.2.0-draft", plain),
        ("demo:hops/left\u{200b}@0.1.0", plain),
        ("writ:carry/carry@0.1.0", given),
        ("writ:carry/receive@0.1.0", given),
    ] {
        for form in Form::ALL {
            let step = std::fs::read(unsigned_guest("hop-step.wasm")).unwrap();
            let calls = Topology::new(form).component("a", importing(step, name), vec![("left", "b")]).leaf("b");
            refused(&calls, words);
            let called = Topology::new(form).step("a", "b").component("b", importing(leaf(), name), vec![]);
            refused(&called, words);
        }
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
            "a (mint/a) is linked to b at line 10 for demo:hops/left, but the types of b cannot be read at its \
             export demo:hops/left@0.1.0: ascribed type of export is not compatible with item's type: missing expected \
             export `visit`",
        );
    }
}

#[test]
fn manifests_of_too_many_components() {
    let many =
        "with this link one request to `c0` may need 65 instances at once, one for each link below it: at most 64";
    let chain = |count| components(count, |at| (at + 1 < count).then_some(at + 1));
    manifest(chain(65), many);
    manifest(chain(3_990), "may need 65 instances at once, one for each link below it: at most 64");
    manifest(chain(10_000), "is longer than the 1048576 bytes that are read");
    manifest(components(10_000, |_| None), "`components` has 10000 entries: an application has at most 4096");
}

#[test]
fn manifests_of_too_many_links() {
    let circle = |count| components(count, |at| Some((at + 1) % count));
    manifest(circle(3_990), "in a circle");
    // Ten thousand links from one component, and half as many between a hundred.
    manifest(
        components(2, |at| std::iter::repeat_n(1, if at == 0 { 10_000 } else { 0 })),
        "more than 100000 keys and values",
    );
    manifest(components(101, |at| at + 1..101), "at most 64");
}

#[test]
fn a_component_that_calls_itself() {
    refused(&Topology::new(Form::Free).step("a", "a"), "itself");
    refused(&Topology::new(Form::Free).step("a", "b").step("b", "a"), "in a circle");
}
