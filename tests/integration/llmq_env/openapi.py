"""docs/openapi.yaml, whether an answer is what it promises, and calls that are held to it."""

import json
import re

import jsonschema
import yaml

from .api import TIME, Api
from .httpd import ROOT
from .tokens import bearer, token

METHODS = ("get", "post", "put", "patch", "delete")
ANY_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
JSON = {"Content-Type": "application/json"}
# Statuses for which a server must be in need, or which the document lumps together.
IN_NEED = {"429", "503", "default"}

formats = jsonschema.FormatChecker(formats=())
formats.checks("uuid")(lambda v: not isinstance(v, str) or ANY_UUID.fullmatch(v) is not None)
formats.checks("date-time")(lambda v: not isinstance(v, str) or TIME.fullmatch(v) is not None)
_documents = {}


def load():
    """The document; read once, as that takes a while."""
    if not _documents:
        text = (ROOT / "docs" / "openapi.yaml").read_text(encoding="utf-8")
        _documents["all"] = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return _documents["all"]


class OpenApi:
    """The part of the document below a prefix, whose paths are named without it."""

    def __init__(self, prefix="", but=()):
        self.prefix = prefix
        self.document = load()
        self.paths = {path[len(prefix):]: item for path, item in self.document["paths"].items()
                      if path.startswith(prefix) and not path.startswith(tuple(but))}

    def resolve(self, node):
        while "$ref" in node:
            found = self.document
            for step in node["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            node = found
        return node

    def operations(self):
        """(METHOD, path, operation) of all that is there already."""
        for path, item in self.paths.items():
            for method in METHODS:
                if method in item and "x-planned" not in item[method]:
                    yield method.upper(), path, item[method]

    def all_answers(self, but=IN_NEED):
        return {(method, path, status) for method, path, operation in self.operations()
                for status in operation["responses"] if status not in but}

    def parameters(self, path, operation, where):
        told = [*self.paths[path].get("parameters", []), *operation.get("parameters", [])]
        return [p for p in map(self.resolve, told) if p["in"] == where]

    def methods_at(self, concrete):
        """The methods of all paths that this one, with its ids, can be taken for."""
        found = set()
        for path, item in self.paths.items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), concrete):
                found |= {m.upper() for m in METHODS if m in item}
        return found

    def example(self, operation):
        """A body that the document itself gives, or None."""
        if "requestBody" not in operation:
            return None
        return self.resolve(operation["requestBody"])["content"]["application/json"]["example"]

    # -- values and schemas ------------------------------------------------------------

    def validate(self, value, schema):
        whole = {"components": self.document["components"], "allOf": [schema]}
        jsonschema.Draft202012Validator(whole, format_checker=formats).validate(value)

    def accepts(self, value, schema):
        try:
            self.validate(value, schema)
        except jsonschema.ValidationError:
            return False
        return True

    def body_schema(self, method, path):
        told = self.resolve(self.paths[path][method.lower()]["requestBody"])
        return told["content"]["application/json"]["schema"]

    def accepts_body(self, method, path, body):
        return self.accepts(body, self.body_schema(method, path))

    def leaves(self, schema):
        """All schemas that may have a say, those of allOf and the like included."""
        schema = self.resolve(schema)
        yield schema
        for word in ("allOf", "anyOf", "oneOf"):
            for child in schema.get(word, []):
                yield from self.leaves(child)

    def unknown(self, value, schema, where=""):
        """Members that the document does not know. Extra ones are allowed by the contract, but
        whoever adds one shall tell."""
        leaves = list(self.leaves(schema))
        if isinstance(value, list):
            items = [leaf["items"] for leaf in leaves if "items" in leaf]
            for i, element in enumerate(value if items else ()):
                yield from self.unknown(element, {"anyOf": items}, f"{where}[{i}]")
        if not isinstance(value, dict):
            return
        free = not any("properties" in leaf for leaf in leaves) \
            or any(leaf.get("additionalProperties") for leaf in leaves)
        for name, child in value.items():
            told = [leaf["properties"][name] for leaf in leaves
                    if name in leaf.get("properties", {})]
            if told:
                yield from self.unknown(child, {"anyOf": told}, f"{where}.{name}")
            elif not free:
                yield f"{where}.{name}"

    # -- answers -----------------------------------------------------------------------

    def check(self, method, path, answer):
        """Hold an answer to what the document says of this operation; the status it is filed
        under."""
        operation = self.paths[path][method.lower()]
        status = str(answer.status)
        if status not in operation["responses"]:
            assert status[0] in "45", f"{method} {path}: {answer}"
            status = "default"
        self.hold(f"{method} {path}", answer, self.resolve(operation["responses"][status]))
        return status

    def hold(self, what, answer, told):
        """Headers, type and body are those of this response object."""
        for name, header in told.get("headers", {}).items():
            value = answer.headers.get(name.lower())
            if value is not None:
                self.validate(value, self.resolve(header)["schema"])
        if answer.status == 401:
            assert "www-authenticate" in answer.headers, f"{what}: {answer}"
        if answer.status in (429, 503) and "Retry-After" in told.get("headers", {}):
            assert "retry-after" in answer.headers, f"{what}: {answer}"
        types = told.get("content", {})
        kind = answer.headers.get("content-type", "").split(";")[0]
        assert (kind in types) if types else not answer.body, f"{what}: {answer}"
        if kind == "application/json":
            value = json.loads(answer.body)
            self.validate(value, types[kind]["schema"])
            more = list(self.unknown(value, types[kind]["schema"]))
            assert not more, f"{what}: the document does not know {more}"


class Caller:
    """Calls that know which operation they are, and are checked against it. ids has a value for
    each parameter of paths; seen collects what was answered."""

    def __init__(self, server, spec, user="openapi", **claims):
        self.spec = spec
        self.api = Api(server.port, spec.prefix)
        server.apis.append(self.api)
        self.user = bearer(token(user, **claims))
        self.seen = set()
        self.ids = {}

    def fill(self, path, **ids):
        for name, value in {**self.ids, **ids}.items():
            path = path.replace("{" + name + "}", value)
        assert "{" not in path, path
        return path

    def call(self, method, path, body=None, query="", headers=None, **ids):
        """headers: besides those of the caller, or in their place; None takes one away."""
        headers = {**self.user, **(JSON if body is not None else {}), **(headers or {})}
        headers = {name: value for name, value in headers.items() if value is not None}
        answer = self.api.call(method, self.fill(path, **ids) + query, body, headers, check=False)
        self.seen.add((method, path, self.spec.check(method, path, answer)))
        return answer

    def must(self, status, *call, **more):
        answer = self.call(*call, **more)
        assert answer.status == status, f"{call}: {answer}"
        return answer
