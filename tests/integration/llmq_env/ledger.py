"""A book of what workers did and were told, kept beside the server: one JSON object a line,
each written by one append, so that processes may be killed while they write."""

import collections
import json
import os

END = ("complete", "fail", "release")
# The clocks are one, but lease_expires_at may be cut to whole seconds.
CUT = 1.0


class Ledger:
    """The writing side, one per process."""

    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def add(self, **line):
        os.write(self.file, (json.dumps(line) + "\n").encode())


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.endswith("\n")]


class Lease:
    """What the ledger holds about one lease: the claim, then the calls that were made."""

    def __init__(self, line):
        self.task = line["task"]
        self.token = line["token"]
        self.got = line["got"]              # when its worker read the answer, maybe late
        self.deliveries = line["deliveries"]
        self.attempt = line["attempt"]
        self.until = line["until"]          # its first end
        self.asked = {}                     # sent: the extension that a heartbeat asked for
        self.heard = {}                     # sent: the end that it was told, None: refused
        self.effects = []
        self.meant = None                   # the call that was to end it
        self.accepted = []                  # (call, sent)
        self.refused = []

    def was(self, call):
        return any(accepted == call for accepted, _ in self.accepted)

    def place(self):
        """The order in which a task's leases were given. A worker that is stopped reads its
        claim late; the number of deliveries knows better, and only a release takes one back."""
        return self.deliveries, not self.was("release"), self.got

    def called(self, line):
        if line["status"] != 200:
            self.refused.append(line["call"])
            self.heard[line["sent"]] = None
            return
        self.accepted.append((line["call"], line["sent"]))
        self.heard[line["sent"]] = line.get("until")

    def end_for(self, sent):
        """When the lease may have ended for a call that was sent then. A heartbeat whose answer
        got lost, as the child was killed, may have extended it: its worker cannot know."""
        end = self.until
        for at in sorted({*self.asked, *self.heard}):
            if at >= sent:
                break
            if at in self.heard:
                end = max(end, self.heard[at] or end)
            else:
                end += self.asked[at]
        return end


class Audit:
    """Reads a ledger and says what should never have happened."""

    def __init__(self, lines):
        self.leases = {}
        self.effects = collections.Counter()
        for line in lines:
            self._take(line)
        self.tasks = collections.defaultdict(list)
        for lease in self.leases.values():
            self.tasks[lease.task].append(lease)
        for leases in self.tasks.values():
            leases.sort(key=Lease.place)

    def _take(self, line):
        what = line["what"]
        if what == "claim":
            assert line["token"] not in self.leases, "a token that was handed out twice"
            self.leases[line["token"]] = Lease(line)
            return
        lease = self.leases[line["token"]]
        if what == "effect":
            lease.effects.append(line["effect"])
            self.effects[lease.task] += 1
        elif what == "meant":
            lease.meant = line["call"]
        elif what == "heartbeat":
            lease.asked[line["sent"]] = line["extend"]
        else:
            lease.called(line)

    def count(self, call, accepted=True):
        if accepted:
            return sum(a[0] == call for lease in self.leases.values() for a in lease.accepted)
        return sum(lease.refused.count(call) for lease in self.leases.values())

    def stale(self):
        """Calls that were accepted although the lease had ended, or another had begun."""
        found = []
        for task, leases in self.tasks.items():
            for i, lease in enumerate(leases):
                found += self._late(task, lease, leases[i + 1:])
        return found

    def _late(self, task, lease, later):
        next_got = min((other.got for other in later), default=None)
        for call, sent in lease.accepted:
            end = lease.end_for(sent)
            if sent > end + CUT:
                yield f"{task}: {call} accepted {sent - end:.3f} s after the lease's end"
            if next_got is not None and sent > next_got:
                yield f"{task}: {call} accepted from a lease that another had followed"

    def ended_twice(self):
        """Tasks of which more than one end was accepted, or an end and then another claim."""
        found = []
        for task, leases in self.tasks.items():
            ends = [lease for lease in leases if lease.was("complete")]
            if sum(call == "complete" for lease in ends for call, _ in lease.accepted) > 1:
                found.append(f"{task}: completed more than once")
            if ends and leases[-1] is not ends[-1]:
                found.append(f"{task}: handed out after it was completed")
        return found

    def wrong_result(self, task, status, result):
        """Why this final state is not what the last valid lease has said, or None."""
        leases = self.tasks.get(task, [])
        accepted = [lease for lease in leases if lease.was("complete")]
        if status == "failed":
            hopeless = [lease for lease in leases if lease.meant == "fail for good"]
            return None if hopeless and not accepted else f"{task}: failed, and nobody said so"
        if status != "completed":
            return f"{task}: is {status}"
        author = self.leases.get((result or {}).get("token"))
        if author is None or author.task != task:
            return f"{task}: holds a result of nobody: {result}"
        if result["effect"] not in author.effects or author.meant != "complete":
            return f"{task}: holds a result that its worker did not send"
        if accepted and author is not accepted[-1]:
            return f"{task}: another result than the one that was accepted"
        return None if author is leases[-1] else f"{task}: the result is not of the last lease"
