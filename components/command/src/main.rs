//! A command, as anybody would write one: it does with arguments, environment, streams, files and clocks what it is told.
//! `writ run command.wasm -- write /out/a text , read /out/a` does one thing after the other.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

/// What the standard library has no word for: an exit code besides 0 and 1.
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "package demo:command; world exit { import wasi:cli/exit@0.2.12; }",
        generate_all,
    });
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let mut code = ExitCode::SUCCESS;
    for words in args[1..].split(|word| word == ",") {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match act(&args, &words) {
            Ok(ended) => code = ended.unwrap_or(code),
            Err(error) => println!("{}: {:?}", words.join(" "), error.kind()),
        }
    }
    code
}

/// Does one thing; an exit code, where it says one.
fn act(args: &[String], words: &[&str]) -> io::Result<Option<ExitCode>> {
    match words {
        ["args", ..] => println!("{args:?}"),
        ["env"] => {
            let mut all: Vec<_> = std::env::vars().collect();
            all.sort();
            all.iter().for_each(|(name, value)| println!("{name}={value}"));
        }
        ["cat"] => {
            io::copy(&mut io::stdin(), &mut io::stdout())?;
        }
        ["terminals"] => {
            let [stdin, stdout, stderr] =
                [io::stdin().is_terminal(), io::stdout().is_terminal(), io::stderr().is_terminal()];
            println!("{stdin} {stdout} {stderr}");
        }
        ["complain", text] => eprintln!("{text}"),
        ["flood"] => loop {
            println!("and again");
        },
        ["half", text] => {
            io::stdout().write_all(text.as_bytes())?;
            io::stdout().flush()?;
        }
        ["return", code] => return Ok(Some(ExitCode::from(number(code)))),
        ["exit", code] => std::process::exit(number(code).into()),
        ["exit-with-code", code] => bindings::wasi::cli::exit::exit_with_code(number(code)),
        ["trap"] => deliberately_trapping_function(),
        ["spin"] => loop {
            std::hint::black_box(());
        },
        ["sleep", ms] => std::thread::sleep(Duration::from_millis(ms.parse().unwrap_or(0))),
        ["clocks"] => println!("wall {}, monotonic {}", finest(wall), finest(monotonic())),
        words => return in_folders(words).map(|()| None),
    }
    Ok(None)
}

fn in_folders(words: &[&str]) -> io::Result<()> {
    match words {
        ["read", path] => println!("{}", fs::read_to_string(path)?),
        ["list", path] => {
            let mut names = Vec::new();
            for entry in fs::read_dir(path)? {
                names.push(entry?.file_name().to_string_lossy().into_owned());
            }
            names.sort();
            println!("{}", names.join(" "));
        }
        ["hold", path] => {
            let mut files = Vec::new();
            // One that is refused ends it; more than a thousand would be a host that refuses none.
            while let Ok(file) = fs::File::open(path)
                && files.len() < 1_000
            {
                files.push(file);
            }
            println!("{} at once", files.len());
        }
        ["write", path, text] => fs::write(path, text)?,
        ["append", path, text] => fs::OpenOptions::new().append(true).open(path)?.write_all(text.as_bytes())?,
        ["truncate", path] => fs::OpenOptions::new().write(true).open(path)?.set_len(0)?,
        ["mkdir", path] => fs::create_dir(path)?,
        ["remove", path] => fs::remove_file(path)?,
        ["rename", from, to] => fs::rename(from, to)?,
        ["link", from, to] => fs::hard_link(from, to)?,
        #[allow(deprecated, reason = "the one name of it that every target has")]
        ["symlink", target, path] => fs::soft_link(target, path)?,
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    }
    println!("{}: done", words[0]);
    Ok(())
}

fn number(text: &str) -> u8 {
    text.parse().unwrap_or(u8::MAX)
}

/// The largest power of ten, in nanoseconds, that divides whatever a clock said for a while.
fn finest(clock: impl Fn() -> u128) -> u128 {
    let (start, mut step) = (Instant::now(), 1_000_000_000);
    while start.elapsed() < Duration::from_millis(20) {
        let now = clock();
        while !now.is_multiple_of(step) {
            step /= 10;
        }
    }
    step
}

fn wall() -> u128 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |now| now.as_nanos())
}

fn monotonic() -> impl Fn() -> u128 {
    // The clock starts at nothing with the call, so that the time since then is what it says.
    let start = Instant::now();
    move || start.elapsed().as_nanos()
}

#[inline(never)]
fn deliberately_trapping_function() {
    panic!("it was told to");
}
