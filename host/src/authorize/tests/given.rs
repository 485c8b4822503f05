//! What opens the baseline of WASI: what is given must be permitted by every document.

use super::*;

const ENVIRONMENT: &str = "wasi:cli/environment@0.2.6";
const PREOPENS: &str = "wasi:filesystem/preopens@0.2.6";
const TYPES: &str = "wasi:filesystem/types@0.2.6";

const GIVEN: &str = "
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
            target: { name: variables, config: [{ name: a, properties: { LANG: C, APP_PORT: \"80\" } }] }
            namespace: wasi
            package: cli
            interfaces: [environment]
        - type: link
          properties:
            target: { name: folders, config: [{ name: b, properties: { read./data: /usr, write./out: / } }] }
            namespace: wasi
            package: filesystem
            interfaces: [preopens, types]
    - name: variables
      type: capability
      properties: { image: builtin:environment }
    - name: folders
      type: capability
      properties: { image: builtin:filesystem }
";

fn case() -> Case {
    Case { imports: vec![ENVIRONMENT, PREOPENS, TYPES, "wasi:clocks/wall-clock@0.2.6"], ..Case::default() }
}

#[test]
fn nothing_is_denied_where_nothing_is_given() {
    case().check(expect![[r#"
        granted: 
    "#]]);
    let claims = json!({
        "environment": { "names": "any" }, "filesystem": { "paths": "any" }, "clocks": "any",
    });
    Case { claims, ..case() }.check(expect![[r#"
        granted: 
    "#]]);
}

#[test]
fn what_is_given_needs_every_document() {
    let claims = json!({
        "environment": { "names": ["LANG", "APP_*"] },
        "filesystem": [{ "paths": ["/data"] }, { "paths": ["/out"], "rights": ["read", "write"] }],
    });
    Case { claims: claims.clone(), manifest: GIVEN, ..case() }.check(expect![[r#"
        granted: environment, filesystem
    "#]]);
    let account = json!({ "environment": { "names": ["LANG"] }, "filesystem": { "paths": "any" } });
    let host = Some(json!({ "environment": { "names": "any" }, "filesystem": { "paths": "any", "host": "/usr" } }));
    Case { claims, account, host, manifest: GIVEN, ..case() }.check(expect![[r#"
        denied: one (acme/one) may not use environment: variable APP_PORT (line 11)
          the account's token permits LANG
        denied: one (acme/one) may not use filesystem: reading and writing /out, which is / here (line 17)
          the account's token permits reading alone
          the host's policy permits what lies in the host's /usr

        to allow it to one, write in the account's token (below `capabilities:`; the operator issues it again):
          environment: [{ names: [LANG] }, { names: [APP_PORT] }]
          filesystem: [{ paths: any }, { paths: [/out], rights: [read, write] }]

        to allow it to one, write in the host's policy (WRIT_HOME/policy.yaml, below `capabilities:`):
          filesystem: [{ host: /usr, paths: any }, { paths: [/out], rights: [read, write] }]
    "#]]);
    Case { manifest: GIVEN, ..case() }.check(expect![[r#"
        denied: one (acme/one) may not use environment: variable APP_PORT (line 11)
          the component's token has no `environment`
        denied: one (acme/one) may not use environment: variable LANG (line 11)
          the component's token has no `environment`
        denied: one (acme/one) may not use filesystem: reading /data, which is /usr here (line 17)
          the component's token has no `filesystem`
        denied: one (acme/one) may not use filesystem: reading and writing /out, which is / here (line 17)
          the component's token has no `filesystem`

        to allow it to one, write in the component's token (its writ.yaml, below `claims:`; then sign again):
          environment: [{ names: [APP_PORT] }, { names: [LANG] }]
          filesystem: [{ paths: [/data] }, { paths: [/out], rights: [read, write] }]
    "#]]);
}

#[test]
fn what_is_not_imported_is_given_to_nobody() {
    Case { manifest: GIVEN, ..Case::default() }.check(expect![[r#"
        granted: 
    "#]]);
}

#[test]
fn arguments_give_without_a_line_to_name() {
    let given = vec![("environment", [("LANG", "C")]), ("filesystem", [("write./data", "/usr")])];
    let claims = json!({ "environment": { "names": ["LANG"] }, "filesystem": { "paths": ["/data"] } });
    Case { claims, given: given.clone(), ..case() }.check(expect![[r#"
        denied: one (acme/one) may not use filesystem: reading and writing /data, which is /usr here
          the component's token permits reading alone

        to allow it to one, write in the component's token (its writ.yaml, below `claims:`; then sign again):
          filesystem: [{ paths: [/data] }, { paths: [/data], rights: [read, write] }]
    "#]]);
    let claims = json!({ "environment": { "names": ["LANG"] }, "filesystem": { "paths": ["/data"], "rights": ["read", "write"] } });
    Case { claims, given, ..case() }.check(expect![[r#"
        granted: environment, filesystem
    "#]]);
}

#[test]
fn what_cannot_be_given() {
    for given in [
        ("filesystem", [("read./data", "/nothing/here")]),
        ("filesystem", [("read./data", "/etc/passwd")]),
        ("filesystem", [("/data", "/usr")]),
        ("environment", [("A=B", "C")]),
    ] {
        let claims = json!({ "environment": { "names": "any" }, "filesystem": { "paths": "any" } });
        let denials = Case { claims, given: vec![given], ..case() }.decide().unwrap_err().to_string();
        assert!(denials.contains("hint: correct what is given to it"), "{denials}");
        assert!(!denials.contains("line"), "{denials}");
    }
}
