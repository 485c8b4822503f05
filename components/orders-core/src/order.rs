//! What an order is, and which ones are accepted.

use serde::{Deserialize, Serialize};

/// An order as a customer sends it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// Who orders: 1 to 200 characters.
    pub customer: String,
    /// What is ordered: 1 to 200 characters.
    pub item: String,
    /// How many: 1 to 1000.
    pub quantity: u32,
    /// The price of one, in cents: at most 10^9.
    pub price_cents: u64,
}

/// An order that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number; the first is 1.
    pub id: u64,
    /// Who ordered.
    pub customer: String,
    /// What was ordered.
    pub item: String,
    /// How many.
    pub quantity: u32,
    /// The price of one, in cents.
    pub price_cents: u64,
    /// The price of all, in cents: at most 10^12.
    pub total_cents: u64,
}

impl NewOrder {
    /// Reads an order, or says in words why it is none.
    pub fn parse(body: &[u8]) -> Result<NewOrder, String> {
        let order: NewOrder = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        order.check().map_err(str::to_owned)?;
        Ok(order)
    }

    /// The order under the number it was given.
    pub fn accept(self, id: u64) -> Order {
        let total_cents = u64::from(self.quantity).saturating_mul(self.price_cents);
        let NewOrder { customer, item, quantity, price_cents } = self;
        Order { id, customer, item, quantity, price_cents, total_cents }
    }

    fn check(&self) -> Result<(), &'static str> {
        if !(1..=MAX_TEXT).contains(&self.customer.chars().count()) {
            return Err("customer must have 1 to 200 characters");
        }
        if !(1..=MAX_TEXT).contains(&self.item.chars().count()) {
            return Err("item must have 1 to 200 characters");
        }
        if !(1..=1000).contains(&self.quantity) {
            return Err("quantity must be 1 to 1000");
        }
        if self.price_cents > 1_000_000_000 {
            return Err("price_cents must be at most 1000000000");
        }
        Ok(())
    }
}

impl Order {
    /// The order as it is stored, announced and read back.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("numbers and text are always JSON")
    }
}

/// Reads an order's number as this service writes it: decimal, without leading zeros.
pub(crate) fn parse_id(text: &str) -> Option<u64> {
    text.parse().ok().filter(|id: &u64| id.to_string() == text)
}

/// The longest text of an order, in characters.
const MAX_TEXT: usize = 200;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[track_caller]
    fn check(customer: &str, rest: &str, expected: Result<u64, &str>) {
        let body = format!(r#"{{"customer":"{customer}","item":"book",{rest}}}"#);
        match (NewOrder::parse(body.as_bytes()), expected) {
            (Ok(order), Ok(total)) => assert_eq!(order.accept(7).total_cents, total),
            (Err(reason), Err(words)) => assert!(reason.contains(words), "{reason}"),
            (got, wanted) => panic!("{got:?} is not {wanted:?}"),
        }
    }

    #[test]
    fn accepts_what_is_within_bounds() {
        check("ada", r#""quantity":1,"price_cents":100"#, Ok(100));
        check("ada", r#""quantity":1000,"price_cents":1000000000"#, Ok(1_000_000_000_000));
        check(&"ä".repeat(200), r#""quantity":3,"price_cents":0"#, Ok(0));
    }

    #[test]
    fn refuses_the_rest() {
        check("", r#""quantity":1,"price_cents":100"#, Err("customer must have"));
        check(&"a".repeat(201), r#""quantity":1,"price_cents":100"#, Err("customer must have"));
        check("ada", r#""quantity":0,"price_cents":100"#, Err("quantity must be"));
        check("ada", r#""quantity":1001,"price_cents":100"#, Err("quantity must be"));
        check("ada", r#""quantity":-1,"price_cents":100"#, Err("invalid value"));
        check("ada", r#""quantity":1.5,"price_cents":100"#, Err("invalid type"));
        check("ada", r#""quantity":1,"price_cents":1000000001"#, Err("price_cents must be"));
        check("ada", r#""quantity":1"#, Err("missing field"));
        check("ada", r#""quantity":1,"price_cents":1,"paid":true"#, Err("unknown field"));
        check("ada", r#""quantity":1,"quantity":2,"price_cents":1"#, Err("duplicate field"));
    }

    #[test]
    fn an_order_survives_its_json() {
        let new = NewOrder { customer: "a\"\n".into(), item: "b".into(), quantity: 2, price_cents: 3 };
        let order = new.accept(u64::MAX);
        assert_eq!(serde_json::from_slice::<Order>(&order.to_json()).unwrap(), order);
    }

    #[test]
    fn a_number_has_one_spelling() {
        for (text, expected) in [("1", Some(1)), ("0", Some(0)), ("01", None), ("+1", None), ("", None), ("1/2", None)]
        {
            assert_eq!(parse_id(text), expected, "{text}");
        }
    }
}
