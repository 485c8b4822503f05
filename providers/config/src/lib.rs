//! The capability `config`: the settings that a manifest gives to a component.
//!
//! The values are those of the manifest component's own `config`. A setting that the claims do not permit does not exist
//! for the guest: `get` answers `none`, and `get-all` leaves it out. Nothing here changes while a component runs.

#![forbid(unsafe_code)]

mod bindings;
mod claim;

use serde::Deserialize;
use writ_provider::{Attached, Capability, Grant, Interface, OpenError, Provider, View};

use bindings::{runtime, store};
pub use claim::Entry;

/// Shows a component its settings.
#[derive(Debug)]
pub struct Settings(());

/// Nothing backs the settings but the manifest, so there is nothing to configure.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {}

/// What one principal holds: its settings, and the grant that says which of them it may read.
pub struct Readable {
    grant: Grant<Entry>,
}

impl Provider for Settings {
    const CAPABILITY: Capability<Self> = Capability {
        name: "config",
        interfaces: &[
            Interface {
                name: "wasi:config/store@0.2.0-rc.1",
                link: store::add_to_linker_instance::<_, Attached<Self>>,
            },
            Interface {
                name: "wasi:config/runtime@0.2.0-draft",
                link: runtime::add_to_linker_instance::<_, Attached<Self>>,
            },
        ],
        exports: &[],
    };
    type Config = Config;
    type Constraint = Entry;
    type Handle = Readable;

    async fn open(_: Config) -> Result<Self, OpenError> {
        Ok(Self(()))
    }

    fn attach(&self, grant: &Grant<Entry>) -> Readable {
        Readable { grant: grant.clone() }
    }
}

impl Readable {
    /// The setting, if there is one and the grant permits to read it. The grant reports what it does not.
    fn get(&self, key: &str) -> Option<String> {
        self.grant.permits(key).ok()?;
        self.grant.settings().get(key).cloned()
    }

    /// Every setting that the grant permits to read. One that some document refuses was not asked for by its name, so it is
    /// left out before the grant decides, which would report it.
    fn all(&self) -> Vec<(String, String)> {
        let quiet = |key: &str| self.grant.refusals(key).is_empty();
        let permitted = |(key, _): &(&String, &String)| quiet(key) && self.grant.permits(key).is_ok();
        let settings = self.grant.settings().iter().filter(permitted);
        settings.map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

impl store::Host for View<'_, Settings> {
    fn get(&mut self, key: String) -> Result<Option<String>, store::Error> {
        Ok(self.handle.get(&key))
    }

    fn get_all(&mut self) -> Result<Vec<(String, String)>, store::Error> {
        Ok(self.handle.all())
    }
}

impl runtime::Host for View<'_, Settings> {
    fn get(&mut self, key: String) -> Result<Option<String>, runtime::ConfigError> {
        Ok(self.handle.get(&key))
    }

    fn get_all(&mut self) -> Result<Vec<(String, String)>, runtime::ConfigError> {
        Ok(self.handle.all())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;
    use std::time::Duration;

    use expect_test::{Expect, expect};
    use serde_json::{Value, json};
    use writ_provider::{Budget, Claim, Deadline, Document, GrantParts, Layer, LinkConfig, ResourceTable};
    use writ_provider::{Principal, testing};

    use super::*;

    fn grant(claims: &[Value]) -> Grant<Entry> {
        let settings = [("level", "info"), ("url", "https://example.com"), ("empty", "")];
        let layer = |claim| Layer::new(Document::Component, claim, |_, rate| Arc::new(Budget::new(rate)));
        Grant::new(GrantParts {
            capability: Settings::CAPABILITY.name,
            principal: Principal::new(testing::account(), testing::component(), "acme", "orders"),
            link: LinkConfig::new(),
            settings: LinkConfig::from(settings.map(|(key, value)| (key.to_owned(), value.to_owned()))),
            layers: claims.iter().map(|claim| layer(Claim::parse(claim).unwrap())).collect(),
        })
    }

    /// What a guest sees through both interfaces of its four settings, one of which does not exist.
    #[track_caller]
    fn check(claims: &[Value], expected: &Expect) {
        let mut handle = Settings(()).attach(&grant(claims));
        let mut table = ResourceTable::new();
        let deadline = Deadline::after(Duration::from_secs(1));
        let mut view = View::<Settings> { handle: &mut handle, table: &mut table, deadline };

        let mut found = String::new();
        for key in ["empty", "level", "missing", "url"] {
            let value = store::Host::get(&mut view, key.to_owned()).unwrap();
            assert_eq!(value, runtime::Host::get(&mut view, key.to_owned()).unwrap());
            found.push_str(&format!("{key}: {value:?}\n"));
        }
        let all = store::Host::get_all(&mut view).unwrap();
        assert_eq!(all, runtime::Host::get_all(&mut view).unwrap());
        expected.assert_eq(&format!("{found}all: {all:?}\n"));
    }

    #[test]
    fn any_setting() {
        check(
            &[json!({"keys": "any"})],
            &expect![[r#"
                empty: Some("")
                level: Some("info")
                missing: None
                url: Some("https://example.com")
                all: [("empty", ""), ("level", "info"), ("url", "https://example.com")]
            "#]],
        );
    }

    #[test]
    fn what_is_not_permitted_does_not_exist() {
        let some = expect![[r#"
            empty: None
            level: Some("info")
            missing: None
            url: None
            all: [("level", "info")]
        "#]];
        check(&[json!({"keys": ["level", "missing"]})], &some);
        check(&[json!({"keys": "any"}), json!([{"keys": ["level"]}])], &some);
        let nothing = expect![[r#"
            empty: None
            level: None
            missing: None
            url: None
            all: []
        "#]];
        check(&[json!([])], &nothing);
        check(&[json!({"keys": ["level"]}), json!({"keys": ["url"]})], &nothing);
        check(&[], &nothing);
    }

    #[test]
    fn has_no_configuration() {
        assert!(serde_json::from_value::<Config>(json!({})).is_ok());
        assert!(serde_json::from_value::<Config>(json!({"file": "x"})).is_err());
    }
}
