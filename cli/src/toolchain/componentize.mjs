// Makes a component of a JavaScript module: node componentize.mjs SOURCE WIT OUT [WORLD]

import { writeFile } from "node:fs/promises";
import { componentize } from "@bytecodealliance/componentize-js";

const [sourcePath, witPath, out, worldName] = process.argv.slice(2);
// Requests are what the world says of them, and never `fetch`: that would import all of wasi:http.
const { component } = await componentize({ sourcePath, witPath, worldName, disableFeatures: ["http", "fetch-event"] });
await writeFile(out, component);
