//! The rule of `pricing-javascript` in Rust: the same world, the same prices.

mod bindings {
    wit_bindgen::generate!({ path: "../wit", world: "pricer", generate_all });
}

use bindings::exports::shop::order::pricing::{Basket, Category, Coupon, Guest, Line, PricedLine, Quote, Refusal};
use bindings::shop::order::tax::{Class, Item, Problem, levy};
use bindings::wasi::config::store;
use bindings::wasi::logging::logging::{Level, log};

struct Pricing;

impl Guest for Pricing {
    fn price(basket: Basket) -> Result<Quote, Refusal> {
        log(Level::Info, "pricing", &format!("{} lines for {}", basket.lines.len(), basket.customer));
        if basket.lines.is_empty() {
            return Err(Refusal::EmptyBasket);
        }
        let mut discounts = Vec::new();
        let mut nets: Vec<_> = basket.lines.iter().map(|line| Net::of(line, &basket, &mut discounts)).collect();
        if let Some(coupon) = &basket.coupon {
            take_off(&mut nets, coupon_off(coupon)?, &mut discounts);
        }
        if let Some(off) = campaign() {
            take_off(&mut nets, off, &mut discounts);
        }
        let lines = taxed(&basket.country, nets)?;
        let total_cents = lines.iter().map(|line| line.net_cents + line.tax_cents).sum();
        Ok(Quote { lines, total_cents, discounts })
    }
}

bindings::export!(Pricing with_types_in bindings);

/// What was taken off, and for what.
type Discounts = Vec<(String, u64)>;

/// A line while it becomes cheaper.
struct Net {
    sku: String,
    category: Category,
    cents: u64,
    reduced: Option<String>,
}

impl Net {
    /// After what is off for its quantity and its buyer. A gift card costs what it is worth.
    fn of(line: &Line, basket: &Basket, discounts: &mut Discounts) -> Self {
        let full = match line.category {
            Category::GiftCard(cents) => cents,
            _ => line.unit_cents,
        };
        let cents = full * u64::from(line.quantity);
        let mut net = Self { sku: line.sku.clone(), category: line.category, cents, reduced: None };
        if net.is_gift_card() {
            return net;
        }
        if let Some((from, percent)) = BULK.iter().find(|(from, _)| line.quantity >= *from) {
            net.reduce(net.cents * percent / 100, &format!("{percent} % for {from} or more"), discounts);
        }
        if basket.member_since.is_some_and(|year| year <= LOYAL_SINCE) {
            let why = format!("{LOYAL_PERCENT} % for a customer since {LOYAL_SINCE}");
            net.reduce(net.cents * LOYAL_PERCENT / 100, &why, discounts);
        }
        net
    }

    fn is_gift_card(&self) -> bool {
        matches!(self.category, Category::GiftCard(_))
    }

    fn reduce(&mut self, off: u64, why: &str, discounts: &mut Discounts) {
        if off == 0 {
            return;
        }
        self.cents -= off;
        self.reduced = Some(match self.reduced.take() {
            Some(before) => format!("{before}, {why}"),
            None => why.to_owned(),
        });
        discounts.push((why.to_owned(), off));
    }

    fn class(&self) -> Class {
        match self.category {
            Category::Goods => Class::Standard,
            Category::Food | Category::Book => Class::Reduced,
            Category::GiftCard(_) => Class::Exempt,
        }
    }
}

/// A share or an amount that is taken off everything.
enum Off {
    Percent(String, u64),
    Cents(String, u64),
}

fn coupon_off(coupon: &Coupon) -> Result<Off, Refusal> {
    Ok(match coupon {
        Coupon::Percent(percent) => Off::Percent("coupon".to_owned(), u64::from(*percent)),
        Coupon::Cents(cents) => Off::Cents("coupon".to_owned(), *cents),
        Coupon::Code(code) => match code.as_str() {
            "WELCOME" => Off::Percent(code.clone(), 10),
            "TENNER" => Off::Cents(code.clone(), 1000),
            _ => return Err(Refusal::UnknownCoupon(code.clone())),
        },
    })
}

/// What is off everything for a while: a setting.
fn campaign() -> Option<Off> {
    let percent = store::get("campaign-percent").ok()??.parse().ok()?;
    (1..=100).contains(&percent).then(|| Off::Percent("campaign".to_owned(), percent))
}

/// Takes it off all lines but gift cards, the first ones first.
fn take_off(nets: &mut [Net], off: Off, discounts: &mut Discounts) {
    let reducible = nets.iter_mut().filter(|net| !net.is_gift_card());
    match off {
        Off::Percent(name, percent) => {
            reducible.for_each(|net| net.reduce(net.cents * percent.min(100) / 100, &name, discounts));
        }
        Off::Cents(name, mut left) => reducible.for_each(|net| {
            let cents = left.min(net.cents);
            net.reduce(cents, &name, discounts);
            left -= cents;
        }),
    }
}

fn taxed(country: &str, nets: Vec<Net>) -> Result<Vec<PricedLine>, Refusal> {
    let item = |net: &Net| Item { sku: net.sku.clone(), class: net.class(), net_cents: net.cents };
    let items: Vec<_> = nets.iter().map(item).collect();
    let dues = levy(country, None, &items).map_err(|problem| {
        let words = match problem {
            Problem::UnknownCountry(country) => format!("unknown-country {country}"),
            Problem::TooLarge(cents) => format!("too-large {cents}"),
        };
        Refusal::Untaxable((country.to_owned(), words))
    })?;
    let priced = |(net, tax_cents): (Net, u64)| PricedLine {
        sku: net.sku,
        net_cents: net.cents,
        tax_cents,
        reduced: net.reduced,
    };
    Ok(nets.into_iter().zip(dues.into_iter().map(|due| due.cents)).map(priced).collect())
}

/// Percent off for so many of the same.
const BULK: [(u32, u64); 2] = [(100, 15), (10, 5)];
/// Percent off for who has been a customer since this year or longer.
const LOYAL_SINCE: u16 = 2020;
const LOYAL_PERCENT: u64 = 3;
