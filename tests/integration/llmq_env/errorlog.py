"""The error log as part of every test: what nobody announced must not be in it."""

import re

LINE = re.compile(r"^\[[^\]]+\] \[(?P<module>[^:\]]*):(?P<level>[a-z0-9]+)\] \[pid (?P<pid>\d+)")
# The server's own lines at start, before its log has a format.
PLAIN = re.compile(r"^(AH\d{5}: |Syntax OK$|$)")
LOUD = {"emerg", "alert", "crit", "error", "warn"}

# What httpd and the module say when a process is killed, be it inside the queue's lock, or
# the tenth in a row.
KILLED = ("AH00052", "children are killed successively", "LLMQ0301", "LLMQ0302", "LLMQ0710",
          "LLMQ0711", "LLMQ0807")


class ErrorLog:
    """Reads what was added since the last look. Tags are LLMQ0401, AH00052 and the like."""

    def __init__(self, path):
        self.path = path
        self.offset = 0
        self.always = set()
        self.expected = set()
        self.recent = []

    def expect(self, *tags):
        """Announce loud lines by their tag (or a part of their text) until forget()."""
        self.expected.update(tags)

    def forget(self):
        self.expected.clear()

    def text(self):
        try:
            with open(self.path, encoding="utf-8", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def count(self, part):
        return self.text().count(part)

    def _new_lines(self):
        try:
            with open(self.path, "rb") as log:
                log.seek(self.offset)
                block = log.read()
        except FileNotFoundError:
            return []
        end = block.rfind(b"\n") + 1  # a line that is being written waits for the next look
        self.offset += end
        return block[:end].decode("utf-8", "replace").splitlines()

    def unexpected(self):
        """Lines since the last call that are loud, or no lines of httpd at all (a sanitizer's
        report, a library that prints), and not announced."""
        found = []
        for line in self._new_lines():
            match = LINE.match(line)
            loud = match["level"] in LOUD if match else not PLAIN.match(line)
            if loud and not any(tag in line for tag in self.expected | self.always):
                found.append(line)
        return found
