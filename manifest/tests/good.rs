//! Texts that are read, and what they come out as.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod texts;

use expect_test::{Expect, expect};
use serde_json::json;
use texts::{COMPONENT, ID, OLD_FORM, OPERATOR, ORDERS, SHARED};
use writ_manifest::{
    AccountLists, Application, Capabilities, ComponentFile, Policy, Revocations, ScalerKind,
    Source, TrustEntry, TrustPolicy, UnsupportedFeature,
};

#[test]
fn an_application() {
    let app = Application::parse(ORDERS).unwrap();
    assert_eq!(
        (app.name.as_str(), app.version.as_deref()),
        ("orders", Some("0.1.0"))
    );
    assert_eq!(
        app.description.as_deref(),
        Some("Takes orders, prices them, tells whoever listens")
    );
    assert_eq!(app.annotations["example.com/team"], "shop");
    assert_eq!(app.labels["stage"], "no");

    let names: Vec<_> = app
        .components
        .iter()
        .map(|c| (c.name.as_str(), c.image().unwrap().as_str()))
        .collect();
    assert_eq!(
        names,
        [
            ("orders", "components/orders.wasm"),
            ("pricing", "registry.example/pricing:1.2.0")
        ]
    );
    let orders = &app.components[0];
    assert_eq!(
        (orders.id.as_deref(), orders.instances, orders.at.line),
        (Some("orders-1"), 4, 12)
    );
    assert_eq!(orders.source.image().unwrap().at.to_string(), "15:16");
    assert_eq!(orders.config["currency"], "EUR", "a later entry wins");
    assert_eq!(orders.config["mode"], "live");
    assert_eq!(app.components[1].instances, 1);
    let providers: Vec<_> = app
        .providers
        .iter()
        .map(|p| (p.name.as_str(), p.image().unwrap().as_str()))
        .collect();
    assert_eq!(
        providers,
        [
            ("http", "builtin:http-server"),
            ("kv", "builtin:keyvalue"),
            ("nats", "builtin:messaging")
        ]
    );
    assert_eq!(app.unsupported(), []);
}

#[test]
fn links_and_their_configuration() {
    let app = Application::parse(ORDERS).unwrap();
    let mut shown = String::new();
    for link in &app.links {
        shown += &format!(
            "{} {}: {} -> {} {}:{}/{}{}\n  source {:?}\n  target {:?}\n",
            link.at,
            link.name,
            link.source,
            link.target,
            link.namespace,
            link.package,
            link.interfaces.join("+"),
            if link.isolation_separate {
                " separate"
            } else {
                ""
            },
            link.source_config,
            link.target_config,
        );
    }
    expect![[r#"
        26:11 default: orders -> kv wasi:keyvalue/store+atomics
          source {}
          target {"bucket.default": "shop", "bucket.orders": "shop-orders"}
        36:11 price: orders -> pricing demo:pricing/price separate
          source {}
          target {}
        60:11 default: http -> orders wasi:http/incoming-handler
          source {"address": "0.0.0.0:8080", "path": "/orders"}
          target {}
        77:11 default: nats -> orders wasmcloud:messaging/handler
          source {"subscriptions": "orders.*,returns.>"}
          target {}
    "#]]
    .assert_eq(&shown);
}

#[test]
fn a_restriction_keeps_its_values_and_places() {
    let app = Application::parse(ORDERS).unwrap();
    let orders = &app.components[0];
    let restriction = orders.restriction.as_ref().unwrap();
    assert_eq!(
        restriction["keyvalue"],
        json!([{ "bucket": "orders", "verbs": ["read", "write"], "size": "64KiB" }])
    );
    assert_eq!(restriction["http-server"], json!("any"));
    assert_eq!(restriction["blobstore"], json!([]));
    let place = |pointer| orders.restriction_at.get(pointer).unwrap().to_string();
    assert_eq!(place("/keyvalue/0/verbs/1"), "48:51");
    assert_eq!(
        place("/keyvalue/0/nowhere/at/all"),
        place("/keyvalue/0"),
        "the nearest that exists"
    );
    assert!(app.components[1].restriction.is_none());
    assert!(app.components[1].restriction_at.get("/keyvalue").is_none());
}

#[test]
fn wadms_old_form() {
    let app = Application::parse(OLD_FORM).unwrap();
    assert_eq!(app.version, None);
    let echo = &app.components[0];
    assert_eq!(
        (echo.name.as_str(), echo.instances),
        ("echo", 3),
        "`actor` and `replicas` are old words"
    );
    let link = &app.links[1];
    assert_eq!(
        (
            link.source.as_str(),
            link.target.as_str(),
            link.name.as_str()
        ),
        ("httpserver", "echo", "default")
    );
    assert_eq!(link.source_config["address"], "127.0.0.1:8080");
    assert_eq!(app.links[0].target_config["bucket.default"], "echo");
}

#[test]
fn what_needs_more_than_one_host_is_listed() {
    let app = Application::parse(SHARED).unwrap();
    let listed: Vec<_> = app
        .unsupported()
        .into_iter()
        .map(|u| (u.feature, u.entry, u.at.line))
        .collect();
    assert_eq!(
        listed,
        [
            (UnsupportedFeature::SharedEntry, "api".to_owned(), 18),
            (UnsupportedFeature::Secret, "api".to_owned(), 21),
            (UnsupportedFeature::Placement, "api".to_owned(), 24),
            (UnsupportedFeature::Secret, "api".to_owned(), 42),
        ]
    );
    assert!(matches!(&app.components[0].source,
        Source::Application { name, component, .. } if name == "platform" && component == "gateway"));
    let secret = &app.components[0].secrets[0];
    assert_eq!(
        (secret.policy.as_str(), secret.key.as_str()),
        ("vault", "api/token")
    );
    assert_eq!(
        (secret.field.as_deref(), secret.version.as_deref()),
        (Some("value"), Some("2"))
    );
    assert_eq!(app.policies[0].backend, "vault-prod");
    assert_eq!(app.policies[0].properties["mount"], "kv");

    let scaler = app.components[0].scaler.as_ref().unwrap();
    let placed: Vec<_> = scaler
        .placement()
        .iter()
        .map(|place| (place.spread.unwrap().name.as_str(), place.instances))
        .collect();
    assert_eq!(placed, [("east", 4), ("west", 1)]);
    let daemon = app.providers[0].scaler.as_ref().unwrap();
    assert_eq!((daemon.kind, daemon.instances), (ScalerKind::Daemon, 2));
    assert_eq!(daemon.placement().len(), 1);
    assert!(daemon.placement()[0].spread.is_none());
}

#[test]
fn a_component_file() {
    let file = ComponentFile::parse(COMPONENT).unwrap();
    assert_eq!(
        (file.name.as_str(), file.version.as_str(), file.revision),
        ("orders-api", "0.1.0", 3)
    );
    assert_eq!(file.id.as_deref(), Some(ID));
    assert_eq!(file.expires.to_string(), "90d");
    let build = file.build.unwrap();
    assert_eq!(
        (build.language.as_str(), build.tool, build.target),
        ("rust", None, None)
    );
    expect![[r#"
        {
          "call": [
            {
              "component": "pricing",
              "interface": "demo:pricing/price@0.1"
            }
          ],
          "http-server": {
            "hosts": "any",
            "paths": [
              "/orders"
            ]
          },
          "keyvalue": [
            {
              "bucket": "orders",
              "prefix": "order/",
              "size": "64KiB",
              "verbs": [
                "read",
                "write",
                "increment"
              ]
            }
          ],
          "logging": {
            "level": "info",
            "rate": "200/s"
          },
          "messaging": {
            "publish": [
              "orders.*"
            ]
          }
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&file.claims).unwrap());
    assert_eq!(file.limits["memory"], json!("32MiB"));
    assert_eq!(
        file.claims_at
            .get("/keyvalue/0/prefix")
            .unwrap()
            .to_string(),
        "10:15"
    );
    assert_eq!(file.limits_at.get("/memory").unwrap().to_string(), "17:19");
}

#[test]
fn the_least_component_file() {
    let file = ComponentFile::parse("name: x\nversion: '1.0'\nrevision: 1\nexpires: 1h").unwrap();
    assert_eq!(
        (file.version.as_str(), file.id, file.build),
        ("1.0", None, None)
    );
    assert!(file.claims.is_empty() && file.limits.is_empty());
}

#[test]
fn values_stay_what_they_are() {
    let text = "name: x\nversion: v\nrevision: 18446744073709551615\nexpires: 1h\nclaims: {c: {big: 18446744073709551615, \
                low: -9223372036854775808, half: 0.5, exp: 1e3, yes: yes, no: no, truth: true, date: 2026-01-01, time: 12:30, \
                near: 2.293981154064134e+299, \
                text: '5', none: ~, list: [1, [2]], version: 1.2.3, rate: 200/s}}";
    let file = ComponentFile::parse(text).unwrap();
    assert_eq!(file.revision, u64::MAX);
    assert_eq!(
        file.claims["c"],
        json!({
            "big": u64::MAX, "low": i64::MIN, "half": 0.5, "exp": 1000.0, "yes": "yes", "no": "no", "truth": true,
            "date": "2026-01-01", "time": "12:30", "near": 2.293981154064134e299, "text": "5", "none": null, "list": [1, [2]], "version": "1.2.3",
            "rate": "200/s",
        })
    );
}

#[test]
fn policies() {
    let any = Policy::parse("capabilities: any\n").unwrap();
    assert_eq!(any, Policy::new(Capabilities::Any, Default::default()));
    let some =
        Policy::parse("capabilities:\n  logging: any\n  keyvalue: []\nlimits: { memory: 64MiB }\n")
            .unwrap();
    let Capabilities::Only(values) = &some.capabilities else {
        panic!("{some:?}")
    };
    assert_eq!(
        (&values["logging"], &values["keyvalue"]),
        (&json!("any"), &json!([]))
    );
    assert_eq!(
        some.capabilities_at.get("/logging").unwrap().to_string(),
        "2:12"
    );
    assert_eq!(some.limits["memory"], json!("64MiB"));
    let none = Policy::parse("capabilities: {}").unwrap();
    assert_eq!(
        none.capabilities,
        Capabilities::Only(Default::default()),
        "which refuses everything"
    );
}

#[test]
fn trust_entries() {
    let text = format!(
        "name: acme\noperator: {OPERATOR}\npolicy:\n  capabilities:\n    keyvalue: [{{ bucket: 'no', count: 3 }}]\n\
         revocations: {{ dir: /etc/writ/revoked, max_age: 24h, accounts: required }}\n"
    );
    let entry = TrustEntry::parse(&text).unwrap();
    let Revocations::Lists {
        dir,
        max_age,
        accounts,
    } = &entry.revocations
    else {
        panic!("{entry:?}")
    };
    assert_eq!(
        (dir.as_str(), max_age.seconds(), *accounts),
        ("/etc/writ/revoked", 86_400, AccountLists::Required)
    );
    written(
        &entry,
        expect![[r#"
        name: acme
        operator: OBNLQ63RHLT6QYJRAKQUTQ2MDS5JJ7TTQ6E7FR3NJJUDLW5ZZKJX2XYZ
        policy:
          capabilities:
            keyvalue:
            - bucket: "no"
              count: 3
        revocations:
          accounts: required
          dir: /etc/writ/revoked
          max_age: 1d
    "#]],
    );

    let plain = format!("name: acme\noperator: {OPERATOR}\npolicy: any\nrevocations: none\n");
    let entry = TrustEntry::parse(&plain).unwrap();
    assert_eq!(
        (&entry.policy, &entry.revocations),
        (&TrustPolicy::Any, &Revocations::None)
    );
    written(
        &entry,
        expect![[r#"
        name: acme
        operator: OBNLQ63RHLT6QYJRAKQUTQ2MDS5JJ7TTQ6E7FR3NJJUDLW5ZZKJX2XYZ
        policy: any
        revocations: none
    "#]],
    );
}

#[track_caller]
fn written(entry: &TrustEntry, expected: Expect) {
    let text = entry.to_yaml();
    expected.assert_eq(&text);
    assert_eq!(&TrustEntry::parse(&text).unwrap(), entry);
}
