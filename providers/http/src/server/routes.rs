//! Which component gets a request.

use std::sync::Arc;

use writ_provider::{Generation, Principal};

use super::Handler;
use crate::{HostPattern, RoutePlan};

/// The routes at one address.
#[derive(Default)]
pub(super) struct Routes {
    mounted: Vec<Mounted>,
}

/// A route, and who holds it.
pub(super) struct Mounted {
    pub(super) id: u64,
    pub(super) plan: RoutePlan,
    pub(super) owner: Owner,
    pub(super) handler: Arc<dyn Handler>,
}

/// Who holds a route.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    pub(super) principal: Principal,
    pub(super) generation: Generation,
}

impl Routes {
    /// The route that a request takes: of those that match its host and path, the one with the closest host, then the longest
    /// path, then the newest. One whose deployment is not open yet comes after all that can serve now. `host` is one host.
    pub(super) fn find(&self, host: &HostPattern, path: &str) -> Option<&Mounted> {
        let matches = |m: &&Mounted| m.plan.host.covers(host) && m.plan.path.covers(path);
        self.mounted.iter().filter(matches).max_by_key(|mounted| {
            let (open, number) = mounted.owner.generation.rank();
            (open, rank(&mounted.plan), number)
        })
    }

    /// Adds a route.
    ///
    /// # Errors
    /// Who holds the one it would collide with. `named` are the routes that may be nested among accounts.
    pub(super) fn add(&mut self, route: Mounted, named: &[RoutePlan]) -> Result<(), Principal> {
        match self.mounted.iter().find(|held| collide(held, &route, named)) {
            Some(held) => Err(held.owner.principal.clone()),
            None => {
                self.mounted.push(route);
                Ok(())
            }
        }
    }

    /// Removes what carries one of those numbers.
    pub(super) fn remove(&mut self, ids: &[u64]) {
        self.mounted.retain(|mounted| !ids.contains(&mounted.id));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.mounted.is_empty()
    }
}

fn collide(held: &Mounted, new: &Mounted, named: &[RoutePlan]) -> bool {
    if held.plan == new.plan {
        return held.owner.principal != new.owner.principal
            || held.owner.generation.number() == new.owner.generation.number();
    }
    let (a, b) = (&held.plan, &new.plan);
    let nested = a.host.overlaps(&b.host) && (a.path.covers(b.path.as_str()) || b.path.covers(a.path.as_str()));
    if !nested || held.owner.principal.account() == new.owner.principal.account() {
        return false;
    }
    // The one that is asked first takes requests from the other: it is the one that must be named, whichever came first.
    let taker = if rank(a) > rank(b) { a } else { b };
    !named.contains(taker)
}

fn rank(plan: &RoutePlan) -> (usize, usize) {
    (plan.host.rank(), plan.path.as_str().len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::tests::{Silent, deployed};
    use super::*;
    use proptest::prelude::*;

    fn plan(host: &str, path: &str) -> RoutePlan {
        RoutePlan { host: host.parse().unwrap(), path: path.parse().unwrap() }
    }

    /// A route of the component of that account, in a deployment that is open.
    fn mounted(id: u64, account: &str, (host, path): (&str, &str)) -> Mounted {
        let (owner, opening) = deployed(account, 0);
        opening.open();
        Mounted { id, plan: plan(host, path), owner, handler: Arc::new(Silent) }
    }

    fn routes(plans: &[(&str, &str)]) -> Routes {
        let mut routes = Routes::default();
        for (id, plan) in (0..).zip(plans) {
            routes.add(mounted(id, "acme", *plan), &[]).unwrap();
        }
        routes
    }

    #[track_caller]
    fn check(routes: &Routes, host: &str, path: &str, expected: Option<&str>) {
        let found = routes.find(&host.parse().unwrap(), path).map(|mounted| mounted.plan.to_string());
        assert_eq!(found.as_deref(), expected, "{host} {path}");
    }

    #[test]
    fn the_host_first_then_the_longest_path() {
        let routes = routes(&[
            ("any", "/"),
            ("any", "/orders"),
            ("*.example", "/"),
            ("*.shop.example", "/orders"),
            ("a.shop.example", "/orders/eu"),
            ("127.0.0.1", "/"),
        ]);
        check(&routes, "other", "/", Some("route any /"));
        check(&routes, "other", "/x", Some("route any /"));
        check(&routes, "other", "/orders", Some("route any /orders"));
        check(&routes, "other", "/orders/1", Some("route any /orders"));
        check(&routes, "other", "/ordersx", Some("route any /"));
        check(&routes, "example", "/orders", Some("route any /orders"));
        check(&routes, "shop.example", "/orders", Some("route *.example /"));
        check(&routes, "a.shop.example", "/orders", Some("route *.shop.example /orders"));
        check(&routes, "a.shop.example", "/orders/eu/1", Some("route a.shop.example /orders/eu"));
        check(&routes, "a.shop.example", "/orders/us", Some("route *.shop.example /orders"));
        check(&routes, "a.shop.example", "/x", Some("route *.example /"));
        check(&routes, "b.a.shop.example", "/orders/eu", Some("route *.shop.example /orders"));
        check(&routes, "127.0.0.1", "/orders", Some("route 127.0.0.1 /"));
        check(&routes, "127.0.0.2", "/orders", Some("route any /orders"));
    }

    #[test]
    fn nothing_matches() {
        let routes = routes(&[("a.b", "/x"), ("*.c", "/y")]);
        check(&routes, "a.b", "/", None);
        check(&routes, "a.b", "/y", None);
        check(&routes, "c", "/y", None);
        check(&routes, "z.c", "/y/1", Some("route *.c /y"));
        check(&Routes::default(), "a.b", "/", None);
    }

    #[track_caller]
    fn taken(held: (&str, &str), new: (&str, &str), account: &str, named: &[RoutePlan], expected: bool) {
        for (first, second) in [(held, new), (new, held)] {
            let mut routes = Routes::default();
            routes.add(mounted(0, "acme", first), named).unwrap();
            assert_eq!(routes.add(mounted(1, account, second), named).is_err(), expected, "{first:?} {second:?}");
        }
    }

    #[test]
    fn collisions() {
        // The same one, whoever asks, named or not.
        taken(("any", "/a"), ("any", "/a"), "acme", &[], true);
        taken(("any", "/a"), ("any", "/a"), "other", &[plan("any", "/a")], true);
        // Within an account, nesting is fine.
        taken(("any", "/"), ("any", "/a"), "acme", &[], false);
        taken(("any", "/"), ("a.b", "/"), "acme", &[], false);
        // Between accounts it is not.
        taken(("any", "/"), ("any", "/a"), "other", &[], true);
        taken(("any", "/"), ("a.b", "/"), "other", &[], true);
        taken(("*.b", "/"), ("a.b", "/x"), "other", &[], true);
        taken(("*.b", "/x"), ("a.b", "/"), "other", &[], true);
        taken(("*.b", "/"), ("*.a.b", "/"), "other", &[], true);
        // What is apart is fine.
        taken(("any", "/a"), ("any", "/b"), "other", &[], false);
        taken(("any", "/a"), ("any", "/ab"), "other", &[], false);
        taken(("a.b", "/"), ("c.b", "/"), "other", &[], false);
        taken(("*.b", "/"), ("b", "/"), "other", &[], false);
        taken(("127.0.0.1", "/"), ("127.0.0.2", "/"), "other", &[], false);
        // The one that takes must be named, not the one that loses.
        taken(("any", "/"), ("any", "/a"), "other", &[plan("any", "/a")], false);
        taken(("any", "/"), ("any", "/a"), "other", &[plan("any", "/")], true);
        taken(("any", "/a/b"), ("a.b", "/a"), "other", &[plan("a.b", "/a")], false);
        taken(("any", "/a/b"), ("a.b", "/a"), "other", &[plan("any", "/a/b")], true);
    }

    #[test]
    fn a_removed_route_is_free() {
        let mut routes = routes(&[("any", "/"), ("any", "/a")]);
        routes.remove(&[1]);
        check(&routes, "x", "/a", Some("route any /"));
        routes.add(mounted(7, "acme", ("any", "/a")), &[]).unwrap();
        routes.remove(&[0, 7]);
        assert!(routes.is_empty());
    }

    /// Mounts `(generation, path)` in this order, opens the generations `open`, and says which one gets each request.
    #[track_caller]
    fn check_generations(mounts: &[(u64, &str)], open: &[u64], expected: &[(&str, Option<u64>)]) {
        let owners: Vec<_> = (0..5).map(|number| deployed("acme", number)).collect();
        let mut routes = Routes::default();
        for (id, (generation, path)) in (0..).zip(mounts) {
            let owner = owners.iter().map(|(owner, _)| owner).find(|owner| owner.generation.number() == *generation);
            let owner = owner.unwrap().clone();
            routes.add(Mounted { id, plan: plan("any", path), owner, handler: Arc::new(Silent) }, &[]).unwrap();
        }
        for (owner, opening) in owners {
            if open.contains(&owner.generation.number()) {
                opening.open();
            }
        }
        for (path, generation) in expected {
            let found = routes.find(&"a".parse().unwrap(), path).map(|mounted| mounted.owner.generation.number());
            assert_eq!(found, *generation, "{path} of {mounts:?}, open {open:?}");
        }
    }

    #[test]
    fn a_newer_generation_takes_over_once_it_is_open() {
        check_generations(&[(1, "/"), (2, "/")], &[1], &[("/", Some(1))]);
        check_generations(&[(1, "/"), (2, "/")], &[1, 2], &[("/", Some(2))]);
        // Whichever was connected first.
        check_generations(&[(2, "/"), (1, "/")], &[1, 2], &[("/", Some(2))]);
        check_generations(&[(1, "/"), (3, "/"), (2, "/")], &[1, 2], &[("/", Some(2))]);
        // What nobody else can serve waits for its deployment.
        check_generations(&[(1, "/"), (2, "/")], &[], &[("/", Some(2))]);
        check_generations(&[(1, "/a"), (2, "/b")], &[1], &[("/a", Some(1)), ("/b", Some(2)), ("/c", None)]);
        // A longer path that is not open yet takes nothing from a shorter one that is.
        check_generations(&[(1, "/"), (2, "/"), (2, "/a")], &[1], &[("/a", Some(1))]);
        check_generations(&[(1, "/"), (2, "/"), (2, "/a")], &[1, 2], &[("/a", Some(2)), ("/", Some(2))]);
        // A route that the newer one does not have is the older one's until that is dropped.
        check_generations(&[(1, "/"), (1, "/a"), (2, "/")], &[1, 2], &[("/a", Some(1)), ("/", Some(2))]);
    }

    #[test]
    fn within_a_generation_and_among_principals_a_route_is_taken() {
        let [(old, _), (new, _), (other, _)] = [deployed("acme", 1), deployed("acme", 2), deployed("other", 3)];
        let same_account =
            Principal::new(old.principal.account(), writ_provider::testing::component(), "acme", "another component");
        let another = Owner { principal: same_account, generation: new.generation.clone() };
        for (owner, free) in [(&old, false), (&new, true), (&other, false), (&another, false)] {
            let mounted = |id, owner: &Owner| {
                let handler = Arc::new(Silent);
                Mounted { id, plan: plan("any", "/"), owner: owner.clone(), handler }
            };
            let mut routes = Routes::default();
            routes.add(mounted(0, &old), &[]).unwrap();
            assert_eq!(routes.add(mounted(1, owner), &[]).is_ok(), free, "{owner:?}");
        }
    }

    #[test]
    fn dropping_either_leaves_the_other() {
        for (gone, left) in [(1, 2), (2, 1)] {
            let mut routes = Routes::default();
            for id in [1, 2] {
                let (owner, opening) = deployed("acme", id);
                opening.open();
                routes.add(Mounted { id, plan: plan("any", "/"), owner, handler: Arc::new(Silent) }, &[]).unwrap();
            }
            routes.remove(&[gone]);
            let found = routes.find(&"a".parse().unwrap(), "/").map(|mounted| mounted.id);
            assert_eq!(found, Some(left));
        }
    }

    const HOSTS: [&str; 6] = ["any", "*.b", "*.a.b", "a.b", "b", "127.0.0.1"];
    const PATHS: [&str; 5] = ["/", "/x", "/x/y", "/xy", "/x/y/z"];

    /// The rule as a person would say it, over texts: every host in order of closeness, under it every path from the longest.
    fn naive<'a>(plans: &[(&'a str, &'a str)], host: &str, path: &str) -> Option<(&'a str, &'a str)> {
        let host_matches = |pattern: &str| match pattern.strip_prefix('*') {
            Some(dotted) => host.ends_with(dotted),
            None => pattern == "any" || pattern == host,
        };
        let path_matches = |prefix: &str| prefix == "/" || format!("{path}/").starts_with(&format!("{prefix}/"));
        for pattern in ["127.0.0.1", "a.b", "b", "*.a.b", "*.b", "any"] {
            for prefix in ["/x/y/z", "/x/y", "/xy", "/x", "/"] {
                if host_matches(pattern) && path_matches(prefix) && plans.contains(&(pattern, prefix)) {
                    return plans.iter().copied().find(|plan| *plan == (pattern, prefix));
                }
            }
        }
        None
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn as_the_naive_evaluator(
            chosen in proptest::collection::vec((0..HOSTS.len(), 0..PATHS.len()), 0..9),
            host in proptest::sample::select(vec!["a.b", "b", "c.b", "c.a.b", "127.0.0.1", "other"]),
            path in "/(x|xy|x/y|x/y/z|x/yz|x/|q)?",
        ) {
            let mut plans: Vec<_> = chosen.iter().filter_map(|(h, p)| Some((*HOSTS.get(*h)?, *PATHS.get(*p)?))).collect();
            plans.sort_unstable();
            plans.dedup();
            let routes = routes(&plans);
            let found = routes.find(&host.parse().unwrap(), &path).map(|mounted| mounted.plan.clone());
            prop_assert_eq!(found, naive(&plans, host, &path).map(|(h, p)| plan(h, p)));
        }
    }
}
