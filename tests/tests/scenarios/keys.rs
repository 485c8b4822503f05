//! What the first `sign` makes, and who can read it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use writ_tests::{Home, Scratch, finish, place, unsigned_guest};

/// Each file and folder below with its mode.
fn modes(folder: &Path, found: &mut Vec<(String, bool, u32)>) {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    found.push((folder.display().to_string(), true, mode(folder)));
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => modes(&path, found),
            false => found.push((path.display().to_string(), false, mode(&path))),
        }
    }
}

/// `sign`, by somebody whose files everybody may write.
fn sign_under_umask_0(home: &Home, scratch: &Scratch) {
    let wasm = scratch.copy(&unsigned_guest("calc.wasm"), "calc.wasm");
    scratch.copy(&unsigned_guest("calc.yaml"), "writ.yaml");
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(place("WRIT_BIN")).arg("sign").arg(wasm);
    shell.env("WRIT_HOME", home.path());
    finish(shell).succeeded();
}

#[track_caller]
fn check_modes(home: &Home) {
    sign_under_umask_0(home, &Scratch::new());
    let mut found = Vec::new();
    modes(home.path(), &mut found);
    let seeds = found.iter().filter(|(path, folder, _)| !folder && holds_a_seed(path)).collect::<Vec<_>>();
    assert!(seeds.len() >= 2, "an operator's and an account's: {found:?}");
    for (path, _, mode) in seeds {
        assert_eq!(*mode, 0o600, "{path} has mode {mode:o}");
    }
    // What else is there nobody else gets at: the folders are closed.
    for (path, _, mode) in found.iter().filter(|(path, folder, _)| *folder && Path::new(path) != home.path()) {
        assert_eq!(*mode, 0o700, "{path} has mode {mode:o}");
    }
}

#[test]
fn keys_are_for_their_owner_whatever_the_umask() {
    let home = Home::new();
    check_modes(&home);
    assert_eq!(fs::metadata(home.path()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn keys_are_for_their_owner_in_a_folder_that_is_not() {
    let home = Home::new();
    fs::create_dir(home.path()).unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    check_modes(&home);
}

fn holds_a_seed(path: &str) -> bool {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().any(|line| line.trim().len() == 58 && line.trim().starts_with('S'))
}

#[test]
fn a_key_that_others_can_read_is_not_used() {
    let (home, scratch) = (Home::new(), Scratch::new());
    sign_under_umask_0(&home, &scratch);
    let wasm = scratch.path("calc.wasm");
    let mut found = Vec::new();
    modes(home.path(), &mut found);
    for (path, ..) in found.iter().filter(|(path, folder, _)| !folder && holds_a_seed(path)) {
        fs::set_permissions(path, fs::Permissions::from_mode(0o640)).unwrap();
    }
    let stderr = home.writ(&["sign", wasm.to_str().unwrap()]).refused();
    assert!(stderr.contains("chmod 600"), "{stderr}");
}

#[test]
fn no_seed_is_ever_printed() {
    let (home, scratch) = (Home::new(), Scratch::new());
    let wasm = scratch.copy(&unsigned_guest("calc.wasm"), "calc.wasm");
    scratch.copy(&unsigned_guest("calc.yaml"), "writ.yaml");
    let name = wasm.to_str().unwrap();
    let mut said = String::new();
    for args in [&["sign", name][..], &["key", "list"], &["inspect", name], &["trust", "list"], &["verify", name]] {
        let output = home.writ(args).succeeded();
        said.push_str(&output.stdout);
        said.push_str(&output.stderr);
    }
    let mut found = Vec::new();
    modes(home.path(), &mut found);
    let seeds = found.iter().filter(|(path, folder, _)| !folder && holds_a_seed(path));
    for (path, ..) in seeds {
        for seed in fs::read_to_string(path).unwrap().lines().filter(|line| line.trim().len() == 58) {
            assert!(!said.contains(seed.trim()), "a seed was printed");
        }
    }
}

#[test]
fn the_data_folder_is_for_its_owner() {
    let scratch = Scratch::new();
    let up = writ_tests::Up::start(&Home::shared(), &writ_tests::guest("orders.yaml"), &scratch.data());
    assert_eq!(up.post_json("/orders", r#"{"customer":"a","item":"a","quantity":1,"price_cents":1}"#).status, 201);
    up.stop();
    let mut found = Vec::new();
    modes(&scratch.data(), &mut found);
    // A folder nobody else can enter protects what is in it.
    assert!(
        found
            .iter()
            .any(|(path, folder, mode)| *folder && *path == scratch.data().display().to_string() && *mode == 0o700),
        "{found:?}"
    );
    for (path, _, mode) in found.iter().filter(|(path, ..)| path.ends_with("host.nk") || path.ends_with("secret")) {
        assert_eq!(*mode, 0o600, "{path}");
    }
}
