//! `writ wit`: a component's world.

use expect_test::expect;

use crate::fixture::{Work, component};

#[test]
fn the_world_of_a_component() {
    let work = Work::new();
    work.write("a.wasm", component(&["wasi:keyvalue/store@0.2.0-draft"], &["wasi:http/incoming-handler@0.2.0"]));
    let world = expect![[r#"
        package root:component;

        world root {
          import wasi:keyvalue/store@0.2.0-draft;

          export wasi:http/incoming-handler@0.2.0;
        }
        package wasi:keyvalue@0.2.0-draft {
          interface store {
          }
        }


        package wasi:http@0.2.0 {
          interface incoming-handler {
          }
        }
    "#]];
    work.run(&["wit", "a.wasm"]).out(&world);
}

#[test]
fn what_has_no_world() {
    let work = Work::new();
    work.write("a.wasm", b"\0asm\x01\0\0\0");
    work.refuses(&["wit", "a.wasm"]).err(&expect![[r#"
        error: a.wasm has no world to show
          because: a core WebAssembly module, not a component; build for wasm32-wasip2, or convert it with `wasm-tools component new`
    "#]]);
    let mut cut = component(&["wasi:keyvalue/store@0.2.0-draft"], &[]);
    cut.truncate(cut.len() - 3);
    work.write("a.wasm", cut);
    work.refuses(&["wit", "a.wasm"]).err(&expect![[r#"
        error: a.wasm has no world to show
          because: the file is cut off: what starts at byte 13 goes on past its end
    "#]]);
}
