//! The arguments, as they are written. What they mean together with the environment is `settings`' to say.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::log;
use crate::verbs::{
    account, audit, build, call, check, completions, dev, diff, doctor, explain, graph, init, inspect, key, man, new,
    revoke, run, sign, trust, up, verify, wit,
};

/// Sign WebAssembly components with the capabilities they may use, and run them with nothing else.
#[derive(Debug, Parser)]
#[command(version, about, after_help = AFTER, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Args {
    /// Where keys, tokens and trusted operators are kept [default: $WRIT_HOME, or writ in the XDG configuration folder]
    #[arg(long, global = true, help_heading = "Options of every verb", value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,

    /// How the log on stderr looks
    #[arg(long, global = true, help_heading = "Options of every verb", value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: log::Format,

    /// The least level that is logged
    #[arg(long, global = true, help_heading = "Options of every verb", value_name = "LEVEL", default_value = "info")]
    pub(crate) log_level: log::Level,

    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a project that builds, tests and signs
    New(new::New),
    /// Build a project as its writ.yaml says, and sign what came of it
    Build(build::Build),
    /// Find what is missing or broken here, and the line that repairs it
    Doctor(doctor::Doctor),

    /// Make, list and show keys
    #[command(subcommand)]
    Key(key::Key),
    /// Vouch for accounts and for their signing keys
    #[command(subcommand)]
    Account(account::Account),
    /// Take back accounts, signing keys, components and files before their time
    Revoke(revoke::Revoke),
    /// Say which operators this host trusts
    #[command(subcommand)]
    Trust(trust::Trust),
    /// Write the writ.yaml of a finished component
    Init(init::Init),
    /// Sign a component with the claims of its writ.yaml
    Sign(sign::Sign),
    /// Check signed components against the operators that are trusted here
    Verify(verify::Verify),
    /// Show what a component's claims say, who signed them, and whether they hold
    Inspect(inspect::Inspect),
    /// Print the world of a component: what it imports and exports, with all types
    Wit(wit::Wit),
    /// Draw who calls whom in an application, and what each may and may not touch
    Graph(graph::Args),

    /// Say of each import which claims grant it here and which document narrows it, or what is missing
    Explain(explain::Explain),
    /// Find what a component claims and never imports, imports and does not claim, or claims without any restriction
    Check(check::Check),
    /// Say what an upgrade newly asks for
    Diff(diff::Diff),

    /// Start a host and deploy an application on it, until Ctrl-C or SIGTERM
    Up(up::Up),

    /// Build, sign and run a project, and do it again for every change, until Ctrl-C
    Dev(dev::Dev),
    /// Read and verify what was written down of grants, denials and deployments
    #[command(subcommand)]
    Audit(audit::Audit),

    /// Call an exported function of a signed component, and print its result
    Call(call::Call),

    /// Run a signed component that is a command, with arguments and this terminal's streams
    Run(run::Run),
    /// Write what a shell needs to complete these arguments
    Completions(completions::Completions),
    /// Write the pages of the manual
    Man(man::Man),
}

/// How a verb that lists something writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Output {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

#[derive(Debug, clap::Args)]
pub(crate) struct OutputArgs {
    /// How to write what is listed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}

/// How far an operator or an account is trusted: one of the two must be written out.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct PolicyArgs {
    /// The most it may grant: a file with `capabilities:` and, perhaps, `limits:`
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,

    /// It may grant anything
    #[arg(long)]
    pub(crate) any: bool,
}

/// In the help, in the manual, and in docs/cli.md.
const AFTER: &str = "\
Exit codes: 0 when it was done, 1 when it was refused or failed, 2 when the arguments make no sense.
`diff` and `check` end with 3 when they found something.
Environment: WRIT_HOME, XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_CACHE_HOME, NO_COLOR.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_fit_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_exit_codes_are_the_documented_ones() {
        let line = AFTER.lines().find(|line| line.starts_with("Exit codes: ")).unwrap_or_default();
        assert!(!line.is_empty() && include_str!("../../docs/cli.md").contains(line), "{line}");
    }

    /// A list of processes and a shell's history show arguments.
    #[test]
    fn threat_21_no_argument_takes_a_seed() {
        let verbs = Args::command();
        let (mut verbs, mut asked) = (vec![&verbs], 0);
        while let Some(verb) = verbs.pop() {
            verbs.extend(verb.get_subcommands());
            for argument in verb.get_arguments().filter(|argument| argument.get_id().as_str().contains("seed")) {
                let id = argument.get_id().as_str();
                asked += 1;
                assert!(id == "seed_fd" || !argument.get_action().takes_values(), "{id}");
            }
        }
        assert!(asked > 0, "nothing takes a seed in any way");
    }

    #[test]
    fn every_verb_is_documented() {
        let documented = include_str!("../../docs/cli.md");
        for verb in Args::command().get_subcommands() {
            let name = verb.get_name();
            assert!(documented.contains(&format!("| `writ {name} ")), "{name}");
        }
    }
}
