//! Links between components: what joins, what does not and why, and what either end's claims say.

use wasm_encoder::{
    Alias, CodeSection, ComponentAliasSection, ComponentBuilder, ComponentExportKind, ComponentSection,
    ComponentTypeRef, ExportKind, ExportSection, Function, FunctionSection, InstanceType, Module, ModuleArg,
    PrimitiveValType, TypeBounds, TypeSection, ValType,
};

use writ_signing::defence::without;

use super::*;
use crate::compose;

/// One interface: its name, and what its function `quote` takes. None: the interface is empty.
type Interface = (&'static str, Option<PrimitiveValType>);

/// A component with these interfaces.
pub(super) fn component_of(imports: &[Interface], exports: &[Interface]) -> Vec<u8> {
    let mut builder = ComponentBuilder::default();
    for (name, takes) in imports {
        let mut ty = InstanceType::new();
        if let Some(takes) = takes {
            ty.ty().function().params([("item", *takes)]).result(None);
            ty.export("quote", ComponentTypeRef::Func(0));
        }
        let ty = builder.type_instance(None, &ty);
        builder.import(*name, ComponentTypeRef::Instance(ty));
    }
    for (name, takes) in exports {
        let instance = served(&mut builder, *takes);
        builder.export(*name, ComponentExportKind::Instance, instance, None);
    }
    builder.finish()
}

/// An instance with the function `quote`, or with nothing.
fn served(builder: &mut ComponentBuilder, takes: Option<PrimitiveValType>) -> u32 {
    let (mut inner, mut arguments) = (ComponentBuilder::default(), Vec::new());
    if let Some(takes) = takes {
        arguments.push(("inner", ComponentExportKind::Func, quote(builder, takes)));
        let (ty, mut encoder) = inner.type_function(None);
        encoder.params([("item", takes)]).result(None);
        let function = inner.import("inner", ComponentTypeRef::Func(ty));
        inner.export("quote", ComponentExportKind::Func, function, None);
    }
    let inner = builder.component(None, inner);
    builder.instantiate(None, inner, arguments)
}

/// A function that takes something and does nothing with it.
fn quote(builder: &mut ComponentBuilder, takes: PrimitiveValType) -> u32 {
    let core = if takes == PrimitiveValType::U64 { ValType::I64 } else { ValType::I32 };
    let (mut types, mut functions, mut exports, mut code) =
        (TypeSection::new(), FunctionSection::new(), ExportSection::new(), CodeSection::new());
    types.ty().function([core], []);
    functions.function(0);
    exports.export("quote", ExportKind::Func, 0);
    let mut body = Function::new([]);
    body.instructions().end();
    code.function(&body);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&exports).section(&code);
    let module = builder.core_module(None, &module);
    let instance = builder.core_instantiate(None, module, Vec::<(&str, ModuleArg)>::new());
    let function = builder.core_alias_export(None, instance, "quote", ExportKind::Func);
    let (ty, mut encoder) = builder.type_function(None);
    encoder.params([("item", takes)]).result(None);
    builder.lift_func(None, function, ty, [])
}

/// A component whose interfaces have a resource each, `item`, and nothing else.
fn of_resources(imports: &[Interface], exports: &[Interface]) -> Vec<u8> {
    let mut builder = ComponentBuilder::default();
    for (name, _) in imports {
        let mut ty = InstanceType::new();
        ty.export("item", ComponentTypeRef::Type(TypeBounds::SubResource));
        let ty = builder.type_instance(None, &ty);
        builder.import(*name, ComponentTypeRef::Instance(ty));
    }
    for (name, _) in exports {
        let resource = builder.type_resource(None, ValType::I32, None);
        let mut inner = ComponentBuilder::default();
        let given = inner.import("item", ComponentTypeRef::Type(TypeBounds::SubResource));
        inner.export("item", ComponentExportKind::Type, given, None);
        let inner = builder.component(None, inner);
        let instance = builder.instantiate(None, inner, [("item", ComponentExportKind::Type, resource)]);
        builder.export(*name, ComponentExportKind::Instance, instance, None);
    }
    builder.finish()
}

/// A component of an application.
struct Part {
    name: &'static str,
    imports: Vec<Interface>,
    exports: Vec<Interface>,
    claims: Value,
    /// A target, an interface of `demo:shop`, and the link's name.
    links: Vec<(&'static str, &'static str, &'static str)>,
    /// What its links say besides.
    isolation: &'static str,
    /// What it is made by.
    made: fn(&[Interface], &[Interface]) -> Vec<u8>,
}

const PRICE: &str = "demo:shop/price@0.1.0";
const U32: Option<PrimitiveValType> = Some(PrimitiveValType::U32);

fn shop() -> Part {
    Part {
        name: "shop",
        imports: vec![(PRICE, U32)],
        exports: vec![],
        claims: json!({ "call": { "interface": PRICE, "component": "pricing" } }),
        links: vec![("pricing", "price", "default")],
        isolation: "",
        made: component_of,
    }
}

fn pricing() -> Part {
    Part {
        name: "pricing",
        imports: vec![],
        exports: vec![(PRICE, U32)],
        claims: json!({ "serve": { "interface": PRICE, "account": "self" } }),
        links: vec![],
        isolation: "",
        made: component_of,
    }
}

/// A manifest with a line for each component and each link.
fn manifest(parts: &[Part]) -> String {
    let mut text =
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: { name: app }\nspec:\n  components:\n"
            .to_owned();
    for Part { name, links, isolation, .. } in parts {
        text.push_str(&format!("    - {{ name: {name}, type: component, properties: {{ image: x.wasm }}, traits: [\n"));
        for (target, interface, link) in links {
            let (package, interface) = interface.split_once('/').unwrap_or(("shop", interface));
            text.push_str(&format!("        {{ type: link, properties: {{ name: {link}, target: {target}, namespace: {}, package: {package}, interfaces: [{interface}]{isolation} }} }},\n",
                if package == "shop" || package == "shelf" { "demo" } else { "wasi" }));
        }
        text.push_str("      ] }\n");
    }
    text
}

fn decide(parts: &[Part]) -> Result<Vec<(usize, Vec<String>)>, Denials> {
    let keys = Keys::new();
    let verified: Vec<_> = parts
        .iter()
        .map(|part| {
            let bytes = (part.made)(&part.imports, &part.exports);
            keys.verified(part.name, &bytes, [&part.claims, &json!({}), &json!("any")])
        })
        .collect();
    let application = Application::parse(&manifest(parts)).unwrap();
    let candidates: Vec<_> =
        application.components.iter().zip(&verified).map(|(entry, verified)| Candidate { entry, verified }).collect();
    let policies = keys.policies(None, TrustPolicy::Any);
    let registry = Registry::new().provider::<Shelf>("builtin:keyvalue", || ());
    let admission = authorize(&candidates, &application, &policies, registry.vocabulary())?;
    let edges = admission.components().iter().map(|admitted| {
        let joined = |joint: &compose::Joint| {
            joint.interfaces.iter().map(|join| format!("{} to {}", join.import, join.export)).collect::<Vec<_>>()
        };
        (admitted.edges.len(), admitted.edges.iter().flat_map(joined).collect())
    });
    Ok(edges.collect())
}

#[track_caller]
fn check(parts: &[Part], expected: Expect) {
    let text = match decide(parts) {
        Ok(edges) => edges.iter().map(|(links, joined)| format!("{links}: {}\n", joined.join(", "))).collect(),
        Err(denials) => denials.to_string(),
    };
    expected.assert_eq(&text);
}

#[test]
fn two_that_fit() {
    check(
        &[shop(), pricing()],
        expect![[r#"
        1: demo:shop/price@0.1.0 to demo:shop/price@0.1.0
        0: 
    "#]],
    );
    check(
        &[pricing(), shop()],
        expect![[r#"
        0: 
        1: demo:shop/price@0.1.0 to demo:shop/price@0.1.0
    "#]],
    );
    // Another version on the same track, and a name for the link.
    let newer = Part { exports: vec![("demo:shop/price@0.1.7", U32)], ..pricing() };
    check(
        &[Part { links: vec![("pricing", "price", "prices")], ..shop() }, newer],
        expect![[r#"
        1: demo:shop/price@0.1.0 to demo:shop/price@0.1.7
        0: 
    "#]],
    );
}

#[test]
fn both_missing_claims_are_named() {
    let silent = || json!({});
    check(
        &[Part { claims: silent(), ..shop() }, Part { claims: silent(), ..pricing() }],
        expect![[r#"
        denied: shop (acme/shop) may not call demo:shop/price@0.1.0 of pricing (acme/pricing), as the link at line 7 says
          the component's token has no `call`
        denied: pricing (acme/pricing) may not serve demo:shop/price@0.1.0 to shop (acme/shop), as the link at line 7 says
          the component's token has no `serve`

        to allow it to pricing, write in the component's token (its writ.yaml, below `claims:`; then sign again):
          serve: [{ component: shop, interface: "demo:shop/price@0.1.0" }]

        to allow it to shop, write in the component's token (its writ.yaml, below `claims:`; then sign again):
          call: [{ component: pricing, interface: "demo:shop/price@0.1.0" }]
    "#]],
    );
    check(
        &[Part { claims: silent(), ..shop() }, pricing()],
        expect![[r#"
        denied: shop (acme/shop) may not call demo:shop/price@0.1.0 of pricing (acme/pricing), as the link at line 7 says
          the component's token has no `call`

        to allow it to shop, write in the component's token (its writ.yaml, below `claims:`; then sign again):
          call: [{ component: pricing, interface: "demo:shop/price@0.1.0" }]
    "#]],
    );
    let other = json!({ "serve": [{ "interface": PRICE, "component": "till" }, { "interface": "demo:shop/rebate@0.1.0", "account": "self" }] });
    check(
        &[shop(), Part { claims: other, ..pricing() }],
        expect![[r#"
        denied: pricing (acme/pricing) may not serve demo:shop/price@0.1.0 to shop (acme/shop), as the link at line 7 says
          the component's token permits the component till

        to allow it to pricing, write in the component's token (its writ.yaml, below `claims:`; then sign again):
          serve: [{ component: till, interface: "demo:shop/price@0.1.0" }, { account: self, interface: "demo:shop/rebate@0.1.0" }, { component: shop, interface: "demo:shop/price@0.1.0" }]
    "#]],
    );
    let misspelt = json!({ "call": { "interface": PRICE } });
    check(
        &[Part { claims: misspelt, ..shop() }, pricing()],
        expect![[r#"
        denied: shop (acme/shop) has a claim that cannot be understood
          the component's token says of `call`: entry 1: missing field `component`
          hint: correct that document; capabilities served here: call, serve, environment, filesystem, clocks, keyvalue
    "#]],
    );
}

#[test]
fn an_import_without_a_link() {
    check(
        &[Part { links: vec![], ..shop() }, pricing()],
        expect![[r#"
        denied: shop (acme/shop) imports demo:shop/price@0.1.0, which nobody serves here: the entry at line 6 has no link that does
          hint: write a `link` there to a component that exports it, or build without it
    "#]],
    );
}

/// As `component_of`, and it names an instance that is not there: a parser reads that, and its types come to nothing.
fn unreadable(imports: &[Interface], exports: &[Interface]) -> Vec<u8> {
    let mut bytes = component_of(imports, exports);
    let mut aliases = ComponentAliasSection::new();
    aliases.alias(Alias::CoreInstanceExport { instance: 99, kind: ExportKind::Func, name: "nothing" });
    aliases.append_to_component(&mut bytes);
    bytes
}

/// Whether it holds types alone, which nobody need serve, is not known of what cannot be read.
#[test]
fn an_import_whose_types_cannot_be_read() {
    check(
        &[Part { links: vec![], made: unreadable, ..shop() }, pricing()],
        expect![[r#"
        denied: shop (acme/shop) imports demo:shop/price@0.1.0, whose types cannot be read at byte 65: unknown core instance 99: instance index out of bounds
          hint: build it again
    "#]],
    );
    // At either end of a link, that is said of the link.
    check(
        &[Part { made: unreadable, ..shop() }, pricing()],
        expect![[r#"
            denied: shop (acme/shop) is linked to pricing at line 7 for demo:shop/price, but the types of shop cannot be read at byte 65: unknown core instance 99: instance index out of bounds
              hint: build it again
        "#]],
    );
    check(
        &[shop(), Part { made: unreadable, ..pricing() }],
        expect![[r#"
            denied: shop (acme/shop) is linked to pricing at line 7 for demo:shop/price, but the types of pricing cannot be read at byte 180: unknown core instance 99: instance index out of bounds
              hint: build it again
        "#]],
    );
    // Where nothing hangs on them, they are the compiler's to refuse.
    check(
        &[Part {
            imports: vec![("wasi:io/poll@0.2.0", None)],
            links: vec![],
            claims: json!({}),
            made: unreadable,
            ..shop()
        }],
        expect![[r#"
        0: 
    "#]],
    );
}

#[test]
fn a_missing_import_and_a_missing_export() {
    check(
        &[Part { imports: vec![], ..shop() }, pricing()],
        expect![[r#"
        denied: shop (acme/shop) is linked to pricing at line 7 for demo:shop/price, but imports no such interface
          hint: leave the link out, or link a component that imports it
    "#]],
    );
    check(
        &[shop(), Part { exports: vec![], ..pricing() }],
        expect![[r#"
        denied: shop (acme/shop) is linked to pricing at line 7 for demo:shop/price, but pricing exports no such interface
          hint: link it to a component that exports it
    "#]],
    );
    check(
        &[shop(), Part { exports: vec![("demo:shop/price@0.2.0", U32)], ..pricing() }],
        expect![[r#"
        denied: shop (acme/shop) is linked to pricing at line 7 for demo:shop/price, but imports demo:shop/price@0.1.0 and pricing exports demo:shop/price@0.2.0
          hint: versions fit where their first number above zero is the same: build either end against the other's
    "#]],
    );
    check(
        &[shop(), Part { exports: vec![("demo:shop/price", U32)], ..pricing() }],
        expect![[r#"
        denied: shop (acme/shop) is linked to pricing at line 7 for demo:shop/price, but imports demo:shop/price@0.1.0 and pricing exports demo:shop/price
          hint: versions fit where their first number above zero is the same: build either end against the other's
    "#]],
    );
}

#[test]
fn types_that_differ() {
    check(
        &[shop(), Part { exports: vec![("demo:shop/price@0.1.2", Some(PrimitiveValType::U64))], ..pricing() }],
        expect![[r#"
            denied: shop (acme/shop) is linked to pricing at line 7 for demo:shop/price, but the two differ: `quote`, parameter `item`: u32 in demo:shop/price@0.1.0 of shop, u64 in demo:shop/price@0.1.2 of pricing
              hint: build both against the same WIT
        "#]],
    );
    check(
        &[shop(), Part { exports: vec![(PRICE, None)], ..pricing() }],
        expect![[r#"
        denied: shop (acme/shop) is linked to pricing at line 7 for demo:shop/price, but the two differ: `quote`: a function in demo:shop/price@0.1.0 of shop, nothing in demo:shop/price@0.1.0 of pricing
          hint: build both against the same WIT
    "#]],
    );
}

fn passing_resources(isolation: &'static str) -> [Part; 2] {
    [Part { made: of_resources, isolation, ..shop() }, Part { made: of_resources, ..pricing() }]
}

#[test]
fn a_resource_is_refused_in_either_form() {
    for isolation in ["", ", isolation: separate"] {
        check(
            &passing_resources(isolation),
            expect![[r#"
                denied: shop (acme/shop) is linked to pricing at line 7 for demo:shop/price, which passes a resource (`item`): between components only plain data goes
                  hint: pass what the resource stands for, such as a name or a number
            "#]],
        );
    }
}

#[test]
fn threat_16_nobody_calls_another_unless_both_say_so() {
    let silent = || json!({});
    for pair in [
        [Part { claims: silent(), ..shop() }, pricing()],
        [shop(), Part { claims: silent(), ..pricing() }],
        [Part { claims: silent(), ..shop() }, Part { claims: silent(), ..pricing() }],
    ] {
        assert!(decide(&pair).is_err());
        assert!(without("links: claimed", || decide(&pair)).is_ok());
    }
}

#[test]
fn threat_17_no_link_passes_a_handle() {
    for isolation in ["", ", isolation: separate"] {
        assert!(decide(&passing_resources(isolation)).is_err());
        assert!(without("links: plain data", || decide(&passing_resources(isolation))).is_ok());
    }
}

#[test]
fn two_exporters_for_one_import() {
    let links = vec![("pricing", "price", "default"), ("till", "price", "other")];
    check(
        &[Part { links, ..shop() }, pricing(), Part { name: "till", ..pricing() }],
        expect![[r#"
        denied: shop (acme/shop) imports demo:shop/price@0.1.0 once, and is linked for it to pricing at line 7 and to till at line 8
          hint: leave one of the links out: a link's `name` does not tell apart what a component imports once
    "#]],
    );
}

#[test]
fn two_versions_of_one_import() {
    let newer = "demo:shop/price@0.2.0";
    let part = Part {
        imports: vec![(PRICE, U32), (newer, U32)],
        links: vec![("pricing", "price", "old"), ("till", "price", "new")],
        claims: json!({ "call": [{ "interface": PRICE, "component": "pricing" }, { "interface": newer, "component": "till" }] }),
        ..shop()
    };
    let till = Part {
        name: "till",
        exports: vec![(newer, U32)],
        claims: json!({ "serve": { "interface": newer, "account": "self" } }),
        ..pricing()
    };
    check(
        &[part, pricing(), till],
        expect![[r#"
        2: demo:shop/price@0.1.0 to demo:shop/price@0.1.0, demo:shop/price@0.2.0 to demo:shop/price@0.2.0
        0: 
        0: 
    "#]],
    );
}

/// A link is for the imports whose track its target exports, and another one is nobody's until it has a link.
#[test]
fn another_track_needs_a_link_of_its_own() {
    let both = Part { imports: vec![(PRICE, U32), ("demo:shop/price@0.2.0", U32)], ..shop() };
    check(
        &[both, pricing()],
        expect![[r#"
        denied: shop (acme/shop) imports demo:shop/price@0.2.0, which nobody serves here: the entry at line 6 has no link that does
          hint: write a `link` there to a component that exports it, or build without it
    "#]],
    );
}

#[test]
fn what_only_the_host_serves() {
    let shelf = Part {
        imports: vec![(STORE, None)],
        claims: json!({ "keyvalue": [] }),
        links: vec![("pricing", "shelf/store", "default")],
        ..shop()
    };
    check(
        &[shelf, Part { exports: vec![(STORE, None)], ..pricing() }],
        expect![[r#"
        denied: shop (acme/shop) is linked to pricing at line 7 for demo:shelf/store, which stands for keyvalue: this host joins no component to an interface that a capability stands for
          hint: link it to a capability, or leave the link out
    "#]],
    );
    let random = Part {
        imports: vec![("wasi:random/random@0.2.0", None)],
        claims: json!({}),
        links: vec![("pricing", "random/random", "default")],
        ..shop()
    };
    check(
        &[random, Part { exports: vec![("wasi:random/random@0.2.0", None)], ..pricing() }],
        expect![[r#"
        denied: shop (acme/shop) is linked to pricing at line 7 for wasi:random/random, which every component has from the host
          hint: link it to a capability, or leave the link out
    "#]],
    );
}

#[test]
fn types_alone_need_nobody() {
    let mut builder = ComponentBuilder::default();
    let mut types = InstanceType::new();
    types.ty().defined_type().record([("amount", PrimitiveValType::U32)]);
    types.export("item", ComponentTypeRef::Type(TypeBounds::Eq(0)));
    let types = builder.type_instance(None, &types);
    builder.import("demo:shop/types@0.1.0", ComponentTypeRef::Instance(types));
    let artifact = Artifact::new(builder.finish()).unwrap();
    let shapes = compose::types::Shapes::of(artifact.bytes()).unwrap();
    assert!(shapes.import("demo:shop/types@0.1.0").unwrap().is_types_only());
}
