//! `writ graph`: what it draws is what is admitted, and names in it are only names.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use writ_tests::{Form, Home, Mint, Output, Scratch, Topology, Up, guest, unsigned_guest};

/// An application's drawing, in one format.
fn graph(home: &Home, scratch: &Scratch, manifest: &std::path::Path, format: &str) -> Output {
    let data = scratch.data();
    home.writ(&["graph", manifest.to_str().unwrap(), "--format", format, "--data", data.to_str().unwrap()])
}

/// How it is drawn for people, and for whoever draws it; without a terminal's or another machine's peculiarities.
#[track_caller]
fn check(home: &Home, manifest: &std::path::Path, code: i32, [tree, mermaid, dot, json]: [Expect; 4]) {
    let scratch = Scratch::new();
    for (format, expected) in [("tree", tree), ("mermaid", mermaid), ("dot", dot)] {
        let output = graph(home, &scratch, manifest, format);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        expected.assert_eq(&output.stdout);
    }
    let output = graph(home, &scratch, manifest, "json");
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    json.assert_eq(&scrubbed(&output.stdout));
    assert!(!scratch.data().exists(), "drawing makes nothing");
}

/// Without what differs from one signing to the next.
fn scrubbed(drawn: &str) -> String {
    let mut graph: Value = serde_json::from_str(drawn).unwrap();
    for node in graph["components"].as_array_mut().unwrap() {
        for field in ["id", "digest", "tokens", "operator", "expires"] {
            assert!(node[field] != json!(null), "{field} is not in {node:#}");
            node.as_object_mut().unwrap().remove(field);
        }
    }
    let shown = |c: char| if is_unsafe(c) { c.escape_unicode().to_string() } else { c.to_string() };
    format!("{graph:#}\n").chars().map(shown).collect()
}

/// Whether a terminal or an editor would do something about it.
fn is_unsafe(c: char) -> bool {
    (c.is_control() && c != '\n') || "\u{202e}\u{2028}\u{e0041}".contains(c)
}

#[test]
fn the_order_application() {
    let expected = [
        expect![[r#"
            orders: 2 components, all admitted

            orders-api (local/orders-api, revision 1)
            ├─ ◀ httpserver    route any /orders at 127.0.0.1:8080
            ├─ ✓ http-server   { hosts: any, paths: [/orders] }
            ├─ ✓ keyvalue      { bucket: orders, prefix: order/, size: "64KiB", verbs: [read, write] }
            │                  { bucket: orders, prefix: counter/, verbs: [increment] }
            │                  from builtin:keyvalue
            ├─ ✓ logging       { level: info, rate: "500/s" }
            └─ ✓ messaging     { publish: ["orders.*"] }
                               from builtin:messaging

            totals (local/totals, revision 1)
            ├─ ◀ httpserver    route any /totals at 127.0.0.1:8080
            ├─ ◀ messaging     subscription orders.*
            ├─ ✓ http-server   { hosts: any, paths: [/totals] }
            ├─ ✓ keyvalue      { bucket: totals, prefix: customer/, verbs: [read, list, increment] }
            │                  from builtin:keyvalue
            ├─ ✓ logging       { level: info, rate: "500/s" }
            └─ ✓ messaging     { subscribe: ["orders.*"] }

            ◀ is called by   ▶ calls   ✓ may   ○ has it, but may nothing with it yet   ✗ denied
        "#]],
        expect![[r##"
        flowchart LR
          n0("orders-api<br/>local/orders-api")
          n1("totals<br/>local/totals")
          n2[("http-server<br/>builtin:http-server")]
          n3[("keyvalue<br/>builtin:keyvalue")]
          n4[("logging")]
          n5[("messaging<br/>builtin:messaging")]
          n2 ==>|"route any /orders at 127.0.0.1:8080"| n0
          n0 -->|"#123; bucket: orders, prefix: order/, size: #34;64KiB#34;, verbs: #91;read, write#93; #125;<br/>#123; bucket: orders, prefix: counter/, verbs: #91;increment#93; #125;<br/>from builtin:keyvalue"| n3
          n0 -->|"#123; level: info, rate: #34;500/s#34; #125;"| n4
          n0 -->|"#123; publish: #91;#34;orders.#42;#34;#93; #125;<br/>from builtin:messaging"| n5
          n2 ==>|"route any /totals at 127.0.0.1:8080"| n1
          n5 ==>|"subscription orders.#42;"| n1
          n1 -->|"#123; bucket: totals, prefix: customer/, verbs: #91;read, list, increment#93; #125;<br/>from builtin:keyvalue"| n3
          n1 -->|"#123; level: info, rate: #34;500/s#34; #125;"| n4
    "##]],
        expect![[r#"
            digraph {
              label="orders: 2 components, all admitted"
              labelloc=t
              rankdir=LR
              node [shape=box style=rounded fontname="sans-serif"]
              edge [fontname="sans-serif" fontsize=10]
              n0 [label="orders-api\nlocal/orders-api"]
              n1 [label="totals\nlocal/totals"]
              n2 [label="http-server\nbuiltin:http-server" shape=cylinder style=solid]
              n3 [label="keyvalue\nbuiltin:keyvalue" shape=cylinder style=solid]
              n4 [label="logging" shape=cylinder style=solid]
              n5 [label="messaging\nbuiltin:messaging" shape=cylinder style=solid]
              n2 -> n0 [label="route any /orders at 127.0.0.1:8080\l" style=bold]
              n0 -> n3 [label="{ bucket: orders, prefix: order/, size: \"64KiB\", verbs: [read, write] }\l{ bucket: orders, prefix: counter/, verbs: [increment] }\lfrom builtin:keyvalue\l"]
              n0 -> n4 [label="{ level: info, rate: \"500/s\" }\l"]
              n0 -> n5 [label="{ publish: [\"orders.*\"] }\lfrom builtin:messaging\l"]
              n2 -> n1 [label="route any /totals at 127.0.0.1:8080\l" style=bold]
              n5 -> n1 [label="subscription orders.*\l" style=bold]
              n1 -> n3 [label="{ bucket: totals, prefix: customer/, verbs: [read, list, increment] }\lfrom builtin:keyvalue\l"]
              n1 -> n4 [label="{ level: info, rate: \"500/s\" }\l"]
            }
        "#]],
        expect![[r#"
        {
          "admitted": true,
          "application": "orders",
          "components": [
            {
              "application": "orders",
              "called_by": [
                {
                  "capability": "http-server",
                  "config": {
                    "address": "127.0.0.1:8080",
                    "path": "/orders"
                  },
                  "given": [
                    "route any /orders"
                  ],
                  "image": "builtin:http-server",
                  "name": "httpserver"
                }
              ],
              "component": "local/orders-api",
              "denied": [],
              "grants": {
                "http-server": {
                  "the account's token": "any",
                  "the component's token": {
                    "hosts": "any",
                    "paths": [
                      "/orders"
                    ]
                  }
                },
                "keyvalue": {
                  "the account's token": "any",
                  "the component's token": [
                    {
                      "bucket": "orders",
                      "prefix": "order/",
                      "size": "64KiB",
                      "verbs": [
                        "read",
                        "write"
                      ]
                    },
                    {
                      "bucket": "orders",
                      "prefix": "counter/",
                      "verbs": [
                        "increment"
                      ]
                    }
                  ]
                },
                "logging": {
                  "the account's token": "any",
                  "the component's token": {
                    "level": "info",
                    "rate": "500/s"
                  }
                },
                "messaging": {
                  "the account's token": "any",
                  "the component's token": {
                    "publish": [
                      "orders.*"
                    ]
                  }
                }
              },
              "limits": {
                "memory": 33554432,
                "time": 5000
              },
              "means": {
                "http-server": {
                  "given": [],
                  "image": null,
                  "imports": []
                },
                "keyvalue": {
                  "given": [],
                  "image": "builtin:keyvalue",
                  "imports": [
                    "wasi:keyvalue/store@0.2.0-draft",
                    "wasi:keyvalue/atomics@0.2.0-draft"
                  ]
                },
                "logging": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:logging/logging@0.1.0-draft"
                  ]
                },
                "messaging": {
                  "given": [],
                  "image": "builtin:messaging",
                  "imports": [
                    "wasmcloud:messaging/consumer@0.2.0"
                  ]
                }
              },
              "name": "orders-api",
              "revision": 1
            },
            {
              "application": "orders",
              "called_by": [
                {
                  "capability": "http-server",
                  "config": {
                    "address": "127.0.0.1:8080",
                    "path": "/totals"
                  },
                  "given": [
                    "route any /totals"
                  ],
                  "image": "builtin:http-server",
                  "name": "httpserver"
                },
                {
                  "capability": "messaging",
                  "config": {
                    "subscriptions": "orders.*"
                  },
                  "given": [
                    "subscription orders.*"
                  ],
                  "image": "builtin:messaging",
                  "name": "messaging"
                }
              ],
              "component": "local/totals",
              "denied": [],
              "grants": {
                "http-server": {
                  "the account's token": "any",
                  "the component's token": {
                    "hosts": "any",
                    "paths": [
                      "/totals"
                    ]
                  }
                },
                "keyvalue": {
                  "the account's token": "any",
                  "the component's token": [
                    {
                      "bucket": "totals",
                      "prefix": "customer/",
                      "verbs": [
                        "read",
                        "list",
                        "increment"
                      ]
                    }
                  ]
                },
                "logging": {
                  "the account's token": "any",
                  "the component's token": {
                    "level": "info",
                    "rate": "500/s"
                  }
                },
                "messaging": {
                  "the account's token": "any",
                  "the component's token": {
                    "subscribe": [
                      "orders.*"
                    ]
                  }
                }
              },
              "limits": {
                "memory": 33554432,
                "time": 5000
              },
              "means": {
                "http-server": {
                  "given": [],
                  "image": null,
                  "imports": []
                },
                "keyvalue": {
                  "given": [],
                  "image": "builtin:keyvalue",
                  "imports": [
                    "wasi:keyvalue/store@0.2.0-draft",
                    "wasi:keyvalue/atomics@0.2.0-draft",
                    "wasi:keyvalue/batch@0.2.0-draft"
                  ]
                },
                "logging": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:logging/logging@0.1.0-draft"
                  ]
                },
                "messaging": {
                  "given": [],
                  "image": null,
                  "imports": []
                }
              },
              "name": "totals",
              "revision": 1
            }
          ],
          "links": [],
          "stores": [
            {
              "called": [],
              "members": [
                {
                  "instances": 1,
                  "name": "orders-api"
                }
              ]
            },
            {
              "called": [],
              "members": [
                {
                  "instances": 1,
                  "name": "totals"
                }
              ]
            }
          ]
        }
    "#]],
    ];
    check(&Home::shared(), &guest("orders.yaml"), 0, expected);
}

#[test]
fn links_one_of_which_is_denied() {
    let (home, scratch) = (Home::new(), Scratch::new());
    let left = json!([{ "interface": "demo:hops/left@0.1.0", "component": "b" }]);
    let topology = Topology::new(Form::Free).fork("a", "b", "c").claiming("call", left).step("b", "d").leaf("c");
    let manifest = topology.leaf("d").claiming("keyvalue", json!([])).written(&home, &scratch);
    let expected = [
        expect![[r#"
            hops: 4 components, 1 denial, so nothing of it starts

            a (mint/a, revision 1)
            ├─ ◀ web                      route any / at 127.0.0.1:8080
            ├─ ✓ call                     { component: b, interface: "demo:hops/left@0.1.0" }
            ├─ ✓ http-client              { hosts: [a.example] }
            ├─ ✓ http-server              { hosts: any, paths: [/] }
            ├─ ✓ keyvalue                 { bucket: a }
            ├─ ✓ logging                  { level: info }
            ├─ ✓ messaging                { publish: ["a.>"] }
            ├─ ▶ b (mint/b, revision 1)   demo:hops/left@0.1.0, in the same store
            │   ├─ ✓ call                     { component: d, interface: "demo:hops/left@0.1.0" }
            │   ├─ ✓ http-client              { hosts: [b.example] }
            │   ├─ ✓ keyvalue                 { bucket: b }
            │   ├─ ✓ logging                  { level: info }
            │   ├─ ✓ messaging                { publish: ["b.>"] }
            │   ├─ ✓ serve                    { component: a, interface: "demo:hops/left@0.1.0" }
            │   └─ ▶ d (mint/d, revision 1)   demo:hops/left@0.1.0, in the same store
            │       ├─ ✓ http-client   { hosts: [d.example] }
            │       ├─ ○ keyvalue      []
            │       ├─ ✓ logging       { level: info }
            │       ├─ ✓ messaging     { publish: ["d.>"] }
            │       └─ ✓ serve         { component: b, interface: "demo:hops/left@0.1.0" }
            └─ ▶ ✗ c                      demo:hops/right@0.1.0 (line 11)
                                          the token of a permits demo:hops/left@0.1.0; missing: call: [{ component: c, interface: "demo:hops/right@0.1.0" }]

            c (mint/c, revision 1)
            ├─ ✓ http-client   { hosts: [c.example] }
            ├─ ✓ keyvalue      { bucket: c }
            ├─ ✓ logging       { level: info }
            ├─ ✓ messaging     { publish: ["c.>"] }
            └─ ✓ serve         { component: a, interface: "demo:hops/right@0.1.0" }

            were it admitted, each request would have these stores:
              a + c + b + d

            ◀ is called by   ▶ calls   ✓ may   ○ has it, but may nothing with it yet   ✗ denied
        "#]],
        expect![[r##"
            flowchart LR
              n0("a<br/>mint/a")
              n1("b<br/>mint/b")
              n2("c<br/>mint/c")
              n3("d<br/>mint/d")
              n4[("http-server<br/>builtin:http-server")]
              n5[("http-client")]
              n6[("keyvalue")]
              n7[("logging")]
              n8[("messaging")]
              subgraph s0["one store"]
                n0; n2; n1; n3;
              end
              n4 ==>|"route any / at 127.0.0.1:8080"| n0
              n0 -->|"#123; hosts: #91;a.example#93; #125;"| n5
              n0 -->|"#123; bucket: a #125;"| n6
              n0 -->|"#123; level: info #125;"| n7
              n0 -->|"#123; publish: #91;#34;a.#62;#34;#93; #125;"| n8
              n1 -->|"#123; hosts: #91;b.example#93; #125;"| n5
              n1 -->|"#123; bucket: b #125;"| n6
              n1 -->|"#123; level: info #125;"| n7
              n1 -->|"#123; publish: #91;#34;b.#62;#34;#93; #125;"| n8
              n2 -->|"#123; hosts: #91;c.example#93; #125;"| n5
              n2 -->|"#123; bucket: c #125;"| n6
              n2 -->|"#123; level: info #125;"| n7
              n2 -->|"#123; publish: #91;#34;c.#62;#34;#93; #125;"| n8
              n3 -->|"#123; hosts: #91;d.example#93; #125;"| n5
              n3 -->|"#91;#93;"| n6
              n3 -->|"#123; level: info #125;"| n7
              n3 -->|"#123; publish: #91;#34;d.#62;#34;#93; #125;"| n8
              n0 ==>|"demo:hops/left#64;0.1.0<br/>in the same store"| n1
              n0 -.->|"demo:hops/right#64;0.1.0<br/>✗ a may not call demo:hops/right#64;0.1.0 of c (mint/c), as the link at line 11 says<br/>the token of a permits demo:hops/left#64;0.1.0#59; missing: call: #91;#123; component: c, interface: #34;demo:hops/right#64;0.1.0#34; #125;#93;"| n2
              n1 ==>|"demo:hops/left#64;0.1.0<br/>in the same store"| n3
              linkStyle 18 stroke:#c00000,color:#c00000
        "##]],
        expect![[r##"
            digraph {
              label="hops: 4 components, 1 denial, so nothing of it starts"
              labelloc=t
              rankdir=LR
              node [shape=box style=rounded fontname="sans-serif"]
              edge [fontname="sans-serif" fontsize=10]
              n0 [label="a\nmint/a"]
              n1 [label="b\nmint/b"]
              n2 [label="c\nmint/c"]
              n3 [label="d\nmint/d"]
              n4 [label="http-server\nbuiltin:http-server" shape=cylinder style=solid]
              n5 [label="http-client" shape=cylinder style=solid]
              n6 [label="keyvalue" shape=cylinder style=solid]
              n7 [label="logging" shape=cylinder style=solid]
              n8 [label="messaging" shape=cylinder style=solid]
              subgraph cluster_0 { label="one store" style=dashed; n0 n2 n1 n3 }
              n4 -> n0 [label="route any / at 127.0.0.1:8080\l" style=bold]
              n0 -> n5 [label="{ hosts: [a.example] }\l"]
              n0 -> n6 [label="{ bucket: a }\l"]
              n0 -> n7 [label="{ level: info }\l"]
              n0 -> n8 [label="{ publish: [\"a.>\"] }\l"]
              n1 -> n5 [label="{ hosts: [b.example] }\l"]
              n1 -> n6 [label="{ bucket: b }\l"]
              n1 -> n7 [label="{ level: info }\l"]
              n1 -> n8 [label="{ publish: [\"b.>\"] }\l"]
              n2 -> n5 [label="{ hosts: [c.example] }\l"]
              n2 -> n6 [label="{ bucket: c }\l"]
              n2 -> n7 [label="{ level: info }\l"]
              n2 -> n8 [label="{ publish: [\"c.>\"] }\l"]
              n3 -> n5 [label="{ hosts: [d.example] }\l"]
              n3 -> n6 [label="[]\l"]
              n3 -> n7 [label="{ level: info }\l"]
              n3 -> n8 [label="{ publish: [\"d.>\"] }\l"]
              n0 -> n1 [label="demo:hops/left@0.1.0\lin the same store\l" style=bold]
              n0 -> n2 [label="demo:hops/right@0.1.0\l✗ a may not call demo:hops/right@0.1.0 of c (mint/c), as the link at line 11 says\lthe token of a permits demo:hops/left@0.1.0; missing: call: [{ component: c, interface: \"demo:hops/right@0.1.0\" }]\l" style=dashed color="#c00000" fontcolor="#c00000"]
              n1 -> n3 [label="demo:hops/left@0.1.0\lin the same store\l" style=bold]
            }
        "##]],
        expect![[r#"
        {
          "admitted": false,
          "application": "hops",
          "components": [
            {
              "application": "hops",
              "called_by": [
                {
                  "capability": "http-server",
                  "config": {
                    "address": "127.0.0.1:8080",
                    "path": "/"
                  },
                  "given": [
                    "route any /"
                  ],
                  "image": "builtin:http-server",
                  "name": "web"
                }
              ],
              "component": "mint/a",
              "denied": [],
              "grants": {
                "call": {
                  "the account's token": "any",
                  "the component's token": [
                    {
                      "component": "b",
                      "interface": "demo:hops/left@0.1.0"
                    }
                  ]
                },
                "http-client": {
                  "the account's token": "any",
                  "the component's token": {
                    "hosts": [
                      "a.example"
                    ]
                  }
                },
                "http-server": {
                  "the account's token": "any",
                  "the component's token": {
                    "hosts": "any",
                    "paths": [
                      "/"
                    ]
                  }
                },
                "keyvalue": {
                  "the account's token": "any",
                  "the component's token": {
                    "bucket": "a"
                  }
                },
                "logging": {
                  "the account's token": "any",
                  "the component's token": {
                    "level": "info"
                  }
                },
                "messaging": {
                  "the account's token": "any",
                  "the component's token": {
                    "publish": [
                      "a.>"
                    ]
                  }
                }
              },
              "limits": {
                "memory": 67108864,
                "time": 10000
              },
              "means": {
                "call": {
                  "given": [],
                  "image": null,
                  "imports": []
                },
                "http-client": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:http/outgoing-handler@0.2.12"
                  ]
                },
                "http-server": {
                  "given": [],
                  "image": null,
                  "imports": []
                },
                "keyvalue": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:keyvalue/store@0.2.0-draft"
                  ]
                },
                "logging": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:logging/logging@0.1.0-draft"
                  ]
                },
                "messaging": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasmcloud:messaging/consumer@0.2.0"
                  ]
                }
              },
              "name": "a",
              "revision": 1
            },
            {
              "application": "hops",
              "called_by": [],
              "component": "mint/b",
              "denied": [],
              "grants": {
                "call": {
                  "the account's token": "any",
                  "the component's token": [
                    {
                      "component": "d",
                      "interface": "demo:hops/left@0.1.0"
                    }
                  ]
                },
                "http-client": {
                  "the account's token": "any",
                  "the component's token": {
                    "hosts": [
                      "b.example"
                    ]
                  }
                },
                "keyvalue": {
                  "the account's token": "any",
                  "the component's token": {
                    "bucket": "b"
                  }
                },
                "logging": {
                  "the account's token": "any",
                  "the component's token": {
                    "level": "info"
                  }
                },
                "messaging": {
                  "the account's token": "any",
                  "the component's token": {
                    "publish": [
                      "b.>"
                    ]
                  }
                },
                "serve": {
                  "the account's token": "any",
                  "the component's token": [
                    {
                      "component": "a",
                      "interface": "demo:hops/left@0.1.0"
                    }
                  ]
                }
              },
              "limits": {
                "memory": 67108864,
                "time": 10000
              },
              "means": {
                "call": {
                  "given": [],
                  "image": null,
                  "imports": []
                },
                "http-client": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:http/outgoing-handler@0.2.12"
                  ]
                },
                "keyvalue": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:keyvalue/store@0.2.0-draft"
                  ]
                },
                "logging": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:logging/logging@0.1.0-draft"
                  ]
                },
                "messaging": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasmcloud:messaging/consumer@0.2.0"
                  ]
                },
                "serve": {
                  "given": [],
                  "image": null,
                  "imports": []
                }
              },
              "name": "b",
              "revision": 1
            },
            {
              "application": "hops",
              "called_by": [],
              "component": "mint/c",
              "denied": [],
              "grants": {
                "http-client": {
                  "the account's token": "any",
                  "the component's token": {
                    "hosts": [
                      "c.example"
                    ]
                  }
                },
                "keyvalue": {
                  "the account's token": "any",
                  "the component's token": {
                    "bucket": "c"
                  }
                },
                "logging": {
                  "the account's token": "any",
                  "the component's token": {
                    "level": "info"
                  }
                },
                "messaging": {
                  "the account's token": "any",
                  "the component's token": {
                    "publish": [
                      "c.>"
                    ]
                  }
                },
                "serve": {
                  "the account's token": "any",
                  "the component's token": [
                    {
                      "component": "a",
                      "interface": "demo:hops/right@0.1.0"
                    }
                  ]
                }
              },
              "limits": {
                "memory": 67108864,
                "time": 10000
              },
              "means": {
                "http-client": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:http/outgoing-handler@0.2.12"
                  ]
                },
                "keyvalue": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:keyvalue/store@0.2.0-draft"
                  ]
                },
                "logging": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:logging/logging@0.1.0-draft"
                  ]
                },
                "messaging": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasmcloud:messaging/consumer@0.2.0"
                  ]
                },
                "serve": {
                  "given": [],
                  "image": null,
                  "imports": []
                }
              },
              "name": "c",
              "revision": 1
            },
            {
              "application": "hops",
              "called_by": [],
              "component": "mint/d",
              "denied": [],
              "grants": {
                "http-client": {
                  "the account's token": "any",
                  "the component's token": {
                    "hosts": [
                      "d.example"
                    ]
                  }
                },
                "keyvalue": {
                  "the account's token": "any",
                  "the component's token": []
                },
                "logging": {
                  "the account's token": "any",
                  "the component's token": {
                    "level": "info"
                  }
                },
                "messaging": {
                  "the account's token": "any",
                  "the component's token": {
                    "publish": [
                      "d.>"
                    ]
                  }
                },
                "serve": {
                  "the account's token": "any",
                  "the component's token": [
                    {
                      "component": "b",
                      "interface": "demo:hops/left@0.1.0"
                    }
                  ]
                }
              },
              "limits": {
                "memory": 67108864,
                "time": 10000
              },
              "means": {
                "http-client": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:http/outgoing-handler@0.2.12"
                  ]
                },
                "keyvalue": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:keyvalue/store@0.2.0-draft"
                  ]
                },
                "logging": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:logging/logging@0.1.0-draft"
                  ]
                },
                "messaging": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasmcloud:messaging/consumer@0.2.0"
                  ]
                },
                "serve": {
                  "given": [],
                  "image": null,
                  "imports": []
                }
              },
              "name": "d",
              "revision": 1
            }
          ],
          "links": [
            {
              "denied": [],
              "export": "demo:hops/left@0.1.0",
              "form": "together",
              "from": "a",
              "import": "demo:hops/left@0.1.0",
              "in_front": false,
              "line": 10,
              "to": "b"
            },
            {
              "denied": [
                {
                  "caller": null,
                  "capability": null,
                  "component": "a",
                  "hint": null,
                  "import": null,
                  "lacking": [
                    {
                      "document": "the component's token",
                      "line": "call: [{ component: c, interface: \"demo:hops/right@0.1.0\" }]",
                      "reason": "permits demo:hops/left@0.1.0"
                    }
                  ],
                  "what": "may not call demo:hops/right@0.1.0 of c (mint/c), as the link at line 11 says"
                }
              ],
              "export": "demo:hops/right@0.1.0",
              "form": null,
              "from": "a",
              "import": "demo:hops/right@0.1.0",
              "in_front": false,
              "line": 11,
              "to": "c"
            },
            {
              "denied": [],
              "export": "demo:hops/left@0.1.0",
              "form": "together",
              "from": "b",
              "import": "demo:hops/left@0.1.0",
              "in_front": false,
              "line": 16,
              "to": "d"
            }
          ],
          "stores": [
            {
              "called": [],
              "members": [
                {
                  "instances": 1,
                  "name": "a"
                },
                {
                  "instances": 1,
                  "name": "c"
                },
                {
                  "instances": 1,
                  "name": "b"
                },
                {
                  "instances": 1,
                  "name": "d"
                }
              ]
            }
          ]
        }
    "#]],
    ];
    check(&home, &manifest, 1, expected);
}

#[test]
fn a_link_that_cannot_be_and_an_import_that_nobody_serves() {
    let (home, scratch) = (Home::new(), Scratch::new());
    let wasm = |name: &str| std::fs::read(unsigned_guest(name)).unwrap();
    let topology = Topology::new(Form::Free).component("a", wasm("hop-fork.wasm"), vec![("left", "b")]);
    let manifest = topology.component("b", wasm("calc.wasm"), vec![]).written(&home, &scratch);
    let expected = [
        expect![[r#"
        hops: 2 components, 2 denials, so nothing of it starts

        a (mint/a, revision 1)
        ├─ ◀ web                     route any / at 127.0.0.1:8080
        ├─ ✓ http-client             { hosts: [a.example] }
        ├─ ✓ http-server             { hosts: any, paths: [/] }
        ├─ ✓ keyvalue                { bucket: a }
        ├─ ✓ logging                 { level: info }
        ├─ ✓ messaging               { publish: ["a.>"] }
        ├─ ✗ demo:hops/right@0.1.0   imports demo:hops/right@0.1.0, which nobody serves here: the entry at line 6 has no link that does
        │                            hint: write a `link` there to a component that exports it, or build without it
        └─ ▶ ✗ b                     demo:hops/left (line 10)
                                     a is linked to b at line 10 for demo:hops/left, but b exports no such interface
                                     hint: link it to a component that exports it

        b (mint/b, revision 1)

        ◀ is called by   ▶ calls   ✓ may   ○ has it, but may nothing with it yet   ✗ denied
    "#]],
        expect![[r##"
        flowchart LR
          n0("a<br/>mint/a"):::denied
          n1("b<br/>mint/b")
          n2[("http-server<br/>builtin:http-server")]
          n3[("http-client")]
          n4[("keyvalue")]
          n5[("logging")]
          n6[("messaging")]
          n7[("demo:hops/right#64;0.1.0")]
          n2 ==>|"route any / at 127.0.0.1:8080"| n0
          n0 -->|"#123; hosts: #91;a.example#93; #125;"| n3
          n0 -->|"#123; bucket: a #125;"| n4
          n0 -->|"#123; level: info #125;"| n5
          n0 -->|"#123; publish: #91;#34;a.#62;#34;#93; #125;"| n6
          n0 -.->|"✗ imports demo:hops/right#64;0.1.0, which nobody serves here: the entry at line 6 has no link that does<br/>hint: write a #96;link#96; there to a component that exports it, or build without it"| n7
          n0 -.->|"demo:hops/left<br/>✗ a is linked to b at line 10 for demo:hops/left, but b exports no such interface<br/>hint: link it to a component that exports it"| n1
          linkStyle 5,6 stroke:#c00000,color:#c00000
          classDef denied stroke:#c00000
    "##]],
        expect![[r##"
        digraph {
          label="hops: 2 components, 2 denials, so nothing of it starts"
          labelloc=t
          rankdir=LR
          node [shape=box style=rounded fontname="sans-serif"]
          edge [fontname="sans-serif" fontsize=10]
          n0 [label="a\nmint/a" color="#c00000"]
          n1 [label="b\nmint/b"]
          n2 [label="http-server\nbuiltin:http-server" shape=cylinder style=solid]
          n3 [label="http-client" shape=cylinder style=solid]
          n4 [label="keyvalue" shape=cylinder style=solid]
          n5 [label="logging" shape=cylinder style=solid]
          n6 [label="messaging" shape=cylinder style=solid]
          n7 [label="demo:hops/right@0.1.0" shape=cylinder style=solid]
          n2 -> n0 [label="route any / at 127.0.0.1:8080\l" style=bold]
          n0 -> n3 [label="{ hosts: [a.example] }\l"]
          n0 -> n4 [label="{ bucket: a }\l"]
          n0 -> n5 [label="{ level: info }\l"]
          n0 -> n6 [label="{ publish: [\"a.>\"] }\l"]
          n0 -> n7 [label="✗ imports demo:hops/right@0.1.0, which nobody serves here: the entry at line 6 has no link that does\lhint: write a `link` there to a component that exports it, or build without it\l" style=dashed color="#c00000" fontcolor="#c00000"]
          n0 -> n1 [label="demo:hops/left\l✗ a is linked to b at line 10 for demo:hops/left, but b exports no such interface\lhint: link it to a component that exports it\l" style=dashed color="#c00000" fontcolor="#c00000"]
        }
    "##]],
        expect![[r#"
        {
          "admitted": false,
          "application": "hops",
          "components": [
            {
              "application": "hops",
              "called_by": [
                {
                  "capability": "http-server",
                  "config": {
                    "address": "127.0.0.1:8080",
                    "path": "/"
                  },
                  "given": [
                    "route any /"
                  ],
                  "image": "builtin:http-server",
                  "name": "web"
                }
              ],
              "component": "mint/a",
              "denied": [
                {
                  "caller": null,
                  "capability": null,
                  "component": "a",
                  "hint": "write a `link` there to a component that exports it, or build without it",
                  "import": "demo:hops/right@0.1.0",
                  "lacking": [],
                  "what": "imports demo:hops/right@0.1.0, which nobody serves here: the entry at line 6 has no link that does"
                }
              ],
              "grants": {
                "http-client": {
                  "the account's token": "any",
                  "the component's token": {
                    "hosts": [
                      "a.example"
                    ]
                  }
                },
                "http-server": {
                  "the account's token": "any",
                  "the component's token": {
                    "hosts": "any",
                    "paths": [
                      "/"
                    ]
                  }
                },
                "keyvalue": {
                  "the account's token": "any",
                  "the component's token": {
                    "bucket": "a"
                  }
                },
                "logging": {
                  "the account's token": "any",
                  "the component's token": {
                    "level": "info"
                  }
                },
                "messaging": {
                  "the account's token": "any",
                  "the component's token": {
                    "publish": [
                      "a.>"
                    ]
                  }
                }
              },
              "limits": {
                "memory": 67108864,
                "time": 10000
              },
              "means": {
                "http-client": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:http/outgoing-handler@0.2.12"
                  ]
                },
                "http-server": {
                  "given": [],
                  "image": null,
                  "imports": []
                },
                "keyvalue": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:keyvalue/store@0.2.0-draft"
                  ]
                },
                "logging": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:logging/logging@0.1.0-draft"
                  ]
                },
                "messaging": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasmcloud:messaging/consumer@0.2.0"
                  ]
                }
              },
              "name": "a",
              "revision": 1
            },
            {
              "application": "hops",
              "called_by": [],
              "component": "mint/b",
              "denied": [],
              "grants": {},
              "limits": {
                "memory": 67108864,
                "time": 10000
              },
              "means": {},
              "name": "b",
              "revision": 1
            }
          ],
          "links": [
            {
              "denied": [
                {
                  "caller": null,
                  "capability": null,
                  "component": "a",
                  "hint": "link it to a component that exports it",
                  "import": null,
                  "lacking": [],
                  "what": "is linked to b at line 10 for demo:hops/left, but b exports no such interface"
                }
              ],
              "export": null,
              "form": null,
              "from": "a",
              "import": "demo:hops/left",
              "in_front": false,
              "line": 10,
              "to": "b"
            }
          ],
          "stores": [
            {
              "called": [],
              "members": [
                {
                  "instances": 1,
                  "name": "a"
                }
              ]
            },
            {
              "called": [],
              "members": [
                {
                  "instances": 1,
                  "name": "b"
                }
              ]
            }
          ]
        }
    "#]],
    ];
    check(&home, &manifest, 1, expected);
}

#[test]
fn an_intruder() {
    let drawn = graph(&Home::shared(), &Scratch::new(), &guest("intruder.yaml"), "tree");
    assert_eq!(drawn.status.code(), Some(1));
    expect![[r#"
        intruder: 1 component, 3 denials, so nothing of it starts

        intruder (local/intruder, revision 1)
        ├─ ◀ ✗ httpserver   may not be called through wasi:http/incoming-handler@0.2.12: route any /orders (line 21)
        │                   the token of intruder has no `http-server`; missing: http-server: [{ hosts: any, paths: [/orders] }]
        ├─ ✓ logging        { level: info }
        ├─ ✗ keyvalue       may not use keyvalue: it imports wasi:keyvalue/store@0.2.0-draft
        │                   the token of intruder has no `keyvalue`; missing: keyvalue: []
        └─ ✗ messaging      may not use messaging: it imports wasmcloud:messaging/consumer@0.2.0
                            the token of intruder has no `messaging`; missing: messaging: []

        ◀ is called by   ▶ calls   ✓ may   ○ has it, but may nothing with it yet   ✗ denied
    "#]].assert_eq(&drawn.stdout);
    expect![[r#"
        hint: `writ up intruder.yaml --check` has every denial with the lines to paste
    "#]]
    .assert_eq(&drawn.stderr.replace(&*guest("intruder.yaml").to_string_lossy(), "intruder.yaml"));
}

#[test]
fn names_are_only_names() {
    let (home, scratch, mint) = (Home::new(), Scratch::new(), Mint::new());
    let hostile = "x\"]; evil -> k [label=\"\\l</b>`%%{init:{}}%% | a\u{202e}b\u{2028}\u{e0041}";
    let claims = BTreeMap::from([
        (
            "keyvalue".to_owned(),
            json!([{ "bucket": hostile, "prefix": "\u{1b}]52;c;x\u{7}\n└─ ✓ keyvalue any" }, { "bucket": "x\"]; --> y" }]),
        ),
        ("logging".to_owned(), json!({ "level": "info" })),
        ("messaging".to_owned(), json!({ "publish": ["end;class.x&quot;#quot;"] })),
        ("http-server".to_owned(), json!({ "hosts": "any", "paths": ["/"] })),
    ]);
    let wasm = std::fs::read(unsigned_guest("hop-leaf.wasm")).unwrap();
    scratch.write("one.wasm", mint.sign_as("end", &claims, &BTreeMap::new(), &wasm));
    home.writ(&["trust", "add", &mint.operator(), "--any"]).succeeded();
    let manifest = scratch.write(
        "app.yaml",
        r#"
apiVersion: core.oam.dev/v1beta1
kind: Application
metadata: { name: app }
spec:
  components:
    - name: end
      type: component
      properties: { image: one.wasm }
      traits:
        - type: link
          properties:
            target: { name: store, config: [{ name: buckets, properties: { 'bucket."]--><b>%%': 'x"]; --> y' } }] }
            namespace: wasi
            package: keyvalue
            interfaces: [store]
        - type: link
          properties:
            target: { name: variables, config: [{ name: given, properties: { 'A"]--><b>%%{': b } }] }
            namespace: wasi
            package: cli
            interfaces: [environment]
    - name: variables
      type: capability
      properties: { image: "builtin:environment" }
    - name: store
      type: capability
      properties: { image: "builtin:keyvalue" }
    - name: web
      type: capability
      properties: { image: "builtin:http-server" }
      traits:
        - type: link
          properties:
            target: { name: end }
            namespace: wasi
            package: http
            interfaces: [incoming-handler]
            source: { config: [{ name: route, properties: { address: "127.0.0.1:8080", path: "/" } }] }
"#,
    );
    let expected = [
        expect![[r#"
        app: 1 component, 2 denials, so nothing of it starts

        end (mint/end, revision 1)
        ├─ ◀ web           route any / at 127.0.0.1:8080
        ├─ ✓ http-server   { hosts: any, paths: [/] }
        ├─ ✓ keyvalue      { bucket: "x\"]; evil -> k [label=\"\\l</b>`%%{init:{}}%% | a\u{202e}b\u{2028}\u{e0041}", prefix: "\u001b]52;c;x\u0007\n└─ ✓ keyvalue any" }
        │                  { bucket: "x\"]; --> y" }
        │                  from builtin:keyvalue, given the bucket `x\"]; --> y` as `\"]--><b>%%`
        ├─ ✓ logging       { level: info }
        ├─ ✓ messaging     { publish: ["end;class.x&quot;#quot;"] }
        ├─ ✗ environment   may not use environment: variable A"]--><b>%%{ (line 17)
        │                  the token of end has no `environment`; missing: environment: [{ names: ["A\"]--><b>%%{"] }]
        └─ ✗ http-client   may not use http-client: it imports wasi:http/outgoing-handler@0.2.12
                           the token of end has no `http-client`; missing: http-client: []

        ◀ is called by   ▶ calls   ✓ may   ○ has it, but may nothing with it yet   ✗ denied
    "#]],
        expect![[r##"
        flowchart LR
          n0("end<br/>mint/end"):::denied
          n1[("http-server<br/>builtin:http-server")]
          n2[("keyvalue<br/>builtin:keyvalue")]
          n3[("logging")]
          n4[("messaging")]
          n5[("environment")]
          n6[("http-client")]
          n1 ==>|"route any / at 127.0.0.1:8080"| n0
          n0 -->|"#123; bucket: #34;x#92;#34;#93;#59; evil -#62; k #91;label=#92;#34;#92;#92;l#60;/b#62;#96;#37;#37;#123;init:#123;#125;#125;#37;#37; #124; a#92;u#123;202e#125;b#92;u#123;2028#125;#92;u#123;e0041#125;#34;, prefix: #34;#92;u001b#93;52#59;c#59;x#92;u0007#92;n#9492;#9472; #10003; keyvalue any#34; #125;<br/>#123; bucket: #34;x#92;#34;#93;#59; --#62; y#34; #125;<br/>from builtin:keyvalue, given the bucket #96;x#92;#34;#93;#59; --#62; y#96; as #96;#92;#34;#93;--#62;#60;b#62;#37;#37;#96;"| n2
          n0 -->|"#123; level: info #125;"| n3
          n0 -->|"#123; publish: #91;#34;end#59;class.x#38;quot#59;#35;quot#59;#34;#93; #125;"| n4
          n0 -.->|"✗ may not use environment: variable A#34;#93;--#62;#60;b#62;#37;#37;#123; (line 17)<br/>the token of end has no #96;environment#96;#59; missing: environment: #91;#123; names: #91;#34;A#92;#34;#93;--#62;#60;b#62;#37;#37;#123;#34;#93; #125;#93;"| n5
          n0 -.->|"✗ may not use http-client: it imports wasi:http/outgoing-handler#64;0.2.12<br/>the token of end has no #96;http-client#96;#59; missing: http-client: #91;#93;"| n6
          linkStyle 4,5 stroke:#c00000,color:#c00000
          classDef denied stroke:#c00000
    "##]],
        expect![[r##"
        digraph {
          label="app: 1 component, 2 denials, so nothing of it starts"
          labelloc=t
          rankdir=LR
          node [shape=box style=rounded fontname="sans-serif"]
          edge [fontname="sans-serif" fontsize=10]
          n0 [label="end\nmint/end" color="#c00000"]
          n1 [label="http-server\nbuiltin:http-server" shape=cylinder style=solid]
          n2 [label="keyvalue\nbuiltin:keyvalue" shape=cylinder style=solid]
          n3 [label="logging" shape=cylinder style=solid]
          n4 [label="messaging" shape=cylinder style=solid]
          n5 [label="environment" shape=cylinder style=solid]
          n6 [label="http-client" shape=cylinder style=solid]
          n1 -> n0 [label="route any / at 127.0.0.1:8080\l" style=bold]
          n0 -> n2 [label="{ bucket: \"x\\\"]; evil -> k [label=\\\"\\\\l</b>`%%{init:{}}%% | a\\u{202e}b\\u{2028}\\u{e0041}\", prefix: \"\\u001b]52;c;x\\u0007\\n└─ ✓ keyvalue any\" }\l{ bucket: \"x\\\"]; --> y\" }\lfrom builtin:keyvalue, given the bucket `x\\\"]; --> y` as `\\\"]--><b>%%`\l"]
          n0 -> n3 [label="{ level: info }\l"]
          n0 -> n4 [label="{ publish: [\"end;class.x&amp;quot;#quot;\"] }\l"]
          n0 -> n5 [label="✗ may not use environment: variable A\"]--><b>%%{ (line 17)\lthe token of end has no `environment`; missing: environment: [{ names: [\"A\\\"]--><b>%%{\"] }]\l" style=dashed color="#c00000" fontcolor="#c00000"]
          n0 -> n6 [label="✗ may not use http-client: it imports wasi:http/outgoing-handler@0.2.12\lthe token of end has no `http-client`; missing: http-client: []\l" style=dashed color="#c00000" fontcolor="#c00000"]
        }
    "##]],
        expect![[r#"
        {
          "admitted": false,
          "application": "app",
          "components": [
            {
              "application": "app",
              "called_by": [
                {
                  "capability": "http-server",
                  "config": {
                    "address": "127.0.0.1:8080",
                    "path": "/"
                  },
                  "given": [
                    "route any /"
                  ],
                  "image": "builtin:http-server",
                  "name": "web"
                }
              ],
              "component": "mint/end",
              "denied": [
                {
                  "caller": null,
                  "capability": "environment",
                  "component": "end",
                  "hint": null,
                  "import": null,
                  "lacking": [
                    {
                      "document": "the component's token",
                      "line": "environment: [{ names: [\"A\\\"]--><b>%%{\"] }]",
                      "reason": "has no `environment`"
                    }
                  ],
                  "what": "may not use environment: variable A\"]--><b>%%{ (line 17)"
                },
                {
                  "caller": null,
                  "capability": "http-client",
                  "component": "end",
                  "hint": null,
                  "import": null,
                  "lacking": [
                    {
                      "document": "the component's token",
                      "line": "http-client: []",
                      "reason": "has no `http-client`"
                    }
                  ],
                  "what": "may not use http-client: it imports wasi:http/outgoing-handler@0.2.12"
                }
              ],
              "grants": {
                "http-server": {
                  "the account's token": "any",
                  "the component's token": {
                    "hosts": "any",
                    "paths": [
                      "/"
                    ]
                  }
                },
                "keyvalue": {
                  "the account's token": "any",
                  "the component's token": [
                    {
                      "bucket": "x\"]; evil -> k [label=\"\\l</b>`%%{init:{}}%% | a\u{202e}b\u{2028}\u{e0041}",
                      "prefix": "\u001b]52;c;x\u0007\n└─ ✓ keyvalue any"
                    },
                    {
                      "bucket": "x\"]; --> y"
                    }
                  ]
                },
                "logging": {
                  "the account's token": "any",
                  "the component's token": {
                    "level": "info"
                  }
                },
                "messaging": {
                  "the account's token": "any",
                  "the component's token": {
                    "publish": [
                      "end;class.x&quot;#quot;"
                    ]
                  }
                }
              },
              "limits": {
                "memory": 67108864,
                "time": 10000
              },
              "means": {
                "http-client": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:http/outgoing-handler@0.2.12"
                  ]
                },
                "http-server": {
                  "given": [],
                  "image": null,
                  "imports": []
                },
                "keyvalue": {
                  "given": [
                    "the bucket `x\\\"]; --> y` as `\\\"]--><b>%%`"
                  ],
                  "image": "builtin:keyvalue",
                  "imports": [
                    "wasi:keyvalue/store@0.2.0-draft"
                  ]
                },
                "logging": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasi:logging/logging@0.1.0-draft"
                  ]
                },
                "messaging": {
                  "given": [],
                  "image": null,
                  "imports": [
                    "wasmcloud:messaging/consumer@0.2.0"
                  ]
                }
              },
              "name": "end",
              "revision": 1
            }
          ],
          "links": [],
          "stores": [
            {
              "called": [],
              "members": [
                {
                  "instances": 1,
                  "name": "end"
                }
              ]
            }
          ]
        }
    "#]],
    ];
    check(&home, &manifest, 1, expected);
    for format in ["tree", "mermaid", "dot", "json"] {
        let drawn = graph(&home, &scratch, &manifest, format).stdout;
        assert!(!drawn.contains(is_unsafe), "{format}: {drawn:?}");
    }
}

/// Nothing is derived twice: what is drawn is the record of what the host granted when it deployed.
#[track_caller]
fn admitted(home: &Home, scratch: &Scratch, manifest: &std::path::Path, up: Up) {
    up.stop();
    let data = scratch.data();
    let shown = home.writ(&["audit", "show", "--output", "json", "--data", data.to_str().unwrap()]).succeeded().stdout;
    let events = shown.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let (mut granted, mut deployed) = (Vec::new(), Vec::new());
    for mut event in events {
        let fields = event.as_object_mut().unwrap();
        ["seq", "at", "prev"].iter().for_each(|field| assert!(fields.remove(*field).is_some()));
        match fields.remove("event").unwrap().as_str().unwrap() {
            "granted" => granted.push(event),
            "deployed" => deployed.push(event),
            _ => {}
        }
    }
    let output = graph(home, scratch, manifest, "json");
    let graph: Value = serde_json::from_str(&output.succeeded().stdout).unwrap();
    let nodes = graph["components"].as_array().unwrap();
    assert!(!nodes.is_empty() && graph["admitted"] == true);
    assert_eq!(deployed[0]["components"], nodes.len());
    let drawn = |node: &Value| {
        let fields = granted[0].as_object().unwrap().keys();
        fields.map(|field| (field.clone(), node[field].clone())).collect::<Value>()
    };
    assert_eq!(nodes.iter().map(drawn).collect::<Vec<_>>(), granted);
}

#[test]
fn what_is_drawn_of_the_order_application_is_what_the_host_granted() {
    let (home, scratch, manifest) = (Home::shared(), Scratch::new(), guest("orders.yaml"));
    let up = Up::start(&home, &manifest, &scratch.data());
    admitted(&home, &scratch, &manifest, up);
}

#[test]
fn what_is_drawn_of_links_is_what_the_host_granted() {
    for form in Form::ALL {
        let (home, scratch) = (Home::new(), Scratch::new());
        let topology = Topology::new(form).fork("a", "b", "c").step("b", "d").step("c", "d").elsewhere().leaf("d");
        let manifest = topology.written(&home, &scratch);
        let up = Up::start(&home, &manifest, &scratch.data());
        admitted(&home, &scratch, &manifest, up);
        let graph: Value = serde_json::from_str(&graph(&home, &scratch, &manifest, "json").stdout).unwrap();
        let link =
            |link: &Value| [&link["from"], &link["to"], &link["form"]].map(|text| text.as_str().unwrap().to_owned());
        let links: Vec<_> = graph["links"].as_array().unwrap().iter().map(link).collect();
        // Another account's component is never in its caller's store.
        let near = if form == Form::Free { "together" } else { "separate" };
        let expected = [["a", "b", near], ["a", "c", "separate"], ["b", "d", near], ["c", "d", "separate"]];
        assert_eq!(links, expected, "{form:?}");
    }
}

#[test]
fn what_does_not_verify_is_not_drawn() {
    let (stranger, scratch) = (Home::new(), Scratch::new());
    let said = graph(&stranger, &scratch, &guest("orders.yaml"), "tree");
    assert_eq!((said.status.code(), said.stdout.as_str()), (Some(1), ""));
    assert!(said.stderr.contains("orders-api") && said.stderr.contains("totals"), "{said:?}");
}

#[test]
fn a_thousand_components_are_too_many_to_draw() {
    check_too_many(1001, "big has 1001 components, and at most 1000 are drawn");
    check_too_many(10_000, "`components` has 10000 entries: an application has at most 4096");
}

#[track_caller]
fn check_too_many(components: usize, expected: &str) {
    use std::fmt::Write as _;
    let scratch = Scratch::new();
    let mut text =
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: { name: big }\nspec:\n  components:\n"
            .to_owned();
    (0..components).for_each(|at| {
        writeln!(text, "    - {{ name: c{at}, type: component, properties: {{ image: c.wasm }} }}").unwrap();
    });
    let stderr = graph(&Home::new(), &scratch, &scratch.write("app.yaml", text), "tree").refused();
    assert!(stderr.contains(expected), "{stderr}");
}
