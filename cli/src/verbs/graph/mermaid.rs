//! A picture for Mermaid.

use super::picture::{Arrow, Kind, Picture, Point, Way};

/// Draws it.
pub(super) fn draw(picture: &Picture) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (number, point) in picture.points.iter().enumerate() {
        text.push_str(&format!("  n{number}{}\n", shape(point)));
    }
    for (number, group) in picture.groups.iter().enumerate() {
        let points: String = group.iter().map(|point| format!("n{point}; ")).collect();
        text.push_str(&format!("  subgraph s{number}[\"one store\"]\n    {}\n  end\n", points.trim_end()));
    }
    for Arrow { from, to, way, lines } in &picture.arrows {
        let arrow = match way {
            Way::Use => "-->",
            Way::Call => "==>",
            Way::Denied => "-.->",
        };
        text.push_str(&format!("  n{from} {arrow}|{}| n{to}\n", label(lines)));
    }
    text.push_str(&denied(picture));
    text
}

fn shape(point: &Point) -> String {
    let label = label(&point.lines);
    match point.kind {
        Kind::Component => format!("({label})"),
        Kind::Refused => format!("({label}):::denied"),
        Kind::Capability => format!("[({label})]"),
    }
}

/// What is denied is red.
fn denied(picture: &Picture) -> String {
    let arrows = picture.arrows.iter().enumerate().filter(|(_, arrow)| arrow.way == Way::Denied);
    let numbers: Vec<_> = arrows.map(|(number, _)| number.to_string()).collect();
    let mut text = String::new();
    if !numbers.is_empty() {
        text.push_str(&format!("  linkStyle {} stroke:#c00000,color:#c00000\n", numbers.join(",")));
    }
    if picture.points.iter().any(|point| point.kind == Kind::Refused) {
        text.push_str("  classDef denied stroke:#c00000\n");
    }
    text
}

/// A text in quotes. What Mermaid, its Markdown or a browser could take for a word of theirs is written as a number.
fn label(lines: &[String]) -> String {
    format!("\"{}\"", lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("<br/>"))
}

fn escaped(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for (at, c) in line.char_indices() {
        let (before, rest) = line.split_at_checked(at).unwrap_or_default();
        let is_plain = match c {
            _ if WORDS.iter().any(|word| rest.starts_with(word)) => false,
            // Of a list in Markdown.
            _ if at == 0 => c.is_alphabetic() || c == '✗' || c == '…',
            // Of an address, which Markdown makes a link of.
            '.' => !before.get(at.saturating_sub(3)..).is_some_and(|three| three.eq_ignore_ascii_case("www")),
            // Or of an icon, such as `fa:fa-ban`, which it draws.
            ':' => !rest.starts_with("://") && !rest.starts_with(":fa-"),
            _ => c.is_alphanumeric() || " -/,()=✗…".contains(c),
        };
        match is_plain {
            true => text.push(c),
            false => text.push_str(&format!("#{};", u32::from(c))),
        }
    }
    text
}

/// What Mermaid looks for in the whole of a line, quotes or none. It leaves out a line that has a `direction LR`, and the end
/// of a number after a `style` or a `classDef`.
const WORDS: [&str; 3] = ["direction", "style", "classDef"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_mean_what_they_say() {
        for (text, expected) in [
            ("orders-api (local/orders-api, revision 1)", "orders-api (local/orders-api, revision 1)"),
            ("demo:pricing/price@0.1.0", "demo:pricing/price#64;0.1.0"),
            (r#"x"] --> evil["#, "x#34;#93; --#62; evil#91;"),
            ("%%{init: {}}%%", "#37;#37;#123;init: #123;#125;#125;#37;#37;"),
            ("a#quot;b", "a#35;quot#59;b"),
            ("<img src=x onerror=y>", "#60;img src=x onerror=y#62;"),
            ("`*bold* _it_`", "#96;#42;bold#42; #95;it#95;#96;"),
            ("1. list", "#49;. list"),
            ("- list", "#45; list"),
            ("see www.x.y http://x", "see www#46;x.y http#58;//x"),
            ("fa:fa-ban fab:fa-x", "fa#58;fa-ban fab#58;fa-x"),
            ("direction LR", "#100;irection LR"),
            ("a style x:#y;", "a #115;tyle x:#35;y#59;"),
            ("classDef x:#y;", "#99;lassDef x:#35;y#59;"),
            ("$$x$$", "#36;#36;x#36;#36;"),
            (r"a\u{1b}|b", "a#92;u#123;1b#125;#124;b"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }
}
