"""The second reading of an event, for a payload that its class refuses.

A value that does not fit the class's field is *unreadable*: the object is built without it, so that
reading the attribute raises `UnreadableValue` (`Model.__getattr__`), and the raw value is kept in
``model_extra``, from where dumps take it. Everything else is typed as in the first reading: an
object is read field by field, an element of a list is built with its own unreadable values absent,
and any other value is kept or left out as a whole. So one changed
value never costs the delivery, and never passes for another value.

The cost is bounded: after `MAX_UNREADABLE` such values, the field of ``data`` that has the next one
is absent as a whole. This is far slower than the first reading, and never used to guess a type.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from types import UnionType
from typing import (
    Annotated,
    Any,
    NamedTuple,
    TypeAlias,
    TypeGuard,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
)

from pydantic import FailFast, TypeAdapter
from pydantic.fields import FieldInfo

from ..json_text import CUT
from ._base import Event, Model

MAX_UNREADABLE = 100
"""Unreadable values that one event is read without; more of them are named by their field."""

_Path: TypeAlias = tuple[str, ...]
_Model = TypeVar("_Model", bound=Model)
_EventT = TypeVar("_EventT", bound=Event[Any])

_UNREADABLE: Any = object()


def read_tolerantly(
    event_class: type[_EventT], fields: dict[str, Any], *, may_be_cut: bool = False
) -> _EventT:
    """The event in `fields`, without the values that do not fit; its `unreadable` names them.

    `fields` have a textual ``type`` that the class accepts, and for a known type a ``data`` with a
    textual ``id``. If they `may_be_cut`, each `CUT` in them becomes `None`, in place.
    """
    reader = _Reader()
    if may_be_cut:
        reader.clear_cuts(event_class, fields)
    event = reader.read(event_class, fields)
    if reader.unreadable:
        # Not declared in the class, as a private attribute there would slow the first reading down.
        private = {"unreadable": tuple(reader.unreadable)}
        object.__setattr__(event, "__pydantic_private__", private)
    return event


def is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether it can be a JSON object: parsed from JSON, or a mapping of the caller's own."""
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in cast("Any", value))


class _TooMany(Exception):  # noqa: N818 - a signal, not an error
    """There are more unreadable values than are read one by one."""


class _Reader:
    """One second reading: the paths of what cannot be read, and how many there were."""

    def __init__(self) -> None:
        self.unreadable: dict[str, None] = {}
        self._left = MAX_UNREADABLE
        self._cut: set[_Path] = set()

    def read(self, model: type[_Model], fields: Mapping[str, Any], path: _Path = ()) -> _Model:
        """An object at `path`, with its own unreadable values absent."""
        values: dict[str, Any] = {}
        for name, kind in _kinds(model).items():
            if name in fields:
                value = self._bounded(kind, fields[name], (*path, name))
                if value is not _UNREADABLE:
                    values[name] = value
            elif kind.default is None:
                self._note((*path, name))
            else:
                values[name] = kind.default()
        # Not by `model_construct`, which looks at the signature of each factory of a default again.
        built = model.__new__(model)
        for slot, content in (
            ("__dict__", values),
            ("__pydantic_extra__", {name: fields[name] for name in fields if name not in values}),
            ("__pydantic_fields_set__", {*fields}),
            ("__pydantic_private__", None),
        ):
            object.__setattr__(built, slot, content)
        return built

    def _bounded(self, kind: "_Kind", value: Any, path: _Path) -> Any:
        """The value of a field, which is absent as a whole where there are too many unreadable."""
        try:
            return self._value(kind, value, path)
        except _TooMany:
            if len(path) > 2 or path == ("data",):
                raise
            self._name(path)
            return _UNREADABLE

    def _value(self, kind: "_Kind", value: Any, path: _Path) -> Any:
        """The value of a field as it is typed, or `_UNREADABLE`."""
        if value is None and path in self._cut:
            return self._note(path)
        if kind.model is not None and kind.is_list and isinstance(value, list):
            return self._items(kind.model, cast("Iterable[object]", value), path)
        if kind.model is not None and not kind.is_list:
            if isinstance(value, kind.model):
                return value
            if is_object(value):
                return self.read(kind.model, value, path)
        try:
            return kind.validate(value)
        except ValueError:
            return self._note(path)

    def _items(self, model: type[Model], items: Iterable[object], path: _Path) -> Any:
        read: list[Model] = []
        for index, item in enumerate(items):
            if not self._cut:
                try:
                    read.append(model.__pydantic_validator__.validate_python(item))
                    continue
                except ValueError:
                    pass
            if not is_object(item):
                return self._note(path)
            read.append(self.read(model, item, (*path, str(index))))
        return read

    def _note(self, path: _Path) -> Any:
        """Count and name one unreadable value."""
        if not self._left:
            raise _TooMany
        self._left -= 1
        self._name(path)
        return _UNREADABLE

    def _name(self, path: _Path) -> None:
        """Name a path, which stands for all that are below it."""
        text = ".".join(path)
        below = [named for named in self.unreadable if named.startswith(text + ".")]
        for named in below:
            del self.unreadable[named]
        self._add(text)

    def _add(self, text: str) -> None:
        if len(self.unreadable) < MAX_UNREADABLE:
            self.unreadable[text] = None

    def clear_cuts(self, event_class: type[Event[Any]], fields: dict[str, Any]) -> None:
        """Put `None` in the place of each `CUT`, and name the fields of ours that hold them."""
        waiting: list[tuple[Any, type[Model] | None, _Path]] = [(fields, event_class, ())]
        while waiting:
            container, model, path = waiting.pop()
            is_object = isinstance(container, dict)
            kinds = _kinds(model) if model is not None and is_object else {}
            entries: Any = [*container.items()] if is_object else [*enumerate(container)]
            for key, value in entries:
                kind = kinds.get(key)
                is_ours = kind is not None or (model is not None and not is_object)
                place = (*path, str(key)) if is_ours else path
                if value is CUT:
                    container[key] = None
                    self._add(".".join(place))
                    if is_ours:
                        self._cut.add(place)
                elif isinstance(value, (dict, list)):
                    inner = kind.model if kind is not None else model if is_ours else None
                    waiting.append((cast("object", value), inner, place))


class _Kind(NamedTuple):
    """What a field of a model takes."""

    validate: Callable[[object], Any]
    """Reads a value that is not an object, or a list of objects, of ours. Raises `ValueError`."""
    model: type[Model] | None
    """The model of the object, or of the objects in the list, if it takes them."""
    is_list: bool
    default: Callable[[], Any] | None
    """Makes the value of a field that did not arrive; None if the field is required."""


@cache
def _kinds(model: type[Model]) -> dict[str, _Kind]:
    """The fields of one of our models."""
    return {
        name: _kind(field.annotation, _default(field)) for name, field in model.model_fields.items()
    }


def _default(field: FieldInfo) -> Callable[[], Any] | None:
    if field.is_required():
        return None
    factory = cast("Callable[[], Any] | None", field.default_factory)
    return factory or (lambda: field.default)


def _kind(annotation: Any, default: Callable[[], Any] | None) -> _Kind:
    alternatives = [*_alternatives(annotation)]
    for alternative in alternatives:
        is_list = get_origin(alternative) is list
        item = get_args(alternative)[0] if is_list else alternative
        if isinstance(item, type) and issubclass(item, Model):
            others = tuple(other for other in alternatives if other is not alternative)
            validate = _validator(Union[others]) if others else _refuse  # noqa: UP007 - a tuple
            return _Kind(validate, item, is_list, default)
    return _Kind(_validator(annotation), None, is_list=False, default=default)


def _refuse(_: object) -> Any:
    raise ValueError


def _alternatives(annotation: Any) -> Iterator[Any]:
    """The members of a union; a type that is not a union is its only member."""
    if get_origin(annotation) in (Union, UnionType):
        for member in get_args(annotation):
            yield from _alternatives(member)
    else:
        yield annotation


@cache
def _validator(annotation: Any) -> Callable[[object], Any]:
    if any(get_origin(alternative) is list for alternative in _alternatives(annotation)):
        annotation = Annotated[annotation, FailFast()]
    return TypeAdapter[Any](annotation).validator.validate_python
