//! Who is greeted, and how.

/// A greeting on a line of its own for each name; without names, one for the world.
pub(crate) fn greetings(names: &[String]) -> String {
    if names.is_empty() {
        return greeting("world");
    }
    names.iter().map(|name| greeting(name)).collect()
}

fn greeting(name: &str) -> String {
    format!("Hello, {name}!\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], expected: &str) {
        let names: Vec<String> = names.iter().copied().map(str::to_owned).collect();
        assert_eq!(greetings(&names), expected);
    }

    #[test]
    fn lines() {
        check(&[], "Hello, world!\n");
        check(&["ada"], "Hello, ada!\n");
        check(&["ada", "bob"], "Hello, ada!\nHello, bob!\n");
    }
}
