#!/usr/bin/python3
"""docs/openapi.yaml is one whole OpenAPI 3.1 document: its objects have the members they may and
must have, each $ref leads somewhere, what is defined is used, operations have names of their own,
parameters of paths are declared, schemas are JSON Schema 2020-12 and examples fit them. And it has
each route of http/route.c, and no others but what is planned (x-planned)."""
import collections
import re
import sys

import jsonschema
import yaml

from project import Findings, exists, line_of, read

DOC, ROUTES = "docs/openapi.yaml", "mod_llmq/http/route.c"
# The table of a handler, and where the shipped configuration mounts it.
MOUNTS = {"queue_routes": "/api/v1", "sessions_routes": "/api", "apps_routes": "/apps",
          "health_routes": "/health", "metrics_routes": "/metrics", "openai_routes": "/v1"}
METHODS = ("get", "put", "post", "delete", "patch")
# Words of JSON Schema 2020-12; a description with a comma in braces makes others by accident.
KEYWORDS = set("""$ref additionalProperties allOf anyOf const contentMediaType default deprecated
    description enum example examples format items maxItems maxLength maxProperties maximum
    minItems minLength minProperties minimum not oneOf pattern patternProperties properties
    propertyNames exclusiveMinimum exclusiveMaximum readOnly required title type uniqueItems
    writeOnly""".split())
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

# Kind of object: (members it must have, others it may have).
MEMBERS = {
    "document": ("openapi info paths components", "servers security tags"),
    "info": ("title version", "summary description license contact"),
    "path": ("", "parameters summary description " + " ".join(METHODS)),
    "operation": ("tags operationId summary responses",
                  "description security parameters requestBody deprecated"),
    "parameter": ("in name schema", "description required example"),
    "body": ("content", "description required"),
    "media": ("schema", "example examples"),
    "response": ("description", "headers content"),
    "header": ("schema", "description example required"),
    "components": ("schemas", "securitySchemes parameters headers responses"),
}

formats = jsonschema.FormatChecker(formats=())
formats.checks("uuid")(lambda v: not isinstance(v, str) or UUID.fullmatch(v) is not None)
formats.checks("date-time")(lambda v: not isinstance(v, str) or TIME.fullmatch(v) is not None)


class Document:
    """Walks the document and tells what is wrong with it."""

    def __init__(self, found):
        self.found = found
        self.text = read(DOC)
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self.root = yaml.load(self.text, loader)  # noqa: S506
        self.used = set()
        self.names = collections.Counter()

    def tell(self, word, text):
        """word: something of the text that stands near the fault."""
        self.found.add(DOC, line_of(self.text, max(self.text.find(str(word)), 0)), text)

    # -- objects ---------------------------------------------------------------------------

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            where, node = node["$ref"], self.root
            self.used.add(where)
            for step in where.removeprefix("#/").split("/"):
                node = node.get(step) if isinstance(node, dict) else None
            if node is None:
                self.tell(where, f"{where} leads nowhere")
                return {}
        return node

    def members(self, kind, node, where):
        must, may = (set(words.split()) for words in MEMBERS[kind])
        if not isinstance(node, dict):
            self.tell(where, f"{where}: no {kind}")
            return False
        for name in must - set(node):
            self.tell(where, f"{where}: a {kind} without {name}")
        for name in set(node) - must - may:
            if not str(name).startswith("x-"):
                self.tell(where, f"{where}: a {kind} has no {name}")
        for name in ("description", "summary"):
            if not isinstance(node.get(name, ""), str):
                self.tell(where, f"{where}: its {name} is no text")
        return must <= set(node)

    def all(self):
        self.refs(self.root)
        if not self.members("document", self.root, "openapi"):
            return
        self.members("info", self.root["info"], "info")
        self.members("components", self.root["components"], "components")
        if not str(self.root["openapi"]).startswith("3.1."):
            self.tell("openapi", "is not OpenAPI 3.1")
        for path, item in self.root["paths"].items():
            self.path(path, item)
        for name, times in self.names.items():
            if times > 1:
                self.tell(name, f"the operationId {name} is there {times} times")
        self.components()
        self.unused()

    def refs(self, node):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                self.resolve(node)
            node = list(node.values())
        for child in node if isinstance(node, list) else ():
            self.refs(child)

    def path(self, path, item):
        if not self.members("path", item, path):
            return
        wanted = set(re.findall(r"\{(\w+)\}", path))
        for method in METHODS:
            if method in item:
                self.operation(f"{method.upper()} {path}", path, item[method], wanted,
                               item.get("parameters", []))

    def operation(self, name, path, node, wanted, shared):
        if not self.members("operation", node, path):
            return
        self.names[node["operationId"]] += 1
        parameters = [self.resolve(p) for p in [*shared, *node.get("parameters", [])]]
        if {p.get("name") for p in parameters if p.get("in") == "path"} != wanted:
            self.tell(path, f"{name}: other parameters are declared than the path has")
        if len({(p.get("in"), p.get("name")) for p in parameters}) < len(parameters):
            self.tell(path, f"{name}: a parameter is there twice")
        for p in parameters:
            self.parameter(p, name)
        known = {t["name"] for t in self.root.get("tags", [])}
        for tag in set(node["tags"]) - known:
            self.tell(path, f"{name}: nobody knows the tag {tag}")
        self.security(node.get("security", []), path)
        if "requestBody" in node:
            body = self.resolve(node["requestBody"])
            if self.members("body", body, name):
                self.content(body["content"], name)
        self.responses(node["responses"], name)

    def security(self, lines, where):
        known = set(self.root["components"].get("securitySchemes", {}))
        for name in {n for line in lines for n in line} - known:
            self.tell(where, f"{where}: nobody knows the security scheme {name}")

    def responses(self, node, name):
        if not any(str(status)[0] in "23" for status in node):
            self.tell(name.split()[1], f"{name}: no response is a success")
        for status, response in node.items():
            if not isinstance(status, str) or not re.fullmatch(r"[1-5]\d\d|default", status):
                self.tell(name.split()[1], f"{name}: {status!r} is no status")
            self.response(self.resolve(response), name)

    def response(self, node, name):
        if self.members("response", node, name):
            for header in node.get("headers", {}).values():
                self.parameter({"in": "header", "name": "", **self.resolve(header)}, name)
            self.content(node.get("content", {}), name)

    def parameter(self, node, name):
        if self.members("parameter", node, name):
            self.schema(node["schema"], name)
            self.example(node, name)
            if node["in"] == "path" and node.get("required") is not True:
                self.tell(node["name"], f"{name}: {node['name']} is of the path but not required")

    def content(self, node, name):
        for media in node.values():
            if self.members("media", media, name):
                self.schema(media["schema"], name)
                self.example(media, name)

    # -- schemas ---------------------------------------------------------------------------

    def schema(self, node, name):
        try:
            jsonschema.Draft202012Validator.check_schema(node)
        except jsonschema.SchemaError as e:
            self.tell(name, f"{name}: no schema of JSON Schema 2020-12: {e.message}")
        self.words(node, name)

    def words(self, node, name):
        """What is left of OpenAPI 3.0 means nothing to JSON Schema; and examples in schemas."""
        if not isinstance(node, dict):
            return
        if "nullable" in node:
            self.tell(name, f"{name}: nullable is a word of OpenAPI 3.0")
        for word in set(node) - KEYWORDS - {"nullable"}:
            self.tell(word, f"{name}: {word} is no word of JSON Schema")
        for word in ("example", "default"):
            if word in node:
                self.fits(node[word], node, f"{name}: {word}")
        for key in ("properties", "patternProperties"):
            for child, schema in node.get(key, {}).items():
                self.words(schema, f"{name}.{child}")
        for key in ("items", "additionalProperties", "not"):
            self.words(node.get(key), name)
        for key in ("allOf", "anyOf", "oneOf"):
            for child in node.get(key, []):
                self.words(child, name)

    def example(self, node, name):
        if "example" in node:
            self.fits(node["example"], node["schema"], f"{name}: the example")

    def fits(self, value, schema, what):
        whole = {"components": self.root["components"], "allOf": [schema]}
        try:
            error = next(jsonschema.Draft202012Validator(whole, format_checker=formats)
                         .iter_errors(value), None)
        except (jsonschema.RefResolutionError, jsonschema.exceptions.UnknownType):
            return  # told already
        if error:
            at = "/".join(str(step) for step in error.absolute_path)
            self.tell(what.split(":")[0].split()[-1], f"{what} does not fit: {at} {error.message}")

    def components(self):
        for name, schema in self.root["components"]["schemas"].items():
            self.schema(schema, f"schemas/{name}")
        for name, response in self.root["components"].get("responses", {}).items():
            self.response(response, f"responses/{name}")
        for name, parameter in self.root["components"].get("parameters", {}).items():
            self.parameter(parameter, f"parameters/{name}")
        self.security(self.root.get("security", []), "security")

    def unused(self):
        for kind in ("schemas", "responses", "parameters", "headers"):
            for name in self.root["components"].get(kind, {}):
                if f"#/components/{kind}/{name}" not in self.used:
                    self.tell(f"{name}:", f"nobody uses {kind}/{name}")

    def operations(self):
        """Each with whether it is planned only."""
        return {f"{method.upper()} {re.sub(r'{[^}]*}', '*', path)}": "x-planned" in item[method]
                for path, item in self.root["paths"].items() for method in METHODS
                if method in item}


def check_routes(found, document):
    text = read(ROUTES)
    known, told = set(), document.operations()
    for table in re.finditer(r"\b(\w+)\[\] = \{\n(.*?)^\};", text, re.S | re.M):
        for row in re.finditer(r"\{\s*M_(\w+),\s*\"([^\"]*)\"", table[2]):
            line = line_of(text, table.start(2) + row.start())
            if table[1] not in MOUNTS:
                found.add(ROUTES, line, f"check_openapi.py does not know where {table[1]} stand")
                continue
            call = f"{row[1]} {MOUNTS[table[1]]}{row[2]}".replace("**", "*")
            known.add(call)
            if call not in told:
                found.add(ROUTES, line, f"{call} is not in {DOC}")
    for call in {call for call, planned in told.items() if not planned} - known:
        document.tell(call.split("*")[0].split()[1], f"{call} is no route of {ROUTES}")


def main():
    found = Findings()
    if exists(DOC):
        try:
            document = Document(found)
        except yaml.YAMLError as e:
            found.add(DOC, 1, " ".join(str(e).split()))
            return found.finish()
        document.all()
        if exists(ROUTES) and "paths" in document.root:
            check_routes(found, document)
    return found.finish()


if __name__ == "__main__":
    sys.exit(main())
