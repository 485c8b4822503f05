//! Greets everyone who is named in its arguments. What is said is in `greeting.rs`.

mod greeting;

fn main() {
    let names: Vec<String> = std::env::args().skip(1).collect();
    print!("{}", greeting::greetings(&names));
}
