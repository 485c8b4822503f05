//! `writ account`: who vouches for whom, and CI that signs for a team.

use std::fs;

use expect_test::expect;

use crate::fixture::{CLAIMS, Work};

/// The word of 56 characters that a text has.
fn key(text: &str) -> String {
    text.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| word.len() == 56).unwrap().to_owned()
}

/// The id that the first `sign` wrote.
fn id(work: &Work) -> String {
    let text = work.text("writ.yaml");
    text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned()
}

#[test]
fn an_account_is_made_and_vouched_for_at_once() {
    let work = Work::new();
    work.refuses(&["account", "create", "acme", "--any"]).err(&expect![[r#"
        error: there is no operator's key in WORK/home
        hint: `writ key generate operator` makes one
    "#]]);
    work.run(&["key", "generate", "operator"]);
    work.run(&["account", "create", "acme", "--any"]).out(&expect!["A…\n"]).err(&expect![[r#"
        kept in WORK/home/keys/acme.nk
        operator vouches for the account acme until DAY
    "#]]);
    work.run(&["account", "show", "acme"]).out(&expect![[r#"
        account acme
          key        A…
          signed by  O…
          valid      DAY to DAY
          may        any capability
    "#]]);
    work.finish(work.command(&["account", "create", "other"]), "", 2);
    work.finish(work.command(&["account", "create", "other", "--any", "--policy", "p"]), "", 2);
    work.refuses(&["account", "create", "acme", "--any"]).err(&expect![[r#"
        error: there is a key named acme already, and keys are never replaced
        hint: choose another name; or renew its token with --key acme
    "#]]);
    work.refuses(&["account", "create", "other", "--any", "--operator", "acme"]).err(&expect![[r#"
        error: acme is the key of another role (account); accounts are signed by operators
    "#]]);
    work.refuses(&["account", "create", "other", "--any", "--key", "operator"]).err(&expect![[r#"
        error: O… is the key of another role (operator); expected an account's, which starts with A
    "#]]);
    work.refuses(&["account", "create", "../x", "--any"]).err(&expect![[r#"
        error: "../x" cannot be a key's name: expected 1 to 64 of a-z, 0-9 and -
    "#]]);
    work.refuses(&["account", "create", "other", "--any", "--expires", "0s"]).err(&expect![[r#"
        error: not signed, because no host would accept it: the token is never valid: its `exp` is not later than its `iat` and `nbf`
    "#]]);
    work.run(&["key", "generate", "operator", "--name", "second"]);
    work.refuses(&["account", "create", "other", "--any"]).err(&expect![[r#"
        error: there are several operators
        hint: choose one with --operator
    "#]]);
    work.run(&["key", "list"]).out(&expect![[r#"
        acme      account   A…
        operator  operator  O…
        second    operator  O…
    "#]]);
}

#[test]
fn an_account_is_renewed_and_told_when_the_older_token_allows_more() {
    let work = Work::new();
    work.run(&["key", "generate", "operator"]);
    let first = work.run(&["account", "create", "acme", "--any"]).raw;
    work.write("less.yaml", "capabilities: { keyvalue: { bucket: orders } }\n");
    let renewed =
        work.run(&["account", "create", "acme", "--key", "acme", "--policy", "less.yaml"]).err(&expect![[r#"
            operator vouches for the account acme until DAY
            warning: the older token says something else, and stands until it ends on DAY, wherever it is
            hint: `writ revoke A… --by O… --before TIME` voids it
        "#]]);
    assert_eq!(renewed.raw, first);
    work.run(&["account", "create", "acme", "--key", "acme", "--policy", "less.yaml"]).err(&expect![[r#"
        operator vouches for the account acme until DAY
    "#]]);
    work.run(&["account", "show", "acme"]).out(&expect![[r#"
        account acme
          key           A…
          signed by     O…
          valid         DAY to DAY
          may keyvalue  bucket orders
    "#]]);
}

/// An operator vouches for a team whose key it never sees; the team makes a key for its CI, which signs with the seed on
/// stdin and nothing else kept.
#[test]
fn ci_signs_for_a_team() {
    let (operator, team, ci) = (Work::new(), Work::with_component(), Work::with_component());
    let root = operator.run(&["key", "generate", "operator", "--name", "acme"]).raw;
    let account = team
        .run(&["key", "generate", "account", "--name", "team"])
        .err(&expect![[r#"
        hint: it signs once an operator vouches for it: `writ account create NAME --key A… --any`
        kept in WORK/home/keys/team.nk
    "#]])
        .raw;

    operator.write("most.yaml", "capabilities: { keyvalue: { bucket: orders, prefix: order/ }, logging: any }\n");
    operator.run(&["account", "create", "team", "--key", account.trim(), "--policy", "most.yaml"]).err(&expect![[r#"
        acme vouches for the account team until DAY
    "#]]);
    let tokens = operator.run(&["account", "show", "team", "--tokens"]).raw;
    team.write("team.tokens", &tokens);
    team.run(&["account", "import", "team.tokens"]).err(&expect![[r#"
        kept the token of the account team until DAY
          O… vouches for A…
    "#]]);
    team.run(&["sign", "a.wasm"]).err(&expect![[r#"
        wrote the component's new id into writ.yaml; commit it
        warning: the component's token asks for what the account's does not allow: `blobstore`
        warning: the operator O… is not trusted here, so it runs elsewhere only; `writ trust add O… --policy FILE` changes that
    "#]]);

    let own = format!("orders-api={}", id(&team));
    let other = format!("totals={}", key(&id(&team)));
    let add = ["account", "signing-key", "add", "ci", "--component", &own, "--component", &other, "--any"];
    team.run(&add).out(&expect!["A…\n"]).err(&expect![[r#"
        kept in WORK/home/keys/ci.nk
        team vouches for the signing key ci until DAY
    "#]]);
    team.run(&["account", "show", "team"]).out(&expect![[r#"
        account team
          key           A…
          signed by     O…
          valid         DAY to DAY
          may keyvalue  bucket orders, prefix order/
          may logging   any

        signing key ci
          key        A…
          signed by  A…
          valid      DAY to DAY
          signs      orders-api (M…), totals (M…)
          may        any capability
    "#]]);
    let seed = team.run(&["key", "export", "ci", "-o", "-"]).raw;
    ci.write("ci.tokens", team.run(&["account", "show", "ci", "--tokens"]).raw);

    // On the CI machine there are the component, its claims, the tokens and, on stdin, the seed.
    ci.write("writ.yaml", team.text("writ.yaml"));
    ci.run(&["account", "import", "ci.tokens"]).err(&expect![[r#"
        kept the token of the signing key ci until DAY
          A… vouches for A…
        kept the token of the account team until DAY
          O… vouches for A…
    "#]]);
    ci.finish(ci.command(&["sign", "a.wasm", "--seed-stdin"]), &seed, 0).err(&expect![[r#"
        warning: the signing key's token ends before this signature does, on DAY, and this with it
        warning: the component's token asks for what the account's does not allow: `blobstore`
        warning: the operator O… is not trusted here, so it runs elsewhere only; `writ trust add O… --policy FILE` changes that
    "#]]);
    assert!(!ci.path("home/keys").exists());
    assert!(!ci.path("home/trust").exists());

    // A component that its token does not list it cannot sign.
    ci.write("writ.yaml", team.text("writ.yaml").replace("name: orders-api", "name: pricing"));
    ci.finish(ci.command(&["sign", "a.wasm", "--seed-stdin"]), &seed, 1).err(&expect![[r#"
        error: what was signed would not verify, so nothing was written
          because: the signing key A… may not sign the component pricing (M…); its account must list both in the key's token
    "#]]);
    ci.write("writ.yaml", CLAIMS);
    ci.finish(ci.command(&["sign", "a.wasm", "--seed-stdin"]), &seed, 1);
    assert_eq!(ci.text("writ.yaml"), CLAIMS, "an id for nothing is not written");

    let host = Work::new();
    host.write("a.wasm", ci.read("a.wasm"));
    host.run(&["trust", "add", root.trim(), "--name", "acme", "--any"]);
    host.run(&["verify", "a.wasm"]).out(&expect![[r#"
        a.wasm: verified, team/orders-api (M…), revision 3, expires DAY
    "#]]);
    host.run(&["inspect", "a.wasm"])
        .out(&expect![[r#"
            a.wasm
              digest     sha256:24eaf3439a60c96764c4f2c92a0a81b52bd4fe5d5b91f090184a0f6486b1bf29
              length     8 bytes
              verifies   yes, until DAY
              principal  team/orders-api

            component orders-api
              key            M…
              version        0.1.0, revision 3
              signed by      A…
              valid          DAY to DAY
              may blobstore  linked, permits nothing
              may keyvalue   bucket orders, prefix order/, size 64KiB, verbs read write increment
              may logging    level info, rate 200/s
              limits         memory 32MiB, time 500ms

            signing key ci
              key        A…
              signed by  A…
              valid      DAY to DAY
              signs      orders-api (M…), totals (M…)
              may        any capability

            account team
              key           A…
              signed by     O…, acme, who is trusted here
              valid         DAY to DAY
              may keyvalue  bucket orders, prefix order/
              may logging   any

            imports nothing

            exports nothing

            here its imports would be granted nothing but the baseline
        "#]])
        .err(&expect![[r#"
            warning: the component's token asks for what the account's does not allow: `blobstore`
        "#]]);
}

#[test]
fn signing_keys_that_are_not_made() {
    let work = Work::with_component();
    work.refuses(&["account", "signing-key", "add", "ci", "--any-component", "--any"]).err(&expect![[r#"
        error: there is no account's key in WORK/home
        hint: `writ account create NAME --operator NAME --any` makes one
    "#]]);
    work.run(&["key", "generate", "account", "--name", "bare"]);
    work.refuses(&["account", "signing-key", "add", "ci", "--any-component", "--any"]).err(&expect![[r#"
        error: nothing vouches for the key A…: there is no WORK/home/tokens/A….jwt
        hint: an operator vouches for an account with `writ account create`; a token made elsewhere is kept with `writ account import`
    "#]]);
    fs::remove_file(work.path("home/keys/bare.nk")).unwrap();
    work.run(&["sign", "a.wasm"]);
    fn add<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["account", "signing-key", "add", "ci"], more].concat()
    }
    work.finish(work.command(&add(&["--any"])), "", 2);
    work.finish(work.command(&add(&["--any-component"])), "", 2);
    work.finish(work.command(&add(&["--any", "--component", "orders-api"])), "", 2).err(&expect![[r#"
        error: invalid value 'orders-api' for '--component <NAME=M…>': expected NAME=M…, as the component's writ.yaml has them

        For more information, try '--help'.
    "#]]);
    let account = key(&work.run(&["key", "show", "local"]).raw);
    work.finish(work.command(&add(&["--any", "--component", &format!("a={account}")])), "", 2);
    let bad = format!("a b={}", id(&work));
    work.refuses(&add(&["--any", "--component", &bad])).err(&expect![[r#"
        error: not signed, because no host would accept it: the token's field "writ.components.name" is not 1 to 64 of A-Z, a-z, 0-9, - and _
    "#]]);
    work.refuses(&add(&["--any", "--any-component", "--account", "local-operator"])).err(&expect![[r#"
        error: local-operator is the key of another role (operator); signing keys are signed by accounts
    "#]]);
    work.refuses(&add(&["--any", "--any-component", "--key", "local"])).err(&expect![[r#"
        error: A… is an account's key, which signs for itself
    "#]]);
    work.run(&add(&["--any", "--any-component"]));
    work.refuses(&["account", "create", "ci", "--key", "ci", "--any"]).err(&expect![[r#"
        error: A… is a signing key; as an account it would own nothing that its account does
    "#]]);
    work.refuses(&["account", "signing-key", "add", "further", "--account", "ci", "--any-component", "--any"]).err(
        &expect![[r#"
            error: ci is a signing key itself; signing keys are signed by their account
        "#]],
    );
    work.refuses(&["sign", "a.wasm"]).err(&expect![[r#"
        error: there are several keys that can sign: ci, local
        hint: choose one with --key
    "#]]);
}

#[test]
fn a_signing_key_that_is_wider_than_its_account_is_pointed_out() {
    let work = Work::with_component();
    work.run(&["key", "generate", "operator"]);
    work.write("less.yaml", "capabilities: { logging: any }\nlimits: { memory: 16MiB }\n");
    work.write("more.yaml", "capabilities: { logging: any, keyvalue: { bucket: any } }\nlimits: { memory: 32MiB }\n");
    work.run(&["account", "create", "team", "--policy", "less.yaml"]);
    work.run(&["account", "signing-key", "add", "ci", "--policy", "more.yaml", "--any-component"]).err(&expect![[r#"
        kept in WORK/home/keys/ci.nk
        team vouches for the signing key ci until DAY
        warning: the account's token does not allow this, so it has no effect: `keyvalue`
        warning: the account's token does not allow this, so it has no effect: `memory` 32MiB, where it has 16MiB
    "#]]);
    work.run(&["sign", "a.wasm", "--key", "ci"]).err(&expect![[r#"
        wrote the component's new id into writ.yaml; commit it
        warning: the signing key's token ends before this signature does, on DAY, and this with it
        warning: the component's token asks for what the signing key's does not allow: `blobstore`
        warning: the component's token asks for what the account's does not allow: `blobstore`
        warning: the component's token asks for what the account's does not allow: `keyvalue`
        warning: the component's token asks for what the account's does not allow: `memory` 32MiB, where it has 16MiB
        warning: the signing key's token asks for what the account's does not allow: `keyvalue`
        warning: the signing key's token asks for what the account's does not allow: `memory` 32MiB, where it has 16MiB
        warning: the operator O… is not trusted here, so it runs elsewhere only; `writ trust add O… --policy FILE` changes that
    "#]]);
}

/// Whoever knows a team's public key can sign a token about it: as her own signing key's, or as an account of her operator's.
#[test]
fn nobody_else_s_word_is_put_in_the_place_of_what_is_kept() {
    let team = Work::with_component();
    team.run(&["sign", "a.wasm"]);
    let key = team.run(&["account", "show", "local", "--output", "json"]).raw;
    let key = key.split('"').find(|word| word.len() == 56 && word.starts_with('A')).unwrap().to_owned();
    let import = |tokens: String, more: &[&str]| {
        team.write("tokens", tokens);
        team.finish(team.command(&[&["account", "import", "tokens"], more].concat()), "", i32::from(more.is_empty()))
    };
    let mallory = Work::new();
    mallory.run(&["key", "generate", "operator"]);
    mallory.run(&["account", "create", "mallory", "--any"]);
    mallory.run(&["account", "signing-key", "add", "local", "--key", &key, "--any-component", "--any"]);
    import(mallory.run(&["account", "show", &key, "--tokens"]).raw, &[]).err(&expect![[r#"
        error: A… is an account of O… here, and A… says it is a signing key
    "#]]);

    let other = Work::new();
    let operator = other.run(&["key", "generate", "operator"]).raw;
    other.run(&["account", "create", "local", "--key", &key, "--any"]);
    let tokens = other.run(&["account", "show", &key, "--tokens"]).raw;
    import(tokens.clone(), &[]).err(&expect![[r#"
        error: O… vouches for A… here, and this token is of O…
        hint: if that is its new issuer, --issuer O…
    "#]]);
    assert!(team.run(&["verify", "a.wasm"]).stdout.contains("a.wasm"));
    import(tokens, &["--issuer", operator.trim()]).err(&expect![[r#"
        kept the token of the account local until DAY
          O… vouches for A…
    "#]]);
}

#[test]
fn tokens_that_are_not_imported() {
    let work = Work::with_component();
    work.run(&["sign", "a.wasm"]);
    let token = work.run(&["account", "show", "local", "--tokens"]).raw;
    let import = |text: &str| {
        work.write("tokens", text);
        work.refuses(&["account", "import", "tokens"])
    };
    import("").err(&expect![[r#"
        error: tokens holds no token
    "#]]);
    import("hello\n").err(&expect![[r#"
        error: tokens
          because: a token has three segments with a dot between
    "#]]);
    import("\n").err(&expect![[r#"
        error: tokens
          because: a token has three segments with a dot between
    "#]]);
    import(&format!("{token}\n{token}")).err(&expect![[r#"
        error: tokens
          because: a token has three segments with a dot between
    "#]]);
    let mut flipped = token.trim().to_owned();
    let last = if flipped.pop() == Some('A') { 'Q' } else { 'A' };
    flipped.push(last);
    import(&flipped).err(&expect![[r#"
        error: tokens
          because: a token was not signed by O…, which it names as its issuer
    "#]]);
    let signed = String::from_utf8_lossy(&work.read("a.wasm")).into_owned();
    let component = signed.lines().next().unwrap().rsplit("writ.claims").next().unwrap().to_owned();
    import(&component).err(&expect![[r#"
        error: tokens
          because: a component's token stays in its file; expected an account's or a signing key's
    "#]]);
    import(&"x".repeat(1 << 20)).err(&expect![[r#"
        error: tokens is longer than the 262144 bytes that are read
    "#]]);
    work.run(&["account", "show", "local", "--output", "json"]);
    work.refuses(&["account", "show", "nobody"]).err(&expect![[r#"
        error: there is no key and no token named nobody in WORK/home
    "#]]);
}

/// Whatever else a renewed token says, and whoever says it; an issuer's list voids its own tokens alone.
#[test]
fn an_older_token_that_says_something_else_is_pointed_out() {
    let work = Work::new();
    let first = work.run(&["key", "generate", "operator", "--name", "first"]).raw;
    work.run(&["key", "generate", "operator", "--name", "second"]);
    let account = ["account", "create", "acme", "--any", "--operator"];
    work.run(&[&account[..], &["first"]].concat());
    let said = |args: &[&str]| String::from_utf8(work.command(args).output().unwrap().stderr).unwrap();
    assert!(!said(&[&account[..], &["first", "--key", "acme"]].concat()).contains("the older token"));
    let renewed = said(&[&account[..], &["second", "--key", "acme"]].concat());
    assert!(renewed.contains(&format!("--by {} --before", first.trim())), "{renewed}");

    let add = ["account", "signing-key", "add", "ci", "--any"];
    work.run(&[&add[..], &["--any-component"]].concat());
    assert!(!said(&[&add[..], &["--key", "ci", "--any-component"]].concat()).contains("the older token"));
    let component = writ_signing::SigningKey::generate(writ_signing::Role::Component).unwrap().public();
    let narrowed = said(&[&add[..], &["--key", "ci", "--component", &format!("orders={component}")]].concat());
    assert!(narrowed.contains("the older token says something else"), "{narrowed}");
}
