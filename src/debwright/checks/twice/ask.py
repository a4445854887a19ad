"""Asks a URL once. Run as a script; standard library only. Arguments: URL, method, seconds.

Standard input is not used; the body comes as the fourth argument. It runs on this machine, in the
network of the system under test. Prints {"status": ..., "body": ...} or {"error": ...}.
"""

import http.client
import json
import sys
from urllib.parse import urlsplit

LIMIT = 4 * 1024 * 1024


def main() -> None:
    url, method, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    body = sys.argv[4] if len(sys.argv) > 4 and sys.argv[4] else None
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=seconds)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"User-Agent": "debwright", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        text = answer.read(LIMIT).decode("utf-8", "replace")
        print(json.dumps({"status": answer.status, "body": text}))
    except (OSError, http.client.HTTPException, ValueError) as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
    finally:
        connection.close()


if __name__ == "__main__":
    main()
