"""Tokens as an issuer of the outside would make them: without the module's own tools."""

import base64
import hashlib
import hmac
import json
import time

SECRET = "a secret of the tests, thirty-two bytes or more"
DIGEST = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def encode(data):
    if not isinstance(data, bytes):
        data = json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(sub="user_1", secret=SECRET, alg="HS256", header=None, **claims):
    """A signed token that holds for an hour; a claim of None is left out."""
    claims = {"sub": sub, "exp": int(time.time()) + 3600, **claims}
    claims = {key: value for key, value in claims.items() if value is not None}
    text = encode(header or {"alg": alg, "typ": "JWT"}) + "." + encode(claims)
    digest = DIGEST.get(alg, hashlib.sha256)
    return text + "." + encode(hmac.new(secret.encode(), text.encode(), digest).digest())


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


def secret_file(server, name="secret", content=SECRET + "\n"):
    """In the folder of a server, as its configuration names it."""
    path = server.dir / name
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)
    return path
