//! What each of several components may take up that call each other: its own limits bound it, and not what is the others'.

use writ_tests::{Form, Home, Line, Scratch, Topology, Up, eventually, steps};

/// Goes a way to where something is too much, in a form: the request ends, and the log names this component and says why.
#[track_caller]
fn ends(up: &Up, query: &str, [component, kind, reason]: [&str; 3]) {
    let failures =
        || -> Vec<Line> { up.log().into_iter().filter(|line| line.get("target") == "writ::failed").collect() };
    let seen = failures().len();
    assert_eq!(up.get(&format!("/?{query}")).status, 500, "{query}");
    let line = eventually("the line", || failures().into_iter().nth(seen));
    assert_eq!((line.get("component").as_str(), line.get("kind").as_str()), (component, kind), "{query}: {line:?}");
    assert!(line.get("reason").contains(reason), "{query}: {reason:?} is not in {line:?}");
    // Nothing of it is left, here or anywhere.
    assert_eq!(steps(up, "way=left,left").len(), 3, "after {query}");
    assert_eq!(failures().len(), seen + 1, "{query}: one component failed, once");
}

/// What came of a task at the end of a way.
#[track_caller]
fn outcome(up: &Up, query: &str) -> String {
    steps(up, query).pop().unwrap().2
}

#[test]
fn memory_is_bounded_for_each_of_them() {
    for form in Form::ALL {
        let (home, scratch) = (Home::new(), Scratch::new());
        let topology = Topology::new(form).step("a", "b").step("b", "c").holding("8MiB").leaf("c").holding("24MiB");
        let up = topology.start(&home, &scratch);
        // More than it has, and less than those have that run with it: the others, or what carries its calls.
        let refused = "it was refused memory";
        ends(&up, "way=left&task=fail:hog:12", ["mint/b", "Memory", refused]);
        ends(&up, "way=left,left&task=fail:hog:28", ["mint/c", "Memory", refused]);
        assert_eq!(outcome(&up, "way=left&task=fail:hog:4"), (4 << 20).to_string(), "{form:?}");
        assert_eq!(outcome(&up, "way=left,left&task=fail:hog:12"), (12 << 20).to_string(), "{form:?}");
        assert_eq!(outcome(&up, "task=fail:hog:28"), (28 << 20).to_string(), "{form:?}");
    }
}

#[test]
fn handles_are_bounded() {
    for form in Form::ALL {
        let (home, scratch) = (Home::new(), Scratch::new());
        let up = Topology::new(form).step("a", "b").step("b", "c").leaf("c").start(&home, &scratch);
        let refused = "it was refused another handle to a resource: an instance may hold 1000";
        ends(&up, "way=left,left&task=fail:handles", ["mint/c", "Trap", refused]);
        ends(&up, "task=fail:handles", ["mint/a", "Trap", refused]);
        assert_eq!(outcome(&up, "way=left,left&task=fail:handles:900"), "900", "{form:?}");
        // Three in one store may hold three times as many, whoever holds them.
        let more = "way=left,left&task=fail:handles:2900";
        match form {
            Form::Separate => ends(&up, more, ["mint/c", "Trap", refused]),
            Form::Free => assert_eq!(outcome(&up, more), "2900"),
        }
    }
}

/// What goes from one store to another is the host's to hold meanwhile, and bounded; within one store nobody holds it.
#[test]
fn what_is_too_large_to_leave_a_store_is_named() {
    let topology = |form| Topology::new(form).step("a", "b").step("b", "c").leaf("c").elsewhere();
    let passed = "what it passed to demo:hops/left@0.1.0 takes more than 4 MiB, which is the most that leaves a store";
    let answered = "what it answered takes more than 4 MiB, which is the most that leaves a store";
    let no_room = "it was refused memory for a call over demo:hops/left@0.1.0, whose values take at most 4 MiB";
    let (fits, more, far_more) = (3 << 20, 5 << 20, 12 << 20);
    for form in Form::ALL {
        let (home, scratch) = (Home::new(), Scratch::new());
        let up = topology(form).start(&home, &scratch);
        let handed = |way: &str, bytes: usize| outcome(&up, &format!("way={way}&task=hand:{bytes}"));
        let answer = |way: &str, bytes: usize| outcome(&up, &format!("way={way}&task=answer:{bytes}")).len();
        for way in ["left", "left,left"] {
            assert_eq!((handed(way, fits), answer(way, fits)), (fits.to_string(), fits), "{form:?} {way}");
        }
        // What carries the calls of b is none of the components, and b is not who was called first.
        ends(&up, &format!("way=left,left&task=hand:{more}"), ["mint/b", "Trap", passed]);
        ends(&up, &format!("way=left,left&task=hand:{far_more}"), ["mint/b", "Memory", no_room]);
        ends(&up, &format!("way=left,left&task=answer:{more}"), ["mint/c", "Trap", answered]);
        if form == Form::Free {
            assert_eq!((handed("left", more), answer("left", more)), (more.to_string(), more), "{form:?}");
        } else {
            ends(&up, &format!("way=left&task=hand:{more}"), ["mint/a", "Trap", passed]);
            ends(&up, &format!("way=left&task=answer:{more}"), ["mint/b", "Trap", answered]);
        }
    }
}
