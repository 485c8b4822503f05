//! For programs.

use serde_json::{Map, Value, json};
use writ_host::{Asked, Said};

use super::{Report, Word};
use crate::describe;
use crate::verbs::inspect;

impl Report<'_> {
    pub(super) fn json(&self) -> Value {
        let texts = |names: Vec<&writ_host::InterfaceName>| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let denials = self.decided.as_ref().and_then(|decided| decided.denials.as_ref());
        let asked = self.decided.iter().flat_map(|decided| decided.reasons.asked());
        json!({
            "file": self.facts.file,
            "starts": self.starts(),
            "verifies": self.facts.verified.is_ok(),
            "reason": self.reason(),
            "help": self.help(),
            "principal": self.facts.verified.as_ref().ok().map(|component| component.principal().to_string()),
            "tokens": self.facts.tokens().map(|token| describe::token(&token.claims)).collect::<Vec<_>>(),
            "revocation": self.revocations,
            "wider": self.wider,
            "capabilities": self.capabilities().iter().map(|name| (name.clone(), self.capability(name))).collect::<Map<_, _>>(),
            "unserved": texts(self.imports().remove(&None).unwrap_or_default()),
            "baseline": texts(self.baseline()),
            "links": asked.map(link).collect::<Vec<_>>(),
            "denied": denials.map(inspect::as_denials),
        })
    }

    fn reason(&self) -> Option<String> {
        let untaken = self.facts.artifact.as_ref().err().map(ToString::to_string);
        untaken.or_else(|| self.facts.verified.as_ref().err().map(ToString::to_string))
    }

    fn capability(&self, capability: &str) -> Value {
        let imports = self.imports().into_iter().find(|(name, _)| name.is_some_and(|name| name == capability));
        let imports = imports.map(|(_, imports)| imports).unwrap_or_default();
        json!({
            "imports": imports.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "documents": self.words(capability).iter().map(document).collect::<Vec<_>>(),
        })
    }
}

fn document(word: &Word<'_>) -> Value {
    let said = match word.said {
        Said::Any => "any".into(),
        Said::Nothing => Value::Null,
        Said::Claim(claim) => claim.clone(),
    };
    json!({ "document": word.document, "says": said, "effect": word.effect })
}

fn link(asked: &Asked) -> Value {
    let by: Vec<_> = asked.refused_by.iter().map(ToString::to_string).collect();
    json!({ "capability": asked.capability, "what": asked.what, "refused_by": by })
}
