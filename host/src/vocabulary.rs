//! What claims can say here: every registered capability, its interfaces and images, and how its entries are read.

use std::fmt;
use std::marker::PhantomData;

use serde_json::Value;
use writ_provider::{Beyond, Claim, Constraint, Denied, InvalidClaim, InvalidLink, LinkConfig, Provider, Rates};

use crate::images::Images;
use crate::names::InterfaceName;
use crate::wasi::{clocks, environment, filesystem};

/// The capabilities that claims may name on this host, and the images that serve them.
pub struct Vocabulary {
    words: Vec<Box<dyn Word>>,
    images: Images,
}

impl Default for Vocabulary {
    /// With what the host itself understands, and no provider: `call` and `serve`, and what opens the baseline of WASI.
    fn default() -> Self {
        let mut vocabulary = Self { words: Vec::new(), images: Images::default() };
        vocabulary.own::<crate::links::Call>("call", &[]);
        vocabulary.own::<crate::links::Serve>("serve", &[]);
        vocabulary.opening::<environment::Entry>("builtin:environment", "environment", environment::INTERFACES);
        vocabulary.opening::<filesystem::Entry>("builtin:filesystem", "filesystem", filesystem::INTERFACES);
        vocabulary.opening::<clocks::Entry>("builtin:clocks", "clocks", clocks::INTERFACES);
        vocabulary
    }
}

impl Vocabulary {
    /// A word that opens interfaces of the baseline.
    fn opening<C: Constraint>(&mut self, image: &'static str, name: &'static str, interfaces: &[&str]) {
        self.images.add(image, name);
        self.own::<C>(name, interfaces);
    }

    fn own<C: Constraint>(&mut self, name: &'static str, imports: &[&str]) {
        let imports = imports.iter().filter_map(|name| name.parse().ok()).collect();
        self.words.push(Box::new(Own::<C> { name, imports, exports: Vec::new(), constraint: PhantomData }));
    }

    /// Adds a provider's capability, and an image that serves it.
    pub(crate) fn add<P: Provider>(&mut self, image: &'static str) {
        let capability = P::CAPABILITY;
        self.images.add(image, capability.name);
        if self.word(capability.name).is_some() {
            return;
        }
        let names = |names: Vec<&str>| names.into_iter().filter_map(|name| name.parse().ok()).collect();
        self.words.push(Box::new(Own::<P::Constraint> {
            name: capability.name,
            imports: names(capability.interfaces.iter().map(|interface| interface.name).collect()),
            exports: names(capability.exports.to_vec()),
            constraint: PhantomData,
        }));
    }

    /// The capability of that name.
    pub(crate) fn word(&self, name: &str) -> Option<&dyn Word> {
        self.words.iter().map(Box::as_ref).find(|word| word.name() == name)
    }

    /// The capability that stands for an interface that a component imports.
    pub(crate) fn imported(&self, name: &InterfaceName) -> Option<&dyn Word> {
        self.words.iter().map(Box::as_ref).find(|word| word.imports().iter().any(|own| own.matches(name)))
    }

    /// The capability that calls an interface that a component exports.
    pub(crate) fn exported(&self, name: &InterfaceName) -> Option<&dyn Word> {
        self.words.iter().map(Box::as_ref).find(|word| word.exports().iter().any(|own| own.matches(name)))
    }

    /// The registered image that serves a capability where a manifest names `image`.
    pub fn serving(&self, image: &str, capability: &str) -> Option<&'static str> {
        self.images.serving(image, capability)
    }

    /// The images that serve a capability here, its default first.
    pub fn images(&self, capability: &str) -> impl Iterator<Item = &'static str> {
        self.images.of(capability)
    }

    /// The registered image that serves instead of `image`, where that is one of wasmCloud's and nobody registered it.
    pub fn stand_in(&self, image: &str) -> Option<&'static str> {
        self.images.stand_in(image)
    }

    /// The names of all capabilities that can be claimed with entries.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.words.iter().map(|word| word.name())
    }

    /// An entry of a claim as a person might write it.
    pub fn example(&self, capability: &str) -> Option<&'static str> {
        self.word(capability).map(Word::example)
    }

    /// Whether a document may say `any` for the whole capability, because it has no naming field.
    pub fn takes_any(&self, capability: &str) -> bool {
        self.word(capability).is_some_and(|word| !word.is_named())
    }

    /// What of the claim `asked` is not certainly permitted by one whole entry of the claim `most`: those entries, or `any`.
    /// An entry that stands in both, word for word, is permitted; of a claim that cannot be understood, no other one is.
    pub fn beyond(&self, capability: &str, most: &Value, asked: &Value, rates: Rates) -> Vec<Value> {
        match self.word(capability).and_then(|word| word.beyond(most, asked, rates)) {
            Some(Beyond::Whole) => vec![asked.clone()],
            Some(Beyond::Entries(indexes)) => {
                indexes.into_iter().filter_map(|index| entries(asked).get(index).cloned()).collect()
            }
            None if most == asked => Vec::new(),
            None => entries(asked).to_vec(),
        }
    }

    /// The capability that an interface stands for, whether a provider serves it or it is only known.
    pub fn capability_of(&self, name: &InterfaceName) -> Option<&'static str> {
        self.capability_of_import(name).or_else(|| self.exported(name).map(Word::name))
    }

    /// The capability that an interface stands for where it is imported: none for what a trigger calls.
    pub fn capability_of_import(&self, name: &InterfaceName) -> Option<&'static str> {
        self.imported(name).map(Word::name).or_else(|| known(name))
    }
}

/// The entries of a claim as they are written; a mapping is a list of one.
pub(crate) fn entries(claim: &Value) -> &[Value] {
    claim.as_array().map_or(std::slice::from_ref(claim), Vec::as_slice)
}

/// One capability, its constraint's type forgotten.
pub(crate) trait Word: Send + Sync {
    fn name(&self) -> &'static str;
    fn imports(&self) -> &[InterfaceName];
    fn exports(&self) -> &[InterfaceName];
    /// Whether `any` for the whole capability is refused, because it has a naming field.
    fn is_named(&self) -> bool;
    /// An entry as a person might write it, to show where none can be derived.
    fn example(&self) -> &'static str;
    fn check(&self, claim: &Value) -> Result<(), InvalidClaim>;
    /// What of a claim goes beyond another; none where one of them cannot be read.
    fn beyond(&self, most: &Value, asked: &Value, rates: Rates) -> Option<Beyond>;
    fn plans(&self, link: &LinkConfig) -> Result<Vec<Box<dyn Plan>>, InvalidLink>;
}

/// One thing that a manifest's link asks for.
pub(crate) trait Plan: fmt::Display + Send + Sync {
    /// The smallest entry that permits it.
    fn allowing(&self) -> Value;
    /// Whether a document's claim permits it. The claim was checked before.
    fn permitted_by(&self, claim: &Value) -> Result<(), Denied>;
}

struct Own<C> {
    name: &'static str,
    imports: Vec<InterfaceName>,
    exports: Vec<InterfaceName>,
    constraint: PhantomData<fn() -> C>,
}

impl<C: Constraint> Word for Own<C> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn imports(&self) -> &[InterfaceName] {
        &self.imports
    }

    fn exports(&self) -> &[InterfaceName] {
        &self.exports
    }

    fn is_named(&self) -> bool {
        C::NAMED
    }

    fn example(&self) -> &'static str {
        C::EXAMPLE
    }

    fn check(&self, claim: &Value) -> Result<(), InvalidClaim> {
        Claim::<C>::parse(claim).map(drop)
    }

    fn beyond(&self, most: &Value, asked: &Value, rates: Rates) -> Option<Beyond> {
        let same = |own: usize, above: usize| entries(asked).get(own) == entries(most).get(above);
        let (most, asked) = (Claim::<C>::parse(most).ok()?, Claim::<C>::parse(asked).ok()?);
        Some(most.beyond(&asked, rates, same))
    }

    fn plans(&self, link: &LinkConfig) -> Result<Vec<Box<dyn Plan>>, InvalidLink> {
        let boxed = |plan| Box::new(Planned::<C>(plan)) as Box<dyn Plan>;
        Ok(C::plans(link)?.into_iter().map(boxed).collect())
    }
}

struct Planned<C: Constraint>(C::Plan);

impl<C: Constraint> fmt::Display for Planned<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<C: Constraint> Plan for Planned<C> {
    fn allowing(&self) -> Value {
        C::allowing(C::request(&self.0))
    }

    fn permitted_by(&self, claim: &Value) -> Result<(), Denied> {
        let claim = Claim::<C>::parse(claim).map_err(|error| Denied::new(error.to_string()))?;
        claim.permits(C::request(&self.0))
    }
}

/// The capability that an interface stands for although no provider here serves it; it may only be claimed empty.
pub(crate) fn known(name: &InterfaceName) -> Option<&'static str> {
    let stands = |(_, interfaces): &&(&str, &[&str])| {
        interfaces.iter().filter_map(|known| known.parse::<InterfaceName>().ok()).any(|known| known.matches(name))
    };
    KNOWN.iter().find(stands).map(|(capability, _)| *capability)
}

/// Whether a capability is known although no provider here serves it.
pub(crate) fn is_known(capability: &str) -> bool {
    KNOWN.iter().any(|(known, _)| *known == capability)
}

/// Umbrella SDKs import more than their components use. What is known can be claimed empty: linked, permits nothing.
const KNOWN: &[(&str, &[&str])] = &[
    ("http-client", &["wasi:http/outgoing-handler@0.2.0"]),
    (
        "blobstore",
        &[
            "wasi:blobstore/blobstore@0.2.0-draft",
            "wasi:blobstore/container@0.2.0-draft",
            "wasi:blobstore/types@0.2.0-draft",
        ],
    ),
    ("secrets", &["wasmcloud:secrets/store@0.1.0-draft", "wasmcloud:secrets/reveal@0.1.0-draft"]),
];
