"""Reading source profiles from YAML files; a fault is reported with its line."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import cache
from importlib.resources import files
from typing import Any, get_args

import yaml

from amazon_reviews.errors import ProfileError
from amazon_reviews.profiles.profile import (
    CANONICAL_FIELDS,
    PRODUCT_FIELDS,
    REQUIRED_FIELDS,
    Form,
    Order,
    Profile,
    Source,
    Unit,
)

MAX_PROFILE_BYTES = 256 * 1024
"""Largest profile file, in bytes."""

_LONGEST_NAME = 500

CHOICES: Mapping[str, tuple[str, ...]] = {
    "unit": get_args(Unit),
    "order": get_args(Order),
    "form": tuple(filter(None, get_args(Form))),
}
_WORDS = ("true", "false")
KEYS = {
    "profile": "the name of the profile",
    "description": "the data in one line",
    "dataset": "reviews or products",
    "requires": "the fields that a file of the profile has, a list of each; a list in it means "
    "one of them (default: the fields behind the required canonical fields)",
    "fields": "canonical fields with their sources",
    "products": "product fields with their sources, if each review names its product too",
    "file": "the format of the files; what is absent is found from their content",
}
"""The keys of a profile file, each with its meaning."""

REQUIRED_KEYS = ("profile", "dataset", "fields")
FILE_KEYS = {
    "charset": "the encoding",
    "delimiter": "the character between the columns",
    "quote": "the quote character; empty if quotes are text",
    "columns": "the names of the columns of files without a header",
}
"""The keys below `file`, each with its meaning."""

# What the engines do not have, or read in another way than Python.
_FOREIGN_PATTERN = re.compile(r"\\(?:\\|(?P<escape>[0-9ZN]))|(?P<group>\(\?(?!:))|(?P<set>\[\[|&&)")
_PATH = re.compile(r"\$(?:\.[^.\[\]'\"]+|\[[0-9]{1,9}\]|\['[^'\[\]]+'\])*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@cache
def built_in_profiles() -> tuple[Profile, ...]:
    """Return the profiles that come with the project, ordered by name."""
    folder = files("amazon_reviews.profiles")
    declarations = sorted(
        (f for f in folder.iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name
    )
    return tuple(
        replace(parse_profile(f.read_bytes(), f.name), built_in=True) for f in declarations
    )


def parse_profile(content: bytes, path: str) -> Profile:
    """Return the profile that the YAML file at `path` declares.

    Raises:
        ProfileError: the content is no valid declaration. The text names file, line and fault.
    """
    if len(content) > MAX_PROFILE_BYTES:
        raise ProfileError(f"{path}: more than {MAX_PROFILE_BYTES >> 10} KiB; it is no profile")
    try:
        # Nodes instead of values, because they know their lines; they make no Python objects.
        root = yaml.compose(content, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" line {mark.line + 1}:" if mark else ""
        raise ProfileError(f"{path}:{line} {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        line_number = content.count(b"\n", 0, error.position) + 1
        raise ProfileError(f"{path}: line {line_number}: it is no UTF-8 text") from None
    except RecursionError:
        raise ProfileError(f"{path}: line 1: it is nested too deeply") from None
    return _Declaration(path).profile(root)


class _Loader(yaml.SafeLoader):
    """Reads nodes; an alias is a fault, because a few of them can stand for millions of nodes."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not allowed", mark)
        return super().compose_node(parent, index)


class _Declaration:
    """The nodes of one file; each method reads one kind of node."""

    def __init__(self, path: str) -> None:
        self._path = path

    def profile(self, root: yaml.Node | None) -> Profile:
        if root is None:
            raise ProfileError(f"{self._path}: it is empty; it needs profile, dataset and fields")
        nodes = self._mapping(root, "a profile", tuple(KEYS))
        for key in REQUIRED_KEYS:
            if key not in nodes:
                raise self._error(root, f"{key} is missing: {KEYS[key]}")
        name = self._text(nodes["profile"], "profile")
        if not _NAME.fullmatch(name):
            raise self._error(
                nodes["profile"],
                f"profile: {name[:100]!r} is no name; use letters, digits, '_', '-' and '.'",
            )
        dataset = self._choice(nodes["dataset"], "dataset", tuple(CANONICAL_FIELDS))
        sources = self._sources(nodes["fields"], "fields", CANONICAL_FIELDS[dataset])
        for group in REQUIRED_FIELDS[dataset]:
            if not any(canonical in sources for canonical in group):
                raise self._error(
                    nodes["fields"], f"fields: {' or '.join(group)} is missing; it is required"
                )
        products = nodes.get("products")
        if products and dataset != "reviews":
            raise self._error(products, "products: only a profile of reviews may have it")
        of_products = self._sources(products, "products", PRODUCT_FIELDS) if products else {}
        if products and "asin" not in of_products:
            raise self._error(products, "products: asin is missing; it is required")
        requires = nodes.get("requires")
        profile = Profile(
            name=name,
            dataset=dataset,
            description=self._text(nodes["description"], "description")
            if "description" in nodes
            else "",
            requires=self._groups(requires) if requires else _required_sources(dataset, sources),
            fields=sources,
            products=of_products,
            built_in=False,
            **(self._file(nodes["file"]) if "file" in nodes else {}),
        )
        self._check_names(root, profile)
        return profile

    def _check_names(self, root: yaml.Node, profile: Profile) -> None:
        """Raise ProfileError if the engine could not tell two source fields apart."""
        seen: dict[str, str] = {}
        for name in profile.source_fields:
            other = seen.setdefault(name.lower(), name)
            if other != name:
                raise self._error(root, f"{other} and {name} differ only in case; use one of them")
        if not profile.requires:
            raise self._error(root, "requires is missing: every field of it is a constant")

    def _sources(
        self, node: yaml.Node, where: str, canonical: Sequence[str]
    ) -> dict[str, tuple[Source, ...]]:
        sources: dict[str, tuple[Source, ...]] = {}
        for name, value in self._mapping(node, where, canonical).items():
            place = f"{where}: {name}"
            alternatives = value.value if isinstance(value, yaml.SequenceNode) else [value]
            if not alternatives:
                raise self._error(value, f"{place}: the list is empty")
            sources[name] = tuple(
                source for each in alternatives for source in self._alternatives(each, place)
            )
            for key in ("unit", "order"):
                if len({getattr(source, key) for source in sources[name]}) > 1:
                    raise self._error(value, f"{place}: all its fields must have the same {key}")
        return sources

    def _alternatives(self, node: yaml.Node, where: str) -> list[Source]:
        """Return one source for each field that the node names."""
        if isinstance(node, yaml.ScalarNode):
            return [Source(field=name) for name in self._names(node, where)]
        keys = tuple(each.name for each in fields(Source))
        nodes = self._mapping(node, where, keys)
        if ("field" in nodes) == ("constant" in nodes):
            raise self._error(node, f"{where}: it needs a field or a constant, and not both")
        names: tuple[str | None, ...] = (None,)
        if "field" in nodes:
            names = self._names(nodes.pop("field"), f"{where}: field")
        values = {
            key: self._conversion(key, value, f"{where}: {key}") for key, value in nodes.items()
        }
        if "part" in values and "split" not in values:
            raise self._error(node, f"{where}: part needs split")
        return [Source(field=name, **values) for name in names]

    def _conversion(self, key: str, node: yaml.Node, where: str) -> Any:
        if key in CHOICES:
            return self._choice(node, where, CHOICES[key])
        if key in _WORDS:
            return tuple(word.lower() for word in self._texts(node, where))
        if key == "part":
            return self._number(node, where)
        text = self._text(node, where)
        if key == "path" and not _PATH.fullmatch(text):
            raise self._error(node, f"{where}: it must be like $.name, $['a name'] or $[0]")
        if key == "pattern":
            self._check_pattern(node, where, text)
        return text

    def _check_pattern(self, node: yaml.Node, where: str, pattern: str) -> None:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise self._error(node, f"{where}: {error}") from None
        foreign = [found for found in _FOREIGN_PATTERN.finditer(pattern) if found.lastgroup]
        if foreign:
            raise self._error(node, f"{where}: {foreign[0][0]} is not supported")
        if groups != 1:
            raise self._error(node, f"{where}: it needs one group in parentheses, not {groups}")

    def _file(self, node: yaml.Node) -> dict[str, Any]:
        nodes = self._mapping(node, "file", tuple(FILE_KEYS))
        values: dict[str, Any] = {
            key: self._text(value, f"file: {key}", empty=key == "quote")
            for key, value in nodes.items()
            if key != "columns"
        }
        for key in values.keys() & {"delimiter", "quote"}:
            character = values[key]
            if len(character) > 1 or not character.isascii() or character in ("\r", "\n"):
                raise self._error(nodes[key], f"file: {key}: it must be one ASCII character")
        if "delimiter" in values and values["delimiter"] == values.get("quote"):
            raise self._error(nodes["quote"], "file: quote: it is also the delimiter")
        if "charset" in values:
            try:
                "".encode(values["charset"])
            except (LookupError, ValueError):
                raise self._error(
                    nodes["charset"], f"file: charset: {values['charset'][:100]!r} is unknown"
                ) from None
        if "columns" in nodes:
            values["columns"] = self._texts(nodes["columns"], "file: columns")
        return values

    def _groups(self, node: yaml.Node) -> tuple[tuple[str, ...], ...]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            raise self._error(node, "requires: it must be a list of fields")
        return tuple(self._texts(each, "requires") for each in node.value)

    def _mapping(self, node: yaml.Node, where: str, allowed: Sequence[str]) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self._error(node, f"{where}: it must be a mapping of names to values")
        nodes: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self._text(key, where)
            if name not in allowed:
                raise self._error(
                    key, f"{where}: {name[:100]} is unknown; known are {', '.join(allowed)}"
                )
            if name in nodes:
                raise self._error(key, f"{where}: {name} is there twice")
            nodes[name] = value
        return nodes

    def _names(self, node: yaml.Node, where: str) -> tuple[str, ...]:
        names = self._texts(node, where)
        if any(len(name) > _LONGEST_NAME for name in names):
            raise self._error(node, f"{where}: a field has more than {_LONGEST_NAME} characters")
        return names

    def _texts(self, node: yaml.Node, where: str) -> tuple[str, ...]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        return tuple(self._text(each, where) for each in nodes)

    def _text(self, node: yaml.Node, where: str, *, empty: bool = False) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._error(node, f"{where}: it must be a text")
        if not node.value and not empty:
            raise self._error(node, f"{where}: it is empty")
        return str(node.value)

    def _number(self, node: yaml.Node, where: str) -> int:
        text = self._text(node, where)
        if not (text.isascii() and text.isdecimal() and len(text) < 4):
            raise self._error(node, f"{where}: it must be a number from 0 to 999")
        return int(text)

    def _choice(self, node: yaml.Node, where: str, choices: Sequence[str]) -> str:
        text = self._text(node, where)
        if text not in choices:
            raise self._error(node, f"{where}: it must be one of {', '.join(choices)}")
        return text

    def _error(self, node: yaml.Node, fault: str) -> ProfileError:
        return ProfileError(f"{self._path}: line {node.start_mark.line + 1}: {fault}")


def _required_sources(
    dataset: str, sources: Mapping[str, tuple[Source, ...]]
) -> tuple[tuple[str, ...], ...]:
    """Return the source fields of the required canonical fields, without constants."""
    groups = []
    for canonical in REQUIRED_FIELDS[dataset]:
        given = [source for name in canonical for source in sources.get(name, ())]
        if all(source.field for source in given):
            groups.append(tuple(dict.fromkeys(source.field for source in given if source.field)))
    return tuple(groups)
