// What a basket costs. Who sells edits the rules at the top; what is below them seldom changes.

import { log } from "wasi:logging/logging@0.1.0-draft";
import { get } from "wasi:config/store@0.2.0-rc.1";
import { levy } from "shop:order/tax@0.1.0";

// ---- the rules ----

/** Cents off, in percent, for so many of the same. */
const BULK = [
  { from: 100, percent: 15n },
  { from: 10, percent: 5n },
];

/** Percent off for who has been a customer since this year or longer. */
const LOYAL = { since: 2020, percent: 3n };

/** What the words on a leaflet are worth. */
const CODES = {
  WELCOME: { percent: 10 },
  TENNER: { cents: 1000n },
};

/** How a line is taxed. A gift card is taxed when it is spent. */
const CLASSES = { goods: "standard", food: "reduced", book: "reduced", "gift-card": "exempt" };

// ---- how they are applied ----

export const pricing = {
  price(basket) {
    log("info", "pricing", `${basket.lines.length} lines for ${basket.customer}`);
    if (basket.lines.length === 0) {
      throw { tag: "empty-basket" };
    }
    const discounts = [];
    const nets = basket.lines.map((line) => reducedLine(line, basket, discounts));
    takeOff(nets, couponOf(basket.coupon), discounts);
    takeOff(nets, campaign(), discounts);
    const dues = taxes(basket, nets);
    const lines = nets.map(({ sku, cents, reduced }, index) => ({
      sku,
      netCents: cents,
      taxCents: dues[index].cents,
      reduced,
    }));
    const totalCents = lines.reduce((sum, line) => sum + line.netCents + line.taxCents, 0n);
    return { lines, totalCents, discounts };
  },
};

/** A line's price after what is off for its quantity and its buyer. A gift card costs what it is worth. */
function reducedLine({ sku, quantity, unitCents, category }, basket, discounts) {
  const full = category.tag === "gift-card" ? category.val : unitCents;
  const line = { sku, category, cents: full * BigInt(quantity), reduced: undefined };
  if (category.tag === "gift-card") {
    return line;
  }
  const bulk = BULK.find(({ from }) => quantity >= from);
  const loyal = basket.memberSince !== undefined && basket.memberSince <= LOYAL.since;
  if (bulk) {
    reduce(line, (line.cents * bulk.percent) / 100n, `${bulk.percent} % for ${bulk.from} or more`, discounts);
  }
  if (loyal) {
    reduce(line, (line.cents * LOYAL.percent) / 100n, `${LOYAL.percent} % for a customer since ${LOYAL.since}`, discounts);
  }
  return line;
}

function reduce(line, off, why, discounts) {
  if (off === 0n) {
    return;
  }
  line.cents -= off;
  line.reduced = line.reduced === undefined ? why : `${line.reduced}, ${why}`;
  discounts.push([why, off]);
}

function couponOf(coupon) {
  switch (coupon?.tag) {
    case undefined:
      return undefined;
    case "percent":
      return { name: "coupon", percent: coupon.val };
    case "cents":
      return { name: "coupon", cents: coupon.val };
    default: {
      const code = Object.hasOwn(CODES, coupon.val) ? CODES[coupon.val] : undefined;
      if (code === undefined) {
        throw { tag: "unknown-coupon", val: coupon.val };
      }
      return { name: coupon.val, ...code };
    }
  }
}

/** What is off everything for a while: a setting, so that no release is needed for it. */
function campaign() {
  const setting = get("campaign-percent");
  const percent = setting === undefined ? NaN : Number.parseInt(setting, 10);
  return percent > 0 && percent <= 100 ? { name: "campaign", percent } : undefined;
}

/** Takes an amount or a share off all lines but gift cards, the first ones first. */
function takeOff(nets, off, discounts) {
  if (off === undefined) {
    return;
  }
  const reducible = nets.filter(({ category }) => category.tag !== "gift-card");
  let left = off.cents;
  for (const line of reducible) {
    const most = off.percent === undefined ? left : (line.cents * BigInt(Math.min(off.percent, 100))) / 100n;
    const cents = most < line.cents ? most : line.cents;
    reduce(line, cents, off.name, discounts);
    left = left === undefined ? undefined : left - cents;
  }
}

function taxes(basket, nets) {
  const items = nets.map(({ sku, category, cents }) => ({ sku, class: CLASSES[category.tag], netCents: cents }));
  try {
    return levy(basket.country, undefined, items);
  } catch (error) {
    const { tag, val } = error.payload;
    throw { tag: "untaxable", val: [basket.country, `${tag} ${val}`] };
  }
}
