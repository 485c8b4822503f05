//! Every kind of type through Rust.

mod bindings {
    wit_bindgen::generate!({ path: "../wit", world: "link", generate_all });
}

use bindings::exports::test::conformance::echo as export;
use bindings::test::conformance::echo as import;
use bindings::wasi::logging::logging::{Level, log};

struct Echo;

fn say(function: &str) {
    log(Level::Debug, "rust", function);
}

impl export::Guest for Echo {
    fn echo_integers(forward: bool, value: export::Integers) -> export::Integers {
        say("echo-integers");
        if !forward {
            return value;
        }
        let export::Integers { a_u8, a_s8, a_u16, a_s16, a_u32, a_s32, a_u64, a_s64 } = value;
        let value = import::Integers { a_u8, a_s8, a_u16, a_s16, a_u32, a_s32, a_u64, a_s64 };
        let import::Integers { a_u8, a_s8, a_u16, a_s16, a_u32, a_s32, a_u64, a_s64 } =
            import::echo_integers(false, value);
        export::Integers { a_u8, a_s8, a_u16, a_s16, a_u32, a_s32, a_u64, a_s64 }
    }

    fn echo_others(forward: bool, value: export::Others) -> export::Others {
        say("echo-others");
        if !forward {
            return value;
        }
        let export::Others { an_f32, an_f64, a_char, a_bool, a_string } = value;
        let value = import::Others { an_f32, an_f64, a_char, a_bool, a_string };
        let import::Others { an_f32, an_f64, a_char, a_bool, a_string } = import::echo_others(false, &value);
        export::Others { an_f32, an_f64, a_char, a_bool, a_string }
    }

    fn echo_text(forward: bool, value: String) -> String {
        say("echo-text");
        if forward { import::echo_text(false, &value) } else { value }
    }

    fn echo_bytes(forward: bool, value: Vec<u8>) -> Vec<u8> {
        say("echo-bytes");
        if forward { import::echo_bytes(false, &value) } else { value }
    }

    fn echo_numbers(forward: bool, value: Vec<u64>) -> Vec<u64> {
        say("echo-numbers");
        if forward { import::echo_numbers(false, &value) } else { value }
    }

    fn echo_season(forward: bool, value: export::Season) -> export::Season {
        say("echo-season");
        if forward { season_back(import::echo_season(false, season(value))) } else { value }
    }

    fn echo_rights(forward: bool, value: export::Rights) -> export::Rights {
        say("echo-rights");
        if forward { rights_back(import::echo_rights(false, rights(value))) } else { value }
    }

    fn echo_shape(forward: bool, value: export::Shape) -> export::Shape {
        say("echo-shape");
        if forward { shape_back(import::echo_shape(false, &shape(value))) } else { value }
    }

    fn echo_maybe(forward: bool, value: Option<u32>) -> Option<u32> {
        say("echo-maybe");
        if forward { import::echo_maybe(false, value) } else { value }
    }

    fn echo_outcome(forward: bool, value: Result<u64, String>) -> Result<u64, String> {
        say("echo-outcome");
        if forward { import::echo_outcome(false, value.as_ref().map_err(String::as_str).copied()) } else { value }
    }

    fn echo_pair(forward: bool, value: (String, i64, char)) -> (String, i64, char) {
        say("echo-pair");
        if forward { import::echo_pair(false, (&value.0, value.1, value.2)) } else { value }
    }

    fn echo_nested(forward: bool, value: Vec<export::Nested>) -> Vec<export::Nested> {
        say("echo-nested");
        if !forward {
            return value;
        }
        let value: Vec<_> = value.into_iter().map(nested).collect();
        import::echo_nested(false, &value).into_iter().map(nested_back).collect()
    }
}

bindings::export!(Echo with_types_in bindings);

/// The types of the import and of the export are two, with the same shape.
macro_rules! conversions {
    ($from:ident to $to:ident: $season:ident, $rights:ident, $shape:ident, $nested:ident) => {
        fn $season(season: $from::Season) -> $to::Season {
            match season {
                $from::Season::Spring => $to::Season::Spring,
                $from::Season::Summer => $to::Season::Summer,
                $from::Season::Autumn => $to::Season::Autumn,
                $from::Season::Winter => $to::Season::Winter,
            }
        }

        fn $rights(rights: $from::Rights) -> $to::Rights {
            $to::Rights::from_bits_retain(rights.bits())
        }

        fn $shape(shape: $from::Shape) -> $to::Shape {
            match shape {
                $from::Shape::Nothing => $to::Shape::Nothing,
                $from::Shape::Circle(radius) => $to::Shape::Circle(radius),
                $from::Shape::Named(name) => $to::Shape::Named(name),
                $from::Shape::Points(points) => $to::Shape::Points(points),
            }
        }

        fn $nested(nested: $from::Nested) -> $to::Nested {
            let $from::Nested { name, seasons, rights, shapes, pairs, maybe, outcome, bare } = nested;
            let seasons = seasons.into_iter().map($season).collect();
            let shapes = shapes.into_iter().map(|shape| shape.map($shape)).collect();
            $to::Nested { name, seasons, rights: $rights(rights), shapes, pairs, maybe, outcome, bare }
        }
    };
}

conversions!(export to import: season, rights, shape, nested);
conversions!(import to export: season_back, rights_back, shape_back, nested_back);
