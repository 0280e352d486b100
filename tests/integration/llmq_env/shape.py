"""Does an answer have the shape of a sample? Every member that the sample has, of the same
type; where the sample has a time, a time; where it has an object without members or a list
without elements, any. More members are welcome."""

import re

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _type(value):
    """As JSON knows it, but whole numbers by themselves."""
    if value is None:
        return "null"
    for kind, name in ((bool, "boolean"), (int, "whole number"), (float, "number"),
                       (str, "string"), (list, "list"), (dict, "object")):
        if isinstance(value, kind):
            return name
    raise TypeError(value)


def differences(sample, value, where=""):
    """What does not fit, one text each; empty: it has the shape."""
    wanted, got = _type(sample), _type(value)
    if wanted != got and (wanted, got) != ("number", "whole number"):
        return [f"{where or 'all'}: {got} instead of {wanted}"]
    if isinstance(sample, dict):
        return [text for name in sample for text in
                (differences(sample[name], value[name], f"{where}.{name}") if name in value
                 else [f"{where}.{name}: is missing"])]
    if isinstance(sample, list):
        return [text for i, element in enumerate(value) if sample
                for text in differences(sample[0], element, f"{where}[{i}]")]
    if isinstance(sample, str):
        return [f"{where}: {value!r} is not like {sample!r}" for pattern in (TIME, UUID)
                if pattern.fullmatch(sample) and not pattern.fullmatch(value)]
    return []
