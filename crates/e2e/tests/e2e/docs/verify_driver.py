"""usage: verify_driver.py SNIPPET CASES — one line for each case: ok, or why the snippet refused it."""

import base64
import importlib.util
import json
import sys

spec = importlib.util.spec_from_file_location("snippet", sys.argv[1])
snippet = importlib.util.module_from_spec(spec)
spec.loader.exec_module(snippet)

with open(sys.argv[2], encoding="utf-8") as file:
    cases = json.load(file)
for case in cases:
    try:
        snippet.verify(case["key"], case["headers"], base64.b64decode(case["body"]))
        print("ok")
    except ValueError as refused:
        print("refused:", ascii(str(refused)))
