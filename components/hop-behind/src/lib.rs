//! The end of a way through a component in any language: a text that it is handed is a task, which it does.

mod bindings {
    wit_bindgen::generate!({ path: "../conformance/wit", world: "end", generate_all });
}

use bindings::exports::test::conformance::echo::{Guest, Integers, Nested, Others, Rights, Season, Shape};
use hops::task;

struct Behind;

macro_rules! back {
    ($($function:ident: $value:ty;)*) => {
        impl Guest for Behind {
            fn echo_text(_: bool, value: String) -> String {
                let outcome = task::done(&task::parse(&value));
                task::told(outcome.as_ref()).or_else(hops::caller).unwrap_or_default()
            }

            $(fn $function(_: bool, value: $value) -> $value {
                value
            })*
        }
    };
}

back! {
    echo_integers: Integers;
    echo_others: Others;
    echo_bytes: Vec<u8>;
    echo_numbers: Vec<u64>;
    echo_season: Season;
    echo_rights: Rights;
    echo_shape: Shape;
    echo_maybe: Option<u32>;
    echo_outcome: Result<u64, String>;
    echo_pair: (String, i64, char);
    echo_nested: Vec<Nested>;
}

bindings::export!(Behind with_types_in bindings);
