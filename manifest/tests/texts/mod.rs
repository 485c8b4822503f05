//! The texts that the tests read, whole and altered.

#![allow(dead_code, reason = "each test program uses some of them")]

/// A component's key, an operator's key.
pub(crate) const ID: &str = "MBNLQ63RHLT6QYJRAKQUTQ2MDS5JJ7TTQ6E7FR3NJJUDLW5ZZKJX2XYZ";
pub(crate) const OPERATOR: &str = "OBNLQ63RHLT6QYJRAKQUTQ2MDS5JJ7TTQ6E7FR3NJJUDLW5ZZKJX2XYZ";

/// The new form, with everything one host can do.
pub(crate) const ORDERS: &str = r#"apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: orders
  annotations:
    version: 0.1.0
    description: Takes orders, prices them, tells whoever listens
    example.com/team: shop
  labels: { stage: no }
spec: # what follows is deployed together
  components:
    - name: orders
      type: component
      properties:
        image: components/orders.wasm
        id: orders-1
        config:
          - name: defaults
            properties: { currency: USD, mode: live }
          - name: europe
            properties:
              currency: EUR
      traits:
        - type: spreadscaler
          properties: { instances: 4 }
        - type: link
          properties:
            target:
              name: kv
              config:
                - name: buckets
                  properties: { bucket.orders: shop-orders, bucket.default: shop }
            namespace: wasi
            package: keyvalue
            interfaces: [store, atomics]
        - type: link
          properties:
            name: price
            target: { name: pricing }
            namespace: demo
            package: pricing
            interfaces: [price]
            isolation: separate
        - type: writ.dev/restrict
          properties:
            claims:
              keyvalue:
                - { bucket: orders, verbs: [read, write], size: 64KiB }
              http-server: any
              blobstore: []
    - name: pricing
      type: component
      properties:
        image: registry.example/pricing:1.2.0
        config: [{ name: europe }]
    - name: http
      type: capability
      properties: { image: "builtin:http-server" }
      traits:
        - type: link
          properties:
            source:
              config:
                - name: address
                  properties: { address: "0.0.0.0:8080", path: /orders }
            target: { name: orders }
            namespace: wasi
            package: http
            interfaces: [incoming-handler]
    - name: kv
      type: capability
      properties: { image: "builtin:keyvalue" }
    - name: nats
      type: capability
      properties: { image: "builtin:messaging" }
      traits:
        - type: link
          properties:
            source:
              config:
                - name: subscriptions
                  properties: { subscriptions: "orders.*,returns.>" }
            target: { name: orders }
            namespace: wasmcloud
            package: messaging
            interfaces: [handler]
"#;

/// The form that older wadm wrote.
pub(crate) const OLD_FORM: &str = "apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: echo
spec:
  components:
  - name: echo
    type: actor
    properties:
      image: ghcr.io/example/echo:0.3.8
    traits:
    - type: daemonscaler
      properties:
        replicas: 3
    - type: link
      properties:
        target: kv
        namespace: wasi
        package: keyvalue
        interfaces:
        - store
        target_config:
        - name: kv-bucket
          properties:
            bucket.default: echo
  - name: kv
    type: capability
    properties:
      image: ghcr.io/wasmcloud/keyvalue-redis:0.24.0
  - name: httpserver
    type: capability
    properties:
      image: ghcr.io/wasmcloud/http-server:0.20.0
    traits:
    - type: link
      properties:
        target: echo
        namespace: wasi
        package: http
        interfaces:
        - incoming-handler
        source_config:
        - name: default-http
          properties:
            address: 127.0.0.1:8080
";

/// What one host alone cannot do.
pub(crate) const SHARED: &str = "apiVersion: core.oam.dev/v1beta1
kind: Application
metadata:
  name: shared
spec:
  policies:
    - name: vault
      type: policy.secret.wasmcloud.dev/v1alpha1
      properties:
        backend: vault-prod
        mount: kv
  components:
    - name: api
      type: component
      properties:
        id: api
        application:
          name: platform
          component: gateway
        secrets:
          - name: token
            properties: { policy: vault, key: api/token, field: value, version: '2' }
      traits:
        - type: spreadscaler
          properties:
            instances: 5
            spread:
              - name: east
                requirements: { zone: east }
                weight: 80
              - name: west
                requirements: { zone: west }
                weight: 20
        - type: link
          properties:
            namespace: wasi
            package: http
            interfaces: [outgoing-handler]
            target:
              name: client
              secrets:
                - name: certificate
                  properties: { policy: vault, key: tls }
    - name: client
      type: capability
      properties: { image: 'builtin:http-client' }
      traits:
        - type: daemonscaler
          properties: { instances: 2 }
";

/// A component's own file.
pub(crate) const COMPONENT: &str = "name: orders-api
id: MBNLQ63RHLT6QYJRAKQUTQ2MDS5JJ7TTQ6E7FR3NJJUDLW5ZZKJX2XYZ # written by `writ sign`
version: 0.1.0
revision: 3 # grows with every release
expires: 90d
build: { language: rust }
claims:
  keyvalue:
    - bucket: orders
      prefix: order/
      verbs: [read, write, increment]
      size: 64KiB
  logging: { level: info, rate: 200/s }
  messaging: { publish: [\"orders.*\"] }
  http-server: { hosts: any, paths: [/orders] }
  call: [{ interface: \"demo:pricing/price@0.1\", component: pricing }]
limits: { memory: 32MiB, time: 500ms }
";
