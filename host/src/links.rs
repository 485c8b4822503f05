//! `call` and `serve`: which components may call which, by interface.
//!
//! | capability | field | |
//! |---|---|---|
//! | both | `interface` | mandatory: `namespace:package/interface@version`, or `any` |
//! | `call` | `component` | the callee: a name within the component's own account, `A…/name`, or `any` |
//! | `serve` | `component` | the caller, likewise |
//! | `serve` | `account` | instead of `component`: `self` for every component of the same account, or `A…` |
//!
//! A component's name is the one in its own token, within the account that signed it. Interfaces are the same on one track
//! of versions. What a link asks for is derived from the two components, so a link's configuration plans nothing.

use std::convert::Infallible;

use serde::Deserialize;
use serde_json::{Value, json};
use writ_provider::{Constraint, Denied, InvalidLink, LinkConfig, Principal};
use writ_signing::PublicKey;

use crate::names::{InterfaceName, InvalidName};

/// What one end of a link asks its own claims about the other end.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    interface: InterfaceName,
    /// The account whose claims are asked.
    account: PublicKey,
    /// The other end.
    peer: Principal,
}

impl Asked {
    pub(crate) fn new(interface: &InterfaceName, own: &Principal, peer: &Principal) -> Self {
        Self { interface: interface.clone(), account: own.account(), peer: peer.clone() }
    }

    /// The other end, as these claims name it.
    fn named(&self) -> String {
        match self.peer.account() == self.account {
            true => self.peer.component_name().to_owned(),
            false => format!("{}/{}", self.peer.account(), self.peer.component_name()),
        }
    }

    fn allowing(&self) -> Value {
        json!({ "interface": self.interface.to_string(), "component": self.named() })
    }
}

/// An entry of `call`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    interface: Pattern,
    component: Named,
}

/// An entry of `serve`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct Serve {
    interface: Pattern,
    who: Who,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    interface: Pattern,
    component: Option<Named>,
    account: Option<Account>,
}

impl TryFrom<Written> for Serve {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let who = match (written.component, written.account) {
            (Some(component), None) => Who::Component(component),
            (None, Some(account)) => Who::Account(account),
            _ => return Err("expected one of `component` and `account`"),
        };
        Ok(Self { interface: written.interface, who })
    }
}

/// Whom a component serves.
#[derive(Debug)]
enum Who {
    Component(Named),
    Account(Account),
}

/// A component's name: in the account whose claim it is, or in another; or `any`.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum Named {
    Any,
    Own(String),
    Other(PublicKey, String),
}

/// An account: the one whose claim it is, or another.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum Account {
    Own,
    Other(PublicKey),
}

/// The name of an interface, or `any`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
enum Pattern {
    Any,
    Interface(InterfaceName),
}

impl TryFrom<String> for Named {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once('/') {
            None if text == "any" => Ok(Self::Any),
            None => Ok(Self::Own(text)),
            Some((account, name)) => Ok(Self::Other(account_key(account)?, name.to_owned())),
        }
    }
}

impl TryFrom<String> for Account {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "self" { Ok(Self::Own) } else { account_key(&text).map(Self::Other) }
    }
}

impl TryFrom<String> for Pattern {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        if text == "any" { Ok(Self::Any) } else { text.parse().map(Self::Interface) }
    }
}

fn account_key(text: &str) -> Result<PublicKey, String> {
    let key = text.parse::<PublicKey>().ok().filter(|key| key.role() == writ_signing::Role::Account);
    key.ok_or_else(|| format!("{text:?} is no account's key A…"))
}

impl Pattern {
    /// Whether it certainly names every interface that the other one does: to be on one track is mutual.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Interface(_), Self::Any) => false,
            (Self::Interface(name), Self::Interface(other)) => name.matches(other),
        }
    }

    fn permits(&self, asked: &Asked) -> Result<(), Denied> {
        match self {
            Self::Interface(name) if !name.matches(&asked.interface) => Err(Denied::new(format!("permits {name}"))),
            _ => Ok(()),
        }
    }
}

impl Named {
    /// Whether it certainly names every component that the other one does. Whose claims these are is not known here: a name
    /// without an account and the same name with one may be two components.
    fn covers(&self, other: &Self) -> bool {
        *self == Self::Any || self == other
    }

    fn permits(&self, asked: &Asked) -> Result<(), Denied> {
        let (account, name) = match self {
            Self::Any => return Ok(()),
            Self::Own(name) => (asked.account, name),
            Self::Other(account, name) => (*account, name),
        };
        match asked.peer.account() == account && asked.peer.component_name() == name {
            true => Ok(()),
            false => Err(Denied::new(format!("permits the component {}", self.text()))),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Any => "any".to_owned(),
            Self::Own(name) => name.clone(),
            Self::Other(account, name) => format!("{account}/{name}"),
        }
    }
}

impl Account {
    /// Whether a component that is named so is certainly of this account.
    fn holds(&self, component: &Named) -> bool {
        match (self, component) {
            (Self::Own, Named::Own(_)) => true,
            (Self::Other(account), Named::Other(of, _)) => account == of,
            _ => false,
        }
    }

    fn permits(&self, asked: &Asked) -> Result<(), Denied> {
        let (account, text) = match self {
            Self::Own => (asked.account, "self".to_owned()),
            Self::Other(account) => (*account, account.to_string()),
        };
        let same = asked.peer.account() == account;
        if same { Ok(()) } else { Err(Denied::new(format!("permits components of the account {text}"))) }
    }
}

impl Who {
    /// Whether it certainly names everybody that the other one does.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Component(Named::Any), _) => true,
            (Self::Component(component), Self::Component(other)) => component.covers(other),
            (Self::Component(_), Self::Account(_)) => false,
            (Self::Account(account), Self::Component(component)) => account.holds(component),
            (Self::Account(account), Self::Account(other)) => account == other,
        }
    }

    fn permits(&self, asked: &Asked) -> Result<(), Denied> {
        match self {
            Self::Component(component) => component.permits(asked),
            Self::Account(account) => account.permits(asked),
        }
    }
}

impl Constraint for Call {
    const NAMED: bool = true;
    const EXAMPLE: &'static str = "{ interface: \"demo:pricing/price@0.1.0\", component: pricing }";
    type Request<'a> = &'a Asked;
    type Plan = Infallible;

    fn permits(&self, asked: &Asked) -> Result<(), Denied> {
        self.interface.permits(asked)?;
        self.component.permits(asked)
    }

    fn covers(&self, other: &Self) -> bool {
        self.interface.covers(&other.interface) && self.component.covers(&other.component)
    }

    fn plans(_: &LinkConfig) -> Result<Vec<Infallible>, InvalidLink> {
        Ok(Vec::new())
    }

    fn request(never: &Infallible) -> &Asked {
        match *never {}
    }

    fn allowing(asked: &Asked) -> Value {
        asked.allowing()
    }
}

impl Constraint for Serve {
    const NAMED: bool = true;
    const EXAMPLE: &'static str = "{ interface: \"demo:pricing/price@0.1.0\", account: self }";
    type Request<'a> = &'a Asked;
    type Plan = Infallible;

    fn permits(&self, asked: &Asked) -> Result<(), Denied> {
        self.interface.permits(asked)?;
        self.who.permits(asked)
    }

    fn covers(&self, other: &Self) -> bool {
        self.interface.covers(&other.interface) && self.who.covers(&other.who)
    }

    fn plans(_: &LinkConfig) -> Result<Vec<Infallible>, InvalidLink> {
        Ok(Vec::new())
    }

    fn request(never: &Infallible) -> &Asked {
        match *never {}
    }

    fn allowing(asked: &Asked) -> Value {
        asked.allowing()
    }
}

#[cfg(test)]
mod tests;
