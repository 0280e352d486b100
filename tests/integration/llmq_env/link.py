"""What a server says of its link to other nodes, and nodes that share one Redis."""

from .api import Api
from .wait import until

# What is said when Redis goes, in the dispatcher and in the children.
LOST = ("LLMQ0601", "LLMQ0603")


def ask(server, base, path):
    """By a connection that ends: who polls must not fill the server."""
    api = Api(server.port, base)
    try:
        return api.get(path, check=False)
    finally:
        api.close()


def bus_figures(server):
    """The metrics of the bus."""
    text = ask(server, "", "/metrics").body.decode()
    return {key: float(value) for key, value in
            (line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("llmq_bus_"))}


def foreign_events(server):
    """How many events of other nodes it has taken."""
    return bus_figures(server)['llmq_bus_events_total{origin="foreign"}']


def is_linked(server):
    """None while metrics and health differ."""
    linked = bus_figures(server)["llmq_bus_linked"] == 1
    shown = ask(server, "/api/v1", "/health").data["components"]["redis"]["linked"]
    return linked if shown == linked else None


def until_linked(*servers):
    for server in servers:
        until(lambda server=server: is_linked(server) is True, "the link")


def until_cut(*servers):
    for server in servers:
        until(lambda server=server: is_linked(server) is False, "the loss of the link")
