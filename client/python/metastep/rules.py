"""How people name optimizers: a model's reference, or a hand-designed rule."""
from __future__ import annotations

from typing import Any, Union

from google.protobuf import json_format

from metastep.v1 import spec_pb2

# "mnist", "mnist@3", "mnist@best", a message, or, for a hand-designed rule, the
# dictionary {"adam": {"learning_rate": 0.001}}.
Rule = Union[str, spec_pb2.ModelRef, spec_pb2.HandDesignedSpec,
             'dict[str, Any]']


def model_ref(text: str) -> spec_pb2.ModelRef:
    """The model of "name", "name@version" or "name@label"."""
    name, at, which = text.partition('@')
    if not name or (at and not which):
        raise ValueError(f'model {text!r} is not name, name@version or '
                         'name@label')
    if which.isdecimal():
        return spec_pb2.ModelRef(name=name, version=int(which))
    if which:
        return spec_pb2.ModelRef(name=name, label=which)
    return spec_pb2.ModelRef(name=name)


def to_model_ref(ref: str | spec_pb2.ModelRef) -> spec_pb2.ModelRef:
    return model_ref(ref) if isinstance(ref, str) else ref


def hand_designed(name: str, **values: float) -> spec_pb2.HandDesignedSpec:
    """A hand-designed rule, as in hand_designed('adam', learning_rate=0.001).

    Args:
      name: sgd, momentum, nag, rmsprop or adam.
      **values: its fields in spec.proto; learning_rate is required.
    """
    fields = spec_pb2.HandDesignedSpec.DESCRIPTOR.fields_by_name
    if name not in fields:
        raise ValueError(f'rule {name!r} is not one of {", ".join(fields)}')
    known = getattr(spec_pb2.HandDesignedSpec(), name).DESCRIPTOR.fields_by_name
    for field in values:
        if field not in known:
            raise ValueError(f'rule {name!r} has no {field!r}, only '
                             f'{", ".join(known)}')
    if 'learning_rate' not in values:
        raise ValueError(f'rule {name!r} needs a learning_rate')
    return spec_pb2.HandDesignedSpec(**{name: values})


def to_message(
        rule: Rule) -> spec_pb2.ModelRef | spec_pb2.HandDesignedSpec:
    """The message that a rule stands for."""
    if isinstance(rule, dict):
        return from_dict(rule)
    return model_ref(rule) if isinstance(rule, str) else rule


def to_plain(rule: Rule) -> str | dict[str, Any]:
    """The same rule in built-in types, as a checkpoint may hold it."""
    message = to_message(rule)
    if isinstance(message, spec_pb2.HandDesignedSpec):
        return json_format.MessageToDict(message,
                                         preserving_proto_field_name=True)
    which = message.WhichOneof('which')
    if which is None:
        return message.name
    return f'{message.name}@{getattr(message, which)}'


def from_dict(rule: dict[str, Any]) -> spec_pb2.HandDesignedSpec:
    """A hand-designed rule of a dictionary. Raises ValueError."""
    try:
        return json_format.ParseDict(rule, spec_pb2.HandDesignedSpec())
    except json_format.ParseError as error:
        raise ValueError(f'{rule} is no hand-designed rule: {error}') from error
