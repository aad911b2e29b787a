"""Tries to sign in with ever new names from 12 connections, and prints the answers by status.

python -m tests.support.sign_in_flood PORT SECONDS
"""

import http.client
import json
import sys
import threading
import time
from collections import Counter
from urllib.parse import urlencode

CONNECTIONS = 12
TOKEN = "a" * 32


def guess(port: int, number: int, until: float, statuses: Counter[int]) -> None:
    """Send the form until the time is over, each time with another name."""
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": f"csrftoken={TOKEN}; __Host-csrftoken={TOKEN}",
    }
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    tries = 0
    while time.monotonic() < until:
        tries += 1
        fields = {
            "username": f"name{number}-{tries}",
            "password": "a wrong password",
            "csrfmiddlewaretoken": TOKEN,
        }
        try:
            client.request("POST", "/admin/login/", urlencode(fields), headers)
            answer = client.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            client.close()
            statuses[0] += 1
        else:
            statuses[answer.status] += 1


def main() -> None:
    port, seconds = int(sys.argv[1]), float(sys.argv[2])
    statuses: Counter[int] = Counter()
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(target=guess, args=(port, number, until, statuses))
        for number in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write(json.dumps(statuses))


if __name__ == "__main__":
    main()
