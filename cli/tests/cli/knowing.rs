//! `writ explain`, `writ diff` and `writ check`: what is known before anything runs.

use expect_test::{Expect, expect};

use crate::fixture::{Work, component};

const IMPORTS: &[&str] = &["wasi:keyvalue/store@0.2.0-draft", "wasi:logging/logging@0.1.0-draft", "wasi:io/poll@0.2.0"];
const HANDLER: &str = "wasi:http/incoming-handler@0.2.0";

/// A folder with a signed component of these imports and claims, in YAML's flow style, as `a.wasm`.
fn signed(imports: &[&str], claims: &str) -> Work {
    let work = Work::new();
    sign(&work, "a.wasm", imports, 1, claims);
    work
}

/// Signs another release of the same component.
fn sign(work: &Work, file: &str, imports: &[&str], revision: u64, claims: &str) {
    work.write(file, component(imports, &[HANDLER]));
    let old = if work.path("writ.yaml").exists() { work.text("writ.yaml") } else { String::new() };
    let id = old.lines().find(|line| line.starts_with("id: ")).unwrap_or_default();
    work.write(
        "writ.yaml",
        format!("name: shop\n{id}\nversion: 0.1.0\nrevision: {revision}\nexpires: 90d\nclaims: {claims}\n"),
    );
    work.run(&["sign", file, "--claims", "writ.yaml"]);
}

const MANIFEST: &str = "\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: { name: shop, annotations: { version: v0.1.0 } }
spec:
  components:
    - name: front
      type: component
      properties: { image: a.wasm }
      traits:
        - type: link
          properties:
            target: { name: store, config: [{ name: buckets, properties: { bucket.x: stock } }] }
            namespace: wasi
            package: keyvalue
            interfaces: [store]
    - name: other
      type: component
      properties: { image: b.wasm }
    - name: http
      type: capability
      properties: { image: builtin:http-server }
      traits:
        - type: link
          properties:
            target: { name: front }
            namespace: wasi
            package: http
            interfaces: [incoming-handler]
            source: { config: [{ name: route, properties: { address: \"127.0.0.1:8000\", path: /shop } }] }
    - name: store
      type: capability
      properties: { image: builtin:keyvalue }
";

#[test]
fn an_explanation_says_what_every_document_says() {
    let work = signed(
        IMPORTS,
        "{ keyvalue: [{ bucket: stock, verbs: [read] }, { bucket: more }], logging: { level: info }, http-server: { hosts: any, paths: [/shop] } }",
    );
    work.write(
        "home/policy.yaml",
        "capabilities: { keyvalue: { bucket: stock }, logging: any, http-server: { hosts: any, paths: any } }\n",
    );
    work.run(&["explain", "a.wasm"])
        .out(&expect![[r#"
        a.wasm
          principal              local/shop
          the component's token  shop, valid DAY to DAY
          the account's token    local, valid DAY to DAY
          revocation             no lists are read for its operator

        http-server
          the component's token  grants           hosts any, paths /shop
          the account's token    does not narrow  anything
          the host's policy      does not narrow  hosts any, paths any

        keyvalue
          for wasi:keyvalue/store@0.2.0-draft
          the component's token  grants           bucket stock, verbs read; bucket more
          the account's token    does not narrow  anything
          the host's policy      narrows          bucket stock

        logging
          for wasi:logging/logging@0.1.0-draft
          the component's token  grants           level info
          the account's token    does not narrow  anything
          the host's policy      does not narrow  any

        everyone gets wasi:io/poll@0.2.0

        here it would start; what calls it, and with what, a manifest says (--manifest)
    "#]])
        .err(&expect![[""]]);
    work.write("app.yaml", MANIFEST);
    work.run(&["explain", "a.wasm", "--manifest", "app.yaml"]).out(&expect![[r#"
        a.wasm
          principal              local/shop
          the component's token  shop, valid DAY to DAY
          the account's token    local, valid DAY to DAY
          revocation             no lists are read for its operator

        http-server
          the component's token  grants           hosts any, paths /shop
          the account's token    does not narrow  anything
          the host's policy      does not narrow  hosts any, paths any

        keyvalue
          for wasi:keyvalue/store@0.2.0-draft
          the component's token  grants           bucket stock, verbs read; bucket more
          the account's token    does not narrow  anything
          the host's policy      narrows          bucket stock

        logging
          for wasi:logging/logging@0.1.0-draft
          the component's token  grants           level info
          the account's token    does not narrow  anything
          the host's policy      does not narrow  any

        everyone gets wasi:io/poll@0.2.0

        links of front
          use keyvalue: the bucket `stock` as `x` (line 10)                              granted
          be called through wasi:http/incoming-handler@0.2.0: route any /shop (line 23)  granted

        here it would start
    "#]]);
    let json: serde_json::Value =
        serde_json::from_str(&work.run(&["explain", "a.wasm", "--output", "json"]).raw).unwrap();
    assert_eq!(json["starts"], true);
    assert_eq!(json["capabilities"]["keyvalue"]["imports"][0], IMPORTS[0]);
    assert_eq!(json["capabilities"]["keyvalue"]["documents"][2]["effect"], "narrows");
    work.refuses(&["explain", "a.wasm", "--manifest", "app.yaml", "--component", "nobody"]).err(&expect![[r#"
        error: no component of shop has this file as its image
        hint: say which one it stands for: --component front or other
    "#]]);
}

#[test]
fn an_explanation_says_what_is_missing() {
    let work = signed(IMPORTS, "{ logging: any, http-server: { hosts: any, paths: [/cart] } }");
    work.write("app.yaml", MANIFEST);
    work.write("home/policy.yaml", "capabilities: { keyvalue: { bucket: stock } }\n");
    work.refuses(&["explain", "a.wasm", "--manifest", "app.yaml"]).out(&expect![[r#"
        a.wasm
          principal              local/shop
          the component's token  shop, valid DAY to DAY
          the account's token    local, valid DAY to DAY
          revocation             no lists are read for its operator

        http-server
          the component's token  grants           hosts any, paths /cart
          the account's token    does not narrow  anything
          the host's policy      refuses          does not name it

        keyvalue
          for wasi:keyvalue/store@0.2.0-draft
          the component's token  refuses          does not name it
          the account's token    does not narrow  anything
          the host's policy      does not narrow  bucket stock

        logging
          for wasi:logging/logging@0.1.0-draft
          the component's token  grants           any
          the account's token    does not narrow  anything
          the host's policy      refuses          does not name it

        everyone gets wasi:io/poll@0.2.0

        links of front
          use keyvalue: the bucket `stock` as `x` (line 10)                              refused by the component's token
          be called through wasi:http/incoming-handler@0.2.0: route any /shop (line 23)  refused by the component's token, the host's policy

        here it would not start:
        denied: front (local/shop) may not use keyvalue: the bucket `stock` as `x` (line 10)
          the component's token has no `keyvalue`
        denied: front (local/shop) may not be called through wasi:http/incoming-handler@0.2.0: route any /shop (line 23)
          the component's token permits paths `/cart`, not /shop
          the host's policy has no `http-server`
        denied: front (local/shop) may not use logging: it imports wasi:logging/logging@0.1.0-draft
          the host's policy has no `logging`

        to allow it to front, write in the component's token (its writ.yaml, below `claims:`; then sign again):
          http-server: [{ hosts: any, paths: [/cart] }, { hosts: any, paths: [/shop] }]
          keyvalue: [{ bucket: stock, verbs: [] }]

        to allow it to front, write in the host's policy (WRIT_HOME/policy.yaml, below `capabilities:`):
          http-server: [{ hosts: any, paths: [/shop] }]
          logging: any
    "#]]);
    let only = |capability: &str| {
        let json = work.refuses(&["explain", "a.wasm", "--output", "json"]).raw;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        json["capabilities"][capability]["documents"].to_string()
    };
    expect![[r#"[{"document":"the component's token","effect":"refuses","says":null},{"document":"the account's token","effect":"does not narrow","says":"any"},{"document":"the host's policy","effect":"does not narrow","says":{"bucket":"stock"}}]"#]].assert_eq(&only("keyvalue"));
}

/// What is explained of a file that nobody vouches for, and the words on stderr.
#[track_caller]
fn unvouched(work: &Work, out: Expect, err: Expect) {
    work.refuses(&["explain", "a.wasm"]).out(&out).err(&err);
}

#[test]
fn what_does_not_verify_is_explained_as_far_as_it_goes() {
    let work = Work::new();
    work.write("a.wasm", component(IMPORTS, &[]));
    unvouched(
        &work,
        expect![[r#"
        a.wasm
          verifies  no: the component is not signed; sign it with `writ sign`

        keyvalue
          for wasi:keyvalue/store@0.2.0-draft

        logging
          for wasi:logging/logging@0.1.0-draft

        everyone gets wasi:io/poll@0.2.0

        it would not start: nothing above is vouched for
    "#]],
        expect![[r#"
        hint: `writ init a.wasm` writes what it imports into a writ.yaml, and `writ sign a.wasm` signs it
    "#]],
    );

    let work = signed(IMPORTS, "{ keyvalue: { bucket: stock }, logging: any }");
    let operator = work.only("home/trust", ".yaml");
    std::fs::remove_file(operator).unwrap();
    unvouched(
        &work,
        expect![[r#"
        a.wasm
          verifies               no: the operator O… is not trusted here; if it should be, add it with `writ trust add O… --policy FILE`, or `--any`
          the component's token  shop, valid DAY to DAY
          the account's token    local, valid DAY to DAY

        keyvalue
          for wasi:keyvalue/store@0.2.0-draft
          the component's token  nothing vouches for it  bucket stock
          the account's token    nothing vouches for it  anything

        logging
          for wasi:logging/logging@0.1.0-draft
          the component's token  nothing vouches for it  any
          the account's token    nothing vouches for it  anything

        everyone gets wasi:io/poll@0.2.0

        it would not start: nothing above is vouched for
    "#]],
        expect![[""]],
    );

    let work = Work::new();
    work.write("a.wasm", component(&["demo:\u{1b}[31m/x"], &[]));
    unvouched(
        &work,
        expect![[r#"
        a.wasm
          verifies  no: the component is not signed; sign it with `writ sign`

        no host takes it: it imports "demo:\u{1b}[31m/x", which is not a name of the form namespace:package/interface@version
    "#]],
        expect![[""]],
    );
    work.write("a.wasm", b"\0asm\x01\0\0\0");
    unvouched(
        &work,
        expect![[r#"
            a.wasm
              verifies  no: a core WebAssembly module, not a component; build for wasm32-wasip2, or convert it with `wasm-tools component new`

            no host takes it: a core WebAssembly module, not a component; build for wasm32-wasip2, or convert it with `wasm-tools component new`
        "#]],
        expect![""],
    );
}

/// What `diff` says of an upgrade from one set of claims to another, and whether it asks for more.
#[track_caller]
fn diff(old: &str, new: &str, code: i32, expected: Expect) {
    let work = signed(IMPORTS, old);
    sign(&work, "b.wasm", IMPORTS, 2, new);
    let ran = work.finish(work.command(&["diff", "a.wasm", "b.wasm"]), "", code);
    let changes = ran.stdout.lines().skip(2).filter(|line| !line.contains("revision"));
    expected.assert_eq(&changes.map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn claims_that_grow_are_newly_asked_for() {
    diff(
        "{ logging: any }",
        "{ logging: any }",
        0,
        expect![[r#"
        it asks for nothing new

        and changes
    "#]],
    );
    diff(
        "{ logging: { level: info } }",
        "{ logging: { level: warn } }",
        0,
        expect![[r#"
        it asks for nothing new

        it no longer asks for
          logging  { level: info }

        and changes
    "#]],
    );
    diff(
        "{ logging: { level: info } }",
        "{ logging: { level: debug } }",
        3,
        expect![[r#"
        this upgrade newly asks for
          logging  { level: debug }, beyond what was claimed

        and changes
    "#]],
    );
    diff(
        "{ logging: { level: info } }",
        "{ logging: any }",
        3,
        expect![[r#"
        this upgrade newly asks for
          logging  any, beyond what was claimed

        and changes
    "#]],
    );
    diff(
        "{ logging: any }",
        "{ logging: any, http-client: [] }",
        3,
        expect![[r#"
        this upgrade newly asks for
          http-client  []

        and changes
    "#]],
    );
    diff(
        "{ logging: any, http-client: [] }",
        "{ logging: any }",
        0,
        expect![[r#"
        it asks for nothing new

        it no longer asks for
          http-client  all of it

        and changes
    "#]],
    );
    diff(
        "{ keyvalue: { bucket: a, prefix: x/, verbs: [read] } }",
        "{ keyvalue: [{ bucket: a, prefix: x/y, verbs: [read] }, { bucket: a, prefix: z, verbs: [read] }] }",
        3,
        expect![[r#"
            this upgrade newly asks for
              keyvalue  { bucket: a, prefix: z, verbs: [read] }, beyond what was claimed

            and changes
        "#]],
    );
    // Two entries below one with a rate would have it twice.
    diff(
        "{ keyvalue: { bucket: a, rate: 10/s } }",
        "{ keyvalue: [{ bucket: a, prefix: x, rate: 10/s }, { bucket: a, rate: 10/s }] }",
        3,
        expect![[r#"
            this upgrade newly asks for
              keyvalue  { bucket: a, prefix: x, rate: "10/s" }, beyond what was claimed

            and changes
        "#]],
    );
    diff(
        "{ keyvalue: { bucket: a, rate: 60/m } }",
        "{ keyvalue: { bucket: a, rate: 1/s } }",
        0,
        expect![[r#"
        it asks for nothing new

        it no longer asks for
          keyvalue  { bucket: a, rate: "60/m" }

        and changes
    "#]],
    );
    diff(
        "{ keyvalue: { bucket: a, rate: 1/s } }",
        "{ keyvalue: { bucket: a, rate: 60/m } }",
        3,
        expect![[r#"
        this upgrade newly asks for
          keyvalue  { bucket: a, rate: "60/m" }, beyond what was claimed

        and changes
    "#]],
    );
}

#[test]
fn links_that_become_fewer_are_not_newly_asked_for() {
    let one = "{ interface: \"demo:pricing/price@0.1.2\", component: pricing }";
    diff(
        "{ call: { interface: any, component: any }, serve: { interface: \"demo:pricing/price@0.1.0\", account: self } }",
        &format!("{{ call: {one}, serve: {one} }}"),
        0,
        expect![[r#"
            it asks for nothing new

            it no longer asks for
              call   { component: any, interface: any }
              serve  { account: self, interface: "demo:pricing/price@0.1.0" }

            and changes
        "#]],
    );
    diff(
        &format!("{{ call: {one} }}"),
        "{ call: { interface: \"demo:pricing/price@0.2.0\", component: pricing } }",
        3,
        expect![[r#"
            this upgrade newly asks for
              call  { component: pricing, interface: "demo:pricing/price@0.2.0" }, beyond what was claimed

            and changes
        "#]],
    );
}

#[test]
fn imports_limits_and_whose_it_is() {
    let work = signed(&IMPORTS[..1], "{ keyvalue: { bucket: a } }");
    sign(&work, "b.wasm", IMPORTS, 2, "{ keyvalue: { bucket: a } }\nlimits: { memory: 128MiB, time: 1s }");
    work.finish(work.command(&["diff", "a.wasm", "b.wasm"]), "", 3).out(&expect![[r#"
        shop revision 2, after shop revision 1

        this upgrade newly asks for
          import  wasi:logging/logging@0.1.0-draft
          memory  128MiB, was not written

        it no longer asks for
          time  1s, was not written

        and changes
          import    wasi:io/poll@0.2.0
          revision  2, was 1
    "#]]);
    work.finish(work.command(&["diff", "b.wasm", "a.wasm"]), "", 3).out(&expect![[r#"
        shop revision 1, after shop revision 2

        this upgrade newly asks for
          time  not written, was 1s

        it no longer asks for
          import  wasi:logging/logging@0.1.0-draft
          import  wasi:io/poll@0.2.0
          memory  not written, was 128MiB

        and changes
          revision  1, was 2
    "#]]);
    let json = work.finish(work.command(&["diff", "a.wasm", "b.wasm", "--output", "json"]), "", 3).raw;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["newly_asked"][0]["about"], "import");

    let other = signed(IMPORTS, "{ keyvalue: { bucket: a } }");
    work.write("c.wasm", other.read("a.wasm"));
    work.finish(work.command(&["diff", "a.wasm", "c.wasm"]), "", 3).out(&expect![[r#"
        shop revision 1, after shop revision 1

        this upgrade newly asks for
          id        M…, was M…
          account   A…, was A…
          operator  O…, was O…
          import    wasi:logging/logging@0.1.0-draft

        and changes
          signed by  A…, was A…
          import     wasi:io/poll@0.2.0
    "#]]).err(&expect![[r#"
        warning: c.wasm does not verify here, so this is what its signer says: the operator O… is not trusted here; if it should be, add it with `writ trust add O… --policy FILE`, or `--any`
    "#]]);
}

/// A wider account's token is a wider upgrade, whatever the component says.
#[test]
fn a_chain_that_grows_is_newly_asked_for() {
    let work = Work::new();
    work.run(&["key", "generate", "operator"]);
    work.write("less.yaml", "capabilities: { keyvalue: { bucket: a } }\nlimits: { memory: 32MiB }\n");
    work.run(&["account", "create", "team", "--policy", "less.yaml"]);
    sign(&work, "a.wasm", IMPORTS, 1, "{ keyvalue: { bucket: any } }");
    work.run(&["account", "create", "team", "--key", "team", "--any"]);
    sign(&work, "b.wasm", IMPORTS, 2, "{ keyvalue: { bucket: any } }");
    work.finish(work.command(&["diff", "a.wasm", "b.wasm"]), "", 3).out(&expect![[r#"
        shop revision 2, after shop revision 1

        this upgrade newly asks for
          keyvalue               { bucket: any }, which the account's token did not allow
          memory of the account  not written, was 32MiB

        and changes
          revision  2, was 1
    "#]]);
    sign(&work, "c.wasm", IMPORTS, 3, "{ keyvalue: { bucket: a } }");
    work.finish(work.command(&["diff", "a.wasm", "c.wasm"]), "", 3).out(&expect![[r#"
        shop revision 3, after shop revision 1

        this upgrade newly asks for
          memory of the account  not written, was 32MiB

        it no longer asks for
          keyvalue  { bucket: any }

        and changes
          revision  3, was 1
    "#]]);
}

#[test]
fn nothing_is_compared_with_what_was_not_signed() {
    let work = signed(IMPORTS, "{ keyvalue: { bucket: a } }");
    work.write("b.wasm", component(IMPORTS, &[]));
    work.refuses(&["diff", "a.wasm", "b.wasm"]).err(&expect![[r#"
        error: b.wasm is not what was signed: the component is not signed; sign it with `writ sign`
        hint: `writ inspect` shows what it says about itself, which anybody may have written
    "#]]);
    let mut flipped = work.read("a.wasm");
    flipped[20] ^= 1;
    work.write("b.wasm", flipped);
    work.refuses(&["diff", "b.wasm", "a.wasm"]);
}

/// What `check` finds.
#[track_caller]
fn check(claims: &str, code: i32, expected: Expect) {
    let work = signed(IMPORTS, claims);
    work.finish(work.command(&["check", "a.wasm"]), "", code).out(&expected);
}

#[test]
fn claims_are_checked_against_the_code() {
    let server = "http-server: { hosts: [a.example], paths: [/a] }";
    check(
        &format!("{{ keyvalue: {{ bucket: a }}, logging: [], {server} }}"),
        0,
        expect![[r#"
        a.wasm: its claims fit what it imports and exports
    "#]],
    );
    check(
        &format!("{{ keyvalue: {{ bucket: any }}, logging: any, {server} }}"),
        0,
        expect![[r#"
        unrestricted  keyvalue  { bucket: any }: any `bucket`
        unrestricted  logging   any: not restricted at all
    "#]],
    );
    check(
        &format!("{{ keyvalue: [], logging: [], messaging: {{ publish: a }}, {server} }}"),
        3,
        expect![[r#"
        over-claimed  messaging  the component neither imports nor exports it
    "#]],
    );
    check(
        "{ keyvalue: [] }",
        3,
        expect![[r#"
        under-claimed  logging      the component imports wasi:logging/logging@0.1.0-draft
        under-claimed  http-server  the component exports wasi:http/incoming-handler@0.2.0
    "#]],
    );
    let work = Work::new();
    work.write("a.wasm", component(IMPORTS, &[]));
    work.refuses(&["check", "a.wasm"]).err(&expect![[r#"
        error: a.wasm has no claims that can be read; `writ explain` says why
    "#]]);
}

#[test]
fn entries_that_the_chain_refuses_are_in_vain() {
    let work = Work::new();
    work.run(&["key", "generate", "operator"]);
    work.write(
        "less.yaml",
        "capabilities: { keyvalue: { bucket: a, prefix: x/ }, http-server: { hosts: any, paths: any } }\n",
    );
    work.run(&["account", "create", "team", "--policy", "less.yaml"]);
    let keyvalue = "[{ bucket: a }, { bucket: a, prefix: x/y }, { bucket: a, prefix: y }, { bucket: b }]";
    sign(
        &work,
        "a.wasm",
        IMPORTS,
        1,
        &format!("{{ keyvalue: {keyvalue}, logging: {{}}, http-server: {{ hosts: a.example, paths: /a }} }}"),
    );
    work.finish(work.command(&["check", "a.wasm"]), "", 3).out(&expect![[r#"
        in vain  keyvalue  { bucket: a, prefix: "y" }: the account's token refuses all of it
        in vain  keyvalue  { bucket: b }: the account's token refuses all of it
        in vain  logging   {}: the account's token refuses all of it
    "#]]);
    let json = work.finish(work.command(&["check", "a.wasm", "--output", "json"]), "", 3).raw;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["findings"][0]["found"], "in vain");
}
