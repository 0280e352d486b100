"""Frames of events as nodes send them to each other (mod_llmq/bus/bus_wire.h)."""

import struct

LOOK, GROWN, CHANGED, DELTA = range(4)


def frame(node, *events):
    """events: (what, topic, seq, data)"""
    packed = bytes([1, len(node)]) + node.encode()
    for what, topic, seq, data in events:
        packed += struct.pack(">BQQH", what, topic, seq, len(data)) + data
    return packed


def unpack(packed):
    """(node, [(what, topic, seq, data)])"""
    assert packed[0] == 1, packed
    at = 2 + packed[1]
    node, events = packed[2:at].decode(), []
    while at < len(packed):
        what, topic, seq, length = struct.unpack_from(">BQQH", packed, at)
        at += 19
        events.append((what, topic, seq, packed[at:at + length]))
        at += length
    assert at == len(packed), packed
    return node, events
