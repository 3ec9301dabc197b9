// usage: verify_driver.mjs SNIPPET CASES — one line for each case: ok, or why the snippet refused it.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [snippet, cases] = process.argv.slice(2);
const { verify } = await import(pathToFileURL(resolve(snippet)).href);

for (const { key, headers, body } of JSON.parse(readFileSync(cases, "utf8"))) {
  try {
    verify(key, headers, Buffer.from(body, "base64"));
    console.log("ok");
  } catch (refused) {
    // A mistake of the snippet's own is no refusal.
    if (refused.constructor !== Error) throw refused;
    console.log("refused:", JSON.stringify(refused.message));
  }
}
