// What other components call. What is said is in greeting.js, which is tested without a host.

import { log } from "wasi:logging/logging@0.1.0-draft";
import { greeting } from "./greeting.js";

// The interface `greeter` of wit/world.wit. What is thrown is the error of a result.
export const greeter = {
  greet(name) {
    log("info", "greeter", "somebody is greeted");
    return greeting(name);
  },
};
