//! Pages of documentation, command by command.

use std::path::Path;

use writ_tests::{Home, Scratch, free_address, place, terminal};

#[test]
fn the_tutorial_does_what_it_says() {
    play(include_str!("../../../docs/tutorial.md"));
}

#[test]
fn composing_components_does_what_it_says() {
    play(include_str!("../../../docs/composing.md"));
}

fn play(page: &str) {
    let (home, scratch) = (Home::new(), Scratch::new());
    let port = free_address().port().to_string();
    let page = page.replace("8080", &port);
    let program = place("WRIT_BIN");
    let path = std::env::var("PATH").unwrap_or_default();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let environment = [
        ("PATH", format!("{}:{path}", text(program.parent().unwrap()))),
        ("WRIT_HOME", text(home.path())),
        ("XDG_DATA_HOME", text(&scratch.path("shared"))),
        ("XDG_CACHE_HOME", text(&scratch.path("cache"))),
        ("CARGO_TARGET_DIR", text(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects"))),
        ("NO_COLOR", "1".to_owned()),
    ];
    terminal::play(&page, scratch.folder(), &environment);
}
