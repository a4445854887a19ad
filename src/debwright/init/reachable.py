"""Whether this machine reaches a place that libraries come from."""

SECONDS = 4.0


def answers(address: str) -> bool:
    """Whether anything answers at `address`, by the proxies of the environment, in 4 seconds."""
    import httpx

    from debwright.host.http import client

    try:
        with client(seconds=SECONDS) as http:
            http.get(address)
    except (httpx.HTTPError, httpx.InvalidURL, OSError):
        return False
    return True
