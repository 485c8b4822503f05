//! `writ init`, and the way from it to a signed component.

use expect_test::expect;

use crate::fixture::{Work, component};

#[test]
fn from_a_finished_component_to_a_signed_one() {
    let work = Work::new();
    let imports = ["wasi:keyvalue/store@0.2.0-draft", "wasi:io/poll@0.2.0", "demo:pricing/price@0.1.0"];
    work.write("Orders_API.wasm", component(&imports, &["wasmcloud:messaging/handler@0.2.0"]));
    work.run(&["init", "Orders_API.wasm"]).err(&expect![[r#"
        wrote writ.yaml
        hint: fill in the claims, then `writ sign Orders_API.wasm`
    "#]]);
    expect![[r##"
        # What this component is, and what it asks for. Nothing else is ever linked to it.
        name: orders-api
        version: 0.1.0
        revision: 1                  # grows with every release; a host does not go back
        expires: 90d
        claims:
          # for demo:pricing/price@0.1.0
          # such as  call: [{ interface: "demo:pricing/price@0.1.0", component: NAME }]
          call: []
          # for wasi:keyvalue/store@0.2.0-draft
          # such as  keyvalue: { bucket: NAME }
          keyvalue: []
          # for wasmcloud:messaging/handler@0.2.0
          # such as  messaging: { publish: [SUBJECT] }
          messaging: []
    "##]]
    .assert_eq(&work.text("writ.yaml"));
    work.refuses(&["init", "Orders_API.wasm"]).err(&expect![[r#"
        error: there is a writ.yaml already
        hint: write to another file with --out, or remove it
    "#]]);
    work.run(&["sign", "Orders_API.wasm"]).out(&expect![[r#"
        signed Orders_API.wasm as local/orders-api (M…), revision 1, expires DAY
          call       linked, permits nothing
          keyvalue   linked, permits nothing
          messaging  linked, permits nothing
    "#]]);
    work.run(&["verify", "Orders_API.wasm"]);
}

#[test]
fn what_is_refused() {
    let work = Work::new();
    work.write("core.wasm", b"\0asm\x01\0\0\0");
    work.refuses(&["init", "core.wasm"]).err(&expect![[r#"
        error: core.wasm cannot be read as a component
          because: a core WebAssembly module, not a component; build for wasm32-wasip2, or convert it with `wasm-tools component new`
    "#]]);
    work.write("a.wasm", component(&[], &[]));
    work.refuses(&["init", "a.wasm", "--name", "A b"]).err(&expect![[r#"
        error: "A b" cannot be a component's name
          because: 2:7: `name` cannot be `A b`: expected 1 to 64 of a-z, 0-9 and `-`
    "#]]);
    work.write("b.wasm", component(&["evil:x/y\n  keyvalue: any"], &[]));
    work.refuses(&["init", "b.wasm"]).err(&expect![[r#"
        error: b.wasm cannot be read as a component
          because: it imports "evil:x/y\n  keyvalue: any", which is not a name of the form namespace:package/interface@version
    "#]]);
    work.write("c.wasm", b"\0asm\x0d\0\x01\0\x0a\x02\x05\x00");
    work.refuses(&["init", "c.wasm"]).err(&expect![[r#"
        error: c.wasm cannot be read as a component
          because: not a valid component: unexpected end-of-file (at byte 12)
    "#]]);
    assert!(!work.path("writ.yaml").exists());
}
