"""Frozen dataclasses whose values are checked when they are made, and what is wrong with one, in a sentence.

pydantic checks; this file says it in the program's own words, and turns such dataclasses into plain dictionaries and
back.
"""

import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, dataclass_transform, get_args, get_origin, get_type_hints

import pydantic
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as pydantic_dataclass

T = TypeVar("T")
_SHOWN = 120  # characters of a value that a message repeats


def between(low: float, high: float) -> Any:  # noqa: ANN401  (pydantic's own field object)
    """The limits of a number, both included."""
    return Field(ge=low, le=high)


Whole = Annotated[int, between(0, 2**53)]
Share = Annotated[float, between(0, 1)]
Rate = Annotated[float, between(0, 1000)]
Text = Annotated[str, Field(max_length=4096)]


@dataclass_transform(frozen_default=True)
def settings(kind: type[T]) -> type[T]:
    """A frozen dataclass whose values are checked when it is made; what is wrong is said in one sentence."""
    rules = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, validate_default=True)
    made = pydantic_dataclass(frozen=True, config=rules)(kind)
    checked = made.__init__

    @functools.wraps(checked)
    def init(self: Any, *values: Any, **named: Any) -> None:  # noqa: ANN401
        try:
            checked(self, *values, **named)
        except ValidationError as error:
            raise ValueError(sentence(made, error)) from None

    made.__init__ = init
    return made


def sentence(kind: type, error: ValidationError) -> str:
    """The first thing that is wrong, in one sentence."""
    first = error.errors(include_url=False)[0]
    places = [str(part) for part in first["loc"] if not isinstance(part, int)]
    name, value = ".".join([kind.__name__, *places]).removeprefix("Experiment."), shown(first.get("input"))
    what, context = first["type"], first.get("ctx", {})
    if not places:
        return str(context.get("error", f"{name}: {first['msg']}"))
    if what == "value_error":
        return str(context["error"])
    if what in ("unexpected_keyword_argument", "extra_forbidden"):
        owner = _owner(kind, places[:-1])
        fields = ", ".join(field.name for field in dataclasses.fields(owner))
        return f"{owner.__name__} has no field {shown(places[-1])}; its fields are {fields}"
    if what in ("greater_than_equal", "less_than_equal"):
        low, high = limits_of(_hint(kind, places))
        return f"{name} should lie from {_number(low)} to {_number(high)}, got {value}"
    hint, given = bare(_hint(kind, places)), first.get("input")
    if dataclasses.is_dataclass(hint):
        return f"{name} takes the named values of {hint.__name__}, got {value}"
    if get_origin(hint) is tuple and isinstance(given, list | tuple) and len(given) != len(get_args(hint)):
        return f"{name} takes {len(get_args(hint))} values, got {len(given)}: {value}"
    if what == "literal_error":
        return f"{name} takes {', '.join(map(str, get_args(hint)))}, got {value}"
    if what == "finite_number":
        return f"{name} takes a finite number, got {value}"
    if what == "string_too_long":
        return f"{name} takes at most {context['max_length']} characters, got {len(given)}"
    if what.endswith(("_type", "_parsing")):
        return f"{name} takes {what.rpartition('_')[0].removesuffix('_from')}, got {value}"
    return f"{name}: {first['msg']}, got {value}"


def shown(value: Any) -> str:  # noqa: ANN401
    """A value in a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def _owner(kind: type, places: list[str]) -> type:
    for place in places:
        kind = get_type_hints(kind)[place]
    return kind


def _hint(kind: type, places: list[str]) -> Any:  # noqa: ANN401
    return get_type_hints(_owner(kind, places[:-1]), include_extras=True)[places[-1]]


def bare(hint: Any) -> Any:  # noqa: ANN401
    """A type without its limits."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def limits_of(hint: Any) -> tuple[float, float]:  # noqa: ANN401
    """The limits in a type hint; of a tuple those of its values."""
    if get_origin(bare(hint)) is tuple:
        return limits_of(get_args(bare(hint))[0])
    info = pydantic.fields.FieldInfo.from_annotation(hint)
    low = next((item.ge for item in info.metadata if hasattr(item, "ge")), float("-inf"))
    high = next((item.le for item in info.metadata if hasattr(item, "le")), float("inf"))
    return low, high


def to_dict(config: Any) -> dict[str, Any]:  # noqa: ANN401  (any dataclass of this module)
    """The config as nested plain dictionaries; tuples become lists, as in JSON."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


@functools.lru_cache(maxsize=64)
def _adapter(kind: type) -> TypeAdapter:
    return TypeAdapter(kind)


def from_dict(kind: type[T], values: Mapping[str, Any]) -> T:
    """The dataclass `kind` with `values`; fields left out keep their default.

    Raises:
        ValueError: an unknown field, a value of the wrong type or beyond its limits, named in one sentence.
    """
    try:
        return _adapter(kind).validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        raise ValueError(sentence(kind, error)) from None
