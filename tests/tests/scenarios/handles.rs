//! Handles are a component's own: a number that another one passes over a link is no handle.

use writ_tests::{Form, Home, Scratch, Topology, eventually, steps};

#[test]
fn threat_17_a_number_from_over_a_link_is_no_handle() {
    for form in Form::ALL {
        let (home, scratch) = (Home::new(), Scratch::new());
        let topology = Topology::new(form).step("a", "b").step("b", "c").leaf("c");
        let up = topology.start(&home, &scratch);
        // Where the bucket was opened, its number is its handle.
        for (way, owner, bucket) in [("", 0, "a"), ("left", 1, "b"), ("left,left", 2, "c")] {
            assert_eq!(steps(&up, &format!("way={way}&task=fail:lend:{bucket}"))[owner].2, "borrowed", "{form:?}");
        }
        let failed = || up.log().into_iter().filter(|line| line.get("target") == "writ::failed").collect::<Vec<_>>();
        for (count, (way, lender, borrower)) in
            [("left", "a", "b"), ("left,left", "a", "c"), ("left,left", "b", "c")].into_iter().enumerate()
        {
            let answer = up.get(&format!("/?way={way}&task=fail:lend:{lender}"));
            assert_eq!(answer.status, 500, "{form:?} {lender} to {borrower}: {answer:?}");
            let line = eventually("the log of it", || failed().into_iter().nth(count));
            assert_eq!(line.get("component"), format!("mint/{borrower}"), "{form:?} {line:?}");
            assert!(line.get("kind") == "Trap" && line.get("reason").contains("unknown handle index"), "{line:?}");
            // It ended that one request, and whose bucket it is has it still.
            assert_eq!(steps(&up, "way=left,left&task=bucket:c").len(), 3, "{form:?}");
            assert_eq!(failed().len(), count + 1, "{form:?}");
        }
    }
}
