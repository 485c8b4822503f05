//! The example of `docs/embedding.md`, run.

use writ_tests::unsigned_guest;

// Its own `main` reads arguments; here it is called as any program would call it.
#[expect(dead_code)]
#[path = "../../../host/examples/embed.rs"]
mod example;

#[tokio::test(flavor = "multi_thread")]
async fn signs_loads_and_calls() {
    let component = std::fs::read(unsigned_guest("calc.wasm")).unwrap();
    let answer = example::call(&component, "greet", &["\"ada\"".to_owned()]).await.unwrap();
    assert_eq!(answer.as_deref(), Some("\"Hello, ada\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn says_why_not() {
    let component = std::fs::read(unsigned_guest("totals.wasm")).unwrap();
    let error = example::call(&component, "handle", &[]).await.unwrap_err().to_string();
    assert!(error.contains("denied: guest (acme/guest) imports wasi:keyvalue/store"), "{error}");
    assert!(error.contains("which nobody serves here"), "{error}");
}
