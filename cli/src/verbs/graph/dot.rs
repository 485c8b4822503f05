//! A picture for Graphviz.

use super::picture::{Arrow, Kind, Picture, Point, Way};

/// Draws it.
pub(super) fn draw(picture: &Picture) -> String {
    let mut text = format!("digraph {{\n  label={}\n  labelloc=t\n  rankdir=LR\n", label([&picture.title], ""));
    text.push_str("  node [shape=box style=rounded fontname=\"sans-serif\"]\n");
    text.push_str("  edge [fontname=\"sans-serif\" fontsize=10]\n");
    for (number, point) in picture.points.iter().enumerate() {
        text.push_str(&format!("  n{number} [label={}{}]\n", label(&point.lines, ""), shape(point)));
    }
    for (number, group) in picture.groups.iter().enumerate() {
        let points: String = group.iter().map(|point| format!(" n{point}")).collect();
        text.push_str(&format!("  subgraph cluster_{number} {{ label=\"one store\" style=dashed;{points} }}\n"));
    }
    for arrow in &picture.arrows {
        let Arrow { from, to, lines, .. } = arrow;
        text.push_str(&format!("  n{from} -> n{to} [label={}{}]\n", label(lines, "\\l"), stroke(arrow)));
    }
    text.push_str("}\n");
    text
}

fn shape(point: &Point) -> &'static str {
    match point.kind {
        Kind::Component => "",
        Kind::Refused => " color=\"#c00000\"",
        Kind::Capability => " shape=cylinder style=solid",
    }
}

fn stroke(arrow: &Arrow) -> &'static str {
    match arrow.way {
        Way::Use => "",
        Way::Call => " style=bold",
        Way::Denied => " style=dashed color=\"#c00000\" fontcolor=\"#c00000\"",
    }
}

/// A text in quotes, its lines each with this end; without one they are centred. Nothing in it is an escape of Graphviz's or
/// an entity of HTML's.
fn label(lines: impl IntoIterator<Item = impl AsRef<str>>, end: &str) -> String {
    let escaped = |line: String| line.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;");
    let lines: Vec<_> = lines.into_iter().map(|line| escaped(line.as_ref().to_owned())).collect();
    match end {
        "" => format!("\"{}\"", lines.join("\\n")),
        end => format!("\"{}\"", lines.iter().map(|line| format!("{line}{end}")).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn labels_mean_what_they_say() {
        for (text, expected) in [
            ("plain", r#""plain""#),
            (r#"x"]; evil -> evil ["#, r#""x\"]; evil -> evil [""#),
            (r"\N \G \l", r#""\\N \\G \\l""#),
            (r#"\""#, r#""\\\"""#),
            ("&lt;b&#62;", r#""&amp;lt;b&amp;#62;""#),
        ] {
            assert_eq!(label([text], ""), expected);
        }
        assert_eq!(label(["a", "b"], ""), r#""a\nb""#);
        assert_eq!(label(["a", "b"], "\\l"), r#""a\lb\l""#);
    }
}
