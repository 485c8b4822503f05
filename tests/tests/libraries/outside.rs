//! The providers of `docs/writing-a-provider.md`, on a host that has no others.

use std::collections::BTreeMap;
use std::time::Duration;

use example_locks::Locks;
use example_schedule::Schedule;
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use writ_host::{Admission, Artifact, Candidate, Capacity, Denials, Host, Policies, Registry, Settings, now};
use writ_manifest::{Application, TrustPolicy};
use writ_signing::{Revocations, Roots};
use writ_tests::{Mint, unsigned_guest};

/// A manifest that links both.
const LINKED: &str = include_str!("../../../docs/examples/reports.yaml");

/// The guest of these claims on a host, both in the hands of one operator.
struct Case {
    mint: Mint,
    host: Host,
}

impl Case {
    fn new(claims: Value) -> Self {
        let mut mint = Mint::new();
        mint.claims = serde_json::from_value(claims).unwrap();
        let trust = BTreeMap::from([(mint.operator().parse().unwrap(), TrustPolicy::Any)]);
        let registry = Registry::new()
            .provider::<Locks>("registry.example/acme/locks", || ())
            .trigger::<Schedule>("registry.example/acme/schedule", || ());
        let settings = Settings {
            capacity: Capacity { stores: 4, time: Duration::from_secs(3), ..Capacity::default() },
            policies: Policies { host: None, trust },
            ..Settings::default()
        };
        Self { mint, host: Host::new(settings, registry).unwrap() }
    }

    fn decide(&self, application: &Application) -> Result<Admission, Denials> {
        let signed = self.mint.sign(&std::fs::read(unsigned_guest("report.wasm")).unwrap());
        let roots = Roots::from_iter([(self.mint.operator().parse().unwrap(), Revocations::Never)]);
        let verified = Artifact::new(signed).unwrap().verify(&roots, now()).unwrap();
        let candidate = Candidate { entry: &application.components[0], verified: &verified };
        self.host.authorize(&[candidate], application)
    }

    /// What `hold` answers; a new instance each time.
    async fn hold(&self, admission: &Admission, names: &[&str], wait: u32) -> String {
        let args = [format!("{names:?}"), wait.to_string()];
        self.host.call(admission, "hold", &args).await.unwrap().unwrap()
    }
}

fn application(text: &str) -> Application {
    Application::parse(text).unwrap()
}

#[track_caller]
fn check_denied(claims: Value, application: &Application, expected: Expect) {
    let Err(denials) = Case::new(claims).decide(application) else { panic!("it was granted") };
    expected.assert_eq(&denials.to_string());
}

#[test]
fn without_a_claim_it_is_refused_with_the_line_to_write() {
    check_denied(
        json!({}),
        &Application::alone("report"),
        expect![[r#"
        denied: report (mint/minted) may not use locks: it imports example:locks/locks@0.1.0
          the component's token has no `locks`

        to allow it to report, write in the component's token (its writ.yaml, below `claims:`; then sign again):
          locks: []  # links it, permits nothing yet; an entry is like { lock: NAME, wait: 500ms }
    "#]],
    );
    check_denied(
        json!({}),
        &application(LINKED),
        expect![[r#"
        denied: report (mint/minted) may not use locks: the lock `report` (line 10)
          the component's token has no `locks`
        denied: report (mint/minted) may not be called through example:schedule/job@0.1.0: every 1s (line 23)
          the component's token has no `schedule`

        to allow it to report, write in the component's token (its writ.yaml, below `claims:`; then sign again):
          locks: [{ lock: report }]
          schedule: [{ every: "1s" }]
    "#]],
    );
}

#[test]
fn what_a_link_asks_for_must_be_claimed() {
    let claims = json!({ "locks": { "lock": "invoices" }, "schedule": { "every": "1m" } });
    check_denied(
        claims,
        &application(LINKED),
        expect![[r#"
        denied: report (mint/minted) may not use locks: the lock `report` (line 10)
          the component's token permits the lock `invoices`, not `report`
        denied: report (mint/minted) may not be called through example:schedule/job@0.1.0: every 1s (line 23)
          the component's token permits a run every 1m, not every 1s

        to allow it to report, write in the component's token (its writ.yaml, below `claims:`; then sign again):
          locks: [{ lock: invoices }, { lock: report }]
          schedule: [{ every: "1m" }, { every: "1s" }]
    "#]],
    );
    let claims = || json!({ "locks": { "lock": "any" }, "schedule": "any" });
    check_denied(
        claims(),
        &application(&LINKED.replace("lock: report", "name: report")),
        expect![[r#"
        denied: report (mint/minted) cannot use locks: in the link at line 10, `name`: unknown; locks knows `lock`
          hint: correct the link's configuration in the manifest
    "#]],
    );
    check_denied(
        claims(),
        &application(&LINKED.replace("every: 1s", "every: 0s")),
        expect![[r#"
        denied: report (mint/minted) cannot be called through example:schedule/job@0.1.0: in the link at line 23, `every`: a run needs an interval
          hint: correct the link's configuration in the manifest
    "#]],
    );
    check_denied(
        claims(),
        &application(&LINKED.replace("acme/locks", "acme/lock")),
        expect![[r#"
        denied: report (mint/minted) is linked at line 10 to the image registry.example/acme/lock:1.0.0, which does not serve locks
          hint: use `image: registry.example/acme/locks`
    "#]],
    );
}

#[test]
fn a_claim_that_it_does_not_understand_is_refused() {
    check_denied(
        json!({ "locks": { "lock": "a", "hold": "1s" } }),
        &Application::alone("report"),
        expect![[r#"
        denied: report (mint/minted) has a claim that cannot be understood
          the component's token says of `locks`: entry 1: unknown field `hold`, expected one of `lock`, `wait`, `rate`
          hint: correct that document; capabilities served here: call, serve, environment, filesystem, clocks, locks, schedule
    "#]],
    );
    check_denied(
        json!({ "locks": "any" }),
        &Application::alone("report"),
        expect![[r#"
        denied: report (mint/minted) has a claim that cannot be understood
          the component's token says of `locks`: `any` belongs in its naming field; an entry is like { lock: NAME, wait: 500ms }
          hint: correct that document; capabilities served here: call, serve, environment, filesystem, clocks, locks, schedule
    "#]],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_is_told_what_its_claims_permit() {
    let case = Case::new(json!({ "locks": { "lock": "report", "wait": "500ms" } }));
    let admission = case.decide(&Application::alone("report")).unwrap();
    for (names, wait, expected) in [
        (["report"].as_slice(), 500, "ok"),
        (&["report", "report"], 10, "err(\"busy\")"),
        // The call before has ended, and its lock with it.
        (&["report"], 0, "ok"),
        (&["invoices"], 0, "err(\"denied: permits the lock `report`, not `invoices`\")"),
        (&["report"], 501, "err(\"denied: permits to wait 500ms, not 501ms\")"),
    ] {
        assert_eq!(case.hold(&admission, names, wait).await, expected, "{names:?} {wait}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_narrows_what_the_claims_permit() {
    let case = Case::new(json!({ "locks": { "lock": "any" }, "schedule": "any" }));
    let alone = case.decide(&Application::alone("report")).unwrap();
    assert_eq!(case.hold(&alone, &["invoices"], 0).await, "ok");
    let linked = case.decide(&application(LINKED)).unwrap();
    assert_eq!(case.hold(&linked, &["report"], 0).await, "ok");
    let refused = "err(\"denied: the manifest links it to the lock `report`, not `invoices`\")";
    assert_eq!(case.hold(&linked, &["invoices"], 0).await, refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_with_the_call() {
    let case = Case::new(json!({ "locks": { "lock": "report" } }));
    let admission = case.decide(&Application::alone("report")).unwrap();
    // The guest would wait for an hour; the host gives it three seconds.
    let args = [r#"["report", "report"]"#.to_owned(), "3600000".to_owned()];
    let error = case.host.call(&admission, "hold", &args).await.unwrap_err().to_string();
    assert!(error.contains("its time was over"), "{error}");
    assert_eq!(case.hold(&admission, &["report"], 0).await, "ok");
}

/// The scheduled job holds the lock while it runs, so that who asks meanwhile finds it busy.
#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_from_outside_calls() {
    let case = Case::new(json!({ "locks": { "lock": "report" }, "schedule": { "every": "1s" } }));
    let admission = case.decide(&application(LINKED)).unwrap();
    let deployment = case.host.deploy(&admission).await.unwrap();
    let busy = async { while case.hold(&admission, &["report"], 0).await == "ok" {} };
    tokio::time::timeout(writ_tests::PATIENCE, busy).await.unwrap();
    assert!(case.host.drain(deployment, Duration::from_secs(10)).await, "the run came to its end");
}
