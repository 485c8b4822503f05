//! Texts that are refused: what is altered in a good one, and what is said about it, and where.

#![allow(clippy::unwrap_used)]

mod texts;

use expect_test::{Expect, expect};
use texts::{COMPONENT, ORDERS, SHARED};
use writ_manifest::{Application, ComponentFile, ManifestError, Policy, TrustEntry};

// The tables are kept from rustfmt: one line each reads better, and `UPDATE_EXPECT=1` finds only what stands on one.

/// Replaces the first occurrence of `from` in a good text, and expects this error.
#[track_caller]
fn refused(good: &str, from: &str, to: &str, expected: Expect) {
    assert!(good.contains(from), "nothing to alter: {from}");
    let text = good.replacen(from, to, 1);
    let error = match good {
        COMPONENT => ComponentFile::parse(&text).unwrap_err(),
        _ => Application::parse(&text).unwrap_err(),
    };
    said(&error, expected);
}

#[track_caller]
fn said(error: &ManifestError, expected: Expect) {
    expected.assert_eq(&error.to_string());
}

#[test]
#[rustfmt::skip]
fn the_frame() {
    refused(ORDERS, "apiVersion: core.oam.dev/v1beta1", "apiVersion: core.oam.dev/v1alpha2", expect![[r#"1:13: `apiVersion` cannot be `core.oam.dev/v1alpha2`: expected `core.oam.dev/v1beta1`"#]]);
    refused(ORDERS, "apiVersion: core.oam.dev/v1beta1\n", "", expect![[r#"1:1: an application lacks the field `apiVersion`"#]]);
    refused(ORDERS, "kind: Application", "kind: Deployment", expect![[r#"2:7: `kind` cannot be `Deployment`: expected `Application`"#]]);
    refused(ORDERS, "kind: Application", "knd: Application", expect![[r#"2:1: unknown field `knd` in an application, expected one of `apiVersion`, `kind`, `metadata`, `spec`"#]]);
    refused(ORDERS, "metadata:\n  name: orders\n", "metadata:\n", expect![[r#"4:3: the metadata lacks the field `name`"#]]);
    refused(ORDERS, "metadata:\n  name: orders\n", "metadata:\n  name: my orders\n", expect![[r#"4:9: `name` cannot be `my orders`: expected at most 128 letters (a-z, A-Z), digits, `-` and `_`"#]]);
    refused(ORDERS, "metadata:\n  name: orders\n", "metadata:\n  name: ördërs\n", expect![[r#"4:9: `name` cannot be `ördërs`: expected at most 128 letters (a-z, A-Z), digits, `-` and `_`"#]]);
    refused(ORDERS, "metadata:\n  name: orders\n", "metadata:\n  name: 12\n", expect![[r#"4:9: `name` is expected to be text, found the number `12`: write it in quotes, `"12"`"#]]);
    refused(ORDERS, "metadata:\n  name: orders\n", "metadata:\n  name: ../orders\n", expect![[r#"4:9: `name` cannot be `../orders`: expected at most 128 letters (a-z, A-Z), digits, `-` and `_`"#]]);
    refused(ORDERS, "version: 0.1.0", "version: latest", expect![[r#"6:14: `version` cannot be `latest`: it must name one version, such as `1.0.0`, not whichever is last"#]]);
    refused(ORDERS, "version: 0.1.0", "version: 1.0", expect![[r#"6:14: `version` is expected to be text, found the number `1.0`: write it in quotes, `"1.0"`"#]]);
    refused(ORDERS, "version: 0.1.0", "version: 1", expect![[r#"6:14: `version` is expected to be text, found the number `1`: write it in quotes, `"1"`"#]]);
    refused(ORDERS, "version: 0.1.0", "version: ''", expect![[r#"6:14: `version` cannot be ``: it must not be empty"#]]);
    refused(ORDERS, "version: 0.1.0", "version:", expect![[r#"6:12: `version` is expected to be text, found nothing: write a value, or leave the field out"#]]);
    refused(ORDERS, "labels: { stage: no }", "labels: { stage: true }", expect![[r#"9:20: `stage` is expected to be text, found the truth value `true`: write it in quotes, `"true"`"#]]);
    refused(ORDERS, "labels: { stage: no }", "labels: [stage]", expect![[r#"9:11: `labels` is expected to be a mapping, found a list"#]]);
    refused(ORDERS, "labels: { stage: no }", "owner: shop", expect![[r#"9:3: unknown field `owner` in the metadata, expected one of `name`, `annotations`, `labels`"#]]);
    refused(ORDERS, "  components:\n", "  component:\n", expect![[r#"11:3: unknown field `component` in the spec, expected one of `components`, `policies`"#]]);
    refused(ORDERS, "      type: capability\n      properties: { image: \"builtin:messaging\" }\n", "      type: {}\n", expect![[r#"74:13: `type` is expected to be text, found a mapping"#]]);
}

#[test]
#[rustfmt::skip]
fn entries() {
    refused(ORDERS, "type: component", "type: service", expect![[r#"13:13: `type` cannot be `service`: expected `component` or `capability`"#]]);
    refused(ORDERS, "      type: component\n", "", expect![[r#"12:7: a component lacks the field `type`"#]]);
    refused(ORDERS, "- name: pricing\n", "- name: orders\n", expect![[r#"51:13: the component name `orders` is already there on line 12: give this component another"#]]);
    refused(ORDERS, "- name: nats\n", "- name: kv\n", expect![[r#"73:13: the component name `kv` is already there on line 70: give this component another"#]]);
    refused(ORDERS, "- name: nats\n", "- name: na/ts\n", expect![[r#"73:13: `name` cannot be `na/ts`: expected at most 128 letters (a-z, A-Z), digits, `-` and `_`"#]]);
    refused(ORDERS, "image: registry.example/pricing:1.2.0", "image: registry.example/pricing:1.2.0\n        id: orders-1", expect![[r#"55:13: the id `orders-1` is already there on line 16: give this component another"#]]);
    refused(ORDERS, "id: orders-1", "id: orders 1", expect![[r#"16:13: `id` cannot be `orders 1`: expected at most 128 letters (a-z, A-Z), digits, `-` and `_`"#]]);
    refused(ORDERS, "image: components/orders.wasm", "imag: components/orders.wasm", expect![[r#"15:9: unknown field `imag` in `properties`, expected one of `image`, `application`, `id`, `config`, `secrets`"#]]);
    refused(ORDERS, "        image: components/orders.wasm\n", "", expect![[r#"15:9: neither `image` nor `application` is there: write exactly one of them"#]]);
    refused(ORDERS, "image: components/orders.wasm", "image: components/orders.wasm\n        application: { name: a, component: b }", expect![[r#"15:9: both `image` and `application` are there: write exactly one of them"#]]);
    refused(ORDERS, "image: components/orders.wasm", "application: { name: a }", expect![[r#"15:22: `application` lacks the field `component`"#]]);
    refused(ORDERS, "image: components/orders.wasm", "image: 3.14", expect![[r#"15:16: `image` is expected to be text, found the number `3.14`: write it in quotes, `"3.14"`"#]]);
    refused(ORDERS, "image: components/orders.wasm", "image: ''", expect![[r#"15:16: `image` cannot be ``: it must not be empty"#]]);
    refused(ORDERS, "image: components/orders.wasm", "image: [components/orders.wasm]", expect![[r#"15:16: `image` is expected to be text, found a list"#]]);
    refused(ORDERS, "properties: { image: \"builtin:keyvalue\" }", "instance: 1", expect![[r#"72:7: unknown field `instance` in a component, expected one of `name`, `type`, `properties`, `traits`"#]]);
    refused(ORDERS, "properties: { image: \"builtin:keyvalue\" }", "properties: builtin:keyvalue", expect![[r#"72:19: `properties` is expected to be a mapping, found the text `builtin:keyvalue`"#]]);
    refused(ORDERS, "properties: { image: \"builtin:keyvalue\" }", "replicas: 1", expect![[r#"72:7: unknown field `replicas` in a component, expected one of `name`, `type`, `properties`, `traits`"#]]);
}

#[test]
#[rustfmt::skip]
fn scalers() {
    refused(SHARED, "instances: 5", "instance: 5", expect![[r#"26:13: unknown field `instance` in a scaler's `properties`, expected one of `instances`, `replicas`, `spread`"#]]);
    refused(SHARED, "instances: 5", "instances: five", expect![[r#"26:24: `instances` is expected to be a whole number, found the text `five`"#]]);
    refused(SHARED, "instances: 5", "instances: -1", expect![[r#"26:24: `instances` cannot be `-1`: expected a whole number from 0 to 4294967295"#]]);
    refused(SHARED, "instances: 5", "instances: 2.5", expect![[r#"26:24: `instances` cannot be `2.5`: expected a whole number from 0 to 4294967295"#]]);
    refused(SHARED, "instances: 5", "instances: 4294967296", expect![[r#"26:24: `instances` cannot be `4294967296`: expected a whole number from 0 to 4294967295"#]]);
    refused(SHARED, "instances: 5", "instances: '5'", expect![[r#"26:24: `instances` is expected to be a whole number, found the text `5`: write it without quotes"#]]);
    refused(SHARED, "instances: 5", "instances: 5\n            replicas: 5", expect![[r#"27:23: `replicas` is another word for `instances`: write one of them"#]]);
    refused(SHARED, "            instances: 5\n", "", expect![[r#"26:13: a scaler's `properties` lacks the field `instances`"#]]);
    refused(SHARED, "weight: 80", "weight: 0", expect![[r#"30:25: `weight` cannot be `0`: expected a whole number from 1 to 4294967295"#]]);
    refused(SHARED, "weight: 80", "wieght: 80", expect![[r#"30:17: unknown field `wieght` in a spread, expected one of `name`, `requirements`, `weight`"#]]);
    refused(SHARED, "- name: west\n", "- name: east\n", expect![[r#"31:23: the spread name `east` is already there on line 28: give this spread another"#]]);
    refused(SHARED, "{ zone: east }", "{ zone: 1 }", expect![[r#"29:39: `zone` is expected to be text, found the number `1`: write it in quotes, `"1"`"#]]);
    refused(SHARED, "type: daemonscaler", "type: magicscaler", expect![[r#"48:17: `type` cannot be `magicscaler`: expected `link`, `spreadscaler`, `daemonscaler` or `writ.dev/restrict`"#]]);
    refused(SHARED, "- type: daemonscaler", "- type: spreadscaler\n          properties: { instances: 1 }\n        - type: daemonscaler", expect![[r#"50:11: the scaler is already there on line 48: an entry has one `spreadscaler` or `daemonscaler`"#]]);
}

#[test]
#[rustfmt::skip]
fn links() {
    refused(ORDERS, "target: { name: pricing }", "target: { name: prices }", expect![[r#"39:29: the link's target `prices` is no component of this manifest: there are `http`, `kv`, `nats`, `orders`, `pricing`"#]]);
    refused(ORDERS, "target: { name: pricing }", "target: { component: pricing }", expect![[r#"39:23: unknown field `component` in a link's `target`, expected one of `name`, `config`, `secrets`"#]]);
    refused(ORDERS, "            target: { name: pricing }\n", "", expect![[r#"38:13: a link's `properties` lacks the field `target`"#]]);
    refused(ORDERS, "target: { name: pricing }", "target: 5", expect![[r#"39:21: a link's `target` is expected to be a mapping, found the number `5`"#]]);
    refused(ORDERS, "target: { name: pricing }", "target: pricing\n            source: {}\n            source_config: []", expect![[r#"41:13: `source_config` is the old form and `source` the new one: write it as `config` in `source`"#]]);
    refused(ORDERS, "target: { name: pricing }", "target: { name: pricing }\n            target_config: []", expect![[r#"40:13: `target_config` is the old form and `target` the new one: write it as `config` in `target`"#]]);
    refused(ORDERS, "interfaces: [store, atomics]", "interfaces: [store, atomic]", expect![[r#"35:33: `wasi:keyvalue` has no interface `atomic`, expected one of `atomics`, `store`, `batch`, `watch`"#]]);
    refused(ORDERS, "interfaces: [store, atomics]", "interfaces: [store, store]", expect![[r#"35:33: a link `default` from `orders` for `wasi:keyvalue/store` is already there on line 35: give this link another `name`, or leave the interface out"#]]);
    refused(ORDERS, "interfaces: [store, atomics]", "interfaces: []", expect![[r#"35:25: `interfaces` is empty: a link is for one interface at least"#]]);
    refused(ORDERS, "interfaces: [store, atomics]", "interfaces: store", expect![[r#"35:25: `interfaces` is expected to be a list, found the text `store`"#]]);
    refused(ORDERS, "interfaces: [store, atomics]", "interfaces: [store@0.2.0]", expect![[r#"35:26: `interfaces` cannot be `store@0.2.0`: expected a name as WIT has it: words of letters and digits, joined by `-`"#]]);
    refused(ORDERS, "interfaces: [incoming-handler]", "interfaces: [handler]", expect![[r#"69:26: `wasi:http` has no interface `handler`, expected one of `incoming-handler`, `outgoing-handler`"#]]);
    refused(ORDERS, "interfaces: [handler]", "interfaces: [consumers]", expect![[r#"86:26: `wasmcloud:messaging` has no interface `consumers`, expected one of `consumer`, `handler`"#]]);
    refused(ORDERS, "            namespace: wasi\n            package: keyvalue\n", "            package: keyvalue\n", expect![[r#"28:13: a link's `properties` lacks the field `namespace`"#]]);
    refused(ORDERS, "namespace: demo", "namespace: demo:pricing", expect![[r#"40:24: `namespace` cannot be `demo:pricing`: expected a name as WIT has it: words of letters and digits, joined by `-`"#]]);
    refused(ORDERS, "package: pricing", "package: pricing-", expect![[r#"41:22: `package` cannot be `pricing-`: expected a name as WIT has it: words of letters and digits, joined by `-`"#]]);
    refused(ORDERS, "isolation: separate", "isolation: fused", expect![[r#"43:24: `isolation` cannot be `fused`: expected `separate`, or the field left out"#]]);
    refused(ORDERS, "isolation: separate", "isolated: true", expect![[r#"43:13: unknown field `isolated` in a link's `properties`, expected one of `name`, `namespace`, `package`, `interfaces`, `source`, `target`, `source_config`, `target_config`, `isolation`"#]]);
    refused(ORDERS, "name: price\n            target: { name: pricing }\n            namespace: demo\n            package: pricing\n            interfaces: [price]", "target: { name: http }\n            namespace: wasi\n            package: keyvalue\n            interfaces: [atomics]", expect![[r#"41:26: a link `default` from `orders` for `wasi:keyvalue/atomics` is already there on line 35: give this link another `name`, or leave the interface out"#]]);
    refused(ORDERS, "name: price\n", "name: the price\n", expect![[r#"38:19: `name` cannot be `the price`: expected at most 128 letters (a-z, A-Z), digits, `-` and `_`"#]]);
}

/// A manifest of components that are linked so, each to its right for an interface of its own.
fn linked(components: usize, links: &[(usize, usize)]) -> String {
    let mut text =
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: { name: app }\nspec:\n  components:\n"
            .to_owned();
    for own in 0..components {
        text.push_str(&format!("    - {{ name: c{own}, type: component, properties: {{ image: x }}, traits: [\n"));
        for (at, (_, target)) in links.iter().enumerate().filter(|(_, (source, _))| *source == own) {
            text.push_str(&format!("        {{ type: link, properties: {{ target: c{target}, namespace: a, package: b, interfaces: [i{at}] }} }},\n"));
        }
        text.push_str("      ] }\n");
    }
    text
}

#[track_caller]
fn graph(components: usize, links: &[(usize, usize)], expected: Expect) {
    let text = linked(components, links);
    expected.assert_eq(&Application::parse(&text).map_or_else(|error| error.to_string(), |_| "fits".to_owned()));
}

#[test]
#[rustfmt::skip]
fn links_between_components() {
    graph(1, &[(0, 0)], expect!["7:45: `c0` is linked to itself: what it imports, another component serves"]);
    graph(2, &[(0, 1), (1, 0)], expect!["10:45: the links go in a circle, from `c0` to `c1` (line 7), `c0` (line 10): a component cannot wait for itself"]);
    graph(3, &[(0, 1), (1, 2)], expect!["fits"]);
    graph(4, &[(0, 1), (0, 2), (1, 3), (2, 3)], expect!["fits"]);
    graph(4, &[(0, 1), (1, 2), (2, 3), (3, 1)], expect!["16:45: the links go in a circle, from `c1` to `c2` (line 10), `c3` (line 13), `c1` (line 16): a component cannot wait for itself"]);
    let chain = |length: usize| (1..length).map(|at| (at - 1, at)).collect::<Vec<_>>();
    graph(64, &chain(64), expect!["fits"]);
    graph(65, &chain(65), expect!["7:45: with this link one request to `c0` may need 65 instances at once, one for each link below it: at most 64"]);
    let mut circle = chain(20);
    circle.push((19, 0));
    graph(20, &circle, expect!["64:45: the links go in a circle, from `c0` to `c1` (line 7), `c2` (line 10), `c3` (line 13), `c4` (line 16), `c5` (line 19), `c6` (line 22), `c7` (line 25), `c8` (line 28) … 20 in all: a component cannot wait for itself"]);
    // Each leads twice to the next: two to the power of the number of components.
    let doubled: Vec<_> = chain(40).into_iter().flat_map(|link| [link, link]).collect();
    graph(40, &doubled, expect!["140:45: with this link one request to `c33` may need 127 instances at once, one for each link below it: at most 64"]);
}

#[test]
#[rustfmt::skip]
fn configuration() {
    refused(ORDERS, "config: [{ name: europe }]", "config: [{ name: asia }]", expect![[r#"55:26: the config entry `asia` has no `properties`, and nothing else in this manifest defines it: add `properties` to one entry of that name"#]]);
    refused(ORDERS, "config: [{ name: europe }]", "config: [{ name: europe, properties: { currency: CHF } }]", expect![[r#"55:26: the config name `europe` is already there on line 20: other properties need another name"#]]);
    refused(ORDERS, "config: [{ name: europe }]", "config: [{ properties: { currency: CHF } }]", expect![[r#"55:18: a config entry lacks the field `name`"#]]);
    refused(ORDERS, "config: [{ name: europe }]", "config: [europe]", expect![[r#"55:18: a config entry is expected to be a mapping, found the text `europe`"#]]);
    refused(ORDERS, "config: [{ name: europe }]", "config: { name: europe }", expect![[r#"55:17: `config` is expected to be a list, found a mapping"#]]);
    refused(ORDERS, "config: [{ name: europe }]", "config: [{ name: europe, value: x }]", expect![[r#"55:34: unknown field `value` in a config entry, expected one of `name`, `properties`"#]]);
    refused(ORDERS, "mode: live", "mode: on, port: 8080", expect![[r#"19:58: `port` is expected to be text, found the number `8080`: write it in quotes, `"8080"`"#]]);
    refused(ORDERS, "mode: live", "mode: true", expect![[r#"19:48: `mode` is expected to be text, found the truth value `true`: write it in quotes, `"true"`"#]]);
    refused(ORDERS, "mode: live", "mode: ~", expect![[r#"19:48: `mode` is expected to be text, found nothing: write a value, or leave the field out"#]]);
    refused(ORDERS, "mode: live", "mode: [live]", expect![[r#"19:48: `mode` is expected to be text, found a list"#]]);
}

#[test]
#[rustfmt::skip]
fn secrets_and_policies() {
    refused(SHARED, "policy: vault, key: api/token", "policy: safe, key: api/token", expect![[r#"22:35: the policy `safe` is not in `spec.policies`: add one of type `policy.secret.wasmcloud.dev/v1alpha1` with a `backend`"#]]);
    refused(SHARED, "policy: vault, key: api/token", "key: api/token", expect![[r#"22:25: a secret's `properties` lacks the field `policy`"#]]);
    refused(SHARED, "policy: vault, key: api/token", "policy: vault", expect![[r#"22:25: a secret's `properties` lacks the field `key`"#]]);
    refused(SHARED, "version: '2'", "version: 2", expect![[r#"22:81: `version` is expected to be text, found the number `2`: write it in quotes, `"2"`"#]]);
    refused(SHARED, "version: '2'", "versions: '2'", expect![[r#"22:72: unknown field `versions` in a secret's `properties`, expected one of `policy`, `key`, `field`, `version`"#]]);
    refused(SHARED, "type: policy.secret.wasmcloud.dev/v1alpha1", "type: policy.secret.wasmcloud.dev/v1", expect![[r#"8:13: `type` cannot be `policy.secret.wasmcloud.dev/v1`: expected `policy.secret.wasmcloud.dev/v1alpha1`"#]]);
    refused(SHARED, "        backend: vault-prod\n", "", expect![[r#"10:9: the secret policy's `properties` lacks the field `backend`"#]]);
    refused(SHARED, "backend: vault-prod", "backend: ''", expect![[r#"10:9: the secret policy's `properties` lacks the field `backend`"#]]);
    refused(SHARED, "backend: vault-prod", "backend: 7", expect![[r#"10:18: `backend` is expected to be text, found the number `7`: write it in quotes, `"7"`"#]]);
    refused(SHARED, "    - name: vault\n      type", "    - name: vault\n      kind", expect![[r#"8:7: unknown field `kind` in a policy, expected one of `name`, `type`, `properties`"#]]);
}

#[test]
#[rustfmt::skip]
fn restrictions() {
    refused(ORDERS, "            claims:\n", "            claim:\n", expect![[r#"46:13: unknown field `claim` in a restriction, expected `claims`"#]]);
    refused(ORDERS, "http-server: any", "http-server:", expect![[r#"49:15: `http-server` in `claims` is empty: `[]` permits nothing, `any` does not narrow; leave the capability out to not narrow it"#]]);
    refused(ORDERS, "            claims:\n              keyvalue:\n                - { bucket: orders, verbs: [read, write], size: 64KiB }\n              http-server: any\n              blobstore: []\n", "            claims: any\n", expect![[r#"46:21: `claims` is expected to be a mapping, found the text `any`"#]]);
    refused(ORDERS, "blobstore: []\n", "blobstore: []\n        - type: writ.dev/restrict\n          properties: { claims: {} }\n", expect![[r#"51:17: a second `writ.dev/restrict`: write all claims into the first"#]]);
    refused(ORDERS, "  properties: { image: \"builtin:keyvalue\" }", "  properties: { image: \"builtin:keyvalue\" }\n      traits: [{ type: writ.dev/restrict, properties: { claims: {} } }]", expect![[r#"73:24: `writ.dev/restrict` narrows a component, and this is a capability"#]]);
}

#[test]
#[rustfmt::skip]
fn component_files() {
    refused(COMPONENT, "name: orders-api", "name: Orders", expect![[r#"1:7: `name` cannot be `Orders`: expected 1 to 64 of a-z, 0-9 and `-`"#]]);
    refused(COMPONENT, "name: orders-api", "name: orders_api", expect![[r#"1:7: `name` cannot be `orders_api`: expected 1 to 64 of a-z, 0-9 and `-`"#]]);
    refused(COMPONENT, "name: orders-api", "name: 1234567890123456789012345678901234567890123456789012345678901234x", expect![[r#"1:7: `name` cannot be `123456789012345678901234567890123456789012345678901234567890…`: expected 1 to 64 of a-z, 0-9 and `-`"#]]);
    refused(COMPONENT, "name: orders-api\n", "", expect![[r#"1:1: a component file lacks the field `name`"#]]);
    refused(COMPONENT, "id: M", "id: A", expect![[r#"2:5: `id` cannot be `ABNLQ63RHLT6QYJRAKQUTQ2MDS5JJ7TTQ6E7FR3NJJUDLW5ZZKJX2XYZ`: expected a component's public key: `M` and 55 more of A-Z and 2-7"#]]);
    refused(COMPONENT, "id: MBNLQ", "id: MBN", expect![[r#"2:5: `id` cannot be `MBN63RHLT6QYJRAKQUTQ2MDS5JJ7TTQ6E7FR3NJJUDLW5ZZKJX2XYZ`: expected a component's public key: `M` and 55 more of A-Z and 2-7"#]]);
    refused(COMPONENT, "id: MBNLQ", "id: mbnlq", expect![[r#"2:5: `id` cannot be `mbnlq63RHLT6QYJRAKQUTQ2MDS5JJ7TTQ6E7FR3NJJUDLW5ZZKJX2XYZ`: expected a component's public key: `M` and 55 more of A-Z and 2-7"#]]);
    refused(COMPONENT, "version: 0.1.0", "version: 0.1", expect![[r#"3:10: `version` is expected to be text, found the number `0.1`: write it in quotes, `"0.1"`"#]]);
    refused(COMPONENT, "revision: 3", "revision: 0", expect![[r#"4:11: `revision` cannot be `0`: expected a whole number from 1 to 18446744073709551615"#]]);
    refused(COMPONENT, "revision: 3", "revision: three", expect![[r#"4:11: `revision` is expected to be a whole number, found the text `three`"#]]);
    refused(COMPONENT, "revision: 3", "revision: 3.0", expect![[r#"4:11: `revision` cannot be `3.0`: expected a whole number from 1 to 18446744073709551615"#]]);
    refused(COMPONENT, "revision: 3", "revision: 18446744073709551616", expect![[r#"4:11: `18446744073709551616` is not a number that can be read in one way only: write it as JSON does, or in quotes if it is text"#]]);
    refused(COMPONENT, "expires: 90d", "expires: 90", expect![[r#"5:10: `expires` cannot be `90`: expected a time such as `15m`: a whole number and one of `ns`, `us`, `ms`, `s`, `m`, `h`, `d`"#]]);
    refused(COMPONENT, "expires: 90d", "expires: 3 months", expect![[r#"5:10: `expires` cannot be `3 months`: expected a time such as `15m`: a whole number and one of `ns`, `us`, `ms`, `s`, `m`, `h`, `d`"#]]);
    refused(COMPONENT, "expires: 90d", "expires: 0d", expect![[r#"5:10: `expires` cannot be `0d`: expected a second at least, such as `90d`"#]]);
    refused(COMPONENT, "expires: 90d\n", "", expect![[r#"1:1: a component file lacks the field `expires`"#]]);
    refused(COMPONENT, "{ language: rust }", "{ lang: rust }", expect!["6:10: unknown field `lang` in `build`, expected one of `language`, `tool`, `target`, `world`"]);
    refused(COMPONENT, "{ language: rust }", "rust", expect![[r#"6:8: `build` is expected to be a mapping, found the text `rust`"#]]);
    refused(COMPONENT, "{ language: rust }", "{ tool: cargo }", expect![[r#"6:8: `build` lacks the field `language`"#]]);
    refused(COMPONENT, "logging: { level: info, rate: 200/s }", "logging:", expect![[r#"13:3: `logging` in `claims` is empty: `[]` is linked and permits nothing, `any` does not restrict; leave the capability out to not claim it"#]]);
    refused(COMPONENT, "claims:\n", "claim:\n", expect![[r#"7:1: unknown field `claim` in a component file, expected one of `name`, `id`, `version`, `revision`, `expires`, `build`, `claims`, `limits`"#]]);
    refused(COMPONENT, "memory: 32MiB", "memory: ~", expect![[r#"17:11: `memory` in `limits` is empty: write a value with its unit, or leave the limit out"#]]);
    refused(COMPONENT, "limits: { memory: 32MiB, time: 500ms }", "limits: 32MiB", expect![[r#"17:9: `limits` is expected to be a mapping, found the text `32MiB`"#]]);
}

#[test]
#[rustfmt::skip]
fn claims_for_everything() {
    let text = "name: x\nversion: v\nrevision: 1\nexpires: 1h\nclaims: any\n";
    said(&ComponentFile::parse(text).unwrap_err(), expect![[r#"5:9: a component cannot claim `any` for everything: name each capability it uses"#]]);
    let text = "name: x\nversion: v\nrevision: 1\nexpires: 1h\nclaims: [keyvalue]\n";
    said(&ComponentFile::parse(text).unwrap_err(), expect![[r#"5:9: `claims` is expected to be a mapping, found a list"#]]);
}

#[test]
#[rustfmt::skip]
fn no_components() {
    let text = "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: { name: x }\nspec: { components: [] }\n";
    said(&Application::parse(text).unwrap_err(), expect![[r#"4:21: `components` is empty: an application has one component at least"#]]);
}

#[test]
#[rustfmt::skip]
fn policies() {
    let refused = |text: &str, expected: Expect| said(&Policy::parse(text).unwrap_err(), expected);
    refused("capabilities: all\n", expect![[r#"1:15: `capabilities` is expected to be `any`, or a mapping of capabilities, found the text `all`"#]]);
    refused("capabilities: [keyvalue]\n", expect![[r#"1:15: `capabilities` is expected to be `any`, or a mapping of capabilities, found a list"#]]);
    refused("capabilities:\n", expect![[r#"1:13: `capabilities` is expected to be `any`, or a mapping of capabilities, found nothing: write a value, or leave the field out"#]]);
    refused("capabilities:\n  keyvalue:\n  logging: any\n", expect![[r#"2:3: `keyvalue` in `capabilities` is empty: `[]` permits nothing, `any` restricts nothing"#]]);
    refused("limits: {}\n", expect![[r#"1:1: a policy lacks the field `capabilities`"#]]);
    refused("any\n", expect![[r#"1:1: a policy is expected to be a mapping, found the text `any`"#]]);
    refused("capabilities: any\nlimit: {}\n", expect![[r#"2:1: unknown field `limit` in a policy, expected one of `capabilities`, `limits`"#]]);
    refused("", expect!["1:1: a policy is expected to be a mapping, found nothing"]);
}

#[test]
#[rustfmt::skip]
fn trust_entries() {
    #[track_caller]
    fn refused(from: &str, to: &str, expected: Expect) {
        let good = format!(
            "name: acme\noperator: {}\npolicy: any\nrevocations: {{ dir: revoked, max_age: 24h, accounts: required }}\n",
            texts::OPERATOR
        );
        TrustEntry::parse(&good).unwrap();
        assert!(good.contains(from), "nothing to alter: {from}");
        said(
            &TrustEntry::parse(&good.replacen(from, to, 1)).unwrap_err(),
            expected,
        );
    }
    refused("acme", "ac me", expect![[r#"1:7: `name` cannot be `ac me`: expected at most 128 letters (a-z, A-Z), digits, `-` and `_`"#]]);
    refused("OBNLQ", "ABNLQ", expect![[r#"2:11: `operator` cannot be `ABNLQ63RHLT6QYJRAKQUTQ2MDS5JJ7TTQ6E7FR3NJJUDLW5ZZKJX2XYZ`: expected an operator's public key: `O` and 55 more of A-Z and 2-7"#]]);
    refused("OBNLQ", "OBNL1", expect![[r#"2:11: `operator` cannot be `OBNL163RHLT6QYJRAKQUTQ2MDS5JJ7TTQ6E7FR3NJJUDLW5ZZKJX2XYZ`: expected an operator's public key: `O` and 55 more of A-Z and 2-7"#]]);
    refused("policy: any", "policy: some", expect![[r#"3:9: `policy` is expected to be `any`, or a policy's fields, found the text `some`"#]]);
    refused("policy: any", "policy: { keyvalue: any }", expect![[r#"3:11: unknown field `keyvalue` in a policy, expected one of `capabilities`, `limits`"#]]);
    refused("policy: any\n", "", expect![[r#"1:1: a trust entry lacks the field `policy`"#]]);
    refused("accounts: required", "accounts: yes", expect![[r#"4:54: `accounts` cannot be `yes`: expected `required` or `optional`"#]]);
    refused(", accounts: required", "", expect![[r#"4:14: `revocations` lacks the field `accounts`"#]]);
    refused("max_age: 24h", "max_age: 24", expect![[r#"4:39: `max_age` cannot be `24`: expected a time such as `15m`: a whole number and one of `ns`, `us`, `ms`, `s`, `m`, `h`, `d`"#]]);
    refused("revocations: {", "revocation: {", expect![[r#"4:1: unknown field `revocation` in a trust entry, expected one of `name`, `operator`, `policy`, `revocations`"#]]);
    refused("{ dir: revoked, max_age: 24h, accounts: required }", "off", expect![[r#"4:14: `revocations` is expected to be `none`, or a mapping of `dir`, `max_age` and `accounts`, found the text `off`"#]]);
}
