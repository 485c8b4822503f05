//! An application as it was decided, to be drawn: who calls whom, what each may touch, and what was denied.
//!
//! It is made of the very admission that is deployed, and of the denials beside it. What a component was granted is the
//! record that the audit log keeps of it, and what shares a store is planned by what plans stores.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Serialize;

use crate::audit::{Granted, granted_to};
use crate::authorize::{Admission, Admitted, Trigger};
use crate::compose::{Door, Joint, Unit, UnitError, roots};
use crate::denial::{About, Denial, Denials};

/// Who calls whom in an application, and what each may touch.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Graph {
    /// The application's name.
    pub application: String,
    /// Whether all of it was granted. If not, nothing of it starts.
    pub admitted: bool,
    /// The components, in the order of the manifest.
    pub components: Vec<Node>,
    /// The links between them, those that are denied included.
    pub links: Vec<Joined>,
    /// What runs in a store of its own for a request.
    pub stores: Vec<Store>,
}

/// A component of an application.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Node {
    /// Its name in the manifest.
    pub name: String,
    /// What it was granted, as the audit log has it; nothing of which is denied.
    #[serde(flatten)]
    pub granted: Granted,
    /// When the first token of its chain expires, in unix seconds.
    pub expires: u64,
    /// What one call may take up.
    pub limits: Limits,
    /// How it reaches each capability, by name.
    pub means: BTreeMap<&'static str, Means>,
    /// What calls it from outside.
    pub called_by: Vec<Caller>,
    /// What it may not, but for its links.
    pub denied: Vec<Refused>,
}

/// What one call of a component may take up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of memory of one instance.
    pub memory: usize,
    /// Milliseconds.
    pub time: u128,
}

/// How a component reaches a capability.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Means {
    /// The image of the provider that the manifest links it to; none for the embedded default.
    pub image: Option<String>,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// What the manifest gives it there.
    pub given: Vec<String>,
}

/// What calls a component from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Caller {
    /// The manifest's entry.
    pub name: String,
    /// The capability.
    pub capability: &'static str,
    /// The image of the provider; none for the embedded default.
    pub image: Option<String>,
    /// What it calls for, such as a route.
    pub given: Vec<String>,
    /// Its configuration in the manifest.
    pub config: BTreeMap<String, String>,
}

/// An interface that is linked from one component to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Joined {
    /// The caller in the manifest.
    pub from: String,
    /// The callee in the manifest.
    pub to: String,
    /// The interface, as the caller imports it; without a version where nothing fits.
    pub import: String,
    /// The same, as the callee exports it; none where nothing fits.
    pub export: Option<String>,
    /// The line of the link in the manifest.
    pub line: u32,
    /// Whether it puts the caller in front of the callee's HTTP handler, so that requests go through it.
    pub in_front: bool,
    /// Where the callee runs; none where the link is denied.
    pub form: Option<Form>,
    /// Why it is denied.
    pub denied: Vec<Refused>,
}

/// Where the callee of a link runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// In its caller's store.
    Together,
    /// In a store of its own.
    Separate,
    /// One or the other, as to which component a request goes first.
    Either,
}

/// What runs in one store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Store {
    /// The interfaces over which other stores call it; none where it is called from outside, or through who is in front of it.
    pub called: Vec<String>,
    /// The components in it; the first is the one that is called.
    pub members: Vec<Member>,
}

/// A component in a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Member {
    /// Its name in the manifest.
    pub name: String,
    /// How many instances of it there are: one for each way that leads to it.
    pub instances: usize,
}

/// What a component may not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Refused {
    /// Which component, in the manifest.
    pub component: String,
    /// The capability that it is about, if it is about one.
    pub capability: Option<String>,
    /// The import that nobody serves, if it is about one.
    pub import: Option<String>,
    /// The manifest's entry that may not call it, if it is about one.
    pub caller: Option<String>,
    /// What was refused, in a sentence that begins with the component.
    pub what: String,
    /// What each document lacks.
    pub lacking: Vec<Lacking>,
    /// What would help instead of a line.
    pub hint: Option<String>,
}

/// A document that refuses something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Lacking {
    /// The document.
    pub document: String,
    /// Why, in a sentence without the document's name.
    pub reason: String,
    /// What is missing there, as a line of its own; none where a line does not help.
    pub line: Option<String>,
}

impl Graph {
    pub(crate) fn of(admission: &Admission, denials: &Denials) -> Self {
        let admitted = denials.is_empty();
        let units = units(admission, admitted);
        let all = admission.components();
        let mut denied: BTreeMap<&str, Vec<&Denial>> = BTreeMap::new();
        denials.iter().for_each(|denial| denied.entry(&denial.component).or_default().push(denial));
        let of = |name: &str| denied.get(name).map(Vec::as_slice).unwrap_or_default();
        let node = |component: &Admitted| node(admission.application(), component, of(component.name()));
        let mut links: Vec<_> = all
            .iter()
            .flat_map(|caller| caller.edges.iter().map(move |joint| (caller, joint)))
            .filter_map(|(caller, joint)| Some((caller, joint, all.get(joint.target)?)))
            .flat_map(|(caller, joint, callee)| {
                joined(caller, joint, callee, [of(caller.name()), of(callee.name())], &units)
            })
            .collect();
        links.extend(denials.iter().filter_map(impossible));
        Self {
            application: admission.application().to_owned(),
            admitted,
            components: all.iter().map(node).collect(),
            links,
            stores: units.iter().map(store).collect(),
        }
    }
}

fn node(application: &str, component: &Admitted, denials: &[&Denial]) -> Node {
    let denied: Vec<_> = denials.iter().filter(|denial| !denial.about.is_of_a_link()).map(|d| refused(d)).collect();
    let mut granted = granted_to(application, component);
    let is_denied = |name: &String| denied.iter().any(|refused| refused.capability.as_ref() == Some(name));
    granted.grants.retain(|name, _| !is_denied(name));
    let means = |(name, how): (&&'static str, &crate::authorize::Capability)| {
        let imports = how.imports.iter().map(ToString::to_string).collect();
        (*name, Means { image: how.image.clone(), imports, given: how.given.clone() })
    };
    Node {
        name: component.name.clone(),
        granted,
        expires: component.expires,
        limits: Limits { memory: component.limits.memory, time: component.limits.time.as_millis() },
        means: component.capabilities.iter().map(means).collect(),
        called_by: component.triggers.iter().map(caller).collect(),
        denied,
    }
}

fn caller(trigger: &Trigger) -> Caller {
    Caller {
        name: trigger.entry.clone(),
        capability: trigger.capability,
        image: trigger.image.clone(),
        given: trigger.given.clone(),
        config: trigger.source.clone(),
    }
}

/// The interfaces of a link, each with what either end's documents refuse.
fn joined<'a>(
    caller: &'a Admitted,
    joint: &'a Joint,
    callee: &'a Admitted,
    denials: [&'a [&'a Denial]; 2],
    units: &'a [Unit<'_>],
) -> impl Iterator<Item = Joined> + 'a {
    let form = form(joint, units);
    joint.interfaces.iter().map(move |join| {
        let [calls, serves] = denials;
        let calls = calls.iter().filter(
            |denial| matches!(&denial.about, About::Call { to, interface } if *to == callee.name && *interface == join.import),
        );
        let serves = serves.iter().filter(
            |denial| matches!(&denial.about, About::Serve { to, interface } if *to == caller.name && *interface == join.export),
        );
        let denied: Vec<_> = calls.chain(serves).map(|denial| refused(denial)).collect();
        Joined {
            from: caller.name.clone(),
            to: callee.name.clone(),
            import: join.import.to_string(),
            export: Some(join.export.to_string()),
            line: joint.line,
            in_front: joint.is_in_front(),
            form: form.filter(|_| denied.is_empty()),
            denied,
        }
    })
}

/// A link that cannot be.
fn impossible(denial: &Denial) -> Option<Joined> {
    let About::Link { to, interface, line } = &denial.about else { return None };
    Some(Joined {
        from: denial.component.clone(),
        to: to.clone(),
        import: interface.clone(),
        export: None,
        line: *line,
        in_front: false,
        form: None,
        denied: vec![refused(denial)],
    })
}

fn refused(denial: &Denial) -> Refused {
    let lacking = |refusal: &crate::denial::Refusal| Lacking {
        document: refusal.document.to_string(),
        reason: refusal.reason.clone(),
        line: refusal.add.as_ref().map(|add| add.line().to_string()),
    };
    let (mut capability, mut import, mut caller) = (None, None, None);
    match &denial.about {
        About::Capability(name) => capability = Some(name.clone()),
        About::Import(name) => import = Some(name.to_string()),
        About::Source(entry) => caller = Some(entry.clone()),
        _ => {}
    }
    Refused {
        component: denial.component.clone(),
        capability,
        import,
        caller,
        what: denial.what.clone(),
        lacking: denial.refusals.iter().map(lacking).collect(),
        hint: denial.hint.clone(),
    }
}

/// What runs in a store of its own: the components that are called from outside, and what links lead to that are not fused.
fn units(admission: &Admission, encodes: bool) -> Vec<Unit<'_>> {
    let (mut seen, mut units) = (BTreeSet::new(), Vec::new());
    let mut next: Vec<_> = roots(admission).map(|place| (place, Door::new())).collect();
    next.reverse();
    while let Some((place, door)) = next.pop() {
        if !seen.insert((place, door.clone())) {
            continue;
        }
        let Some(unit) = Unit::of(admission, place, door, false) else { continue };
        let unit = if encodes { settled(admission, unit) } else { unit };
        let outside = unit.members().iter().flat_map(|member| &member.outside);
        next.extend(outside.map(|joint| (joint.target, joint.door())));
        units.push(unit);
    }
    units
}

/// A unit as a host makes it: what the encoder has no words for has stores of its own.
fn settled<'a>(admission: &'a Admission, unit: Unit<'a>) -> Unit<'a> {
    let Some(plan) = unit.plan(admission).filter(|plan| plan.fused) else { return unit };
    // What it reads are files that others wrote.
    match catch_unwind(AssertUnwindSafe(|| plan.whole())) {
        Ok(Err(UnitError::Encode(_))) => unit.separate(admission),
        _ => unit,
    }
}

/// Where the callee of a link runs, in all that holds the caller.
fn form(joint: &Joint, units: &[Unit<'_>]) -> Option<Form> {
    let holders = units.iter().filter_map(|unit| unit.members().iter().find(|member| member.place == joint.source));
    let forms = holders.map(|member| match member.outside.contains(&joint) {
        true => Form::Separate,
        false => Form::Together,
    });
    forms.reduce(|one, other| if one == other { one } else { Form::Either })
}

fn store(unit: &Unit<'_>) -> Store {
    let member = |member: &crate::compose::Member<'_>| Member {
        name: member.admitted.name.clone(),
        instances: member.instances,
    };
    Store { called: unit.door().to_vec(), members: unit.members().iter().map(member).collect() }
}
