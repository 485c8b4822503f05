//! That no committed file names a folder of the machine it was written on.

/// One finding for each line that has such a path.
pub(crate) fn check(name: &str, bytes: &[u8]) -> Vec<String> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let named = lines.filter_map(|(index, line)| found(line).map(|folder| (index + 1, folder)));
    named.map(|(line, folder)| format!("{name}:{line} names a folder of one machine, below /{folder}")).collect()
}

/// The first such folder in a line. It starts an absolute path: nothing before it belongs to a path or a URL, and a name
/// follows.
fn found(line: &[u8]) -> Option<&'static str> {
    FOLDERS.iter().copied().find(|folder| {
        let needle = format!("/{folder}/");
        line.windows(needle.len() + 1).enumerate().any(|(at, window)| {
            let before = at.checked_sub(1).and_then(|before| line.get(before));
            let (start, after) = window.split_at(needle.len());
            start == needle.as_bytes()
                && after.iter().all(u8::is_ascii_alphanumeric)
                && before.is_none_or(|byte| !byte.is_ascii_alphanumeric() && !b"._-~})]*".contains(byte))
        })
    })
}

/// Where people's and machines' own folders are.
const FOLDERS: [&str; 4] = ["home", "root", "work", "Users"];

#[cfg(test)]
mod tests {
    #[track_caller]
    fn check(template: &str, expected: &[&str]) {
        // Put together here, for this file is committed too.
        let text = template.replace('%', "/");
        assert_eq!(super::check("f", text.as_bytes()), expected);
    }

    #[test]
    fn absolute_paths_are_found() {
        check("cd %home%ada", &["f:1 names a folder of one machine, below /home"]);
        check("\n\"%root%x\"", &["f:2 names a folder of one machine, below /root"]);
        check(
            "file://%work%x\n(%Users%x)",
            &["f:1 names a folder of one machine, below /work", "f:2 names a folder of one machine, below /Users"],
        );
    }

    #[test]
    fn other_slashes_are_not() {
        for text in
            ["", "%homes%x", "%home%", "%home% x", "docs%work%x", "./work%x", "~%work%x", "{dir}%home%x", "a.b%root%x"]
        {
            check(text, &[]);
        }
    }
}
