//! What a component's own documents say of its links to other components, and of theirs to it.

use writ_provider::{Claim, Constraint, Denied, Principal};
use writ_signing::defence::stands;

use super::{Review, Statement};
use crate::denial::{About, Addition, Refusal};
use crate::links::{Asked, Call, Serve};

impl Review<'_> {
    /// Every link from this component must be permitted by its claims to `call`, and every link to it by those to `serve`.
    /// What is wrong with a link whatever anybody claims is said of the component that has it.
    pub(super) fn joints(&mut self) {
        let (joined, place) = (self.joined, self.place);
        for problem in joined.problems.iter().filter(|problem| problem.component == place) {
            self.deny(problem.about.clone(), problem.what.clone(), Vec::new(), Some(problem.hint.clone()));
        }
        for joint in joined.of(place) {
            let Some((name, callee)) = self.other(joint.target) else { continue };
            for join in &joint.interfaces {
                let asked = Asked::new(&join.import, &self.candidate.verified.principal(), &callee);
                let what =
                    format!("call {} of {name} ({callee}), as the link at line {} says", join.import, joint.line);
                let about = About::Call { to: name.clone(), interface: join.import.clone() };
                self.asks::<Call>("call", &asked, about, what);
            }
        }
        for joint in joined.to(place) {
            let Some((name, caller)) = self.other(joint.source) else { continue };
            for join in &joint.interfaces {
                let asked = Asked::new(&join.export, &self.candidate.verified.principal(), &caller);
                let what =
                    format!("serve {} to {name} ({caller}), as the link at line {} says", join.export, joint.line);
                let about = About::Serve { to: name.clone(), interface: join.export.clone() };
                self.asks::<Serve>("serve", &asked, about, what);
            }
        }
    }

    /// Another manifest component, and who it is.
    fn other(&self, place: usize) -> Option<(String, Principal)> {
        let other = self.all.get(place)?;
        Some((other.entry.name.clone(), other.verified.principal()))
    }

    fn asks<C>(&mut self, capability: &'static str, asked: &Asked, about: About, what: String)
    where
        C: for<'r> Constraint<Request<'r> = &'r Asked>,
    {
        self.capabilities.entry(capability).or_default();
        let refusal = |statement: &Statement| {
            if self.unreadable.contains(&(statement.document.clone(), capability.to_owned())) {
                return None;
            }
            let reason = match statement.about(capability) {
                Ok(None) => return None,
                Ok(Some(claim)) => permits::<C>(claim, asked).err()?.to_string(),
                Err(absent) => absent,
            };
            let add = Addition { capability, entry: Some(C::allowing(asked)), unnamed: false, example: "" };
            Some(Refusal { document: statement.document.clone(), reason, add: Some(add) })
        };
        let refusals: Vec<_> = self.statements.iter().filter_map(refusal).collect();
        self.asked.push(super::Asked {
            capability,
            what: what.clone(),
            refused_by: refusals.iter().map(|refusal| refusal.document.clone()).collect(),
            allowing: C::allowing(asked),
            entry: self.own_entry(capability, |entry| permits::<C>(entry, asked).is_ok()),
        });
        if !refusals.is_empty() && stands("links: claimed") {
            self.deny(about, format!("may not {what}"), refusals, None);
        }
    }
}

/// Whether one entry of a claim permits it.
fn permits<C>(claim: &serde_json::Value, asked: &Asked) -> Result<(), Denied>
where
    C: for<'r> Constraint<Request<'r> = &'r Asked>,
{
    Claim::<C>::parse(claim).map_err(|error| Denied::new(error.to_string()))?.permits(asked)
}
