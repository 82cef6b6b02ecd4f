"""Who votes: a random name in a signed cookie. No account, no personal data, and no name can be made up."""

from __future__ import annotations

import hashlib
import hmac
import secrets

COOKIE = "voter"
WEEKS = 26 * 7 * 86_400  # seconds that the cookie is kept: a term


class Voters:
    """Gives out voters' names and knows its own again. secret: kept with the votes, for after a restart."""

    def __init__(self, secret: str):
        self._secret = secret.encode()

    def new(self) -> tuple[str, str]:
        """A new voter: (name, value of the cookie)."""
        name = secrets.token_hex(8)
        return name, f"{name}.{self._sign(name)}"

    def name(self, cookie: str | None) -> str | None:
        """The voter's name of a cookie, None if there is none or this arena did not sign it."""
        name, _, signature = (cookie or "").partition(".")
        return name if hmac.compare_digest(signature.encode(), self._sign(name).encode()) else None

    def _sign(self, name: str) -> str:
        return hmac.new(self._secret, name.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]
