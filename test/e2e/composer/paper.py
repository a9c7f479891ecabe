"""The paper's figures 7 to 12 as a program: its Python against a laboratory's REST doors, Table V at the end.

Reads the laboratory's line ({"rest": [...], "tokens": {...}}) on stdin. With --hosts 1 everybody talks to the
first host, as in the paper; with --hosts 5 each participant talks to its own. Payloads are the paper's letter
for letter, its slips included: Fig. 8's blank after the id, Fig. 9's KWHavailable, Fig. 12's "listing".
Prints one line of JSON; ends with 1 and a sentence where something is not as printed in the paper.
Python's standard library only.
"""

import argparse
import base64
import json
import os
import socket
import struct
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

NAMESPACE = "org.acme.pv.auction"
LISTING = "21Mar18-13:00"
PARTICIPANTS = ["seller1", "seller2", "buyer1", "buyer2", "buyer3"]
SECONDS_TO_AGREE = 20


class NotAsInThePaper(Exception):
    """What came is not what the paper shows."""


def expect(found, wanted, what):
    if found != wanted:
        raise NotAsInThePaper(f"{what}: found {json.dumps(found)}, wanted {json.dumps(wanted)}")


class Host:
    """One agent's REST door, and who speaks there."""

    def __init__(self, url, token):
        self.url = url
        self.token = token

    def ask(self, method, kind, payload=None):
        path = urllib.parse.quote(f"/api/{NAMESPACE}.{kind}", safe="/:@")
        url = f"{self.url}{path}?access_token={self.token}"
        data = None if payload is None else json.dumps(payload).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def post(self, kind, payload):
        """The echo; a transaction's has a transactionId, too."""
        status, body = self.ask("POST", kind, payload)
        expect((status, body if status != 200 else None), (200, None), f"POST {kind}")
        echo = {key: value for key, value in body.items() if key != "transactionId"}
        expect(echo, payload, f"the echo of POST {kind}")
        return body.get("transactionId")

    def get(self, kind):
        status, body = self.ask("GET", kind)
        expect((status, body if status != 200 else None), (200, None), f"GET {kind}")
        return body


class WebSocket:
    """What Fig. 10 needs of RFC 6455: connect without a path and a token, and receive a text frame."""

    def __init__(self, url):
        where = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((where.hostname, where.port), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            "GET / HTTP/1.1",
            f"Host: {where.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.stream = self.socket.makefile("rb")
        status = self.stream.readline()
        if b" 101 " not in status:
            raise NotAsInThePaper(f"the WebSocket was answered with {status!r}")
        while self.stream.readline() not in (b"\r\n", b""):
            pass

    def recv(self):
        while True:
            first, second = self.stream.read(2)
            length = second & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", self.stream.read(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", self.stream.read(8))
            data = self.stream.read(length)
            opcode = first & 0x0F
            if opcode == 1:
                return data.decode()
            if opcode == 9:
                self.pong(data)
            elif opcode == 8:
                raise NotAsInThePaper("the WebSocket was closed")

    def pong(self, data):
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        self.socket.sendall(bytes([0x8A, 0x80 | len(data)]) + mask + masked)

    def close(self):
        self.stream.close()
        self.socket.close()


def until_same(hosts, wanted, what):
    """What every host answers, once all answer the same; `wanted` looks at one answer."""
    end = time.monotonic() + SECONDS_TO_AGREE
    while True:
        answers = [wanted(host) for host in hosts]
        if all(answer == answers[0] for answer in answers):
            return answers[0]
        if time.monotonic() > end:
            raise NotAsInThePaper(f"{what} differs: {json.dumps(answers)}")
        time.sleep(0.2)


def by(key):
    return lambda rows: sorted(rows, key=lambda row: row[key])


def members(balances):
    """Tables II and V."""
    return [
        {
            "$class": f"{NAMESPACE}.Member",
            "balance": balances[name],
            "email": f"{name}@vt.edu",
            "firstName": name,
            "lastName": name,
        }
        for name in sorted(balances)
    ]


def check_members(hosts, balances, table):
    rows = until_same(hosts, lambda host: by("email")(host.get("Member")), table)
    expect(rows, members(balances), table)


def register(of):
    """Use cases 1 and 2."""
    for name in PARTICIPANTS:
        # Fig. 7
        payload = {
            "$class": f"{NAMESPACE}.Member",
            "balance": 200,
            "email": f"{name}@vt.edu",
            "firstName": name,
            "lastName": name,
        }
        of[name].post("Member", payload)
    for name in ["seller1", "seller2"]:
        # Fig. 8, with its blank
        blank = " " if name == "seller1" else ""
        payload = {
            "$class": f"{NAMESPACE}.PV",
            "PVid": f"{name}house{blank}",
            "owner": f"{name}@vt.edu",
        }
        of[name].post("PV", payload)


def open_listing(of, sellers):
    """Use cases 3 and 4, and how the sellers hear of it: Fig. 10."""
    # Fig. 9
    payload = {
        "$class": f"{NAMESPACE}.kWhlisting",
        "listingid": LISTING,
        "KWHavailable": 0,
        "state": "ACCEPT_OFFERS",
        "pvoffers": [],
        "buyoffers": [],
    }
    of["admin"].post("kWhlisting", payload)
    sockets = [WebSocket(host.url) for host in sellers]
    step("AcceptOfferBroadcast", of)
    for ws in sockets:
        result = json.loads(ws.recv())
        ws.close()
        expect(result["$class"], f"{NAMESPACE}.AcceptOfferBroadcast", "the class of what was heard")
        expect(result["listingid"], f"resource:{NAMESPACE}.kWhlisting#{LISTING}", "its listing")


def step(kind, of):
    payload = {
        "$class": f"{NAMESPACE}.{kind}",
        "listingid": f"resource:{NAMESPACE}.kWhlisting#{LISTING}",
    }
    return of["admin"].post(kind, payload)


def offer(of):
    """Use cases 5 and 6, in the order of Table IV's times. Gives the transactions' ids."""
    ids = {}
    for name in ["seller1", "seller2"]:
        # Fig. 11
        payload = {
            "$class": f"{NAMESPACE}.PVOffer",
            "reservePrice": 0,
            "kWhavailable": 6,
            "listingid": f"resource:{NAMESPACE}.kWhlisting#{LISTING}",
            "pv": f"resource:{NAMESPACE}.PV#{name}house",
        }
        ids[name] = of[name].post("PVOffer", payload)
    for name, quantity in [("buyer3", 1), ("buyer2", 3), ("buyer1", 5)]:
        # Fig. 12
        payload = {
            "$class": f"{NAMESPACE}.BUYOffer",
            "BidPrice": 3,
            "kWhQuantity": quantity,
            "listing": f"resource:{NAMESPACE}.kWhlisting#{LISTING}",
            "member": f"resource:{NAMESPACE}.Member#{name}@vt.edu",
        }
        ids[name] = of[name].post("BUYOffer", payload)
    return ids


def check_listing(hosts, ids, state, buyers):
    """Table IV, with the bids in this order."""
    listing = until_same(hosts, lambda host: host.get(f"kWhlisting/{LISTING}"), "Table IV")
    timestamps = []
    for row in listing["pvoffers"] + listing["buyoffers"]:
        timestamps.append(row.pop("timestamp"))
    where = f"resource:{NAMESPACE}.kWhlisting#{LISTING}"
    quantities = {"buyer1": 5, "buyer2": 3, "buyer3": 1}
    table_iv = {
        "$class": f"{NAMESPACE}.kWhlisting",
        "listingid": LISTING,
        "state": state,
        "pvoffers": [
            {
                "$class": f"{NAMESPACE}.PVOffer",
                "reservePrice": 0,
                "kWhavailable": 6,
                "listingid": where,
                "pv": f"resource:{NAMESPACE}.PV#{name}house",
                "transactionId": ids[name],
            }
            for name in ["seller1", "seller2"]
        ],
        "buyoffers": [
            {
                "$class": f"{NAMESPACE}.BUYOffer",
                "BidPrice": 3,
                "kWhQuantity": quantities[name],
                "listingid": where,
                "member": f"resource:{NAMESPACE}.Member#{name}@vt.edu",
                "transactionId": ids[name],
            }
            for name in buyers
        ],
    }
    shown = {key: listing[key] for key in table_iv if key in listing}
    expect(shown, table_iv, "Table IV")
    # The sellers' times are in order, and the smallest bid came first: as in the paper.
    first, second, *bids = timestamps
    by_time = bids if buyers[0] == "buyer3" else bids[::-1]
    expect([first, second, *by_time], sorted(timestamps), "the order of Table IV's times")
    return listing


def run(line, count):
    urls, tokens = line["rest"], line["tokens"]
    home = {name: urls[i if count > 1 else 0] for i, name in enumerate(PARTICIPANTS)}
    of = {name: Host(home[name], tokens[f"{name}@vt.edu"]) for name in PARTICIPANTS}
    of["admin"] = Host(urls[0], tokens["admin"])
    # Each host with the token of another participant.
    hosts = [Host(url, tokens[f"{name}@vt.edu"]) for url, name in zip(urls, PARTICIPANTS)]

    register(of)
    check_members(hosts, {name: 200 for name in PARTICIPANTS}, "Table II")
    pvs = until_same(hosts, lambda host: by("PVid")(host.get("PV")), "Table III")
    table_iii = [
        {
            "$class": f"{NAMESPACE}.PV",
            "PVid": f"{name}house",
            "owner": f"resource:{NAMESPACE}.Member#{name}@vt.edu",
        }
        for name in ["seller1", "seller2"]
    ]
    expect(pvs, table_iii, "Table III")

    open_listing(of, [of["seller1"], of["seller2"]])
    ids = offer(of)
    check_listing(hosts, ids, "ACCEPT_OFFERS", ["buyer3", "buyer2", "buyer1"])

    # Use case 7
    step("CloseBidding", of)
    listing = until_same(
        hosts, lambda host: host.get(f"kWhlisting/{LISTING}")["state"], "the listing's state"
    )
    expect(listing, "AUCTION_CLOSED", "the listing's state")
    closed = check_listing(hosts, ids, "AUCTION_CLOSED", ["buyer1", "buyer2", "buyer3"])
    expect(closed["mcp"], 3, "the market clearing price")
    balances = {"seller1": 218, "seller2": 209, "buyer1": 185, "buyer2": 191, "buyer3": 197}
    check_members(hosts, balances, "Table V")
    return balances


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, choices=[1, 5], default=1)
    count = parser.parse_args().hosts
    try:
        balances = run(json.loads(sys.stdin.read()), count)
    except NotAsInThePaper as problem:
        print(problem, file=sys.stderr)
        return 1
    print(json.dumps({"hosts": count, "balances": balances}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
