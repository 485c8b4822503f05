// Every kind of type through JavaScript.

import { log } from "wasi:logging/logging@0.1.0-draft";
import * as next from "test:conformance/echo@0.1.0";

const say = (name) => log("debug", "javascript", name);

/** Gives the value on, or back. */
function through(name) {
  return (forward, value) => {
    say(name);
    return forward ? next[name](false, value) : value;
  };
}

export const echo = {
  echoIntegers: through("echoIntegers"),
  echoOthers: through("echoOthers"),
  echoText: through("echoText"),
  echoBytes: through("echoBytes"),
  echoNumbers: through("echoNumbers"),
  echoSeason: through("echoSeason"),
  echoRights: through("echoRights"),
  echoShape: through("echoShape"),
  echoMaybe: through("echoMaybe"),
  echoPair: through("echoPair"),
  echoNested: through("echoNested"),

  // A result that is returned is its value, or is thrown.
  echoOutcome(forward, value) {
    say("echoOutcome");
    if (forward) {
      try {
        return next.echoOutcome(false, value);
      } catch (error) {
        throw error.payload;
      }
    }
    if (value.tag === "err") {
      throw value.val;
    }
    return value.val;
  },
};
