"""Drafts of a source profile for an unknown file, as YAML that people complete."""

from collections.abc import Iterator

from amazon_reviews.pipeline.inspection import OpenFile
from amazon_reviews.pipeline.unrecognized import MEANINGS
from amazon_reviews.profiles.guesses import Guess, guess_fields
from amazon_reviews.profiles.profile import CANONICAL_FIELDS, REQUIRED_FIELDS, Source

_LONGEST_EXAMPLE = 60
_MOST_OTHERS = 50
_NAME_LENGTH = 60
_HEAD = """\
# Draft of a source profile. Check each line against your data. A guess that is not certain is a
# comment: remove its '#' if it is right. Then run
#   amazon-reviews inspect --profile THIS_FILE DATA_FILE
"""


def draft_profile(opened: OpenFile) -> str:
    """Return the YAML of a profile with a guess for each canonical field of a file."""
    return "\n".join(_lines(opened)) + "\n"


def _lines(opened: OpenFile) -> Iterator[str]:
    dataset = opened.dataset.name
    guesses = guess_fields(dataset, opened.source.sample)
    yield _HEAD + f"profile: {_profile_name(opened.file.name)}"
    yield f"description: {_quoted(f'Drafted from {opened.file.name}')}"
    yield f"dataset: {dataset}"
    yield from _file_lines(opened)
    yield "fields:"
    required = {name: group for group in REQUIRED_FIELDS[dataset] for name in group}
    for canonical in CANONICAL_FIELDS[dataset]:
        guess = guesses.get(canonical)
        if guess:
            comment = "" if guess.sure else "# "
            yield f"  {comment}{canonical}: {_source(guess.source)}  # {_examples(guess)}"
        elif canonical in required and not any(name in guesses for name in required[canonical]):
            meaning = MEANINGS.get(canonical, "text")
            yield (
                f"  # {canonical}: …  # the {meaning} is missing: use {{constant: …}} or name a "
                "field"
            )
    used = {guess.source.field for guess in guesses.values()}
    others = [name for name in opened.present if name not in used]
    if others:
        yield "# Fields without a guess, which would be kept in `rescued`:"
    for name in others[:_MOST_OTHERS]:
        values = (record.get(name) for record in opened.source.sample)
        example = next((str(value) for value in values if value not in (None, "")), "")
        yield f"#   {_quoted(name[:_LONGEST_EXAMPLE])}, such as {_example(example)}"
    if len(others) > _MOST_OTHERS:
        yield f"#   and {len(others) - _MOST_OTHERS:,} more"


def _profile_name(file_name: str) -> str:
    stem = file_name.partition(".")[0]
    letters = "".join(c if c.isascii() and c.isalnum() else "_" for c in stem)
    return letters.strip("_")[:_NAME_LENGTH] or "my_shop"


def _file_lines(opened: OpenFile) -> Iterator[str]:
    """Yield the format if it is not the usual one; else it is found out from each file."""
    found = opened.source.format
    if found.header is None:
        return
    facts = {
        "charset": found.charset if found.charset != "utf-8" else None,
        "delimiter": found.delimiter if found.delimiter != "," else None,
    }
    texts = [f"{key}: {_quoted(value)}" for key, value in facts.items() if value]
    if texts:
        yield f"file: {{{', '.join(texts)}}}"
    if any(name.replace(".", "").isdecimal() for name in found.header):
        yield "# The first line may be data. Then name the columns: file: {columns: [..., ...]}"


def _source(source: Source) -> str:
    """Return a source as YAML, without the conversions that it does not need."""
    field = _scalar(source.field or "")
    words = {"true": source.true, "false": source.false}
    parts = [f"{key}: [{', '.join(map(_quoted, value))}]" for key, value in words.items() if value]
    if source.pattern:
        parts.append(f"pattern: {_quoted(source.pattern)}")
    if source.unit != "seconds":
        parts.append(f"unit: {source.unit}")
    if source.order != "year month day":
        parts.append(f"order: {source.order}")
    return f"{{field: {field}, {', '.join(parts)}}}" if parts else field


def _examples(guess: Guess) -> str:
    return f"such as {', '.join(map(_example, guess.examples))}" if guess.examples else "empty"


def _example(text: str) -> str:
    return _quoted(f"{text[:_LONGEST_EXAMPLE]}…" if len(text) > _LONGEST_EXAMPLE else text)


def _scalar(text: str) -> str:
    plain = text.replace("_", "").replace(".", "")
    return text if plain.isascii() and plain.isalnum() and plain[0].isalpha() else _quoted(text)


def _quoted(text: str) -> str:
    """Return a text in the double quotes of YAML, with escapes for what cannot be seen."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return (
        f"\\x{code:02X}" if code < 256 else f"\\u{code:04X}" if code < 65536 else f"\\U{code:08X}"
    )
