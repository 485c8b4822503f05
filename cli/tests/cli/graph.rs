//! `writ graph` of who is in front of another's HTTP handler. `tests/` has the graphs of everything else.

use expect_test::{Expect, expect};

use crate::fixture::{Work, component};

const HANDLER: &str = "wasi:http/incoming-handler@0.2.0";

const MANIFEST: &str = "\
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: { name: shop }
spec:
  components:
    - name: guard
      type: component
      properties: { image: guard.wasm }
      traits:
        - { type: link, properties: { target: pages, namespace: wasi, package: http, interfaces: [incoming-handler] } }
    - name: pages
      type: component
      properties: { image: pages.wasm }
    - name: http
      type: capability
      properties: { image: builtin:http-server }
      traits:
        - type: link
          properties:
            target: guard
            namespace: wasi
            package: http
            interfaces: [incoming-handler]
            source: { config: [{ name: route, properties: { address: \"127.0.0.1:8000\", path: / } }] }
";

/// A guard in front of pages, which serve it or not.
fn shop(serve: &str) -> Work {
    let work = Work::new();
    let call =
        format!("call: {{ interface: \"{HANDLER}\", component: pages }}, http-server: {{ hosts: any, paths: / }}");
    for (name, imports, claims) in [("guard", HANDLER, call.as_str()), ("pages", "wasi:io/poll@0.2.0", serve)] {
        let (file, yaml) = (format!("{name}.wasm"), format!("{name}.yaml"));
        work.write(&file, component(&[imports], &[HANDLER]));
        let head = format!("name: {name}\nversion: 0.1.0\nrevision: 1\nexpires: 90d\n");
        work.write(&yaml, format!("{head}claims: {{ {claims} }}\n"));
        work.run(&["sign", &file, "--claims", &yaml]);
    }
    work.write("app.yaml", MANIFEST);
    work
}

#[track_caller]
fn check(work: &Work, code: i32, formats: [(&str, Expect); 3]) {
    for (format, expected) in formats {
        let ran = work.finish(work.command(&["graph", "app.yaml", "--format", format]), "", code);
        expected.assert_eq(&ran.stdout);
    }
}

#[test]
fn who_is_in_front_is_told_from_who_calls() {
    let work = shop(&format!("serve: {{ interface: \"{HANDLER}\", account: self }}"));
    check(
        &work,
        0,
        [
            (
                "tree",
                expect![[r#"
        shop: 2 components, all admitted

        guard (local/guard, revision 1)
        ├─ ◀ http          route any / at 127.0.0.1:8000
        ├─ ✓ call          { component: pages, interface: "wasi:http/incoming-handler@0.2.0" }
        ├─ ✓ http-server   { hosts: any, paths: / }
        └─ ▶ pages (local/pages, revision 1)   wasi:http/incoming-handler@0.2.0, in front of it, in a store of its own
            └─ ✓ serve   { account: self, interface: "wasi:http/incoming-handler@0.2.0" }

        ◀ is called by   ▶ calls   ✓ may   ○ has it, but may nothing with it yet   ✗ denied
    "#]],
            ),
            (
                "mermaid",
                expect![[r#"
        flowchart LR
          n0("guard<br/>local/guard")
          n1("pages<br/>local/pages")
          n2[("http-server<br/>builtin:http-server")]
          n2 ==>|"route any / at 127.0.0.1:8000"| n0
          n0 ==>|"wasi:http/incoming-handler#64;0.2.0<br/>in front of it<br/>in a store of its own"| n1
    "#]],
            ),
            (
                "dot",
                expect![[r#"
        digraph {
          label="shop: 2 components, all admitted"
          labelloc=t
          rankdir=LR
          node [shape=box style=rounded fontname="sans-serif"]
          edge [fontname="sans-serif" fontsize=10]
          n0 [label="guard\nlocal/guard"]
          n1 [label="pages\nlocal/pages"]
          n2 [label="http-server\nbuiltin:http-server" shape=cylinder style=solid]
          n2 -> n0 [label="route any / at 127.0.0.1:8000\l" style=bold]
          n0 -> n1 [label="wasi:http/incoming-handler@0.2.0\lin front of it\lin a store of its own\l" style=bold]
        }
    "#]],
            ),
        ],
    );
    let json: serde_json::Value =
        serde_json::from_str(&work.run(&["graph", "app.yaml", "--format", "json"]).raw).unwrap();
    assert_eq!(json["links"][0]["in_front"], true);

    check(
        &shop(""),
        1,
        [
            (
                "tree",
                expect![[r#"
        shop: 2 components, 1 denial, so nothing of it starts

        guard (local/guard, revision 1)
        ├─ ◀ http          route any / at 127.0.0.1:8000
        ├─ ✓ call          { component: pages, interface: "wasi:http/incoming-handler@0.2.0" }
        ├─ ✓ http-server   { hosts: any, paths: / }
        └─ ▶ ✗ pages       wasi:http/incoming-handler@0.2.0, in front of it (line 10)
                           the token of pages has no `serve`; missing: serve: [{ component: guard, interface: "wasi:http/incoming-handler@0.2.0" }]

        pages (local/pages, revision 1)

        ◀ is called by   ▶ calls   ✓ may   ○ has it, but may nothing with it yet   ✗ denied
    "#]],
            ),
            (
                "mermaid",
                expect![[r#"
        flowchart LR
          n0("guard<br/>local/guard")
          n1("pages<br/>local/pages")
          n2[("http-server<br/>builtin:http-server")]
          n2 ==>|"route any / at 127.0.0.1:8000"| n0
          n0 -.->|"wasi:http/incoming-handler#64;0.2.0<br/>in front of it<br/>✗ pages may not serve wasi:http/incoming-handler#64;0.2.0 to guard (local/guard), as the link at line 10 says<br/>the token of pages has no #96;serve#96;#59; missing: serve: #91;#123; component: guard, interface: #34;wasi:http/incoming-handler#64;0.2.0#34; #125;#93;"| n1
          linkStyle 1 stroke:#c00000,color:#c00000
    "#]],
            ),
            (
                "dot",
                expect![[r##"
        digraph {
          label="shop: 2 components, 1 denial, so nothing of it starts"
          labelloc=t
          rankdir=LR
          node [shape=box style=rounded fontname="sans-serif"]
          edge [fontname="sans-serif" fontsize=10]
          n0 [label="guard\nlocal/guard"]
          n1 [label="pages\nlocal/pages"]
          n2 [label="http-server\nbuiltin:http-server" shape=cylinder style=solid]
          n2 -> n0 [label="route any / at 127.0.0.1:8000\l" style=bold]
          n0 -> n1 [label="wasi:http/incoming-handler@0.2.0\lin front of it\l✗ pages may not serve wasi:http/incoming-handler@0.2.0 to guard (local/guard), as the link at line 10 says\lthe token of pages has no `serve`; missing: serve: [{ component: guard, interface: \"wasi:http/incoming-handler@0.2.0\" }]\l" style=dashed color="#c00000" fontcolor="#c00000"]
        }
    "##]],
            ),
        ],
    );
}
