//! How links join components: none to itself, none in a circle, and not too many below one.

use std::collections::BTreeMap;

use super::{Application, Link};
use crate::error::{ErrorKind, ManifestError, shorten};

/// How many instances one request may need at once: a component's own, and those of all that its links lead to, each
/// counted as often as a link leads to it.
pub const MAX_JOINED: usize = 64;

/// What is known of a component: nothing, that its links are being followed, or how many instances a request to it needs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Never,
    Above,
    Needs(usize),
}

/// Follows every link between components once, without recursion: the text may be anybody's.
pub(super) fn check(application: &Application) -> Result<(), ManifestError> {
    let numbered = application.components.iter().enumerate();
    let numbers: BTreeMap<&str, usize> = numbered.map(|(number, entry)| (entry.name.as_str(), number)).collect();
    let mut below: Vec<Vec<(usize, &Link)>> = vec![Vec::new(); application.components.len()];
    for link in &application.links {
        let ends = numbers.get(link.source.as_str()).zip(numbers.get(link.target.as_str()));
        let Some((source, target)) = ends else { continue };
        if source == target {
            return Err(itself(link));
        }
        if let Some(below) = below.get_mut(*source) {
            below.push((*target, link));
        }
    }
    let mut walk = Walk { below, seen: vec![Seen::Never; application.components.len()], path: Vec::new() };
    (0..application.components.len()).try_for_each(|start| walk.follow(start))
}

struct Walk<'a> {
    below: Vec<Vec<(usize, &'a Link)>>,
    seen: Vec<Seen>,
    /// The components that are being followed, each with the links that were not yet.
    path: Vec<Step<'a>>,
}

struct Step<'a> {
    component: usize,
    next: usize,
    needs: usize,
    /// The link that led here.
    by: Option<&'a Link>,
}

impl<'a> Walk<'a> {
    fn follow(&mut self, start: usize) -> Result<(), ManifestError> {
        self.enter(start, None)?;
        while let Some(step) = self.path.last_mut() {
            let links = self.below.get(step.component);
            match links.and_then(|links| links.get(step.next)).copied() {
                Some((target, link)) => {
                    step.next = step.next.saturating_add(1);
                    self.enter(target, Some(link))?;
                }
                None => self.leave()?,
            }
        }
        Ok(())
    }

    fn enter(&mut self, component: usize, by: Option<&'a Link>) -> Result<(), ManifestError> {
        match (self.seen.get(component).copied(), by) {
            (Some(Seen::Above), Some(link)) => Err(self.circle(component, link)),
            (Some(Seen::Needs(needs)), Some(link)) => self.add(needs, link),
            (Some(Seen::Never), _) => {
                self.see(component, Seen::Above);
                self.path.push(Step { component, next: 0, needs: 1, by });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn leave(&mut self) -> Result<(), ManifestError> {
        let Some(step) = self.path.pop() else { return Ok(()) };
        self.see(step.component, Seen::Needs(step.needs));
        step.by.map_or(Ok(()), |link| self.add(step.needs, link))
    }

    fn see(&mut self, component: usize, seen: Seen) {
        if let Some(place) = self.seen.get_mut(component) {
            *place = seen;
        }
    }

    /// What the component above needs besides, because of this link.
    fn add(&mut self, needs: usize, link: &Link) -> Result<(), ManifestError> {
        let Some(above) = self.path.last_mut() else { return Ok(()) };
        above.needs = above.needs.saturating_add(needs);
        if above.needs <= MAX_JOINED {
            return Ok(());
        }
        let name = shorten(&link.source);
        let message = format!(
            "with this link one request to `{name}` may need {} instances at once, one for each link below it: at most {MAX_JOINED}",
            above.needs
        );
        Err(ManifestError::new(link.target_at, ErrorKind::Conflict { message }))
    }

    fn circle(&self, component: usize, closing: &Link) -> ManifestError {
        let from = self.path.iter().position(|step| step.component == component).unwrap_or(0);
        let steps = self.path.iter().skip(from.saturating_add(1)).filter_map(|step| step.by).chain([closing]);
        let way: Vec<_> =
            steps.map(|link| format!("`{}` (line {})", shorten(&link.target), link.target_at.line)).collect();
        let more = if way.len() > TOLD { format!(" … {} in all", way.len()) } else { String::new() };
        let told = way.get(..TOLD.min(way.len())).unwrap_or_default().join(", ");
        // It ends where it began.
        let start = shorten(&closing.target);
        let message =
            format!("the links go in a circle, from `{start}` to {told}{more}: a component cannot wait for itself");
        ManifestError::new(closing.target_at, ErrorKind::Conflict { message })
    }
}

fn itself(link: &Link) -> ManifestError {
    let message = format!("`{}` is linked to itself: what it imports, another component serves", shorten(&link.source));
    ManifestError::new(link.target_at, ErrorKind::Conflict { message })
}

/// How many components of a circle are named.
const TOLD: usize = 8;
