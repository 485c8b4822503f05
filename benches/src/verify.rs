//! From a file's bytes to an admission, beside what cannot be left out: SHA-256 of the bytes and three signatures.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use writ_host::{Artifact, Candidate, Host, Policies, Settings, now};
use writ_manifest::Application;
use writ_signing::{PublicKey, Role, SigningKey};

use crate::guest::{self, Signed};
use crate::measure::{PAIRS, Pairs, Row, Table, Unit, time};

pub(crate) fn run() -> Result<Table> {
    let guest = guest::bytes("bench-guest")?;
    let signatures = Signatures::new()?;
    let mut table = Table::default();
    for (name, length) in [("100 KB", 100_000), ("2 MB", 2_000_000), ("12 MB", 12_000_000)] {
        let signed = Signed::by_signing_key(&padded(&guest, length)?)?;
        let pairs = measure(&signed, &signatures)?;
        let share = 100.0 * hashing(&signed.bytes) / pairs.ours().median;
        table.add(Row {
            work: format!("verify and authorize a component of {name}"),
            here: time(pairs.ours().median),
            beside: format!(
                "SHA-256 and three signatures {}; SHA-256 is {share:.0} % of ours",
                time(pairs.theirs().median)
            ),
            figure: Some((pairs.ratio(), Unit::Ratio)),
            target: Some(1.2),
        });
    }
    Ok(table)
}

/// How long it takes to hash the bytes alone, in seconds: the median of as many turns as are measured otherwise.
fn hashing(bytes: &[u8]) -> f64 {
    let mut times: Vec<f64> = (0..PAIRS)
        .map(|_| {
            let start = Instant::now();
            black_box(Sha256::digest(bytes));
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn measure(signed: &Signed, signatures: &Signatures) -> Result<Pairs> {
    let registry = guest::registry(None);
    let settings = Settings::default();
    let host = Host::new(settings, registry)?;
    // A host reads these once, when it starts.
    let policies = signed.policies();
    let application = Application::alone("guest");
    let mut pairs = Pairs::default();
    for turn in 0..=PAIRS {
        let (mut ours, mut theirs) = (0.0, 0.0);
        for ourselves in [turn % 2 == 0, turn % 2 != 0] {
            let start = Instant::now();
            if ourselves {
                admit(signed, &policies, &host, &application)?;
                ours = start.elapsed().as_secs_f64();
            } else {
                signatures.check(&signed.bytes)?;
                theirs = start.elapsed().as_secs_f64();
            }
        }
        if turn > 0 {
            pairs.push(ours, theirs);
        }
    }
    Ok(pairs)
}

fn admit(signed: &Signed, policies: &Policies, host: &Host, application: &Application) -> Result<()> {
    let artifact = Artifact::new(signed.bytes.clone())?;
    let verified = artifact.verify(&signed.roots(), now())?;
    let entry = application.components.first().context("no component")?;
    let candidate = Candidate { entry, verified: &verified };
    let admission = writ_host::authorize(&[candidate], application, policies, host.vocabulary())?;
    black_box(admission);
    Ok(())
}

/// Three messages as long as a token, and who signed them.
struct Signatures(Vec<(PublicKey, Vec<u8>, [u8; 64])>);

impl Signatures {
    fn new() -> Result<Self> {
        let one = |fill: u8| -> Result<_> {
            let key = SigningKey::generate(Role::Account)?;
            let message = vec![fill; 700];
            let signature = key.sign(&message);
            Ok((key.public(), message, signature))
        };
        Ok(Self([1, 2, 3].into_iter().map(one).collect::<Result<_>>()?))
    }

    fn check(&self, bytes: &Arc<[u8]>) -> Result<()> {
        black_box(Sha256::digest(bytes));
        self.0.iter().try_for_each(|(key, message, signature)| Ok(key.verify(message, signature)?))
    }
}

/// The component with a core module at its end that makes it this long: functions, as in a language's runtime.
fn padded(component: &[u8], length: usize) -> Result<Vec<u8>> {
    let room = length.checked_sub(component.len()).context("the guest is longer than what is measured")?;
    // A section's id, its length and the module's own framing take a few bytes.
    let functions = room.saturating_sub(FRAMING) / (BODY + BODY_FRAMING);
    let module = module(functions);
    let mut padded = component.to_vec();
    padded.push(1);
    leb(&mut padded, module.len());
    padded.extend(module);
    ensure!(padded.len().abs_diff(length) < length / 50, "padded to {} bytes", padded.len());
    Ok(padded)
}

/// A module of so many functions that do nothing, at some length.
fn module(functions: usize) -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    section(&mut module, 1, &[1, 0x60, 0, 0]);
    let mut types = Vec::new();
    leb(&mut types, functions);
    types.resize(types.len() + functions, 0);
    section(&mut module, 3, &types);
    let mut code = Vec::new();
    leb(&mut code, functions);
    for _ in 0..functions {
        leb(&mut code, BODY);
        code.push(0);
        code.resize(code.len() + BODY - 2, 1);
        code.push(0x0b);
    }
    section(&mut module, 10, &code);
    module
}

fn section(module: &mut Vec<u8>, id: u8, content: &[u8]) {
    module.push(id);
    leb(module, content.len());
    module.extend_from_slice(content);
}

fn leb(bytes: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Bytes of a function's body, about the mean of CPython's; its length takes two more, its type one.
const BODY: usize = 300;
const BODY_FRAMING: usize = 3;
const FRAMING: usize = 40;
