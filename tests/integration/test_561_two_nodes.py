"""Two httpd nodes over one PostgreSQL, with Redis between them and without: a reader on each
sees every message of a session once, in order, whatever happens meanwhile; and what happens to
a message at one node is heard at the other."""


import pytest

from llmq_env.errorlog import KILLED
from llmq_env.httpd import free_port
from llmq_env.link import LOST, foreign_events, until_cut, until_linked
from llmq_env.listeners import Reader, Writer
from llmq_env.events import CHANGED, frame
from llmq_env.redis import Redis
from llmq_env.sessions import SECRET, Sessions
from llmq_env.sse import Stream
from llmq_env.tokens import secret_file
from llmq_env.wait import kill_process, until

PASSWORD = "a word for Redis"
# Neither node looks at the database by itself within a test.
DEAF = "LLMQEventPoll 3600 3600\n"


@pytest.fixture(scope="class")
def redis(request, workspace):
    port = free_port()
    made = Redis(workspace / f"redis-{port}", port, getattr(request.cls, "PASSWORD", None)).start()
    yield made
    made.stop()


@pytest.fixture(scope="class")
def nodes(request, redis, cluster, llm, new_server):
    """One of each of the class's CONFS."""
    dsn = cluster.new_database()
    made = []
    for conf in request.cls.CONFS:
        server = new_server("pgsql", dsn=dsn)
        secret_file(server)
        secret_file(server, "password", PASSWORD + "\n")
        for word, value in (("dir", server.dir), ("port", redis.port), ("unix", redis.unix),
                            ("llm", llm.url)):
            conf = conf.replace(f"{{{word}}}", str(value))
        server.configure(conf)
        server.start()
        made.append(server)
    if "LLMQRedis" in conf:
        until_linked(*made)
    return made


class Session:
    """A session that is written at both nodes, by so many at each, and read at both."""

    def __init__(self, nodes, writers, least, pause=0.02):
        self.nodes = nodes
        self.id = Sessions(nodes[0], "user_1").session()["session_id"]
        self.readers = [Reader(node, self.id) for node in nodes]
        self.writers = [Writer(node, self.id, f"node{i}writer{w}-", least, pause)
                        for i, node in enumerate(nodes) for w in range(writers)]

    def until_more(self, n=40):
        """Both readers have seen so many more."""
        for reader in self.readers:
            reader.until_seen(len(reader.seen) + n)

    def ends(self):
        """Both have seen what the log holds: 1 to n, each once, what each writer wrote in its
        order. n"""
        written = [writer.finish() for writer in self.writers]
        n = sum(written)
        for reader in self.readers:
            reader.until_seen(n)
        seen, other = (reader.finish() for reader in self.readers)
        assert [seq for seq, _ in seen] == list(range(1, n + 1))
        assert seen == other
        for writer, count in zip(self.writers, written):
            mine = [text for _, text in seen if text.startswith(writer.name_)]
            assert mine == [f"{writer.name_}{i}" for i in range(1, count + 1)]
        for node in self.nodes:
            assert Sessions(node, "user_1").get_session(self.id)["last_seq"] == n
        return n


class TestWithRedis:
    CONFS = [f"LLMQRedis 127.0.0.1:{{port}} timeout=10s\n{SECRET}"] * 2
    EXPECT = (*LOST, *KILLED)

    def test_a_thousand_while_nodes_and_redis_come_and_go(self, nodes, redis):
        session = Session(nodes, writers=4, least=125)
        for node in nodes:
            session.until_more()
            node.graceful()
        session.until_more()
        redis.stop()
        until_cut(*nodes)
        session.until_more()
        nodes[0].graceful()
        session.until_more()
        redis.start()
        until_linked(*nodes)
        session.until_more()
        for pid in nodes[0].workers():
            kill_process(pid)
        nodes[1].until_dispatcher(other_than=nodes[1].kill_dispatcher())
        session.until_more()
        assert session.ends() >= 1000
        assert all(reader.came >= 2 for reader in session.readers)


class TestWithoutRedis:
    CONFS = [SECRET] * 2

    def test_nodes_ask_the_database(self, nodes):
        session = Session(nodes, writers=2, least=30)
        session.until_more(20)
        for node in nodes:
            node.graceful()
        session.until_more(20)
        session.ends()


class TestRedisIsAway:
    """It does not come back: as without it, and the log says so once."""

    CONFS = [f"LLMQRedis 127.0.0.1:{{port}} timeout=10s\n{SECRET}"] * 2
    EXPECT = LOST

    def test_nodes_ask_the_database(self, nodes, redis):
        redis.stop()
        until_cut(*nodes)
        session = Session(nodes, writers=2, least=30)
        session.until_more(40)
        session.ends()
        for node in nodes:
            assert node.log.count("LLMQ0603") == 1


class TestWhatIsHeardOfJobs:
    """One node speaks to Redis through a socket of the file system, the other over TCP; both
    sign in, and use names of their own. Nobody polls, so what is heard has come that way."""

    PASSWORD = PASSWORD
    CONFS = [DEAF + f"LLMQRedis {where} timeout=10s\nLLMQRedisPasswordFile {{dir}}/password\n"
             "LLMQRedisPrefix farm:1\nLLMQDeltaInterval 0\n"
             "<LLMQBackend fake>\nLLMQBackendKind openai\nLLMQBackendURL {llm}\n"
             "LLMQBackendStream On\n</LLMQBackend>\n"
             for where in ("unix:{unix}", "127.0.0.1:{port}")]

    @pytest.mark.parametrize("of", ["messages", "conversations"])
    @pytest.mark.parametrize("at", [0, 1])
    def test_each_node_hears_what_happens(self, nodes, llm, of, at):
        api = nodes[at].new_api()
        llm.hold()
        sent = api.send("which of the nodes says this")
        thing = sent["id"] if of == "messages" else sent["conversation_id"]
        streams = [Stream(node.port, f"/api/v1/{of}/{thing}/events") for node in nodes]
        for stream in streams:
            stream.until_events(1)
        llm.until_calls(1)
        llm.release()
        last = "completed" if of == "messages" else "message"
        for stream in streams:
            until(lambda stream=stream: stream.named(last), f"{last} at each")
            done = stream.named(last)[-1].json
            assert done["status"] == "completed"
            told = [event.json for event in stream.named("delta")]
            assert {delta["message_id"] for delta in told} == {sent["id"]}
            assert [delta["seq"] for delta in told] == list(range(1, len(told) + 1))
            assert "".join(delta["content"] for delta in told) == done["result"]["content"]
            stream.close()


class TestTwoFarms:
    """They use one Redis; only names keep them apart."""

    CONFS = [f"LLMQRedis 127.0.0.1:{{port}} timeout=10s\nLLMQRedisPrefix {name}\n{SECRET}"
             for name in ("farm:1", "farm:2")]

    def test_neither_hears_the_other(self, nodes, redis):
        client = Sessions(nodes[0], "user_1")
        session = client.session()["session_id"]
        wire, ear = redis.client(), redis.client()
        ear.subscribe("farm:1:events")
        before = foreign_events(nodes[1])
        with Stream(nodes[0].port, f"/api/sessions/{session}/sse",
                    headers=client.headers) as stream:
            stream.until_open()
            client.append(session)
            stream.until_events(1)
            assert ear.next()  # what was told has reached Redis
        assert wire.publish("farm:2:events", frame("third", (CHANGED, 1, 0, b""))) == 1
        until(lambda: foreign_events(nodes[1]) > before, "the one that was meant")
        assert foreign_events(nodes[1]) == before + 1
        wire.close()
        ear.close()
