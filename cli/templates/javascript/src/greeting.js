// Who is greeted, and how.

/** The most letters of a name. */
const MOST = 64;

export function greeting(name) {
  const letters = [...name].length;
  if (letters === 0) {
    throw { tag: "nobody" };
  }
  if (letters > MOST) {
    throw { tag: "too-long", val: letters };
  }
  return `Hello, ${name}!`;
}
