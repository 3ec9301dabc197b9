// usage: official_verifier.mjs ENCODED RAW CASES — one line for each case: ok, or why npm's standardwebhooks refused it.
// ENCODED and RAW are what docs/receive.md says a verifier is made with: of a key that starts with whsec_, of any other.
import { readFileSync } from "node:fs";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

const [encoded, raw, cases] = process.argv.slice(2);

for (const { key, headers, body } of JSON.parse(readFileSync(cases, "utf8"))) {
  const make = new Function("Webhook", "key", `return ${key.startsWith("whsec_") ? encoded : raw}`);
  const webhook = make(Webhook, key);
  try {
    webhook.verify(Buffer.from(body, "base64"), headers);
    console.log("ok");
  } catch (refused) {
    // A mistake of the verifier's own is no refusal.
    if (!(refused instanceof WebhookVerificationError)) throw refused;
    console.log("refused:", refused.message);
  }
}
