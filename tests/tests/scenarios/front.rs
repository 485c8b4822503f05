//! Components in front of another's HTTP handler.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use serde_json::json;
use writ_tests::{Home, Line, Scratch, Stack, Up, eventually, guest, http, steps};

fn failures(up: &Up) -> Vec<(String, String)> {
    let of = |line: Line| (line.get("component"), line.get("kind"));
    up.log().into_iter().filter(|line| line.get("target") == "writ::failed").map(of).collect()
}

#[test]
fn who_brings_no_token_is_answered_in_front() {
    let line = Stack::of(&[("token", "front-token"), ("inner", "hostile")]).with_config("token", "token: open-sesame");
    let (up, _scratch, _home) = line.start(&[]);
    let ask = |headers: &[(&str, &str)]| up.send("GET", "/fields", headers, b"");
    for headers in [
        &[][..],
        &[("authorization", "Bearer open-sesam")],
        &[("authorization", "Bearer open-sesame2")],
        &[("authorization", "Basic open-sesame")],
    ] {
        let answer = ask(headers);
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{headers:?}");
        assert_eq!(answer.header("x-behind"), None);
    }
    let answer = ask(&[("authorization", "Bearer open-sesame"), ("x-mine", "7")]);
    assert_eq!((answer.status, answer.header("x-behind")), (200, Some("hostile")));
    assert!(answer.text().starts_with("Method::Get /fields\n") && answer.text().contains("x-mine: 7\n"), "{answer:?}");
}

#[test]
fn more_than_the_rate_is_answered_in_front() {
    let line = Stack::of(&[("rate", "front-rate"), ("inner", "hostile")])
        .with_config("rate", "requests: \"3\", seconds: \"1000000\"");
    let (up, _scratch, _home) = line.start(&[]);
    let answers: Vec<_> = (0..5).map(|_| up.get("/ok")).collect();
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 200, 200, 429, 429]);
    assert!(answers[4].header("retry-after").is_some());
}

#[test]
fn requests_and_answers_are_rewritten() {
    let (up, _scratch, _home) = Stack::of(&[("headers", "front-headers"), ("inner", "hostile")]).start(&[]);
    let answer = up.send("POST", "/fields?a=b", &[("x-mine", "7")], b"body");
    let id = answer.header("x-request-id").unwrap();
    let text = answer.text();
    assert!(text.starts_with("Method::Post /fields?a=b\n"), "{text}");
    for field in [&format!("x-request-id: {id}\n"), "x-mine: 7\n", "content-length: 4\n"] {
        assert!(text.contains(field), "{field} is not in {text}");
    }
    assert!(!text.contains("host:") && !text.contains("connection:"), "{text}");
    assert_eq!(
        (answer.header("x-content-type-options"), answer.header("x-behind")),
        (Some("nosniff"), Some("hostile"))
    );
    assert_eq!(up.get("/missing").status, 404);
    assert_eq!(up.send("HEAD", "/ok", &[], b"").status, 200);
}

/// A body goes through these in portions, the first of which is back before the second is sent.
#[track_caller]
fn streams(nodes: &[(&'static str, &'static str)]) {
    let (up, _scratch, _home) = Stack::of(nodes).start(&[]);
    let mut connection = http::connect(up.address()).unwrap();
    connection
        .write_all(b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        .unwrap();
    let (mut came, mut portion) = (Vec::new(), [0; 1024]);
    while !came.windows(5).any(|text| text == b"first") {
        let read = connection.read(&mut portion).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&came));
        came.extend_from_slice(&portion[..read]);
    }
    connection.write_all(b"0\r\n\r\n").unwrap();

    let body: Vec<u8> = (0..12 << 20).map(|at: u32| (at % 251) as u8).collect();
    let answer = up.send("POST", "/echo", &[], &body);
    assert!(answer.complete && answer.body == body, "{} of {} bytes", answer.body.len(), body.len());
}

#[test]
fn bodies_stream_through_what_passes_them_on() {
    streams(&[("outer", "front-hostile"), ("middle", "front-hostile"), ("inner", "hostile")]);
}

#[test]
fn bodies_stream_through_what_rewrites_them() {
    streams(&[("outer", "front-headers"), ("middle", "front-headers"), ("inner", "hostile")]);
}

#[test]
fn who_does_not_read_makes_those_behind_wait() {
    for front in ["front-hostile", "front-headers"] {
        let (up, _scratch, _home) =
            Stack::of(&[("outer", front), ("inner", "hostile")]).start(&["--max-instances", "8"]);
        assert_eq!(up.get("/ok").status, 200);
        let before = up.resident();
        let mut slow: Vec<_> = (0..4).map(|_| http::connect(up.address()).unwrap()).collect();
        slow.iter_mut().for_each(|slow| slow.write_all(b"GET /big-body HTTP/1.1\r\nHost: a\r\n\r\n").unwrap());
        thread::sleep(Duration::from_secs(1));
        let grown = up.resident().saturating_sub(before) >> 20;
        // A body has 64 MiB. An instance may have 32 MiB, and its connection some of the system's.
        assert!(grown < 160, "{front}: the host has grown by {grown} MiB");
        // All instances are theirs. They go away, and what they asked for ends.
        drop(slow);
        eventually("room", || (up.get("/ok").status == 200).then_some(()));
    }
}

#[test]
fn one_in_front_of_another() {
    let line = Stack::of(&[
        ("token", "front-token"),
        ("rate", "front-rate"),
        ("headers", "front-headers"),
        ("inner", "hostile"),
    ])
    .with_config("token", "token: open-sesame")
    .with_config("rate", "requests: \"2\", seconds: \"1000000\"");
    let (up, _scratch, _home) = line.start(&["--audit-uses"]);
    let ask = |token: &str| up.send("GET", "/fields", &[("authorization", token)], b"");
    for (token, status) in [("no", 401), ("Bearer open-sesame", 200), ("no", 401), ("Bearer open-sesame", 200)] {
        assert_eq!(ask(token).status, status);
    }
    assert_eq!(ask("Bearer open-sesame").status, 429, "who is stopped by the first is not counted by the second");
}

#[test]
fn the_example() {
    let scratch = Scratch::new();
    let up = Up::start(&Home::shared(), &guest("front.yaml"), &scratch.data());
    assert_eq!(up.get("/greeting").status, 401);
    let answer = up.send("GET", "/greeting", &[("authorization", "Bearer open-sesame")], b"");
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("hello") && answer.header("x-request-id").is_some(), "{answer:?}");
}

#[test]
fn who_calls_is_known_behind() {
    let (up, _scratch, _home) =
        Stack::of(&[("a", "front-hostile"), ("b", "front-hostile"), ("c", "hop-leaf")]).start(&[]);
    assert_eq!(steps(&up, "task=look"), [("b".to_owned(), 1, String::new())]);
}

#[test]
fn each_acts_under_its_own_claims_alone() {
    let (home, scratch) = (Home::new(), Scratch::new());
    let names = ["outer", "middle", "inner"];
    let line = Stack::of(&[("outer", "front-hostile"), ("middle", "front-hostile"), ("inner", "hop-leaf")]);
    let manifest = line.written(&home, &scratch);
    let up = Up::start(&home, &manifest, &scratch.data());
    let in_front = |how: &str| up.send("GET", "/", &[("x-front", how)], b"").text();
    let does = |who: &str, task: &str| match who {
        "outer" => in_front(task),
        "middle" => in_front(&format!("behind:{task}")),
        _ => steps(&up, &format!("task={task}"))[0].2.clone(),
    };
    let mut expected = BTreeMap::new();
    for who in names {
        assert_eq!(does(who, &format!("bucket:{who}")), "new");
        assert_eq!(does(who, &format!("subject:{who}.x")), "published");
        for other in names.into_iter().filter(|other| *other != who) {
            for (task, capability, refused) in [
                (format!("bucket:{other}"), "keyvalue", "AccessDenied"),
                (format!("subject:{other}.x"), "messaging", "access-denied"),
                (format!("host:{other}.example"), "http-client", "HttpRequestDenied"),
            ] {
                let said = does(who, &task);
                assert!(said.contains(refused), "{who} may {task}: {said}");
                *expected.entry((who.to_owned(), capability.to_owned())).or_insert(0) += 1;
            }
        }
        assert_eq!(does(who, &format!("log:of-{who}")), "logged");
        let said = up.logged("its line", |line| line.get("message") == format!("of-{who}"));
        assert!(said.is_from(who), "{said:?}");
    }
    up.stop();
    assert_eq!(home.audited(&scratch, "denied"), expected);
}

/// The connection is cut, perhaps before what was written has left: half an answer is never a whole one.
#[track_caller]
fn is_cut(up: &Up) {
    if let Ok(answer) = http::send(up.address(), "GET", "/half", &[], b"") {
        assert_eq!((answer.status, answer.complete), (200, false));
        assert!("the first half\n".starts_with(&answer.text()), "{answer:?}");
    }
}

#[test]
fn what_fails_behind_is_seen_in_front_and_named() {
    let line = Stack::of(&[("outer", "front-hostile"), ("inner", "hostile")]);
    // Where the time of both were over at once, either might be the one that failed.
    let (up, _scratch, _home) = line.within("10m").limited("inner", "2s").start(&[]);
    let mut seen = Vec::new();
    for (path, status, kind) in [
        ("/trap", 500, "Trap"),
        ("/exit", 500, "Exit"),
        ("/hog", 500, "Memory"),
        ("/spin", 504, "Deadline"),
        ("/sleep", 504, "Deadline"),
    ] {
        assert_eq!(up.get(path).status, status, "{path}");
        seen.push(("mint/inner".to_owned(), kind.to_owned()));
        eventually("the line", || (failures(&up).len() >= seen.len()).then_some(()));
        assert_eq!(failures(&up), seen, "{path}");
        let told = up.send("GET", path, &[("x-front", "see")], b"").text();
        assert!(told.contains("failed: "), "{path}: {told}");
        seen.push(("mint/inner".to_owned(), kind.to_owned()));
        eventually("the line", || (failures(&up).len() >= seen.len()).then_some(()));
        assert_eq!(failures(&up), seen, "{path}");
    }
    assert_eq!(up.get("/never").status, 500);
    is_cut(&up);
    let trace = up.logged("the trap", |line| line.get("kind") == "Trap" && line.is_from("inner"));
    assert!(trace.get("backtrace").contains("deliberately_trapping_function"), "{trace:?}");
}

#[test]
fn what_fails_behind_a_rewriter_is_its_to_answer() {
    let (up, _scratch, _home) = Stack::of(&[("outer", "front-headers"), ("inner", "hostile")]).start(&[]);
    for path in ["/trap", "/exit", "/never"] {
        let answer = up.get(path);
        assert_eq!((answer.status, answer.header("x-request-id").is_some()), (502, true), "{path}");
    }
    is_cut(&up);
    let whose: Vec<_> = failures(&up).into_iter().map(|(component, _)| component).collect();
    assert!(whose.iter().all(|component| component == "mint/inner"), "{whose:?}");
}

#[test]
fn what_misbehaves_in_front_is_bounded() {
    let (up, _scratch, _home) =
        Stack::of(&[("outer", "front-hostile"), ("inner", "hostile")]).start(&["--max-instances", "2"]);
    let ask = |how: &str, path: &str| up.send("POST", path, &[("x-front", how)], b"some body");
    for (how, path, status, text) in [
        ("never", "/ok", 500, ""),
        ("rewrite-consumed", "/ok", 200, "consumed"),
        ("pass-consumed", "/ok", 500, ""),
        ("path:/fields?new", "/ok", 200, "Method::Post /fields?new\n"),
        ("path:fields", "/ok", 200, "name: \"path\""),
        ("path:/a#b", "/ok", 200, "name: \"path\""),
        ("length", "/fields", 200, "content-length: 9\n"),
        ("length", "/echo", 200, "some body"),
        ("intercept-many", "/ok", 500, ""),
        ("intercept-wait", "/ok", 504, ""),
        ("intercept-drop", "/ok", 200, "did not answer"),
        ("ignore", "/ok", 200, "mine"),
        ("ignore", "/big-body", 200, "mine"),
        ("see", "/ok", 200, "answered 200"),
        ("trap-after", "/sleep", 500, ""),
    ] {
        let answer = ask(how, path);
        assert_eq!(answer.status, status, "{how} {path}: {answer:?}");
        assert!(answer.text().contains(text), "{how} {path}: {answer:?}");
        // There is room for one request at a time: what was behind is gone when its place is.
        eventually("room", || (up.get("/ok").status == 200).then_some(()));
    }
    let told = up.logged("what was passed on", |line| line.get("reason").contains("the body of the request"));
    assert!(told.is_from("outer"), "{told:?}");
    // The last of them may be written after its answer.
    let traps = |whose: &[(String, String)]| whose.iter().filter(|(_, kind)| kind == "Trap").count();
    let whose = eventually("the third trap", || Some(failures(&up)).filter(|whose| traps(whose) >= 3));
    assert_eq!(traps(&whose), 3, "{whose:?}");
    assert!(whose.iter().all(|(component, _)| component == "mint/outer"), "{whose:?}");
}

#[test]
fn both_missing_lines_are_named() {
    let pair = || Stack::of(&[("outer", "front-token"), ("inner", "hostile")]);
    let interface = "wasi:http/incoming-handler@0.2.12";
    let call = format!(
        "denied: outer (mint/outer) may not call {interface} of inner (mint/inner), as the link at line 10 says"
    );
    let serve = format!(
        "denied: inner (mint/inner) may not serve {interface} to outer (mint/outer), as the link at line 10 says"
    );
    let stderr = pair().claiming("outer", "call", json!([])).claiming("inner", "serve", json!([])).refused();
    assert!(stderr.contains(&call) && stderr.contains(&serve), "{stderr}");
    assert!(stderr.contains(&format!("call: [{{ component: inner, interface: \"{interface}\" }}]")), "{stderr}");
    assert!(stderr.contains(&format!("serve: [{{ component: outer, interface: \"{interface}\" }}]")), "{stderr}");
    let stderr = pair().claiming("outer", "call", json!([])).refused();
    assert!(stderr.contains(&call) && !stderr.contains("may not serve"), "{stderr}");
    let stderr = pair().claiming("inner", "serve", json!([])).refused();
    assert!(stderr.contains(&serve) && !stderr.contains("may not call"), "{stderr}");
}

#[test]
fn what_stands_behind_is_not_reached_around() {
    #[track_caller]
    fn refused(line: &Stack, what: &str) {
        let stderr = line.refused();
        assert!(stderr.contains(what), "{what} is not in\n{stderr}");
    }
    let pair = || Stack::of(&[("outer", "front-token"), ("inner", "hostile")]);
    refused(
        &pair().routed("inner"),
        "inner (mint/inner) is linked from web at line 20, though outer is in front of it by the link at line 10",
    );
    let three = Stack::of(&[("outer", "front-token"), ("middle", "front-token"), ("inner", "hostile")]);
    refused(
        &three.routed("middle"),
        "middle (mint/middle) is linked from web at line 25, though outer is in front of it by the link at line 10",
    );
    refused(
        &pair().alone("outer"),
        "outer (mint/outer) imports wasi:http/incoming-handler@0.2.12, which nobody serves here",
    );
    let rewriter = || Stack::of(&[("outer", "front-headers"), ("inner", "hostile")]);
    refused(
        &rewriter().alone("outer"),
        "outer (mint/outer) imports writ:http/middleware@0.1.0, but is in front of nothing",
    );
    refused(
        &Stack::of(&[("outer", "front-token"), ("inner", "calc")]),
        "is linked to inner at line 10 for wasi:http/incoming-handler, but inner exports no such interface",
    );
    refused(
        &Stack::of(&[("outer", "hostile"), ("inner", "hostile")]),
        "is linked to inner at line 10 for wasi:http/incoming-handler, but imports no such interface",
    );
    refused(
        &Stack::of(&[("outer", "front-token"), ("inner", "hostile"), ("other", "hostile")])
            .alone("inner")
            .linked("outer", "other"),
        "a link `default` from `outer` for `wasi:http/incoming-handler` is already there on line 10",
    );
    refused(&Stack::of(&[("outer", "front-token"), ("inner", "front-token")]).linked("inner", "outer"), "circle");
    refused(&pair().alone("outer").linked("outer", "outer"), "itself");
}
