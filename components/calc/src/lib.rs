//! An interface with every kind of type, and no capability: what `writ call` is tried on.

wit_bindgen::generate!({ path: "wit", world: "calculator", generate_all });

use exports::demo::calc::calc::{Colour, Days, Guest, Operation, Person, Shape};

struct Calc;

impl Guest for Calc {
    fn greet(name: String) -> String {
        format!("Hello, {name}")
    }

    fn add(a: u64, b: u64) -> u64 {
        a.wrapping_add(b)
    }

    fn negate(number: i32) -> i32 {
        number.wrapping_neg()
    }

    fn sum(numbers: Vec<i64>) -> i64 {
        numbers.into_iter().fold(0, i64::wrapping_add)
    }

    fn mean(numbers: Vec<f64>) -> Option<f64> {
        let count = numbers.len();
        (count > 0).then(|| numbers.iter().sum::<f64>() / count as f64)
    }

    fn divide(a: i64, b: i64) -> Result<i64, String> {
        match b {
            0 => Err("division by zero".to_owned()),
            _ => Ok(a.wrapping_div(b)),
        }
    }

    fn apply(operation: Operation) -> f64 {
        match operation {
            Operation::Constant(number) => number,
            Operation::Add((a, b)) => a + b,
            Operation::Multiply((a, b)) => a * b,
            Operation::Nothing => 0.0,
        }
    }

    fn area(shape: Shape) -> f64 {
        match shape {
            Shape::Circle(radius) => std::f64::consts::PI * radius * radius,
            Shape::Rectangle((corner, opposite)) => ((opposite.x - corner.x) * (opposite.y - corner.y)).abs(),
        }
    }

    fn birthday(person: Person) -> Person {
        Person { age: person.age.map(|age| age.saturating_add(1)), ..person }
    }

    fn swap(pair: (String, u8)) -> (u8, String) {
        (pair.1, pair.0)
    }

    fn weekend(days: Days) -> Days {
        days & (Days::SATURDAY | Days::SUNDAY)
    }

    fn next_colour(colour: Colour) -> Colour {
        match colour {
            Colour::Red => Colour::Green,
            Colour::Green => Colour::Blue,
            Colour::Blue => Colour::Red,
        }
    }

    fn upper(letter: char) -> char {
        letter.to_uppercase().next().unwrap_or(letter)
    }

    fn both(a: bool, b: bool) -> bool {
        a && b
    }

    fn reverse(bytes: Vec<u8>) -> Vec<u8> {
        bytes.into_iter().rev().collect()
    }

    fn nothing() {}

    fn fail(reason: String) -> Result<(), String> {
        Err(reason)
    }

    fn trap() {
        deliberately_trapping_function();
    }

    fn forever() {
        let mut turns = 0u64;
        loop {
            turns = std::hint::black_box(turns.wrapping_add(1));
        }
    }
}

export!(Calc);

/// The name that a trap's backtrace must show.
#[inline(never)]
fn deliberately_trapping_function() {
    panic!("trapping on purpose");
}
