#!/usr/bin/env python3
"""A client of the flight-operations subscription API, version 2.4.0, as one is written from its description: plain HTTP, the
names and values of the contract spelled out here, nothing shared with the server. It exits with 1 and a list of what an
existing client would stumble over, or with 0.

Several --base URLs are used in turn, one request each: what one process answered must hold at once in all of them.
"""

import argparse
import datetime
import http.client
import itertools
import json
import re
import sys
import time
import urllib.parse

EVENTS = [
    "FLIGHT_CREATE",
    "FLIGHT_CANCEL",
    "FLIGHT_TIME_UPDATE",
    "FLIGHT_AIRCRAFT_UPDATE",
    "FLIGHT_AIRPORT_UPDATE",
    "FLIGHT_POST_FLIGHT_STATUS",
    "FLIGHT_MOVEMENT_UPDATE",
    "FLIGHT_PAX_COUNT_UPDATE",
    "FLIGHT_PAX_LIST_UPDATE",
    "FLIGHT_PERMIT_ASSIGNMENT",
    "FLIGHT_PERMIT_UNASSIGNMENT",
    "FLIGHT_SLOT_PPR_ASSIGNMENT",
    "FLIGHT_SLOT_PPR_UNASSIGNMENT",
    "FLIGHT_FBO_ASSIGNMENT",
    "FLIGHT_FBO_UNASSIGNMENT",
    "FLIGHT_HOTEL_ASSIGNMENT",
    "FLIGHT_HOTEL_UNASSIGNMENT",
    "FLIGHT_CATERING_ASSIGNMENT",
    "FLIGHT_CATERING_UNASSIGNMENT",
    "FLIGHT_TRANSPORT_ASSIGNMENT",
    "FLIGHT_TRANSPORT_UNASSIGNMENT",
    "FLIGHT_CREW_ASSIGNMENT",
    "FLIGHT_CREW_DOCUMENT_UPDATE",
    "FLIGHT_CREW_ADDRESS_UPDATE",
]
BASE_PATH = "/api/v2/webhooks"
SUBSCRIPTIONS = BASE_PATH + "/subscriptions"
DELIVERIES = BASE_PATH + "/deliveries"
NOWHERE = "00000000-0000-7000-8000-000000000000"
TIME = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z")
TEXTS = ["id", "event", "callbackUrl", "status", "createdAtDateTime", "updatedAtDateTime", "expirationDateTime"]
SIGNING_KEY = "your-secret-signing-key-123"
STATUSES = ["PENDING", "RETRYING", "PARKED", "DELIVERED", "ESCALATED", "CANCELLED", "SUPERSEDED", "EXPIRED"]
ANSWER_WITHIN_S = 30
CLOCKS_DIFFER_S = 300

FAILED = []
CHECKS = itertools.count(1)
DONE = 0


def check(holds, what, seen=""):
    """Notes what does not hold and goes on: one run shows all of it."""
    global DONE
    DONE = next(CHECKS)
    if not holds:
        FAILED.append(f"{what}: {seen}" if seen != "" else what)
    return bool(holds)


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def __str__(self):
        return f"{self.status} {self.body[:600].decode('utf-8', 'replace')}"


class Api:
    """Asks the base URLs in turn."""

    def __init__(self, bases):
        self.bases = itertools.cycle([urllib.parse.urlsplit(base) for base in bases])

    def ask(self, method, path, headers=None, body=None, chunked=False):
        for _ in range(5):
            answer = self.once(method, path, headers or {}, body, chunked)
            if answer.status not in (429, 503) or "retry-after" not in answer.headers:
                break
            # Told to slow down, a client does.
            time.sleep(min(int(answer.headers["retry-after"]), 60))
        return answer

    def once(self, method, path, headers, body, chunked):
        base = next(self.bases)
        kind = http.client.HTTPSConnection if base.scheme == "https" else http.client.HTTPConnection
        connection = kind(base.hostname, base.port, timeout=ANSWER_WITHIN_S)
        headers = {"Connection": "close", **headers}
        try:
            try:
                if chunked:
                    headers["Transfer-Encoding"] = "chunked"
                    connection.request(method, path, iter([body]), headers, encode_chunked=True)
                else:
                    connection.request(method, path, body, headers)
            except (BrokenPipeError, ConnectionResetError):
                # Refused while it was being sent; the answer is there all the same.
                pass
            response = connection.getresponse()
            return Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()


class Pair:
    """A partner application on behalf of an operator."""

    def __init__(self, api, credentials):
        self.api = api
        self.client_id, _, self.token = credentials.partition(":")

    def headers(self):
        return {"X-Api-Client-Id": self.client_id, "X-Auth-Token": self.token}

    def ask(self, method, path, body=None, raw=None, headers=None):
        sent = raw if raw is not None else None if body is None else json.dumps(body).encode()
        sent_headers = self.headers()
        if sent is not None:
            sent_headers["Content-Type"] = "application/json"
        sent_headers.update(headers or {})
        return self.api.ask(method, path, sent_headers, sent)

    def list(self):
        answer = self.ask("GET", SUBSCRIPTIONS)
        check(answer.status == 200, "GET /subscriptions answers 200", answer)
        listed = answer.json()
        if not check(isinstance(listed, list), "GET /subscriptions answers an array", answer):
            return []
        return listed

    def create(self, body):
        return self.ask("POST", SUBSCRIPTIONS, body)


def one(subscription_id):
    return f"{SUBSCRIPTIONS}/{urllib.parse.quote(subscription_id, safe='')}"


def renewals(subscription_id):
    return one(subscription_id) + "/renewals"


def seconds(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def is_subscription(answer_or_value, what):
    """The seven fields of a subscription, each in its form; and no signing key."""
    value = answer_or_value.json() if isinstance(answer_or_value, Answer) else answer_or_value
    if not check(isinstance(value, dict), f"{what}: a subscription is a JSON object", answer_or_value):
        return None
    for name in TEXTS:
        if not check(isinstance(value.get(name), str) and value[name], f"{what}: {name} is a text", value):
            return None
    for name in ("createdAtDateTime", "updatedAtDateTime", "expirationDateTime"):
        if not check(TIME.fullmatch(value[name]), f"{what}: {name} is like 2024-01-15T10:30:00.000Z", value[name]):
            return None
    check(value["event"] in EVENTS, f"{what}: event is one of the 24", value["event"])
    check(value["status"] in ("ACTIVE", "INACTIVE"), f"{what}: status is ACTIVE or INACTIVE", value["status"])
    check("signingKey" not in value, f"{what}: the signing key is not returned", value)
    check(SIGNING_KEY not in json.dumps(value), f"{what}: the signing key is nowhere in it", value)
    return value


def is_problem(answer, status, what, pointers=None):
    """An error in the documented form: problem+json that says what is wrong, and where."""
    if not check(answer.status == status, f"{what} answers {status}", answer):
        return
    content_type = answer.headers.get("content-type", "")
    check(content_type.startswith("application/problem+json"), f"{what}: content type of the error", content_type)
    problem = answer.json()
    if not check(isinstance(problem, dict), f"{what}: the error is a JSON object", answer):
        return
    check(problem.get("status") == status, f"{what}: status is repeated in the error", answer)
    for name in ("title", "detail"):
        check(isinstance(problem.get(name), str) and problem[name], f"{what}: the error has a {name}", answer)
    check(SIGNING_KEY not in json.dumps(problem), f"{what}: the error repeats no secret", answer)
    if pointers is not None:
        found = [error.get("pointer") for error in problem.get("errors", [])]
        check(sorted(set(found), key=str) == sorted(pointers), f"{what}: names {pointers} and nothing else", found)


def wish(event=EVENTS[0], url=None, key=SIGNING_KEY):
    return {"event": event, "callbackUrl": url or OPTIONS.callback, "signingKey": key}


def created(pair, body, what):
    answer = pair.create(body)
    if not check(answer.status == 201, f"{what} answers 201", answer):
        return None
    content_type = answer.headers.get("content-type", "")
    check(content_type.startswith("application/json"), f"{what}: content type", content_type)
    return is_subscription(answer, what)


# What each part of the contract says.


def nobody_gets_in(mine, other):
    calls = [
        ("GET", SUBSCRIPTIONS),
        ("POST", SUBSCRIPTIONS),
        ("GET", one(NOWHERE)),
        ("PATCH", one(NOWHERE)),
        ("DELETE", one(NOWHERE)),
        ("POST", renewals(NOWHERE)),
    ]
    if OPTIONS.deliveries is not None:
        calls.append(("GET", DELIVERIES))
    body = json.dumps(wish()).encode()
    for method, path in calls:
        sent = body if method in ("POST", "PATCH") else None
        is_problem(mine.api.ask(method, path, {}, sent), 401, f"{method} {path} without credentials")
    for what, headers in [
        ("with X-Api-Client-Id alone", {"X-Api-Client-Id": mine.client_id}),
        ("with X-Auth-Token alone", {"X-Auth-Token": mine.token}),
        ("with a wrong token", {"X-Api-Client-Id": mine.client_id, "X-Auth-Token": "wrong"}),
        ("with a wrong application", {"X-Api-Client-Id": "nobody", "X-Auth-Token": mine.token}),
        ("with an empty token", {"X-Api-Client-Id": mine.client_id, "X-Auth-Token": ""}),
    ]:
        is_problem(mine.api.ask("GET", SUBSCRIPTIONS, headers), 401, f"GET /subscriptions {what}")
    # Names of headers are not case-sensitive.
    headers = {"x-api-client-id": mine.client_id, "X-AUTH-TOKEN": mine.token}
    answer = mine.api.ask("GET", SUBSCRIPTIONS, headers)
    check(answer.status == 200, "names of headers in other letters are the same", answer)


def every_event_can_be_subscribed_to(mine, other):
    before = {subscription["id"] for subscription in mine.list()}
    by_id = {}
    for event in EVENTS:
        what = f"POST of {event}"
        now = datetime.datetime.now(datetime.timezone.utc)
        made = created(mine, wish(event), what)
        if made is None:
            continue
        check(made["id"] not in by_id and made["id"] not in before, f"{what}: the id is new", made["id"])
        by_id[made["id"]] = made
        check(made["event"] == event, f"{what}: the event", made)
        check(made["callbackUrl"] == OPTIONS.callback, f"{what}: the callback URL", made)
        check(made["status"] == "ACTIVE", f"{what}: it is active", made)
        begun, expiry = seconds(made["createdAtDateTime"]), seconds(made["expirationDateTime"])
        check(made["updatedAtDateTime"] == made["createdAtDateTime"], f"{what}: not updated since", made)
        check(expiry - begun == datetime.timedelta(days=30), f"{what}: it expires after 30 days", made)
        check(abs((begun - now).total_seconds()) < CLOCKS_DIFFER_S, f"{what}: it is created now", made)
        shown = mine.ask("GET", one(made["id"]))
        check(shown.status == 200 and shown.json() == made, f"{what}: GET shows it", shown)
    listed = {subscription["id"]: subscription for subscription in mine.list()}
    for subscription_id, made in by_id.items():
        check(listed.get(subscription_id) == made, "GET /subscriptions has what was created", made)
    for subscription in listed.values():
        is_subscription(subscription, "GET /subscriptions")
    theirs = {subscription["id"] for subscription in other.list()}
    check(not theirs & set(by_id), "GET /subscriptions has nothing of another pair", theirs & set(by_id))
    check(len(listed) == len(before) + len(EVENTS), "GET /subscriptions has all of them", len(listed))
    # One of each may be there more than once: a subscription is one event type, not the only one of it.
    again = created(mine, wish(EVENTS[0]), "POST of the same event and URL again")
    for subscription_id in [*by_id, *([again["id"]] if again else [])]:
        answer = mine.ask("DELETE", one(subscription_id))
        check(answer.status == 204 and answer.body == b"", "DELETE answers 204 without a body", answer)
    check({subscription["id"] for subscription in mine.list()} == before, "what was deleted is not listed")


def a_creation_is_checked(mine, other):
    for event in ["FLIGHT_UPDATE", "flight_create", "FLIGHT_CREATE ", "", "FLIGHT", "F" * 10000]:
        is_problem(mine.create(wish(event)), 400, f"POST with event {event[:40]!r}", ["/event"])
    names = ["event", "callbackUrl", "signingKey"]
    for name in names:
        lacking = {field: value for field, value in wish().items() if field != name}
        is_problem(mine.create(lacking), 400, f"POST without {name}", [f"/{name}"])
        for value in [7, 1.5, True, [], ["FLIGHT_CREATE"], {}, None, ""]:
            is_problem(mine.create({**wish(), name: value}), 400, f"POST with {name} = {value!r}", [f"/{name}"])
    all_three = [f"/{name}" for name in names]
    is_problem(mine.create({}), 400, "POST of {}", all_three)
    is_problem(mine.create({name: 7 for name in names}), 400, "POST of numbers", all_three)
    for body in [[], [wish()], "text", 7, True, None]:
        is_problem(mine.ask("POST", SUBSCRIPTIONS, raw=json.dumps(body).encode()), 400, f"POST of {body!r}"[:80], [""])


def a_callback_url_is_https_and_leads_outside(mine, other):
    kept = created(mine, wish(), "POST")
    if kept is None:
        return
    for url in [
        "http://example.com/hook",
        "ftp://example.com/hook",
        "example.com/hook",
        "//example.com/hook",
        "https://",
        "https:///hook",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://example.com/#fragment",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://example.com/\nX-Evil: 1",
        "javascript:alert(1)",
        "https://example.com/" + "a" * 5000,
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.1.1/hook",
        "https://169.254.169.254/latest/meta-data/",
        "https://0.0.0.0/",
        "https://167772161/",
        "https://[::1]/",
        "https://[fd00::1]/",
        "https://[fe80::1]/",
    ]:
        is_problem(mine.create(wish(url=url)), 400, f"POST with {url[:60]!r}", ["/callbackUrl"])
        answer = mine.ask("PATCH", one(kept["id"]), {"callbackUrl": url})
        is_problem(answer, 400, f"PATCH to {url[:60]!r}", ["/callbackUrl"])
    shown = mine.ask("GET", one(kept["id"]))
    check(shown.json() == kept, "what was refused changed nothing", shown)
    for url in ["https://example.com", "https://example.com:8443/a/b?c=d&e=%20", "https://sub.example.com/hook"]:
        made = created(mine, wish(url=url), f"POST with {url!r}")
        if made:
            check(made["callbackUrl"] == url, "a callback URL is kept as it was written", made["callbackUrl"])
            mine.ask("DELETE", one(made["id"]))
    mine.ask("DELETE", one(kept["id"]))


def a_signing_key_is_any_text(mine, other):
    for key in [SIGNING_KEY, "k", "with blanks in it", "schlüssel-ключ-鍵-🔑", '"\\\n\t', "0", "null", "x" * 512]:
        made = created(mine, wish(key=key), f"POST with the signing key {key[:30]!r}")
        if made:
            check(len(key) < 5 or key not in json.dumps(made, ensure_ascii=False), "a signing key is not returned", made)
            mine.ask("DELETE", one(made["id"]))
    is_problem(mine.create(wish(key="x" * 100000)), 413, "POST with a signing key of 100 000 characters")
    is_problem(mine.create(wish(key="x" * 10000)), 400, "POST with one of 10 000", ["/signingKey"])


def bodies_are_json(mine, other):
    unknown = {**wish(), "whatever": {"a": [1, None]}, "createdAtDateTime": "never", "id": "mine", "x" * 2000: "y"}
    made = created(mine, unknown, "POST with unknown fields")
    if made:
        check(made["id"] != "mine", "an id is given, not taken", made)
        mine.ask("DELETE", one(made["id"]))
    valid = json.dumps(wish()).encode()
    for what, raw in [
        ("no body", b""),
        ("no JSON", b"event=FLIGHT_CREATE"),
        ("half of a body", valid[: len(valid) // 2]),
        ("two bodies", valid + valid),
        ("no UTF-8", valid.replace(b"your", b"\xff\xfe")),
        ("half of a surrogate pair", valid.replace(b"your", b"\\ud800")),
        ("a byte order mark", b"\xef\xbb\xbf" + valid),
        ("very deep JSON", b"[" * 20000),
    ]:
        is_problem(mine.ask("POST", SUBSCRIPTIONS, raw=raw), 400, f"POST with {what}", [""])
    twice = valid[:-1] + b', "event": "FLIGHT_CANCEL"}'
    is_problem(mine.ask("POST", SUBSCRIPTIONS, raw=twice), 400, "POST with event twice", ["/event"])
    large = json.dumps({**wish(), "whatever": "x" * 200000}).encode()
    is_problem(mine.ask("POST", SUBSCRIPTIONS, raw=large), 413, "POST of 200 kB")
    headers = {**mine.headers(), "Content-Type": "application/json"}
    answer = mine.api.ask("POST", SUBSCRIPTIONS, headers, large, chunked=True)
    is_problem(answer, 413, "POST of 200 kB in chunks")
    answer = mine.api.ask("POST", SUBSCRIPTIONS, headers, valid, chunked=True)
    if check(answer.status == 201, "POST in chunks", answer):
        mine.ask("DELETE", one(answer.json()["id"]))


def one_can_be_changed(mine, other):
    made = created(mine, wish("FLIGHT_CREW_ASSIGNMENT"), "POST")
    if made is None:
        return
    path, now, elsewhere = one(made["id"]), made, OPTIONS.callback + "-2"
    for body in [
        {"status": "INACTIVE"},
        {"status": "ACTIVE"},
        {"callbackUrl": elsewhere},
        {"callbackUrl": OPTIONS.callback, "status": "INACTIVE"},
        {"callbackUrl": elsewhere, "status": "ACTIVE", "event": "FLIGHT_CANCEL", "whatever": 1},
    ]:
        answer = mine.ask("PATCH", path, body)
        check(answer.status == 200, f"PATCH {body} answers 200", answer)
        changed = is_subscription(answer, f"PATCH {body}")
        if changed is None:
            continue
        expected = {**now, **{name: body[name] for name in ("callbackUrl", "status") if name in body}}
        expected["updatedAtDateTime"] = changed["updatedAtDateTime"]
        check(changed == expected, f"PATCH {body} changes what it names and nothing else", changed)
        later = seconds(changed["updatedAtDateTime"]) >= seconds(now["updatedAtDateTime"])
        check(later, f"PATCH {body}: updatedAtDateTime grows", changed)
        now = changed
        check(mine.ask("GET", path).json() == now, f"PATCH {body}: GET shows it at once")
        check(now in mine.list(), f"PATCH {body}: GET /subscriptions shows it at once, active or not")
    for body, pointers in [
        ({"status": "DELETED"}, ["/status"]),
        ({"status": "active"}, ["/status"]),
        ({"status": 1}, ["/status"]),
        ({"status": ["ACTIVE"]}, ["/status"]),
        ({"status": "PAUSED", "callbackUrl": 3}, ["/callbackUrl", "/status"]),
        ({}, [""]),
        ([], [""]),
        ({"signingKey": "another"}, [""]),
        ({"event": "FLIGHT_CANCEL"}, [""]),
    ]:
        is_problem(mine.ask("PATCH", path, body), 400, f"PATCH {body}", pointers)
    is_problem(mine.ask("PATCH", path, raw=b"{"), 400, "PATCH with half a body", [""])
    is_problem(mine.ask("PATCH", path, raw=b"x" * 200000), 413, "PATCH of 200 kB")
    check(mine.ask("GET", path).json() == now, "what was refused changed nothing")
    mine.ask("DELETE", path)


def anothers_does_not_exist(mine, other):
    made = created(mine, wish(), "POST")
    if made is None:
        return
    for subscription_id in [made["id"], NOWHERE, "unknown", "1", "../subscriptions", "%00", "ä" * 300]:
        path, what = one(subscription_id), subscription_id[:30]
        is_problem(other.ask("GET", path), 404, f"GET of another pair's {what!r}")
        is_problem(other.ask("PATCH", path, {"status": "INACTIVE"}), 404, f"PATCH of another pair's {what!r}")
        is_problem(other.ask("DELETE", path), 404, f"DELETE of another pair's {what!r}")
        is_problem(other.ask("POST", renewals(subscription_id)), 404, f"renewal of another pair's {what!r}")
    shown = mine.ask("GET", one(made["id"]))
    check(shown.status == 200 and shown.json() == made, "a stranger changed nothing", shown)
    # An unknown one and another pair's are the same to a stranger.
    answers = [other.ask("GET", one(subscription_id)) for subscription_id in (made["id"], NOWHERE)]
    check(answers[0].body == answers[1].body, "what is another's looks as if it did not exist", answers[0])
    mine.ask("DELETE", one(made["id"]))


def what_is_deleted_is_gone(mine, other):
    made = created(mine, wish(), "POST")
    if made is None:
        return
    path = one(made["id"])
    answer = mine.ask("DELETE", path)
    check(answer.status == 204, "DELETE answers 204", answer)
    is_problem(mine.ask("GET", path), 404, "GET of a deleted one")
    is_problem(mine.ask("PATCH", path, {"status": "ACTIVE"}), 404, "PATCH of a deleted one")
    is_problem(mine.ask("DELETE", path), 404, "DELETE of a deleted one")
    is_problem(mine.ask("POST", renewals(made["id"])), 404, "renewal of a deleted one")
    check(made["id"] not in [subscription["id"] for subscription in mine.list()], "a deleted one is not listed")


def a_renewal_has_its_time(mine, other):
    made = created(mine, wish(), "POST")
    if made is None:
        return
    for body in [None, {}, {"whatever": 1}]:
        answer = mine.ask("POST", renewals(made["id"]), body)
        is_problem(answer, 409, "a renewal on the first of 30 days")
        opens = seconds(made["expirationDateTime"]) - datetime.timedelta(days=5)
        text = opens.strftime("%Y-%m-%dT%H:%M:%S.") + f"{opens.microsecond // 1000:03}Z"
        check(text in answer.body.decode(), "a refused renewal says from when it can be had", answer)
    mine.ask("PATCH", one(made["id"]), {"status": "INACTIVE"})
    is_problem(mine.ask("POST", renewals(made["id"])), 409, "a renewal of a paused one on its first day")
    shown = mine.ask("GET", one(made["id"])).json()
    check(shown["expirationDateTime"] == made["expirationDateTime"], "a refused renewal changes nothing", shown)
    mine.ask("DELETE", one(made["id"]))


def methods_are_those_of_the_contract(mine, other):
    calls = [
        (SUBSCRIPTIONS, {"GET", "HEAD", "POST"}),
        (one(NOWHERE), {"GET", "HEAD", "PATCH", "DELETE"}),
        (renewals(NOWHERE), {"POST"}),
    ]
    for path, allowed in calls:
        for method in sorted({"GET", "PUT", "POST", "PATCH", "DELETE", "TRACE"} - allowed):
            answer = mine.ask(method, path)
            is_problem(answer, 405, f"{method} {path}")
            told = {name.strip() for name in answer.headers.get("allow", "").split(",")}
            check(told - {"OPTIONS"} == allowed, f"{method} {path}: Allow", answer.headers.get("allow"))
    answer = mine.ask("HEAD", SUBSCRIPTIONS)
    check(answer.status == 200 and answer.body == b"", "HEAD is GET without a body", answer)
    check(mine.ask("HEAD", one(NOWHERE)).status == 404, "HEAD of what does not exist answers 404")
    is_problem(mine.ask("GET", BASE_PATH + "/nothing"), 404, "an unknown path")


def an_entitlement_is_needed(mine, other):
    credentials, _, event = OPTIONS.limited.rpartition(":")
    limited = Pair(mine.api, credentials)
    made = created(limited, wish(event), f"POST of {event}, which the credential is entitled to")
    for forbidden in EVENTS:
        if forbidden != event:
            is_problem(limited.create(wish(forbidden)), 403, f"POST of {forbidden} without entitlement")
    if made:
        limited.ask("DELETE", one(made["id"]))


def deliveries_are_listed(mine, other):
    expected = OPTIONS.deliveries

    def page(pair, **parameters):
        query = "?" + urllib.parse.urlencode(parameters, doseq=True) if parameters else ""
        answer = pair.ask("GET", DELIVERIES + query)
        check(answer.status == 200, f"GET /deliveries{query} answers 200", answer)
        value = answer.json()
        if not isinstance(value, dict) or not isinstance(value.get("deliveries"), list):
            check(False, f"GET /deliveries{query} has a list", answer)
            return [], None
        return value["deliveries"], value.get("next")

    def paged(limit, **parameters):
        found, after = [], None
        while True:
            more = {"after": after} if after else {}
            rows, after = page(mine, limit=limit, **parameters, **more)
            check(len(rows) <= limit, f"a page has at most {limit}", len(rows))
            found += rows
            if after is None or not rows:
                return found

    newest_first, _ = page(mine, limit=200)
    check(len(newest_first) == expected, f"GET /deliveries has {expected}", len(newest_first))
    if len(newest_first) < 3:
        check(False, "there are deliveries to look at", len(newest_first))
        return
    for row in newest_first:
        for name in ("id", "subscriptionId", "eventType", "eventId", "status", "issuedAtDateTime"):
            check(isinstance(row.get(name), str) and row[name], f"a delivery has {name}", row)
        check(row.get("eventType") in EVENTS, "a delivery's event is one of the 24", row)
        check(row.get("status") in STATUSES, "a delivery's status is one of the documented", row)
        check(TIME.fullmatch(str(row.get("issuedAtDateTime"))), "issuedAtDateTime is a time", row)
    issued = [row["issuedAtDateTime"] for row in newest_first]
    ids = [row["id"] for row in newest_first]
    check(issued == sorted(issued, reverse=True), "the newest come first", issued)
    check(len(set(ids)) == len(ids), "each delivery is listed once", ids)
    for limit in (1, 2, 3):
        check([row["id"] for row in paged(limit)] == ids, f"pages of {limit} are the same list")
    oldest_first = [row["id"] for row in paged(2, sort="issueDate")]
    check(oldest_first == ids[::-1], "the oldest come first when asked for", oldest_first)
    middle = issued[len(issued) // 2]
    since = [row["id"] for row in paged(2, since=middle)]
    until = [row["id"] for row in paged(2, until=middle)]
    check(since == [row["id"] for row in newest_first if row["issuedAtDateTime"] >= middle], "since is from then on", since)
    check(until == [row["id"] for row in newest_first if row["issuedAtDateTime"] < middle], "until is before then", until)
    for status in STATUSES:
        found = [row["id"] for row in paged(200, status=status)]
        check(found == [row["id"] for row in newest_first if row["status"] == status], f"status={status}", found)
    everything = [row["id"] for row in paged(200, status=",".join(STATUSES))]
    check(everything == ids, "all statuses together are all of them", everything)
    theirs, _ = page(other, limit=200)
    check(not {row["id"] for row in theirs} & set(ids), "nothing of another pair is listed")
    for query in ["status=SENT", "since=yesterday", "until=2024-13-01T00:00:00.000Z", "limit=0", "limit=x", "after=x", "sort=id"]:
        is_problem(mine.ask("GET", f"{DELIVERIES}?{query}"), 400, f"GET /deliveries?{query}")


PARTS = [
    nobody_gets_in,
    every_event_can_be_subscribed_to,
    a_creation_is_checked,
    a_callback_url_is_https_and_leads_outside,
    a_signing_key_is_any_text,
    bodies_are_json,
    one_can_be_changed,
    anothers_does_not_exist,
    what_is_deleted_is_gone,
    a_renewal_has_its_time,
    methods_are_those_of_the_contract,
]


def main():
    api = Api(OPTIONS.base)
    mine, other = Pair(api, OPTIONS.pair), Pair(api, OPTIONS.other)
    parts = list(PARTS)
    if OPTIONS.limited:
        parts.append(an_entitlement_is_needed)
    if OPTIONS.deliveries is not None:
        parts.append(deliveries_are_listed)
    for part in parts:
        before, failed = DONE, len(FAILED)
        try:
            part(mine, other)
        except Exception as error:  # One part that breaks off does not hide the others.
            FAILED.append(f"{part.__name__} broke off: {type(error).__name__}: {error}")
        print(f"{part.__name__}: {DONE - before} checks, {len(FAILED) - failed} failed", flush=True)
    print(f"{DONE} checks, {len(FAILED)} failed")
    for failure in FAILED:
        print(f"FAILED {failure}")
    return 1 if FAILED else 0


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--base", required=True, action="append", help="http://host:port of a process; several are used in turn")
    add("--pair", required=True, metavar="APPLICATION:TOKEN")
    add("--other", required=True, metavar="APPLICATION:TOKEN", help="another pair")
    add("--limited", metavar="APPLICATION:TOKEN:EVENT", help="a pair that is entitled to one event alone")
    add("--callback", required=True, metavar="URL", help="an https URL that the system may call")
    add("--deliveries", type=int, metavar="N", help="look at the history too; the pair has had N deliveries")
    return parser.parse_args()


if __name__ == "__main__":
    OPTIONS = options()
    sys.exit(main())
