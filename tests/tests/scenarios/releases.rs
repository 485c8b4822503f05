//! Releases only go forward, unless somebody says otherwise.

use std::fs;
use std::path::PathBuf;

use writ_tests::{Home, Manifest, Scratch, Up, eventually, unsigned_guest};

/// A component that is signed again and again, and the application it is.
struct World {
    home: Home,
    scratch: Scratch,
    wasm: PathBuf,
    manifest: PathBuf,
}

impl World {
    fn new() -> Self {
        let (home, scratch) = (Home::new(), Scratch::new());
        let wasm = scratch.copy(&unsigned_guest("plain-kv.wasm"), "plain-kv.wasm");
        scratch.copy(&unsigned_guest("plain-kv.yaml"), "writ.yaml");
        let manifest = scratch.write("app.yaml", Manifest::new("plain-kv", &wasm).to_string());
        Self { home, scratch, wasm, manifest }
    }

    /// The component's file, signed as this revision.
    fn sign(&self, revision: u64) -> Vec<u8> {
        let path = self.scratch.path("writ.yaml");
        let claims = fs::read_to_string(&path).unwrap();
        let revised: Vec<_> = claims
            .lines()
            .map(|line| if line.starts_with("revision:") { format!("revision: {revision}") } else { line.to_owned() })
            .collect();
        fs::write(path, revised.join("\n") + "\n").unwrap();
        self.home.writ_in(&self.scratch, &["sign", "plain-kv.wasm"]).succeeded();
        fs::read(&self.wasm).unwrap()
    }

    /// What `up` says to this file, or nothing where it starts.
    #[track_caller]
    fn up(&self, file: &[u8], more: &[&str]) -> Vec<String> {
        fs::write(&self.wasm, file).unwrap();
        let args = [&["--log-format", "json"], more].concat();
        let up = Up::start_with(&self.home, &self.manifest, &self.scratch.data(), &args);
        assert_eq!(up.get("/").status, 200);
        let lines = up.all_lines();
        up.stop();
        lines
    }

    /// What was written down so far.
    fn audit(&self) -> String {
        let data = self.scratch.data();
        self.home.writ(&["audit", "show", "--data", data.to_str().unwrap()]).succeeded().stdout
    }

    #[track_caller]
    fn refuses(&self, file: &[u8]) -> String {
        fs::write(&self.wasm, file).unwrap();
        let data = self.scratch.data();
        let up = ["up", self.manifest.to_str().unwrap(), "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
        let checked = self.home.writ(&[&up[..], &["--check"]].concat()).refused();
        let said = self.home.writ(&up).refused();
        assert_eq!(checked, said);
        said
    }
}

#[test]
fn an_older_release_does_not_start_until_it_is_allowed_to() {
    let world = World::new();
    let (first, second) = (world.sign(1), world.sign(2));
    world.up(&first, &[]);
    world.up(&first, &[]);
    world.up(&second, &[]);
    let said = world.refuses(&first);
    assert!(said.contains("plain-kv would go back: revision 2, signed at "), "{said}");
    assert!(
        said.contains("ran here, and this is revision 1, signed at ") && said.contains("--allow-rollback"),
        "{said}"
    );

    let lines = world.up(&first, &["--allow-rollback"]);
    assert!(
        lines.iter().any(|line| line.contains("rolled back") && line.contains("revision 2, signed at")),
        "{lines:?}"
    );
    let audit = world.audit();
    assert!(audit.contains("rolled-back") && audit.contains("went back to revision 1, signed at "), "{audit}");
    // The mark is lower from then on.
    world.up(&first, &[]);
    world.up(&second, &[]);
    world.refuses(&first);
}

#[test]
fn a_reload_goes_forward_only() {
    let world = World::new();
    let (second, third) = (world.sign(2), world.sign(3));
    fs::write(&world.wasm, &second).unwrap();
    let up = Up::start(&world.home, &world.manifest, &world.scratch.data());
    fs::write(&world.wasm, &third).unwrap();
    up.hang_up();
    let deployed = || up.log().iter().filter(|line| line.get("message") == "deployed").count();
    eventually("the swap", || (deployed() == 2).then_some(()));
    fs::write(&world.wasm, &second).unwrap();
    up.hang_up();
    let line = up.logged("the refusal", |line| line.get("message").starts_with("not reloaded"));
    assert!(line.get("message").contains("plain-kv would go back: revision 3, signed at "), "{line:?}");
    assert_eq!(up.get("/").status, 200);
    up.stop();
    world.refuses(&second);
}

/// A release that was refused, or did not start, leaves no mark.
#[test]
fn what_does_not_run_leaves_no_mark() {
    let world = World::new();
    let (first, second) = (world.sign(1), world.sign(2));
    world.up(&first, &[]);
    fs::write(&world.wasm, &second).unwrap();
    let data = world.scratch.data();
    let args = ["up", world.manifest.to_str().unwrap(), "--data", data.to_str().unwrap(), "--check"];
    world.home.writ(&args).succeeded();
    world.up(&first, &[]);
    // Where it cannot listen.
    fs::write(&world.wasm, &second).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let args = ["up", world.manifest.to_str().unwrap(), "--data", data.to_str().unwrap(), "--listen", &address];
    world.home.writ(&args).refused();
    world.up(&first, &[]);
}

/// A chain that was refreshed is no other release: the component's token is the one that set the mark.
#[test]
fn a_refreshed_chain_is_the_same_release() {
    let world = World::new();
    let first = world.sign(1);
    world.up(&first, &[]);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    world.home.writ(&["account", "create", "local", "--key", "local", "--any", "--expires", "30d"]).succeeded();
    fs::write(&world.wasm, &first).unwrap();
    world.home.writ_in(&world.scratch, &["sign", "plain-kv.wasm", "--refresh-chain"]).succeeded();
    let refreshed = fs::read(&world.wasm).unwrap();
    assert_ne!(refreshed, first);
    world.up(&refreshed, &[]);
    // And so is the file it was made from.
    world.up(&first, &[]);
}

/// Another account's component under the same name starts a lineage of its own.
#[test]
fn another_account_under_a_name_is_pointed_out() {
    let world = World::new();
    let second = world.sign(2);
    world.up(&second, &[]);
    world.home.writ(&["account", "create", "other", "--any"]).succeeded();
    let claims = world.scratch.path("writ.yaml");
    let text = fs::read_to_string(&claims).unwrap().replace("revision: 2", "revision: 1");
    fs::write(claims, text).unwrap();
    world.home.writ_in(&world.scratch, &["sign", "plain-kv.wasm", "--key", "other"]).succeeded();
    let theirs = fs::read(&world.wasm).unwrap();
    let lines = world.up(&theirs, &[]);
    assert!(lines.iter().any(|line| line.contains("another account or component runs under this name")), "{lines:?}");
    let audit = world.audit();
    assert!(audit.contains("replaced") && audit.contains("runs as plain-kv, and another one had"), "{audit}");
    world.up(&second, &[]);
}

#[test]
fn marks_that_are_damaged_start_nothing() {
    let world = World::new();
    let first = world.sign(1);
    world.up(&first, &[]);
    let marks = world.scratch.data().join("releases");
    let text = fs::read_to_string(&marks).unwrap();
    for damaged in ["", "{", &text[..text.len() - 1]] {
        fs::write(&marks, damaged).unwrap();
        let said = world.refuses(&first);
        assert!(said.contains("releases is damaged"), "{said}");
    }
}
