//! For people.

use anyhow::Result;
use writ_host::Said;
use writ_signing::inspect::UnverifiedToken;

use super::{Decided, Report, Word};
use crate::{clock, describe, output};

impl Report<'_> {
    pub(super) fn tell(&self) -> Result<()> {
        self.tell_file()?;
        self.wider.iter().for_each(output::warning);
        for capability in self.capabilities() {
            self.tell_capability(&capability)?;
        }
        self.tell_others()?;
        self.tell_links()?;
        self.tell_verdict()
    }

    fn tell_file(&self) -> Result<()> {
        output::data(&self.facts.file)?;
        let mut rows = Vec::new();
        match &self.facts.verified {
            Ok(component) => rows.push(describe::row("principal", component.principal())),
            Err(error) => rows.push(describe::row("verifies", format_args!("no: {error}"))),
        }
        for token in self.facts.tokens() {
            rows.push(describe::row(&format!("the {}'s token", token.claims.kind()), self.validity(token)));
        }
        rows.extend(self.revocations.iter().map(|state| describe::row("revocation", state)));
        if let Some(decided) = &self.decided {
            let limits = decided.reasons.limits();
            rows.extend(limits.map(|(document, limits)| {
                describe::row("limits", format_args!("{}, says {document}", describe::limits(limits)))
            }));
        }
        output::table(&rows)
    }

    fn validity(&self, token: &UnverifiedToken) -> String {
        let common = token.claims.common();
        let state = match common.exp.checked_sub(self.now) {
            None | Some(0) => ", which is over".to_owned(),
            Some(_) if common.nbf > self.now => ", which is to come".to_owned(),
            Some(left) if left < WARN => format!(", which is in {} days", left / DAY),
            Some(_) => String::new(),
        };
        format!("{}, valid {} to {}{state}", common.name, clock::day(common.nbf), clock::day(common.exp))
    }

    fn tell_capability(&self, capability: &str) -> Result<()> {
        output::data(format_args!("\n{capability}"))?;
        let known = self.imports().into_iter().find(|(name, _)| name.is_some_and(|name| name == capability));
        for import in known.into_iter().flat_map(|(_, imports)| imports) {
            output::data(format_args!("  for {import}"))?;
        }
        let row = |word: &Word<'_>| [format!("  {}", word.document), word.effect.to_owned(), said(word)];
        output::table(&self.words(capability).iter().map(row).collect::<Vec<_>>())
    }

    fn tell_others(&self) -> Result<()> {
        for import in self.imports().remove(&None).unwrap_or_default() {
            output::data(format_args!("\nnobody serves {import} here"))?;
        }
        let baseline: Vec<_> = self.baseline().iter().map(ToString::to_string).collect();
        if baseline.is_empty() {
            return Ok(());
        }
        output::data(format_args!("\neveryone gets {}", baseline.join(", ")))
    }

    fn tell_links(&self) -> Result<()> {
        let Some(Decided { reasons, in_manifest: true, .. }) = &self.decided else { return Ok(()) };
        output::data(format_args!("\nlinks of {}", reasons.component()))?;
        let row = |asked: &writ_host::Asked| {
            let by: Vec<_> = asked.refused_by.iter().map(ToString::to_string).collect();
            let outcome = if by.is_empty() { "granted".to_owned() } else { format!("refused by {}", by.join(", ")) };
            [format!("  {}", asked.what), outcome]
        };
        output::table(&reasons.asked().iter().map(row).collect::<Vec<_>>())
    }

    fn tell_verdict(&self) -> Result<()> {
        if let Err(error) = &self.facts.artifact {
            return output::data(format_args!("\nno host takes it: {error}"));
        }
        match &self.decided {
            None => {
                output::data("\nit would not start: nothing above is vouched for")?;
                self.help().iter().for_each(output::hint);
                Ok(())
            }
            Some(Decided { denials: Some(denials), .. }) => {
                output::data(format_args!("\nhere it would not start:\n{}", denials.to_string().trim_end()))
            }
            Some(Decided { in_manifest: false, .. }) => {
                output::data("\nhere it would start; what calls it, and with what, a manifest says (--manifest)")
            }
            Some(_) => output::data("\nhere it would start"),
        }
    }
}

fn said(word: &Word<'_>) -> String {
    match word.said {
        Said::Any => "anything".to_owned(),
        Said::Nothing => "does not name it".to_owned(),
        Said::Claim(claim) => describe::claim(claim),
    }
}

const DAY: u64 = 86_400;
const WARN: u64 = 7 * DAY;
