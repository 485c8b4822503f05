//! What was answered survives `kill -9`.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use writ_tests::{Home, Scratch, Up, guest, http};

type Totals = BTreeMap<String, u64>;

fn totals(up: &Up) -> Totals {
    serde_json::from_slice(&up.get("/totals").body).unwrap()
}

#[test]
fn every_order_answered_201_is_readable_after_kill_9_in_the_middle_of_writes() {
    let (home, scratch) = (Home::shared(), Scratch::new());
    let up = Up::start(&home, &guest("orders.yaml"), &scratch.data());
    let address = up.address();
    let (placed, seen) = (Mutex::new(BTreeMap::new()), Mutex::new(Totals::new()));
    let killed = AtomicBool::new(false);

    std::thread::scope(|threads| {
        for writer in 0..4 {
            let (placed, killed) = (&placed, &killed);
            threads.spawn(move || {
                for number in 0.. {
                    let customer = format!("customer-{writer}");
                    let order = json!({"customer": customer, "item": "pen", "quantity": 1, "price_cents": number});
                    let json = [("content-type", "application/json")];
                    let sent = http::send(address, "POST", "/orders", &json, order.to_string().as_bytes());
                    match sent {
                        Ok(response) if response.status == 201 && response.complete => {
                            let id = response.json()["id"].as_u64().unwrap();
                            assert_eq!(placed.lock().unwrap().insert(id, (customer, number)), None, "{id} twice");
                        }
                        Ok(response) if !killed.load(Ordering::SeqCst) => panic!("{response:?}"),
                        Err(error) if !killed.load(Ordering::SeqCst) => panic!("{error}"),
                        _ => return,
                    }
                }
            });
        }
        let (seen, killed, placed) = (&seen, &killed, &placed);
        threads.spawn(move || {
            while placed.lock().unwrap().len() < 100 {
                std::thread::sleep(Duration::from_millis(10));
                *seen.lock().unwrap() = totals(&up);
            }
            killed.store(true, Ordering::SeqCst);
            up.kill9();
        });
    });

    let (placed, seen) = (placed.into_inner().unwrap(), seen.into_inner().unwrap());
    assert!(placed.len() >= 100 && !seen.is_empty());
    let up = Up::start(&home, &guest("orders.yaml"), &scratch.data());
    for (id, (customer, price)) in &placed {
        let order = up.get(&format!("/orders/{id}"));
        assert_eq!(order.status, 200, "order {id} was answered 201, and is gone");
        assert_eq!((&order.json()["customer"], &order.json()["price_cents"]), (&json!(customer), &json!(price)));
    }
    let after = totals(&up);
    for (customer, total) in &seen {
        assert!(after.get(customer) >= Some(total), "{customer} had {total}, and now: {after:?}");
    }
    let next = up.post_json("/orders", r#"{"customer":"new","item":"pen","quantity":1,"price_cents":1}"#);
    assert_eq!(next.status, 201);
    assert!(!placed.contains_key(&next.json()["id"].as_u64().unwrap()), "a number was given twice");
    up.stop();
}

#[test]
fn data_outlives_an_orderly_stop_too() {
    let (home, scratch) = (Home::shared(), Scratch::new());
    let order = r#"{"customer":"ada","item":"pen","quantity":1,"price_cents":5}"#;
    for start in 1..=3u64 {
        let up = Up::start(&home, &guest("orders.yaml"), &scratch.data());
        assert_eq!(up.post_json("/orders", order).json(), json!({ "id": start }));
        writ_tests::eventually("the total", || (totals(&up).get("ada") == Some(&(5 * start))).then_some(()));
        up.stop();
    }
}

#[test]
fn a_first_start_that_is_killed_leaves_a_folder_that_can_be_used() {
    use std::time::Instant;
    let home = Home::shared();
    for round in 0..20 {
        let scratch = Scratch::new();
        let store = scratch.data().join("store");
        let mut command = home.command(&["up"]);
        command.arg(guest("orders.yaml")).arg("--data").arg(scratch.data());
        command.arg("--listen").arg(writ_tests::free_address().to_string()).stderr(std::process::Stdio::null());
        let mut first = command.spawn().unwrap();
        let end = Instant::now() + writ_tests::PATIENCE;
        // Killed while the store is made, a little later each time.
        while Instant::now() < end && std::fs::read_dir(&store).map_or(0, Iterator::count) == 0 {
            std::hint::spin_loop();
        }
        std::thread::sleep(Duration::from_micros(100 * round));
        first.kill().unwrap();
        first.wait().unwrap();
        Up::start(&home, &guest("orders.yaml"), &scratch.data()).stop();
    }
}
