//! What components ask for while they run, and the least claims that permit all of it.
//!
//! Learning only narrows. A learnt entry is one that the component signed for, narrowed to what was asked of it; where it is
//! not certain that it is narrower, it is the signed entry itself. Told apart are the requests that a denial tells apart.
//!
//! | a signed entry | is learnt as |
//! |---|---|
//! | nothing was asked of | nothing |
//! | with a `rate` | one entry, for two would have that rate each |
//! | few different requests were asked of | an entry for each, where no other permits it, and alike ones in one |
//! | many different requests were asked of | one entry that permits all of them: see [`writ_provider::Lessons`] |

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use writ_provider::{Document, Kept, Learnt, Lessons, Principal, Rates, join};
use writ_signing::token::{Capabilities, ComponentClaims};

use crate::authorize::{Admission, Admitted};
use crate::vocabulary::{Vocabulary, entries};
use crate::wasi::baseline::is_baseline;

/// Learns what the components of a host ask for. Clones learn together.
#[derive(Debug, Clone, Default)]
pub struct Learner(Arc<Mutex<School>>);

#[derive(Debug, Default)]
struct School {
    /// By the component in keys, and the capability.
    lessons: BTreeMap<(String, &'static str), Arc<Lessons>>,
    /// By the manifest component.
    components: BTreeMap<String, Pupil>,
}

/// A component as it was deployed last.
#[derive(Debug)]
struct Pupil {
    id: String,
    claims: ComponentClaims,
    /// The capabilities that its imports need, be it an empty claim.
    imported: BTreeSet<&'static str>,
}

/// The least claims of one component.
#[derive(Debug, Clone, PartialEq)]
pub struct Lesson {
    /// The manifest component.
    pub component: String,
    /// What its token says, claims and all.
    pub signed: ComponentClaims,
    /// What it needs of that.
    pub claims: BTreeMap<String, Vec<Value>>,
    /// What it signed for and nobody asked for.
    pub unused: BTreeMap<String, Value>,
    /// What was refused: the capability, the document that did so first, and the smallest entry that would permit it there.
    pub refused: Vec<(&'static str, Document, Value)>,
}

impl Learner {
    /// One that knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where what is asked of a capability is kept.
    pub(crate) fn lessons(&self, principal: &Principal, capability: &'static str) -> Arc<Lessons> {
        self.school().lessons(principal.keyed().to_string(), capability)
    }

    /// Begins with the components of an application, and what its links ask for. What was learnt of one that says
    /// something else now is forgotten.
    pub(crate) fn begin(&self, admission: &Admission, vocabulary: &Vocabulary) {
        let mut school = self.school();
        for admitted in admission.components() {
            school.begin(admitted, vocabulary);
        }
    }

    /// What was learnt so far, a lesson for each component.
    pub fn so_far(&self, vocabulary: &Vocabulary) -> Vec<Lesson> {
        let school = self.school();
        school.components.iter().map(|(name, pupil)| school.lesson(name, pupil, vocabulary)).collect()
    }

    fn school(&self) -> MutexGuard<'_, School> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl School {
    fn lessons(&mut self, id: String, capability: &'static str) -> Arc<Lessons> {
        self.lessons.entry((id, capability)).or_default().clone()
    }

    fn begin(&mut self, admitted: &Admitted, vocabulary: &Vocabulary) {
        let (id, claims) = (admitted.principal.keyed().to_string(), admitted.verified.component().clone());
        let known = self.components.values().find(|pupil| pupil.id == id);
        if known.is_some_and(|pupil| pupil.claims.common.capabilities != claims.common.capabilities) {
            self.lessons.iter().filter(|((own, _), _)| *own == id).for_each(|(_, lessons)| lessons.forget());
        }
        for asked in &admitted.asked {
            if let Some(entry) = asked.entry {
                self.lessons(id.clone(), asked.capability).permitted(entry, asked.allowing.clone());
            }
        }
        let imports = admitted.artifact.imports().iter().filter(|import| !is_baseline(import));
        let imported = imports.filter_map(|import| vocabulary.capability_of(import)).collect();
        self.components.insert(admitted.name.clone(), Pupil { id, claims, imported });
    }

    fn lesson(&self, name: &str, pupil: &Pupil, vocabulary: &Vocabulary) -> Lesson {
        let (mut claims, mut unused, mut refused) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let learnt = |capability: &str| {
            let of = self.lessons.iter().find(|((id, name), _)| *id == pupil.id && *name == capability);
            of.map(|((_, name), lessons)| (*name, lessons.so_far()))
        };
        let signed: &BTreeMap<String, Value> = match &pupil.claims.common.capabilities {
            Capabilities::Only(signed) => signed,
            Capabilities::Any => &BTreeMap::new(),
        };
        for (capability, claim) in signed {
            let Learnt { permitted, refused: denied } =
                learnt(capability).map(|(_, learnt)| learnt).unwrap_or_default();
            let least = least(vocabulary, capability, claim, &permitted);
            if !least.is_empty() || pupil.imported.contains(capability.as_str()) {
                claims.insert(capability.clone(), least);
            } else {
                unused.insert(capability.clone(), claim.clone());
            }
            let name = learnt(capability).map(|(name, _)| name);
            refused.extend(
                name.into_iter().flat_map(|name| denied.iter().map(move |(by, what)| (name, by.clone(), what.clone()))),
            );
        }
        Lesson { component: name.to_owned(), signed: pupil.claims.clone(), claims, unused, refused }
    }
}

/// The least entries that permit what was permitted, none of them more than what was signed.
fn least(vocabulary: &Vocabulary, capability: &str, signed: &Value, permitted: &BTreeMap<usize, Kept>) -> Vec<Value> {
    let covers = |most: &Value, entry: &Value| {
        let [most, entry] = [most, entry].map(|one| Value::Array(vec![one.clone()]));
        vocabulary.beyond(capability, &most, &entry, Rates::Counted).is_empty()
    };
    let is_any = signed == "any";
    let mut learnt = Vec::new();
    for (index, kept) in permitted {
        let every = Value::Object(Map::new());
        let Some(base) = (if is_any { Some(&every) } else { entries(signed).get(*index) }) else { continue };
        let narrow = |value: &Value| if is_any { value.clone() } else { narrowed(base, value, &covers) };
        let values: Vec<_> = match kept {
            Kept::Each(values) => values.iter().map(narrow).collect(),
            Kept::Joined(value) => vec![narrow(value)],
        };
        let values = without_covered(values, &covers);
        learnt.extend(match base.get(RATE) {
            Some(_) => {
                values.into_iter().reduce(|one, other| join(one, &other)).map(|all| narrow(&all)).into_iter().collect()
            }
            None => merged(values),
        });
    }
    let learnt = without_covered(learnt, &covers);
    let claim = Value::Array(learnt.clone());
    // An entry that was joined from one that no provider understands may be too little. Then what was signed stays.
    match vocabulary.beyond(capability, signed, &claim, Rates::Counted).is_empty() {
        true => learnt,
        false => entries(signed).to_vec(),
    }
}

/// A signed entry, narrowed to what a smallest one says: with as few of its own fields beside that as keep it from saying more.
fn narrowed(base: &Value, smallest: &Value, covers: &impl Fn(&Value, &Value) -> bool) -> Value {
    let (Value::Object(own), Value::Object(asked)) = (base, smallest) else { return base.clone() };
    let mut fields = own.clone();
    fields.extend(asked.clone());
    for name in own.keys().filter(|name| !asked.contains_key(*name)) {
        let mut fewer = fields.clone();
        fewer.remove(name);
        if covers(base, &Value::Object(fewer.clone())) {
            fields = fewer;
        }
    }
    let narrowed = Value::Object(fields);
    if covers(base, &narrowed) { narrowed } else { base.clone() }
}

/// Those that no other one permits. One with a rate stands for no other: what that asked for would be counted by it, too.
fn without_covered(mut all: Vec<Value>, covers: &impl Fn(&Value, &Value) -> bool) -> Vec<Value> {
    let mut index = 0;
    while let Some(entry) = all.get(index) {
        let others = all.iter().enumerate().filter(|(other, _)| *other != index);
        let is_covered = others.map(|(_, other)| other).any(|other| other.get(RATE).is_none() && covers(other, entry));
        if is_covered {
            all.remove(index);
        } else {
            index = index.saturating_add(1);
        }
    }
    all
}

/// With those in one that differ in a single list. That permits what they did, and nothing else.
fn merged(all: Vec<Value>) -> Vec<Value> {
    let mut merged: Vec<Value> = Vec::new();
    for entry in all {
        match merged.iter_mut().find_map(|other| Some((alike(other, &entry)?, other))) {
            Some((list, other)) => {
                let more = entry.get(&list).and_then(Value::as_array).cloned().unwrap_or_default();
                if let Some(Value::Array(values)) = other.get_mut(&list) {
                    values.extend(more.into_iter().filter(|value| !values.contains(value)).collect::<Vec<_>>());
                }
            }
            None => merged.push(entry),
        }
    }
    merged
}

/// The one field in which two entries differ, if it is a list in both and neither has a rate.
fn alike(one: &Value, other: &Value) -> Option<String> {
    let (one, other) = (one.as_object()?, other.as_object()?);
    if one.len() != other.len() || one.contains_key(RATE) {
        return None;
    }
    let mut differing = one.iter().filter(|(name, value)| other.get(*name) != Some(value));
    let (name, value) = differing.next()?;
    let lists = value.is_array() && other.get(name)?.is_array();
    (lists && differing.next().is_none()).then(|| name.clone())
}

const RATE: &str = "rate";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    /// The least claim for what was permitted, by index.
    #[track_caller]
    fn check(capability: &str, signed: Value, permitted: Vec<(usize, Kept)>, expected: Value) {
        let vocabulary = Vocabulary::default();
        let learnt = least(&vocabulary, capability, &signed, &permitted.into_iter().collect());
        assert_eq!(Value::Array(learnt), expected, "{signed}");
    }

    fn each(values: Value) -> Kept {
        Kept::Each(values.as_array().unwrap().clone())
    }

    #[test]
    fn what_was_asked_is_what_is_learnt() {
        let names = || json!({ "names": ["LANG", "APP_*"] });
        check("environment", names(), vec![], json!([]));
        let asked = each(json!([{ "names": ["LANG"] }, { "names": ["APP_A"] }]));
        check("environment", names(), vec![(0, asked)], json!([{ "names": ["LANG", "APP_A"] }]));
        // One permits the other.
        let asked = || each(json!([{ "names": ["APP_*"] }, { "names": ["APP_A"] }]));
        check("environment", names(), vec![(0, asked())], json!([{ "names": ["APP_*"] }]));
        check(
            "environment",
            json!([names(), { "names": ["X"] }]),
            vec![(1, each(json!([{ "names": ["X"] }])))],
            json!([{ "names": ["X"] }]),
        );
        check(
            "environment",
            json!([{ "names": "any" }]),
            vec![(0, Kept::Joined(json!({})))],
            json!([{ "names": "any" }]),
        );
        check("environment", names(), vec![(7, asked())], json!([]));
    }

    /// A field that narrows what was signed stays where what was asked says nothing of it, and where it says something.
    #[test]
    fn nothing_is_learnt_that_was_not_signed() {
        let signed = json!({ "paths": ["/data", "/in"], "host": "/srv", "rights": ["read", "write"] });
        let read = each(json!([{ "paths": ["/data"] }]));
        check("filesystem", signed.clone(), vec![(0, read)], json!([{ "host": "/srv", "paths": ["/data"] }]));
        let write = each(json!([{ "paths": ["/data"], "rights": ["read", "write"] }]));
        let narrow = json!([{ "host": "/srv", "paths": ["/data"], "rights": ["read", "write"] }]);
        check("filesystem", signed.clone(), vec![(0, write)], narrow);
        for strange in [json!([{ "paths": ["/etc"] }]), json!([{ "more": 1 }]), json!(["any"])] {
            check("filesystem", signed.clone(), vec![(0, each(strange))], json!([signed]));
        }
        check("nobody's", json!([{ "x": 1 }]), vec![(0, each(json!([{ "y": 1 }])))], json!([{ "x": 1 }]));
    }
}
