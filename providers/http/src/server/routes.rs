//! Which component gets a request.

use std::sync::Arc;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    /// The account's key.
    pub(super) account: String,
    /// For people.
    pub(super) name: Arc<str>,
}

impl Routes {
    /// The route that a request takes: of those that match its host and path, the one with the closest host, then the longest
    /// path. `host` is one host.
    pub(super) fn find(&self, host: &HostPattern, path: &str) -> Option<&Mounted> {
        let matches = |m: &&Mounted| m.plan.host.covers(host) && m.plan.path.covers(path);
        self.mounted.iter().filter(matches).max_by_key(|mounted| rank(&mounted.plan))
    }

    /// Adds a route.
    ///
    /// # Errors
    /// Who holds the one it would collide with. `named` are the routes that may be nested among accounts.
    pub(super) fn add(&mut self, route: Mounted, named: &[RoutePlan]) -> Result<(), Owner> {
        match self.mounted.iter().find(|held| collide(held, &route, named)) {
            Some(held) => Err(held.owner.clone()),
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
        return true;
    }
    let (a, b) = (&held.plan, &new.plan);
    let nested = a.host.overlaps(&b.host) && (a.path.covers(b.path.as_str()) || b.path.covers(a.path.as_str()));
    if !nested || held.owner.account == new.owner.account {
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
    use super::super::tests::Silent;
    use super::*;
    use proptest::prelude::*;

    fn plan(host: &str, path: &str) -> RoutePlan {
        RoutePlan { host: host.parse().unwrap(), path: path.parse().unwrap() }
    }

    fn mounted(id: u64, account: &str, (host, path): (&str, &str)) -> Mounted {
        let owner = Owner { account: account.to_owned(), name: format!("{account}/{id}").into() };
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
