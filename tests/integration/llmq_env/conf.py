"""Pieces of configuration that several files of tests use. {llm} becomes the address of the
fake LLM, see conftest.py."""

import functools
import subprocess


def fake(*lines):
    """The fake LLM as the backend "fake", with more lines of its block."""
    return "\n".join(["<LLMQBackend fake>", "LLMQBackendKind openai", "LLMQBackendURL {llm}",
                      *lines, "</LLMQBackend>\n"])


@functools.cache
def _modules():
    return subprocess.run(["apxs", "-q", "LIBEXECDIR"], text=True, check=True,
                          stdout=subprocess.PIPE).stdout.strip()


def load(*names):
    """Modules of httpd's own, where they are not there yet."""
    return "".join(f"<IfModule !{name}_module>\nLoadModule {name}_module "
                   f"{_modules()}/mod_{name}.so\n</IfModule>\n" for name in names)


def places(handler, texts):
    """For each name the handler at /name, open to all, with the text in its block."""
    return "".join(f"<Location /{name}>\nSetHandler {handler}\nRequire all granted\n{text}\n"
                   "</Location>\n" for name, text in texts.items())


def mounts(**texts):
    """For each name a queue at /name."""
    return places("llmq-queue", texts)


def hasty(port):
    """A virtual host that soon gives up those who do not read: for them alone, as nobody else
    should have to be so quick."""
    return (f"Listen 127.0.0.1:{port}\n<VirtualHost 127.0.0.1:{port}>\nTimeout 2\n"
            "</VirtualHost>\n")


def sessions(**texts):
    """For each name sessions at /name."""
    return places("llmq-sessions", texts)


def apps(**texts):
    """For each name apps at /name."""
    return places("llmq-apps", texts)


def tenant_host(port, tenant):
    """A virtual host, NAME.example.com, all of which is the tenant's of that name."""
    return (f"<VirtualHost 127.0.0.1:{port}>\nServerName {tenant}.example.com\n"
            f"LLMQTenant {tenant}\n" + mounts(**{"api/v1": ""}) + "</VirtualHost>\n")


FAKE = fake()

# Another tenant, which administrates itself, and a place where nobody may administrate.
OTHERS = mounts(other="LLMQTenant other\nLLMQAdmin On", open="LLMQAdmin Off")
