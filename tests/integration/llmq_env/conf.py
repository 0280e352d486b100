"""Pieces of configuration that several files of tests use. {llm} becomes the address of the
fake LLM, see conftest.py."""


def fake(*lines):
    """The fake LLM as the backend "fake", with more lines of its block."""
    return "\n".join(["<LLMQBackend fake>", "LLMQBackendKind openai", "LLMQBackendURL {llm}",
                      *lines, "</LLMQBackend>\n"])


def mounts(**texts):
    """For each name a queue at /name that is open to all, with the text in its block."""
    return "".join(f"<Location /{name}>\nSetHandler llmq-queue\nRequire all granted\n{text}\n"
                   "</Location>\n" for name, text in texts.items())


def tenant_host(port, tenant):
    """A virtual host, NAME.example.com, all of which is the tenant's of that name."""
    return (f"<VirtualHost 127.0.0.1:{port}>\nServerName {tenant}.example.com\n"
            f"LLMQTenant {tenant}\n" + mounts(**{"api/v1": ""}) + "</VirtualHost>\n")


FAKE = fake()

# Another tenant, which administrates itself, and a place where nobody may administrate.
OTHERS = mounts(other="LLMQTenant other\nLLMQAdmin On", open="LLMQAdmin Off")
