import assert from "node:assert/strict";
import { test } from "node:test";
import { greeting } from "../src/greeting.js";

test("greetings", () => {
  assert.equal(greeting("ada"), "Hello, ada!");
  assert.throws(() => greeting(""), { tag: "nobody" });
  assert.throws(() => greeting("é".repeat(65)), { tag: "too-long", val: 65 });
});
