//! A host inside another program: signs a component, loads it, and calls one of its functions.
//!
//! `cargo run --example embed -- calc.wasm greet '"ada"'`

use std::collections::BTreeMap;

use writ_host::{Artifact, Candidate, Capacity, Host, Policies, Registry, Settings, now};
use writ_manifest::{Application, TrustPolicy};
use writ_signing::token::{self, AccountDraft, Capabilities, CommonDraft, ComponentDraft, Tokens};
use writ_signing::{Revocations, Role, Roots, SigningKey, section};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [file, function, args @ ..] = args.as_slice() else { return Err("embed FILE FUNCTION ARGS".into()) };
    let (signed, operator) = sign(&std::fs::read(file)?)?;

    // From bytes to a proof, and from there to what it may do here: nothing, for nothing is claimed.
    let artifact = Artifact::new(signed)?;
    let verified = artifact.verify(&Roots::from_iter([(operator, Revocations::Never)]), now())?;
    let trust = BTreeMap::from([(operator, TrustPolicy::Any)]);
    let policies = Policies { host: None, trust };
    let host = Host::new(Settings { capacity: Capacity::default(), cache: None, policies }, Registry::new())?;
    let application = Application::alone("guest");
    let entry = application.components.first().ok_or("no entry")?;
    let candidate = Candidate { entry, verified: &verified };
    let admission = host.authorize(&[candidate], &application)?;

    let result = host.call(&admission, function, args).await?;
    #[expect(clippy::print_stdout, reason = "the example's answer")]
    if let Some(result) = result {
        println!("{result}");
    }
    Ok(())
}

/// Fresh keys, an account's token and the component's, in the file.
fn sign(component: &[u8]) -> Result<(Vec<u8>, writ_signing::PublicKey), Box<dyn std::error::Error>> {
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
