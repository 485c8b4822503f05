//! A host that runs, and a list that comes.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use writ_signing::SigningKey;
use writ_signing::revocation::Draft;
use writ_tests::{DAY, Home, Line, Manifest, Scratch, Stack, Up, eventually, finish, now, unsigned_guest};

/// A newcomer's component that a host runs, with lists.
struct World {
    home: Home,
    scratch: Scratch,
    manifest: PathBuf,
    lists: PathBuf,
}

impl World {
    /// Its calls may take longer than this test waits.
    fn new() -> Self {
        let (home, scratch) = (Home::new(), Scratch::new());
        let wasm = scratch.copy(&unsigned_guest("hostile.wasm"), "hostile.wasm");
        scratch.write("writ.yaml", patient("hostile.yaml"));
        home.writ_in(&scratch, &["sign", "hostile.wasm"]).succeeded();
        let manifest = scratch.write("hostile.app.yaml", Manifest::new("hostile", &wasm).to_string());
        let lists = scratch.path("lists");
        let world = Self { home, scratch, manifest, lists };
        world.demand_lists();
        world.revoke("local-operator", &[]);
        world
    }

    /// The same component, behind another one, which has a folder of its own.
    fn behind() -> (Self, Scratch) {
        let (mut world, front) = (Self::new(), Scratch::new());
        let serve = "claims:\n  serve: [{ interface: \"wasi:http/incoming-handler@0.2.12\", account: self }]\n";
        let claims = fs::read_to_string(world.scratch.path("writ.yaml")).unwrap();
        world.scratch.write("writ.yaml", claims.replace("claims:\n", serve));
        world.home.writ_in(&world.scratch, &["sign", "hostile.wasm"]).succeeded();
        let wasm = front.copy(&unsigned_guest("front-hostile.wasm"), "front.wasm");
        front.write("writ.yaml", patient("front-hostile.yaml"));
        world.home.writ_in(&front, &["sign", "front.wasm"]).succeeded();
        let (hostile, server) = (world.scratch.path("hostile.wasm"), "    - name: builtin-http-server\n");
        let linked = format!(
            "      traits:
        - {{ type: link, properties: {{ target: {{ name: hostile }}, namespace: wasi, package: http, interfaces: [incoming-handler] }} }}
    - {{ name: hostile, type: component, properties: {{ image: \"file://{}\" }} }}\n{server}",
            hostile.display()
        );
        let manifest = Manifest::new("front", &wasm).to_string().replace(server, &linked);
        world.manifest = world.scratch.write("behind.app.yaml", manifest);
        (world, front)
    }

    fn demand_lists(&self) {
        self.trust(&["--revocations", self.lists.to_str().unwrap()]);
    }

    fn trust(&self, more: &[&str]) {
        let operator = self.key("local-operator");
        self.home.writ(&["trust", "remove", "local-operator"]).succeeded();
        let args = [&["trust", "add", &operator, "--name", "local-operator", "--any"], more].concat();
        self.home.writ(&args).succeeded();
    }

    /// Signs other bytes in the place of those that are there, as a later release.
    fn release(&self) {
        let mut bytes = fs::read(unsigned_guest("hostile.wasm")).unwrap();
        // A section of its own, of four bytes, which means nothing.
        bytes.extend(b"\x00\x05\x04next");
        self.scratch.write("hostile.wasm", bytes);
        let claims = fs::read_to_string(self.scratch.path("writ.yaml")).unwrap();
        self.scratch.write("writ.yaml", claims.replace("revision: 1", "revision: 2"));
        self.home.writ_in(&self.scratch, &["sign", "hostile.wasm"]).succeeded();
    }

    fn digest(&self) -> String {
        let shown = self.home.writ_in(&self.scratch, &["inspect", "hostile.wasm", "--output", "json"]);
        let shown: serde_json::Value = serde_json::from_str(&shown.succeeded().stdout).unwrap();
        shown["digest"].as_str().unwrap().to_owned()
    }

    fn revoke(&self, by: &str, subjects: &[&str]) {
        let first = if self.list_of(by).exists() { &[][..] } else { &["--first"] };
        let args = [&["revoke", "--by", by, "--dir", self.lists.to_str().unwrap()], first, subjects].concat();
        self.home.writ(&args).succeeded();
    }

    fn key(&self, name: &str) -> String {
        let shown = self.home.writ(&["key", "show", name, "--output", "json"]).succeeded().stdout;
        shown.split('"').find(|word| word.len() == 56).unwrap().to_owned()
    }

    fn id(&self) -> String {
        id(&self.scratch)
    }

    fn list_of(&self, name: &str) -> PathBuf {
        self.lists.join(format!("{}.revoked", self.key(name)))
    }

    fn up(&self) -> Up {
        Up::start(&self.home, &self.manifest, &self.scratch.data())
    }

    /// What was written down so far.
    fn audit(&self) -> String {
        let data = self.scratch.data();
        self.home.writ(&["audit", "show", "--data", data.to_str().unwrap()]).succeeded().stdout
    }

    /// What `up` says that does not start.
    #[track_caller]
    fn refuses(&self) -> String {
        let (manifest, data) = (self.manifest.to_str().unwrap(), self.scratch.data());
        self.home.writ(&["up", manifest, "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]).refused()
    }
}

/// A guest's claims, whose calls may take long.
fn patient(guest: &str) -> String {
    let claims = fs::read_to_string(unsigned_guest(guest)).unwrap();
    let patient = |line: &str| match line.starts_with("limits:") {
        true => "limits: { memory: 32MiB, time: 5m }\n".to_owned(),
        false => format!("{line}\n"),
    };
    claims.lines().map(patient).collect()
}

/// The own key of the component that was signed in a folder.
fn id(folder: &Scratch) -> String {
    let text = fs::read_to_string(folder.path("writ.yaml")).unwrap();
    text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned()
}

fn says(line: &Line, start: &str) -> bool {
    line.get("target") == "writ::host" && line.is_from("hostile") && line.get("message").starts_with(start)
}

#[test]
fn a_revoked_component_stops_with_its_calls_and_the_reason() {
    let world = World::new();
    let up = world.up();
    assert_eq!(up.get("/ok").text(), "ok");
    thread::scope(|threads| {
        let running = ["/spin", "/sleep"].map(|path| {
            let up = &up;
            threads.spawn(move || up.get(path).status)
        });
        // Both run, or else they would be refused and not ended.
        thread::sleep(std::time::Duration::from_millis(500));
        world.revoke("local", &[&world.id()]);
        for call in running {
            assert_eq!(call.join().unwrap(), 503);
        }
    });
    let line = up.logged("the revocation", |line| says(line, "revoked"));
    assert!(line.get("reason").contains(&format!("{} was revoked by", world.id())), "{line:?}");
    eventually("both calls ended", || {
        let lines = up.all_lines();
        (lines.iter().filter(|line| line.contains("a call was ended")).count() == 2).then_some(())
    });
    assert_eq!(up.get("/ok").status, 503);
    up.stop();
    let audit = world.audit();
    assert!(audit.contains("revoked") && audit.contains(&format!("{} was revoked by", world.id())), "{audit}");
    assert!(world.refuses().contains("was revoked by"), "{}", world.refuses());
}

#[test]
fn an_account_is_revoked_on_a_host_that_runs() {
    let world = World::new();
    let up = world.up();
    assert_eq!(up.get("/ok").text(), "ok");
    world.revoke("local-operator", &["local"]);
    eventually("the revocation", || (up.get("/ok").status == 503).then_some(()));
    up.logged("the revocation", |line| says(line, "revoked"));
}

/// A list that is gone says nothing of calls that run: they end by themselves, and no others start until it is back.
#[test]
fn without_a_list_nothing_new_starts_until_it_is_back() {
    let world = World::new();
    let up = world.up();
    let list = world.list_of("local-operator");
    let content = fs::read(&list).unwrap();
    fs::remove_file(&list).unwrap();
    eventually("the suspension", || (up.get("/ok").status == 503).then_some(()));
    let line = up.logged("the suspension", |line| says(line, "suspended"));
    assert!(line.get("reason").contains("its revocation list is gone"), "{line:?}");
    fs::write(&list, content).unwrap();
    eventually("its end", || (up.get("/ok").status == 200).then_some(()));
    up.logged("its end", |line| says(line, "in good standing again"));
    up.stop();
    let audit = world.audit();
    assert!(audit.contains("suspended") && audit.contains("is in good standing again"), "{audit}");
}

/// Hangs up, and waits until the reload is refused with these words.
#[track_caller]
fn reload_is_refused(up: &Up, words: &str) {
    up.hang_up();
    let line = up.logged("the refusal", |line| line.get("message").starts_with("not reloaded"));
    assert!(line.get("message").contains(words), "{words} is not in {line:?}");
}

#[test]
fn what_was_revoked_stays_stopped_through_a_reload_until_another_release_comes() {
    let world = World::new();
    let up = world.up();
    let digest = world.digest();
    world.revoke("local", &[&digest]);
    eventually("the revocation", || (up.get("/ok").status == 503).then_some(()));
    reload_is_refused(&up, &format!("{digest} was revoked by"));
    assert_eq!(up.get("/ok").status, 503);
    world.release();
    up.hang_up();
    eventually("the other release", || (up.get("/ok").status == 200).then_some(()));
    world.revoke("local", &[&world.id()]);
    eventually("the other release's revocation", || (up.get("/ok").status == 503).then_some(()));
    up.stop();
}

/// What a reload reads of trust holds for what runs, whatever else is refused.
#[test]
fn lists_that_a_reload_finds_demanded_end_what_runs() {
    let world = World::new();
    world.trust(&[]);
    world.revoke("local", &[&world.id()]);
    let up = world.up();
    assert_eq!(up.get("/ok").text(), "ok");
    world.demand_lists();
    reload_is_refused(&up, "was revoked by");
    assert_eq!(up.get("/ok").status, 503);
    up.stop();
}

#[test]
fn trust_that_is_removed_ends_what_runs() {
    let world = World::new();
    let up = world.up();
    assert_eq!(up.get("/ok").text(), "ok");
    world.home.writ(&["trust", "remove", "local-operator"]).succeeded();
    // Nobody hangs up, and another entry cannot even be read.
    fs::write(world.home.path().join("trust/other.yaml"), "{").unwrap();
    eventually("its end", || (up.get("/ok").status == 503).then_some(()));
    fs::remove_file(world.home.path().join("trust/other.yaml")).unwrap();
    reload_is_refused(&up, "is not trusted here");
    assert_eq!(up.get("/ok").status, 503);
    up.stop();
}

#[test]
fn a_call_in_code_that_was_swapped_ends_when_that_code_is_revoked() {
    let world = World::new();
    let up = world.up();
    let digest = world.digest();
    thread::scope(|threads| {
        let running = threads.spawn(|| up.get("/sleep").status);
        // It runs, or else the other release would take it.
        thread::sleep(std::time::Duration::from_millis(500));
        world.release();
        up.hang_up();
        let deployed = || up.log().iter().filter(|line| line.get("message") == "deployed").count();
        eventually("the swap", || (deployed() == 2).then_some(()));
        world.revoke("local", &[&digest]);
        assert_eq!(running.join().unwrap(), 503);
    });
    assert_eq!(up.get("/ok").text(), "ok");
    up.stop();
}

#[test]
fn a_command_that_runs_is_ended() {
    let world = World::new();
    world.scratch.copy(&unsigned_guest("command.yaml"), "writ.yaml");
    let wasm = world.scratch.copy(&unsigned_guest("command.wasm"), "command.wasm");
    world.home.writ_in(&world.scratch, &["sign", "command.wasm"]).succeeded();
    let run = world.home.command(&["run", wasm.to_str().unwrap(), "--", "sleep", "300000"]);
    let said = thread::scope(|threads| {
        let running = threads.spawn(|| finish(run).refused());
        // It runs, or else it would not start.
        thread::sleep(std::time::Duration::from_secs(2));
        world.revoke("local", &[&world.id()]);
        running.join().unwrap()
    });
    assert!(said.contains("error: the run failed: the component was revoked"), "{said}");
    let said = world.home.writ(&["run", wasm.to_str().unwrap()]).refused();
    assert!(said.contains("was revoked by"), "{said}");
}

/// What a host saw while it ran, the next one on its data folder demands, too.
#[test]
fn a_list_that_came_meanwhile_is_remembered() {
    let world = World::new();
    let list = world.list_of("local-operator");
    let first = fs::read(&list).unwrap();
    let up = world.up();
    world.revoke("local-operator", &[]);
    let remembered =
        |path: &Path| fs::read_to_string(path.join("revocations")).is_ok_and(|text| text.contains("\"number\":2"));
    eventually("the second list", || remembered(&world.scratch.data()).then_some(()));
    fs::write(&list, first).unwrap();
    eventually("the suspension", || (up.get("/ok").status == 503).then_some(()));
    up.stop();
    let said = world.refuses();
    assert!(said.contains("its revocation list has the number 1, and number 2 was seen here"), "{said}");
}

/// A host that new lists do not reach any more stops when the ones it has are too old.
#[test]
fn a_host_that_is_cut_off_stops_starting() {
    let world = World::new();
    // As if signed a day and nearly a minute ago: the default `max_age` and what two clocks may differ.
    let seed = fs::read_to_string(world.home.path().join("keys/local-operator.nk")).unwrap();
    let operator = SigningKey::from_seed(seed.trim()).unwrap();
    let old = Draft::after(None).sign(&operator, now() - DAY - 40).unwrap();
    fs::write(world.list_of("local-operator"), old).unwrap();
    let up = world.up();
    assert_eq!(up.get("/ok").status, 200);
    eventually("the suspension", || (up.get("/ok").status == 503).then_some(()));
    let line = up.logged("the suspension", |line| says(line, "suspended"));
    assert!(line.get("reason").contains("that is longer ago than the trust entry's `max_age`"), "{line:?}");
    // It has number 1, as the one before, and was never seen here; the next one is number 2.
    world.revoke("local-operator", &[]);
    eventually("its end", || (up.get("/ok").status == 200).then_some(()));
}

/// What a request is answered whose field `x-front` says so.
fn asked(up: &Up, how: &str, path: &str) -> (u16, String) {
    let answer = up.send("GET", path, &[("x-front", how)], b"");
    assert!(answer.header("x-behind").is_none(), "{how} {path}: {answer:?}");
    (answer.status, answer.text())
}

#[test]
fn what_stands_behind_another_is_revoked_and_not_who_is_in_front() {
    let (world, _front) = World::behind();
    let up = world.up();
    assert_eq!(up.get("/ok").text(), "ok");
    thread::scope(|threads| {
        let running = [("", "/spin"), ("", "/sleep"), ("see", "/sleep")].map(|(how, path)| {
            let up = &up;
            threads.spawn(move || asked(up, how, path))
        });
        // All of them run, or else they would be refused and not ended.
        thread::sleep(std::time::Duration::from_millis(700));
        world.revoke("local", &[&world.id()]);
        let [spinning, sleeping, seen] = running.map(|call| call.join().unwrap());
        assert_eq!((spinning.0, sleeping.0), (503, 503));
        assert!(seen.0 == 503 || seen.1.starts_with("failed: "), "{seen:?}");
    });
    let line = up.logged("the revocation", |line| says(line, "revoked"));
    assert!(line.get("reason").contains(&format!("{} was revoked by", world.id())), "{line:?}");
    let ended = |line: &Line| line.is_from("hostile") && line.get("message") == "a call was ended";
    eventually("all calls ended", || (up.log().iter().filter(|line| ended(line)).count() == 3).then_some(()));
    for how in ["", "see"] {
        assert_eq!(asked(&up, how, "/fields").0, 503, "{how}");
    }
    // Who is in front was not revoked, and stands there still.
    assert_eq!(asked(&up, "bucket:front-hostile", "/ok"), (200, "new".to_owned()));
    reload_is_refused(&up, "was revoked by");
    assert_eq!(asked(&up, "", "/fields").0, 503);
    up.stop();
    let audit = world.audit();
    let told = |line: &str| line.contains("revoked") && line.contains("local/hostile");
    assert!(audit.lines().any(told), "{audit}");
    assert!(!audit.lines().any(|line| line.contains("revoked") && line.contains("local/front-hostile")), "{audit}");
}

#[test]
fn what_stands_behind_another_is_not_served_bare_when_that_one_is_revoked() {
    let (world, front) = World::behind();
    let up = world.up();
    assert_eq!(up.get("/ok").text(), "ok");
    thread::scope(|threads| {
        let running = ["/spin", "/sleep"].map(|path| {
            let up = &up;
            threads.spawn(move || asked(up, "", path).0)
        });
        thread::sleep(std::time::Duration::from_millis(700));
        world.revoke("local", &[&id(&front)]);
        for call in running {
            assert_eq!(call.join().unwrap(), 503);
        }
    });
    for path in ["/fields", "/ok", "/hostile/fields"] {
        assert_eq!(asked(&up, "", path).0, 503, "{path}");
    }
    reload_is_refused(&up, "was revoked by");
    assert_eq!(asked(&up, "", "/fields").0, 503);
    let line = up.logged("it", |line| line.is_from("front-hostile") && line.get("message").starts_with("revoked"));
    assert!(line.get("reason").contains(&format!("{} was revoked by", id(&front))), "{line:?}");
    up.stop();
    let audit = world.audit();
    assert!(audit.lines().any(|line| line.contains("revoked") && line.contains("local/front-hostile")), "{audit}");
}

/// Starts what expires soon, and waits until it did; what the log and the audit say of it is about this component.
#[track_caller]
fn expires(name: &'static str, then: impl Fn(&Up)) {
    let line = Stack::of(&[("outer", "front-hostile"), ("inner", "hostile")]).expiring(name, now() + 25);
    let (up, scratch, home) = line.start(&[]);
    assert_eq!(up.get("/fields").header("x-behind"), Some("hostile"));
    eventually("the end of its time", || (up.get("/fields").status == 503).then_some(()));
    then(&up);
    up.logged("its end", |line| line.is_from(name) && line.get("message").starts_with("expired"));
    up.stop();
    let data = scratch.data();
    let audit = home.writ(&["audit", "show", "--data", data.to_str().unwrap()]).succeeded().stdout;
    let expired: Vec<_> = audit.lines().filter(|line| line.contains("expired")).collect();
    assert!(expired.len() == 1 && expired[0].contains(&format!("mint/{name}")), "{audit}");
}

#[test]
fn what_stands_behind_another_expires_while_it_runs() {
    expires("inner", |up| {
        assert_eq!(asked(up, "bucket:outer", "/ok"), (200, "new".to_owned()));
        assert_eq!(asked(up, "see", "/ok").0, 503);
        up.logged("who expired", |line| line.get("target") == "writ::failed" && line.is_from("inner"));
    });
}

#[test]
fn what_stands_behind_another_is_not_served_bare_when_that_one_expires() {
    expires("outer", |up| {
        for how in ["", "bucket:outer"] {
            assert_eq!(asked(up, how, "/fields").0, 503, "{how}");
        }
    });
}
