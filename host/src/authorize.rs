//! Every grant, or every denial at once. Nothing is compiled or started before this said yes.

mod admission;
mod decision;
mod joined;
mod reasons;
mod statement;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use writ_manifest::{self as manifest, Application, Link, TrustPolicy};
use writ_provider::{Document, LinkConfig};
use writ_signing::PublicKey;
use writ_signing::defence::stands;

use crate::compose::middleware::is_handler;
use crate::compose::request::is_middleware;
use crate::compose::{self, Joint};
use crate::denial::{About, Addition, Denial, Denials, Refusal};
use crate::limits::{AdmittedLimits, Figures};
use crate::load::Export;
use crate::names::InterfaceName;
use crate::vocabulary::{self, Vocabulary, Word};
use crate::wasi::baseline::is_baseline;
pub use admission::{Admission, Admitted, Candidate};
pub(crate) use admission::{Capability, Trigger};
pub use decision::Decision;
pub use reasons::{Asked, Import, Reasons, Said, Stands};
pub(crate) use statement::Statement;
use statement::statements;

/// What the host's owner allows at most.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    /// The host's policy. None: not narrowed.
    pub host: Option<manifest::Policy>,
    /// What each trusted operator may grant. An operator that is absent may grant nothing.
    pub trust: BTreeMap<PublicKey, TrustPolicy>,
}

/// Decides what the components of an application may do.
///
/// # Errors
/// Every [`Denial`], each with every document that refuses and the lines that would allow it there.
pub fn authorize(
    candidates: &[Candidate<'_>],
    application: &Application,
    policies: &Policies,
    vocabulary: &Vocabulary,
) -> Result<Admission, Denials> {
    decide(candidates, application, policies, vocabulary).admission()
}

/// As [`authorize`], and keeps what was decided where something is refused, too, so that it can be drawn
/// and told. There is one decision: this is it.
pub fn decide(
    candidates: &[Candidate<'_>],
    application: &Application,
    policies: &Policies,
    vocabulary: &Vocabulary,
) -> Decision {
    let mut denials = Denials::default();
    let mut components = Vec::with_capacity(candidates.len());
    let mut reasons = Vec::with_capacity(candidates.len());
    let joined = compose::join(candidates, application, vocabulary);
    for (place, candidate) in candidates.iter().enumerate() {
        let statements = statements(candidate, application, policies);
        let mut review = Review {
            candidate,
            application,
            vocabulary,
            statements: &statements,
            denials: &mut denials,
            capabilities: BTreeMap::new(),
            triggers: Vec::new(),
            unreadable: BTreeSet::new(),
            linked: BTreeSet::new(),
            imports: Vec::new(),
            asked: Vec::new(),
            all: candidates,
            joined: &joined,
            place,
        };
        review.documents();
        review.links();
        review.joints();
        review.imports();
        let limits = review.limits();
        let Review { capabilities, triggers, imports, asked, .. } = review;
        reasons.push(Reasons::new(&candidate.entry.name, imports, asked.clone(), &statements));
        components.push(Admitted {
            name: candidate.entry.name.clone(),
            principal: candidate.verified.principal(),
            artifact: candidate.verified.artifact().clone(),
            expires: candidate.verified.chain().map(|(_, common)| common.exp).min().unwrap_or(0),
            verified: candidate.verified.proof().clone(),
            documents: statements,
            capabilities,
            triggers,
            settings: candidate.entry.config.clone(),
            limits,
            instances: candidate.entry.scaler.is_some().then_some(candidate.entry.instances),
            asked,
            edges: joined.of(place).cloned().collect(),
            types: joined.types_of(place),
        });
    }
    let application = application.name.clone();
    let order = joined.order;
    Decision::new(Admission { application, components, order }, denials, reasons)
}

/// The review of one component, gathering its denials.
struct Review<'a> {
    candidate: &'a Candidate<'a>,
    application: &'a Application,
    vocabulary: &'a Vocabulary,
    statements: &'a [Statement],
    denials: &'a mut Denials,
    capabilities: BTreeMap<&'static str, Capability>,
    triggers: Vec<Trigger>,
    /// Claims that cannot be understood: a line to paste would repeat what is wrong with them.
    unreadable: BTreeSet<(Document, String)>,
    /// Capabilities that a refused plan already asked for: the bare import need not be listed again.
    linked: BTreeSet<&'static str>,
    /// What each import stands for.
    imports: Vec<Import>,
    /// What the links ask for, permitted or not.
    asked: Vec<Asked>,
    /// Every component of the application, and the place of this one among them.
    all: &'a [Candidate<'a>],
    place: usize,
    joined: &'a compose::Joined,
}

impl<'a> Review<'a> {
    fn deny(&mut self, about: About, what: String, refusals: Vec<Refusal>, hint: Option<String>) {
        for statement in self.statements {
            if let Some(capabilities) = &statement.capabilities {
                self.denials.says(&self.candidate.entry.name, &statement.document, capabilities);
            }
        }
        self.denials.push(Denial {
            component: self.candidate.entry.name.clone(),
            principal: self.candidate.verified.principal(),
            about,
            what,
            refusals,
            hint,
        });
    }

    /// Every claim of every document must be understood, whether it is needed or not. Unknown means refuse.
    fn documents(&mut self) {
        for statement in self.statements {
            for (name, claim) in statement.capabilities.iter().flatten() {
                let problem = match self.vocabulary.word(name) {
                    Some(word) => word.check(claim).err().map(|error| format!("says of `{name}`: {error}")),
                    None if vocabulary::is_known(name) && is_empty(claim) => None,
                    None if vocabulary::is_known(name) => {
                        Some(format!("claims `{name}`, which no provider serves here: only `{name}: []` is possible"))
                    }
                    None => Some(format!("claims `{name}`, which this host does not know")),
                };
                if let Some(reason) = problem {
                    self.unreadable.insert((statement.document.clone(), name.clone()));
                    let refusal = Refusal { document: statement.document.clone(), reason, add: None };
                    let known = self.vocabulary.names().collect::<Vec<_>>().join(", ");
                    let hint = format!("correct that document; capabilities served here: {known}");
                    let about = About::Capability(name.clone());
                    self.deny(about, "has a claim that cannot be understood".to_owned(), vec![refusal], Some(hint));
                }
            }
        }
    }

    /// Every interface it imports must be granted by every document, or be in the baseline.
    fn imports(&mut self) {
        let (mut seen, types) = (BTreeSet::new(), self.joined.types_of(self.place));
        for import in self.candidate.verified.artifact().imports() {
            let word = self.vocabulary.imported(import);
            let joined = self.joined.settles(self.place, import);
            let meaning = match word.map(Word::name).or_else(|| vocabulary::known(import)) {
                opened if is_baseline(import) || types.contains(&import.to_string()) => Stands::Baseline(opened),
                _ if joined => Stands::Joined,
                Some(capability) => Stands::Capability(capability),
                None => Stands::Nothing,
            };
            self.imports.push(Import { interface: import.clone(), stands: meaning });
            if is_middleware(import) && !self.joined.of(self.place).any(Joint::is_in_front) {
                let at = self.candidate.entry.at;
                let line = if at.is_nowhere() { String::new() } else { format!(" (line {})", at.line) };
                let what = format!("imports {import}, but is in front of nothing{line}");
                let hint =
                    "link its import wasi:http/incoming-handler to a component that exports it, or build without";
                self.deny(About::Import(import.clone()), what, Vec::new(), Some(hint.to_owned()));
                continue;
            }
            if is_baseline(import) || joined {
                continue;
            }
            match word {
                Some(word) => {
                    let word_name = word.name();
                    self.capabilities.entry(word_name).or_default().imports.push(import.clone());
                    if seen.insert(word_name) && !self.linked.contains(word_name) {
                        self.present(import, word_name, !word.is_named(), word.example());
                    }
                }
                None => match vocabulary::known(import) {
                    Some(capability) if seen.insert(capability) => self.present(import, capability, false, ""),
                    Some(_) => {}
                    None if !stands("imports: known") => {}
                    None => self.unserved(import),
                },
            }
        }
    }

    /// Refuses an import that neither the host nor a link serves. Where its types cannot be read, it may hold types alone.
    fn unserved(&mut self, import: &InterfaceName) {
        let (why, hint) = match self.joined.unreadable.get(&self.place) {
            Some(why) => (format!("whose types cannot be read {why}"), "build it again".to_owned()),
            None => self.unlinked(),
        };
        let about = About::Import(import.clone());
        self.deny(about, format!("imports {import}, {why}"), Vec::new(), Some(hint));
    }

    /// What is said of an import that no link leads from. There is no line for what stands in no manifest.
    fn unlinked(&self) -> (String, String) {
        let why = "which nobody serves here";
        match self.candidate.entry.at {
            at if at.is_nowhere() => {
                (why.to_owned(), "link a component that exports it, or build without it".to_owned())
            }
            at => (
                format!("{why}: the entry at line {} has no link that does", at.line),
                "write a `link` there to a component that exports it, or build without it".to_owned(),
            ),
        }
    }

    /// Every document must name the capability, or not restrict it.
    fn present(&mut self, import: &InterfaceName, capability: &'static str, unnamed: bool, example: &'static str) {
        let refusal = |statement: &Statement| {
            let reason = statement.about(capability).err()?;
            let add = Addition { capability, entry: None, unnamed, example };
            Some(Refusal { document: statement.document.clone(), reason, add: Some(add) })
        };
        let refusals: Vec<_> = self.statements.iter().filter_map(refusal).collect();
        if !refusals.is_empty() && stands("imports: claimed") {
            let about = About::Capability(capability.to_owned());
            self.deny(about, format!("may not use {capability}: it imports {import}"), refusals, None);
        }
    }

    /// What the manifest's links ask for must be permitted by every document.
    fn links(&mut self) {
        let name = &self.candidate.entry.name;
        for link in &self.application.links {
            if link.target == *name {
                self.trigger(link);
            } else if link.source == *name {
                self.outward(link);
            }
        }
    }

    /// A link from a provider to this component: something that calls it.
    fn trigger(&mut self, link: &Link) {
        let Some(provider) = self.application.providers.iter().find(|provider| provider.name == link.source) else {
            // From another component: see `joints`.
            return;
        };
        let image = provider.image().map(|image| image.value.clone());
        let about = || About::Source(link.source.clone());
        for interface in &link.interfaces {
            let Some((word, export)) = self.called(link, interface) else {
                self.deny(
                    about(),
                    format!(
                        "is linked from {} by line {}, but exports no {}",
                        link.source,
                        link.at.line,
                        wanted(link, interface)
                    ),
                    Vec::new(),
                    Some("link it to a component that exports it, or build it with that export".to_owned()),
                );
                continue;
            };
            let capability = word.name();
            if self.is_behind(&export, link) || !self.image_serves(&about, image.as_deref(), capability, link) {
                continue;
            }
            if word.plans(&link.source_config).is_ok_and(|plans| plans.is_empty()) {
                let what =
                    format!("is linked from {} at line {}, which does not say what for", link.source, link.at.line);
                let hint =
                    format!("write it below `source: config:`; a claim of {capability} is like {}", word.example());
                self.deny(about(), what, Vec::new(), Some(hint));
                continue;
            }
            let purpose = format!("be called through {export}");
            if let Some(given) = self.plans(&about, word, &link.source_config, link, &purpose) {
                self.capabilities.entry(capability).or_default();
                let (source, entry) = (link.source_config.clone(), link.source.clone());
                self.triggers.push(Trigger { capability, image: image.clone(), source, entry, given });
            }
        }
    }

    /// Refuses a route to what stands behind another component: requests would go around that one.
    fn is_behind(&mut self, export: &InterfaceName, link: &Link) -> bool {
        let Some(joint) = self.joined.front(self.place).filter(|_| is_handler(export)) else { return false };
        let front = self.all.get(joint.source).map(|front| front.entry.name.as_str()).unwrap_or_default();
        let what = format!(
            "is linked from {} at line {}, though {front} is in front of it by the link at line {}",
            link.source, link.at.line, joint.line
        );
        let hint = format!("leave that link out: requests come through {front}, and a route would lead around it");
        self.deny(About::Source(link.source.clone()), what, Vec::new(), Some(hint));
        true
    }

    /// The capability that calls the linked interface, if this component exports it.
    fn called(&self, link: &Link, interface: &str) -> Option<(&'a dyn Word, InterfaceName)> {
        let export = self.candidate.verified.artifact().exports().iter().find_map(|export| match export {
            Export::Interface(name)
                if name.namespace == link.namespace && name.package == link.package && name.interface == interface =>
            {
                Some(name.clone())
            }
            _ => None,
        })?;
        Some((self.vocabulary.exported(&export)?, export))
    }

    /// A link from this component to a provider: which backend serves it, and how its names are mapped.
    fn outward(&mut self, link: &Link) {
        let Some(provider) = self.application.providers.iter().find(|provider| provider.name == link.target) else {
            return;
        };
        let image = provider.image().map(|image| image.value.clone());
        if link.name != "default" {
            let hint = "leave `name` out: one backend per capability and component";
            return self.deny(
                About::Itself,
                format!("has a link named {} at line {}", link.name, link.at.line),
                vec![],
                Some(hint.to_owned()),
            );
        }
        for interface in &link.interfaces {
            let stands = |name: &&InterfaceName| {
                name.namespace == link.namespace && name.package == link.package && name.interface == *interface
            };
            // What it does not import is linked for nothing, and harms nobody.
            let Some(import) = self.candidate.verified.artifact().imports().iter().find(stands) else { continue };
            let Some(word) = self.vocabulary.imported(import) else { continue };
            let capability = word.name();
            let about = || About::Capability(capability.to_owned());
            if !self.image_serves(&about, image.as_deref(), capability, link) {
                continue;
            }
            let purpose = format!("use {capability}");
            if let Some(given) = self.plans(&about, word, &link.target_config, link, &purpose) {
                self.back(capability, image.clone(), link, given);
            }
        }
    }

    /// Keeps which backend serves a capability. Two links that say different things about it are refused.
    fn back(&mut self, capability: &'static str, image: Option<String>, link: &Link, given: Vec<String>) {
        let known = self.capabilities.entry(capability).or_default();
        let Some(line) = known.line else {
            (known.image, known.link, known.line) = (image, link.target_config.clone(), Some(link.at.line));
            known.given = given;
            return;
        };
        if (&known.image, &known.link) != (&image, &link.target_config) {
            let what = format!("is linked to {capability} twice, differently (lines {line} and {})", link.at.line);
            let hint = "one backend serves all interfaces of a capability: write one link with all of them";
            self.deny(About::Capability(capability.to_owned()), what, Vec::new(), Some(hint.to_owned()));
        }
    }

    fn image_serves(
        &mut self,
        about: &impl Fn() -> About,
        image: Option<&str>,
        capability: &'static str,
        link: &Link,
    ) -> bool {
        let Some(image) = image else { return true };
        if self.vocabulary.serving(image, capability).is_some() {
            return true;
        }
        let what =
            format!("is linked at line {} to the image {image}, which does not serve {capability}", link.at.line);
        let images: Vec<_> = self.vocabulary.images(capability).map(|image| format!("`image: {image}`")).collect();
        self.deny(about(), what, Vec::new(), Some(format!("use {}", images.join(" or "))));
        false
    }

    /// What the link's configuration asks for, if it can be read, and every document permits all of it.
    fn plans(
        &mut self,
        about: &impl Fn() -> About,
        word: &dyn Word,
        config: &LinkConfig,
        link: &Link,
        purpose: &str,
    ) -> Option<Vec<String>> {
        let capability = word.name();
        let plans = match word.plans(config) {
            Ok(plans) => plans,
            Err(error) => {
                let (place, hint) = match link.at.is_nowhere() {
                    true => (String::new(), "correct what is given to it"),
                    false => (
                        format!("in the link at line {}, ", link.at.line),
                        "correct the link's configuration in the manifest",
                    ),
                };
                self.deny(about(), format!("cannot {purpose}: {place}{error}"), Vec::new(), Some(hint.to_owned()));
                return None;
            }
        };
        let (mut permitted, mut given) = (true, Vec::with_capacity(plans.len()));
        for plan in plans {
            let refusal = |statement: &Statement| {
                if self.unreadable.contains(&(statement.document.clone(), capability.to_owned())) {
                    return None;
                }
                let reason = match statement.about(capability) {
                    Ok(None) => return None,
                    Ok(Some(claim)) => plan.permitted_by(claim).err()?.to_string(),
                    Err(absent) => absent,
                };
                let add = Addition { capability, entry: Some(plan.allowing()), unnamed: false, example: "" };
                Some(Refusal { document: statement.document.clone(), reason, add: Some(add) })
            };
            let refusals: Vec<_> = self.statements.iter().filter_map(refusal).collect();
            let place = if link.at.is_nowhere() { String::new() } else { format!(" (line {})", link.at.line) };
            let what = format!("{purpose}: {plan}{place}");
            let by = refusals.iter().map(|refusal| refusal.document.clone()).collect();
            let entry = self.own_entry(capability, |entry| plan.permitted_by(entry).is_ok());
            let allowing = plan.allowing();
            self.asked.push(Asked { capability, what: what.clone(), refused_by: by, allowing, entry });
            if refusals.is_empty() {
                given.push(plan.to_string());
                continue;
            }
            permitted = false;
            self.linked.insert(capability);
            self.deny(about(), format!("may not {what}"), refusals, None);
        }
        permitted.then_some(given)
    }

    /// Which entry of the component's own claim permits it; 0 where that is `any`.
    fn own_entry(&self, capability: &str, permits: impl Fn(&Value) -> bool) -> Option<usize> {
        let own = self.statements.iter().find(|statement| statement.document == Document::Component)?;
        vocabulary::entries(own.about(capability).ok().flatten()?).iter().position(permits)
    }

    fn limits(&mut self) -> AdmittedLimits {
        let mut figures = Vec::new();
        for statement in self.statements {
            match Figures::parse(&statement.limits) {
                Ok(parsed) => figures.push((statement, parsed)),
                Err(reason) => {
                    let refusal = Refusal { document: statement.document.clone(), reason, add: None };
                    let hint = "correct that document: limits are `memory: 32MiB` and `time: 500ms`";
                    let what = "has a limit that cannot be understood".to_owned();
                    self.deny(About::Itself, what, vec![refusal], Some(hint.to_owned()));
                }
            }
        }
        AdmittedLimits::of(&figures)
    }
}

fn wanted(link: &Link, interface: &str) -> String {
    format!("{}:{}/{interface}", link.namespace, link.package)
}

fn is_empty(claim: &Value) -> bool {
    claim.as_array().is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests;
