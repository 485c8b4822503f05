//! Gives back every value it gets: the end of what is put before it.

mod bindings {
    wit_bindgen::generate!({ path: "../wit", world: "end", generate_all });
}

use bindings::exports::test::conformance::echo::{Guest, Integers, Nested, Others, Rights, Season, Shape};

struct End;

macro_rules! back {
    ($($function:ident: $value:ty;)*) => {
        impl Guest for End {
            $(fn $function(_: bool, value: $value) -> $value {
                value
            })*
        }
    };
}

back! {
    echo_integers: Integers;
    echo_others: Others;
    echo_text: String;
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

bindings::export!(End with_types_in bindings);
