"""usage: official_verifier.py ENCODED RAW CASES — one line for each case: ok, or why PyPI's standardwebhooks refused it.

ENCODED and RAW are what docs/receive.md says a verifier is made with: of a key that starts with whsec_, of any other.
"""

import base64
import json
import sys

from standardwebhooks import Webhook, WebhookVerificationError

encoded, raw, cases = sys.argv[1:]
with open(cases, encoding="utf-8") as file:
    cases = json.load(file)
for case in cases:
    key = case["key"]
    webhook = eval(encoded if key.startswith("whsec_") else raw, {"Webhook": Webhook, "key": key})
    try:
        webhook.verify(base64.b64decode(case["body"]), case["headers"])
        print("ok")
    except WebhookVerificationError as refused:
        print("refused:", refused)
