//! An order as it is written in JSON, and the same in the words of the interfaces.

use serde::Deserialize;

use crate::bindings::shop::order::{address, fraud, pricing};

/// What is asked for with `POST /orders`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    pub(crate) basket: Basket,
    pub(crate) address: Address,
    pub(crate) payment: Payment,
    pub(crate) origin: Option<String>,
}

/// What is asked for with `POST /quotes`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Basket {
    pub(crate) customer: String,
    country: String,
    member_since: Option<u16>,
    lines: Vec<Line>,
    coupon: Option<Coupon>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    sku: String,
    /// More, at such a price, is no order but a mistake.
    quantity: u16,
    unit_cents: u32,
    #[serde(default)]
    category: Category,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Category {
    #[default]
    Goods,
    Food,
    Book,
    GiftCard(u32),
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Coupon {
    Percent(u8),
    Cents(u64),
    Code(String),
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Payment {
    Invoice,
    Card(String, String),
    GiftCards(Vec<String>),
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Address {
    name: String,
    street: String,
    postcode: String,
    city: Option<String>,
    country: String,
}

impl From<Basket> for pricing::Basket {
    fn from(basket: Basket) -> Self {
        let Basket { customer, country, member_since, lines, coupon } = basket;
        let lines = lines.into_iter().map(Into::into).collect();
        Self { customer, country, member_since, lines, coupon: coupon.map(Into::into) }
    }
}

impl From<Line> for pricing::Line {
    fn from(line: Line) -> Self {
        let category = match line.category {
            Category::Goods => pricing::Category::Goods,
            Category::Food => pricing::Category::Food,
            Category::Book => pricing::Category::Book,
            Category::GiftCard(cents) => pricing::Category::GiftCard(cents.into()),
        };
        Self { sku: line.sku, quantity: line.quantity.into(), unit_cents: line.unit_cents.into(), category }
    }
}

impl From<Coupon> for pricing::Coupon {
    fn from(coupon: Coupon) -> Self {
        match coupon {
            Coupon::Percent(percent) => Self::Percent(percent),
            Coupon::Cents(cents) => Self::Cents(cents),
            Coupon::Code(code) => Self::Code(code),
        }
    }
}

impl From<Payment> for fraud::Payment {
    fn from(payment: Payment) -> Self {
        match payment {
            Payment::Invoice => Self::Invoice,
            Payment::Card(digits, country) => Self::Card((digits, country)),
            Payment::GiftCards(cards) => Self::GiftCards(cards),
        }
    }
}

impl From<Address> for address::Address {
    fn from(address: Address) -> Self {
        let Address { name, street, postcode, city, country } = address;
        Self { name, street, postcode, city, country }
    }
}
