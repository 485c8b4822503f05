//! That code in the pages is code of the tree: what a page shows of a file stands in that file.
//!
//! A block says behind its language which file it is of: "```rust host/examples/embed.rs". It may be indented less than
//! there, and is otherwise the same, line by line.

/// One finding for each block of a page that is not in the file it names, and in a guide for each that names none and is code.
pub(crate) fn check(page: &str, text: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let problem = |block: &Block<'_>| {
        let Some(file) = block.file else {
            return (GUIDES.contains(&page) && block.language != "text")
                .then(|| "names no file that it is of".to_owned());
        };
        match read(file) {
            None => Some(format!("is of {file}, which is not there")),
            Some(content) if block.is_in(&content) => None,
            Some(_) => Some(format!("is not in {file}")),
        }
    };
    let finding = |block: Block<'_>| problem(&block).map(|what| format!("{page}:{} the block {what}", block.line));
    blocks(text).into_iter().filter_map(finding).collect()
}

/// What stands between two fences.
struct Block<'a> {
    /// The line of the first fence, from 1.
    line: usize,
    language: &'a str,
    file: Option<&'a str>,
    lines: Vec<&'a str>,
}

impl Block<'_> {
    fn is_in(&self, content: &str) -> bool {
        let content: Vec<&str> = content.lines().collect();
        let Some(first) = self.lines.first().filter(|line| !line.is_empty()) else { return false };
        content.windows(self.lines.len()).any(|window| {
            let indent = window.first().and_then(|line| line.strip_suffix(first));
            indent.is_some_and(|indent| indent.trim().is_empty() && self.is(window, indent))
        })
    }

    fn is(&self, window: &[&str], indent: &str) -> bool {
        let same = |(shown, found): (&&str, &&str)| match found.strip_prefix(indent) {
            Some(found) => found == *shown,
            None => shown.is_empty() && found.is_empty(),
        };
        self.lines.iter().zip(window).all(same)
    }
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block<'_>> = None;
    for (index, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(info), None) => {
                let mut words = info.split_whitespace();
                // A word with `=` says something else about the block.
                let (language, file) = (words.next().unwrap_or_default(), words.find(|word| !word.contains('=')));
                open = Some(Block { line: index + 1, language, file, lines: Vec::new() });
            }
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.lines.push(line);
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    blocks
}

/// Pages whose every block is of a file, so that all they show is compiled or run.
const GUIDES: [&str; 2] = ["docs/writing-a-provider.md", "docs/embedding.md"];

#[cfg(test)]
mod tests {
    const FILE: &str = "mod a {\n    fn one() {\n        two();\n\n        three();\n    }\n}\n";

    #[track_caller]
    fn check(page: &str, block: &str, expected: &[&str]) {
        let read = |file: &str| (file == "a.rs").then(|| FILE.to_owned());
        let text = format!("# Title\n\n{}\n", block.replace('~', "```"));
        assert_eq!(super::check(page, &text, read), expected);
    }

    #[test]
    fn a_block_is_a_part_of_its_file() {
        check("p.md", "~rust a.rs\nfn one() {\n    two();\n\n    three();\n}\n~", &[]);
        check("p.md", "~rust a.rs\n        two();\n~", &[]);
        check("p.md", "~rust,no_run a.rs\nthree();\n~", &[]);
        check("p.md", "~\nanything\n~", &[]);
    }

    #[test]
    fn what_drifted_is_found() {
        let drifted = "p.md:3 the block is not in a.rs";
        for block in ["fn one() {\n  two();", "two();\nthree();", "wo();", "two", "", "\ntwo();"] {
            check("p.md", &format!("~rust a.rs\n{block}\n~"), &[drifted]);
        }
        check("p.md", "~rust b.rs\ntwo();\n~", &["p.md:3 the block is of b.rs, which is not there"]);
        check(super::GUIDES[0], "~text\na drawing\n~", &[]);
        check(
            super::GUIDES[0],
            "~rust\ntwo();\n~",
            &["docs/writing-a-provider.md:3 the block names no file that it is of"],
        );
    }
}
