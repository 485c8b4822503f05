//! Sends values of every type to whatever its import is linked to, and tells which did not come back as they went:
//! `GET /given/on` asks for them to be given on once, any other path for them to be given back at once. `?without=wide`
//! leaves out the integers that a guest in JavaScript gets and cannot give on: see docs/cli.md.

mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "driver",
        generate_all,
    });
}

use bindings::test::conformance::echo::{
    self, Integers, Nested, Others, Rights, Season, Shape, echo_bytes, echo_maybe, echo_numbers, echo_outcome,
    echo_pair, echo_text,
};
use guest_http::{Guest, IncomingRequest, ResponseOutparam};

struct Driver;

impl Guest for Driver {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (path, query) = guest_http::path_and_query(&request);
        let wrong = wrong(path.ends_with("/given/on"), query != "without=wide");
        let told = if wrong.is_empty() { "all of it came back\n".to_owned() } else { wrong.join("\n") + "\n" };
        guest_http::respond(out, if wrong.is_empty() { 200 } else { 500 }, &[], told.as_bytes());
    }
}

guest_http::export!(Driver with_types_in guest_http::bindings);

/// What came back otherwise, in words.
fn wrong(forward: bool, wide: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut see = |what: &str, went: String, came: String| {
        if went != came {
            wrong.push(format!("{what}: {went} came back as {came}"));
        }
    };
    macro_rules! check {
        ($values:expr, $echo:expr) => {
            for value in $values {
                // What is shown tells every value of these types from every other.
                see(stringify!($echo), format!("{value:?}"), format!("{:?}", $echo(forward, &value)));
            }
        };
    }
    if wide {
        check!(shapes(), echo::echo_shape);
        check!(integers(), |forward, value: &Integers| echo::echo_integers(forward, *value));
        check!(outcomes(), |forward, value: &Result<u64, String>| {
            echo_outcome(forward, value.as_ref().copied().map_err(String::as_str))
        });
        check!(pairs(), |forward, value: &(String, i64, char)| echo_pair(forward, (&value.0, value.1, value.2)));
    }
    check!(others(), echo::echo_others);
    check!(texts(), |forward, value: &String| echo_text(forward, value));
    check!([vec![], (0..=255).collect(), vec![0; 70_000]], |forward, value: &Vec<u8>| echo_bytes(forward, value));
    check!([vec![], NUMBERS.to_vec(), vec![u64::MAX; 1000]], |forward, value: &Vec<u64>| echo_numbers(forward, value));
    check!(SEASONS, |forward, value: &Season| echo::echo_season(forward, *value));
    check!(rights(), |forward, value: &Rights| echo::echo_rights(forward, *value));
    let maybe = [None, Some(0), Some(if wide { 1 << 31 } else { 1 << 30 }), wide.then_some(u32::MAX)];
    check!(maybe, |forward, value: &Option<u32>| echo_maybe(forward, *value));
    check!([vec![], nested()], |forward, value: &Vec<Nested>| echo::echo_nested(forward, value));
    wrong
}

fn integers() -> [Integers; 3] {
    let of = |all: bool| Integers {
        a_u8: if all { u8::MAX } else { 0 },
        a_s8: if all { i8::MAX } else { i8::MIN },
        a_u16: if all { u16::MAX } else { 0 },
        a_s16: if all { i16::MAX } else { i16::MIN },
        a_u32: if all { u32::MAX } else { 1 << 31 },
        a_s32: if all { i32::MAX } else { i32::MIN },
        a_u64: if all { u64::MAX } else { (1 << 53) + 1 },
        a_s64: if all { i64::MAX } else { i64::MIN },
    };
    let minus =
        Integers { a_u8: 1, a_s8: -1, a_u16: 1, a_s16: -1, a_u32: 1, a_s32: -1, a_u64: 1 << 63, a_s64: -(1 << 53) - 1 };
    [of(false), of(true), minus]
}

fn others() -> Vec<Others> {
    let of = |(an_f32, an_f64, a_char): (f32, f64, char)| Others {
        an_f32,
        an_f64,
        a_char,
        a_bool: an_f32 > 0.0,
        a_string: a_char.to_string(),
    };
    let values = [
        (0.0, -0.0, 'a'),
        (f32::MAX, f64::MAX, '\u{10ffff}'),
        (f32::MIN_POSITIVE, f64::MIN_POSITIVE, '\0'),
        (f32::INFINITY, f64::NEG_INFINITY, '\u{d7ff}'),
        (f32::NAN, f64::NAN, '\u{e000}'),
        (0.1, 0.1, '🦀'),
    ];
    values.into_iter().map(of).collect()
}

fn texts() -> Vec<String> {
    // A byte order mark is not the first: what a guest in JavaScript is built with takes that off.
    let mut texts = ["", "ada", "a\0b", "Zürich ❤ 東京 🦀", "e\u{301}\u{feff}\r\n"].map(str::to_owned).to_vec();
    texts.push("🦀".repeat(20_000));
    texts
}

fn rights() -> [Rights; 4] {
    [Rights::empty(), Rights::LOOK, Rights::LOOK | Rights::TAKE_AWAY, Rights::all()]
}

fn shapes() -> Vec<Shape> {
    let points = vec![(i32::MIN, i32::MAX), (0, -1)];
    vec![
        Shape::Nothing,
        Shape::Circle(-0.5),
        Shape::Named("é".to_owned()),
        Shape::Points(points),
        Shape::Points(vec![]),
    ]
}

fn outcomes() -> [Result<u64, String>; 4] {
    [Ok(0), Ok(u64::MAX), Err(String::new()), Err("no".to_owned())]
}

fn pairs() -> [(String, i64, char); 2] {
    [(String::new(), i64::MIN, '\0'), ("two".to_owned(), i64::MAX, '🦀')]
}

fn nested() -> Vec<Nested> {
    let of = |(name, maybe, outcome, bare): (&str, _, _, _)| Nested {
        name: name.to_owned(),
        seasons: SEASONS.to_vec(),
        rights: Rights::TOUCH,
        shapes: shapes().into_iter().map(Some).chain([None]).collect(),
        pairs: NUMBERS.iter().map(|number| (number.to_string(), *number)).collect(),
        maybe,
        outcome,
        bare,
    };
    let values = [
        ("none", None, Ok(vec![]), Ok(())),
        ("some none", Some(None), Err(String::new()), Err(())),
        ("some some", Some(Some("x".to_owned())), Ok(vec![0, 255]), Ok(())),
    ];
    values.into_iter().map(of).collect()
}

const NUMBERS: [u64; 5] = [0, 1, 1 << 53, (1 << 53) + 1, u64::MAX];
const SEASONS: [Season; 4] = [Season::Spring, Season::Summer, Season::Autumn, Season::Winter];
