//! What `writ` does, one file per verb.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod build;
pub(crate) mod call;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod dev;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod graph;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod key;
pub(crate) mod man;
pub(crate) mod new;
pub(crate) mod revoke;
pub(crate) mod run;
pub(crate) mod sign;
pub(crate) mod trust;
pub(crate) mod up;
pub(crate) mod verify;
pub(crate) mod wit;

use crate::Done;
use crate::args::Verb;
use crate::home::Home;
use crate::settings::Settings;

/// Does what was asked for.
pub(crate) fn run(verb: Verb, settings: &Settings) -> Done {
    let home = Home::of(settings);
    match verb {
        Verb::New(args) => new::run(&args),
        Verb::Build(args) => build::run(&args, settings, &home),
        Verb::Doctor(args) => doctor::run(&args, settings, &home),
        Verb::Key(args) => key::run(args, &home),
        Verb::Account(args) => account::run(args, &home),
        Verb::Revoke(args) => revoke::run(&args, &home),
        Verb::Trust(args) => trust::run(args, &home),
        Verb::Init(args) => init::run(&args),
        Verb::Sign(args) => sign::run(&args, &home),
        Verb::Verify(args) => verify::run(&args, &home),
        Verb::Inspect(args) => inspect::run(&args, &home),
        Verb::Graph(args) => graph::run(&args, settings, &home),
        Verb::Wit(args) => wit::run(&args),
        Verb::Explain(args) => explain::run(&args, &home),
        Verb::Check(args) => check::run(&args, &home),
        Verb::Diff(args) => diff::run(&args, &home),
        Verb::Audit(args) => audit::run(args, settings),
        Verb::Up(args) => up::run(&args, settings, &home),
        Verb::Dev(args) => dev::run(&args, settings, &home),
        Verb::Call(args) => call::run(&args, settings, &home),
        Verb::Run(args) => run::run(args, settings, &home),
        Verb::Completions(args) => completions::run(&args),
        Verb::Man(args) => man::run(&args),
    }
}
