//! Sends values of every type to whatever its import is linked to, and tells which did not come back as they went:
//! `GET /given/on` asks for them to be given on once, any other path for them to be given back at once. Of all values, which
//! have names such as `maybe-2`, `?without=NAME,…` leaves some out, and `?only=NAME,…` sends no others.

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
        let told = match wrong(path.ends_with("/given/on"), &query) {
            Some(wrong) if wrong.is_empty() => "all of it came back\n".to_owned(),
            Some(wrong) => wrong.join("\n") + "\n",
            None => "there is no such value\n".to_owned(),
        };
        guest_http::respond(out, 200, &[], told.as_bytes());
    }
}

guest_http::export!(Driver with_types_in guest_http::bindings);

/// Whether a value is sent.
fn is_sent(query: &str, name: &str) -> bool {
    let names = |list: &str| list.split(',').any(|other| other == name);
    match query.split_once('=') {
        Some(("without", list)) => !names(list),
        Some(("only", list)) => names(list),
        _ => true,
    }
}

/// What came back otherwise, in words; none where nothing was sent.
fn wrong(forward: bool, query: &str) -> Option<Vec<String>> {
    let (mut wrong, mut sent) = (Vec::new(), 0);
    macro_rules! check {
        ($name:literal, $values:expr, $echo:expr) => {
            for (number, value) in $values.into_iter().enumerate() {
                let name = format!("{}-{number}", $name);
                if !is_sent(query, &name) {
                    continue;
                }
                sent += 1;
                // What is shown tells every value of these types from every other.
                let (went, came) = (format!("{value:?}"), format!("{:?}", $echo(forward, &value)));
                if went != came {
                    wrong.push(format!("{name}: {went} came back as {came}"));
                }
            }
        };
    }
    check!("shape", shapes(), echo::echo_shape);
    check!("integers", integers(), |forward, value: &Integers| echo::echo_integers(forward, *value));
    check!("outcome", outcomes(), |forward, value: &Result<u64, String>| {
        echo_outcome(forward, value.as_ref().copied().map_err(String::as_str))
    });
    check!("pair", pairs(), |forward, value: &(String, i64, char)| echo_pair(forward, (&value.0, value.1, value.2)));
    check!("others", others(), echo::echo_others);
    check!("text", texts(), |forward, value: &String| echo_text(forward, value));
    check!("bytes", [vec![], (0..=255).collect(), vec![0; 70_000]], |forward, value: &Vec<u8>| {
        echo_bytes(forward, value)
    });
    check!("numbers", [vec![], NUMBERS.to_vec(), vec![u64::MAX; 1000]], |forward, value: &Vec<u64>| {
        echo_numbers(forward, value)
    });
    check!("season", SEASONS, |forward, value: &Season| echo::echo_season(forward, *value));
    check!("rights", rights(), |forward, value: &Rights| echo::echo_rights(forward, *value));
    let maybe = [None, Some(0), Some((1 << 31) - 1), Some(1 << 31), Some(u32::MAX)];
    check!("maybe", maybe, |forward, value: &Option<u32>| echo_maybe(forward, *value));
    check!("nested", [vec![], nested()], |forward, value: &Vec<Nested>| echo::echo_nested(forward, value));
    (sent > 0).then_some(wrong)
}

fn integers() -> [Integers; 8] {
    let least = Integers {
        a_u8: 0,
        a_s8: i8::MIN,
        a_u16: 0,
        a_s16: i16::MIN,
        a_u32: 0,
        a_s32: i32::MIN,
        a_u64: (1 << 53) + 1,
        a_s64: 0,
    };
    let most = Integers {
        a_u8: u8::MAX,
        a_s8: i8::MAX,
        a_u16: u16::MAX,
        a_s16: i16::MAX,
        a_u32: i32::MAX.unsigned_abs(),
        a_s32: i32::MAX,
        a_u64: u64::MAX,
        a_s64: i64::MAX,
    };
    // What some language may lose stands alone.
    [
        least,
        most,
        Integers { a_u64: 1 << 63, ..most },
        Integers { a_u32: 1 << 31, ..least },
        Integers { a_u32: u32::MAX, ..most },
        Integers { a_s64: -1, ..least },
        Integers { a_s64: -(1 << 53) - 1, ..most },
        Integers { a_s64: i64::MIN, ..least },
    ]
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
        Shape::Circle(0.5),
        Shape::Circle(-0.5),
        Shape::Named("é".to_owned()),
        Shape::Points(points),
        Shape::Points(vec![]),
    ]
}

fn outcomes() -> [Result<u64, String>; 4] {
    [Ok(0), Ok(u64::MAX), Err(String::new()), Err("no".to_owned())]
}

fn pairs() -> [(String, i64, char); 4] {
    [
        (String::new(), 0, '\0'),
        ("two".to_owned(), i64::MAX, '🦀'),
        ("minus".to_owned(), -1, 'a'),
        ("least".to_owned(), i64::MIN, 'z'),
    ]
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
