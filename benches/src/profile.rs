//! What a process is doing while it is on a processor: samples of its call stacks by Linux's `perf`, sorted by who is at
//! work in each.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::measure::Estimate;

/// A recording that runs.
pub(crate) struct Recording {
    perf: Child,
    file: PathBuf,
}

impl Recording {
    /// Samples all threads of a process for so long. Stacks are copied and unwound later, by the tables that every program of
    /// ours has; code that was compiled from wasm has none, so a stack ends where it was called from there.
    pub(crate) fn start(process: u32, length: Duration, folder: &Path) -> Result<Self> {
        let file = folder.join("perf.data");
        let mut command = Command::new("perf");
        command.args(["record", "--quiet", "-e", "cpu-clock", "--call-graph", "dwarf,8192", "-m", "4M"]);
        command.args(["-F", &HERTZ.to_string(), "-p", &process.to_string(), "-o"]).arg(&file);
        command.args(["--", "sleep", &length.as_secs().to_string()]).stdin(Stdio::null()).stdout(Stdio::null());
        let perf = command.spawn().context("`perf` does not start; Debian has it in linux-perf")?;
        Ok(Self { perf, file })
    }

    /// Awaits its end and reads it.
    pub(crate) fn read(mut self) -> Result<Profile> {
        ensure!(
            self.perf.wait()?.success(),
            "`perf record` failed; does this machine let you sample your own processes?"
        );
        let mut command = Command::new("perf");
        command.args(["script", "--no-inline", "-F", "time,ip,sym,dso", "-i"]).arg(&self.file);
        let mut script = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut profile = Profile::default();
        let mut sample = Sample::default();
        for line in BufReader::new(script.stdout.take().context("no output")?).lines() {
            let line = line?;
            match line.trim().strip_suffix(':').and_then(|time| time.parse().ok()) {
                Some(time) => profile.add(std::mem::replace(&mut sample, Sample { time, doing: None })),
                None => sample.frame(&line),
            }
        }
        profile.add(sample);
        ensure!(script.wait()?.success(), "`perf script` failed");
        Ok(profile)
    }
}

/// One sample, while its frames are read from the innermost outwards.
#[derive(Default)]
struct Sample {
    time: f64,
    doing: Option<&'static str>,
}

impl Sample {
    /// The first frame that belongs to somebody decides; what anybody may call (allocation, copying, the system) does not.
    fn frame(&mut self, line: &str) {
        if self.doing.is_none() {
            self.doing =
                WHO.iter().find(|(_, marks)| marks.iter().any(|mark| line.contains(mark))).map(|(who, _)| *who);
        }
        if self.doing.is_none() && is_wasm(line) {
            self.doing = Some(WASM);
        }
    }
}

/// Code that was compiled from wasm lies in memory of no file, which `perf` calls by the name that a map of it would have.
fn is_wasm(line: &str) -> bool {
    line.contains("(/tmp/perf-") && line.ends_with(".map)")
}

/// How often each was at work, second by second.
#[derive(Default)]
pub(crate) struct Profile {
    start: Option<f64>,
    seconds: BTreeMap<u64, BTreeMap<&'static str, u32>>,
}

impl Profile {
    fn add(&mut self, Sample { time, doing }: Sample) {
        if time > 0.0 {
            let second = (time - *self.start.get_or_insert(time)).max(0.0) as u64;
            *self.seconds.entry(second).or_default().entry(doing.unwrap_or(REST)).or_default() += 1;
        }
    }

    /// Seconds on a processor, all in all.
    pub(crate) fn busy(&self) -> f64 {
        let samples: u32 = self.seconds.values().flat_map(BTreeMap::values).sum();
        f64::from(samples) / f64::from(HERTZ)
    }

    /// The share of each in percent, with what it was in most seconds.
    pub(crate) fn shares(&self) -> Vec<(&'static str, Estimate)> {
        let names = WHO.iter().map(|(who, _)| *who).chain([WASM, REST]);
        let share = |name: &'static str| {
            let of = |second: &BTreeMap<&'static str, u32>| {
                let all: u32 = second.values().sum();
                100.0 * f64::from(second.get(name).copied().unwrap_or_default()) / f64::from(all)
            };
            let shares: Vec<f64> = self.seconds.values().map(of).collect();
            (name, Estimate::of(&shares))
        };
        names.map(share).collect()
    }
}

const HERTZ: u32 = 499;
const WASM: &str = "the components' own code, compiled from wasm";
const REST: &str = "nobody's by the names in its stack";

/// Who is at work where a name in the stack has this mark. The first that fits counts.
const WHO: &[(&str, &[&str])] = &[
    ("claims: asking the grants", &["writ_provider::grant::", "writ_provider::constraint::", "::claim::"]),
    ("store: the key-value provider, redb and the disk", &["writ_keyvalue::", "redb::"]),
    ("messaging", &["writ_messaging::"]),
    ("logging", &["writ_logging::", "tracing::", "tracing_core::"]),
    (
        "HTTP: the server, hyper, and wasi:http",
        &["writ_http::", "hyper::", "hyper_util::", "wasmtime_wasi_http::", "httparse::"],
    ),
    (
        "instances: stores, instantiation, calls in and out of wasm",
        &["wasmtime::", "wasmtime_", "writ_host::", "writ_provider::"],
    ),
    ("tokio: tasks, timers, readiness", &["tokio::", "mio::"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(stack: &[&str], expected: Option<&str>) {
        let mut sample = Sample::default();
        stack.iter().for_each(|line| sample.frame(line));
        assert_eq!(sample.doing, expected);
    }

    #[test]
    fn the_innermost_name_that_is_somebodys_decides() {
        let libc = "\t    7f3b16713e __memmove_avx (/usr/lib/libc.so.6)";
        let grant = "\t    55d0a1 writ_provider::grant::Grant<C>::check (/t/writ-benches)";
        let bucket =
            "\t    55d0a2 <writ_provider::capability::View<writ_keyvalue::KeyValue> as store::Host>::open (/t/w)";
        let hyper = "\t    55d0a3 hyper::proto::h1::conn::Conn<I,B,T>::poll_flush (/t/w)";
        check(&[libc, grant, bucket, hyper], Some("claims: asking the grants"));
        check(&[libc, bucket, hyper], Some("store: the key-value provider, redb and the disk"));
        check(&["\tffffffff81 tcp_sendmsg ([kernel.kallsyms])", hyper], Some("HTTP: the server, hyper, and wasi:http"));
        check(&[libc], None);
    }

    #[test]
    fn code_without_a_file_is_wasm() {
        check(&["\t    7f3b16713e10 [unknown] (/tmp/perf-12835.map)"], Some(WASM));
        check(&["\tffffffffffffffff [unknown] ([unknown])"], None);
    }

    #[test]
    fn shares_are_of_what_was_sampled() {
        let mut profile = Profile::default();
        for (time, doing) in
            [(10.0, Some(WASM)), (10.1, Some(WASM)), (10.2, None), (10.3, None), (11.5, Some(WASM)), (11.6, None)]
        {
            profile.add(Sample { time, doing });
        }
        let shares = profile.shares();
        let of = |name| shares.iter().find(|(found, _)| *found == name).unwrap().1.median;
        assert_eq!((of(WASM), of(REST), of("messaging")), (50.0, 50.0, 0.0));
    }
}
