//! `writ completions` and `writ man`, and that both tell what `--help` tells.

use std::fs;

use crate::fixture::Work;

#[test]
fn every_shell_completes_every_verb() {
    let work = Work::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = work.run(&["completions", shell]).raw;
        for word in ["new", "build", "doctor", "template", "trust", "output"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
    work.finish(work.command(&["completions", "tcsh"]), "", 2);
}

#[test]
fn the_manual_has_a_page_for_each_verb_and_the_exit_codes() {
    let work = Work::new();
    work.run(&["man", "pages"]);
    let mut pages: Vec<_> = fs::read_dir(work.path("pages")).unwrap().map(|page| page.unwrap().file_name()).collect();
    pages.sort();
    for page in ["writ.1", "writ-build.1", "writ-key-generate.1", "writ-up.1"] {
        assert!(pages.iter().any(|found| found == page), "{page} is not among {pages:?}");
    }
    let codes = "Exit codes: 0 when it was done, 1 when it was refused or failed, 2 when the arguments make no sense.";
    let page = work.run(&["man"]).raw;
    assert_eq!(page, work.text("pages/writ.1"));
    assert!(page.contains(codes) && work.run(&["--help"]).raw.contains(codes), "{page}");
    work.write("file", "");
    work.refuses(&["man", "file"]);
}
