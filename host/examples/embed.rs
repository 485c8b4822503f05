//! A host inside another program: signs a component, loads it, and calls one of its functions.
//!
//! `cargo run --example embed -- calc.wasm greet '"ada"'`

use std::collections::BTreeMap;
use std::error::Error;

use writ_host::{Artifact, Candidate, Host, Policies, Registry, Settings, now};
use writ_manifest::{Application, TrustPolicy};
use writ_signing::token::{self, AccountDraft, Capabilities, CommonDraft, ComponentDraft, Tokens};
use writ_signing::{PublicKey, Revocations, Role, Roots, SigningKey, section};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [file, function, args @ ..] = args.as_slice() else { return Err("embed FILE FUNCTION ARGS".into()) };
    let answer = call(&std::fs::read(file)?, function, args).await?;
    #[expect(clippy::print_stdout, reason = "the example's answer")]
    if let Some(answer) = answer {
        println!("{answer}");
    }
    Ok(())
}

/// From the bytes of a component to the answer of one of its functions. Arguments and answer are text, in WAVE.
pub(crate) async fn call(component: &[u8], function: &str, args: &[String]) -> Result<Option<String>, Box<dyn Error>> {
    let (signed, operator) = sign(component)?;
    // What the bytes are, and the proof of who signed them. Nothing under this operator is ever revoked.
    let artifact = Artifact::new(signed)?;
    let verified = artifact.verify(&Roots::from_iter([(operator, Revocations::Never)]), now())?;
    // A host without providers, that trusts this operator in whatever it grants.
    let trust = BTreeMap::from([(operator, TrustPolicy::Any)]);
    let policies = Policies { host: None, trust };
    let host = Host::new(Settings { policies, ..Settings::default() }, Registry::new())?;
    // An application of this component alone, and what it may do here: nothing, for nothing is claimed.
    let application = Application::alone("guest");
    let entry = application.components.first().ok_or("no entry")?;
    let admission = host.authorize(&[Candidate { entry, verified: &verified }], &application)?;
    Ok(host.call(&admission, function, args).await?)
}

/// Fresh keys, an account's token and the component's, in the file.
fn sign(component: &[u8]) -> Result<(Vec<u8>, PublicKey), Box<dyn Error>> {
    let [operator, account] = [SigningKey::generate(Role::Operator)?, SigningKey::generate(Role::Account)?];
    let id = SigningKey::generate(Role::Component)?.public();
    let common = |subject, name: &str, capabilities| CommonDraft {
        subject,
        name: name.to_owned(),
        capabilities,
        limits: BTreeMap::new(),
        nbf: None,
        exp: now().saturating_add(3_600),
    };
    let of_account = AccountDraft { common: common(account.public(), "acme", Capabilities::Any) };
    let of_account = token::sign_account(&of_account, &operator, now())?;
    let own = common(id, "guest", Capabilities::Only(BTreeMap::new()));
    let own = ComponentDraft { common: own, version: "0.1.0".to_owned(), revision: 1 };
    let own = token::sign_component(&own, component, &account, now())?;
    Ok((section::embed(component, &Tokens::new(own, None, of_account)?)?, operator.public()))
}
