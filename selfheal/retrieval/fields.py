"""What a text about code says, field by field: names, paths, frames of tracebacks, messages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from selfheal.retrieval.words import weighed

MOST_CHARACTERS: Final = 60_000
"""Of a text: what is longer is a log, and its beginning and end say what it is about."""

TITLE, PROSE, CODE, NOISE = 3.0, 1.0, 0.5, 0.1
"""Weights of words, by where they stand."""

SPOKEN_BELOW: Final = 0.3
"""Of a whole word below the title, where it is 1."""

_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_DETAIL: Final = re.compile(r"</?(?:details|summary|br|p|b|code|pre|img)[^>]*>", re.IGNORECASE)
_FENCE: Final = re.compile(r"^[ \t]*(?:```|~~~)[^\n]*\n(.*?)(?:^[ \t]*(?:```|~~~)|\Z)", re.M | re.S)
_INDENTED: Final = re.compile(r"(?:^(?: {4}|\t|[ \t]*>>>|[ \t]*\.\.\. )[^\n]*\n?)+", re.M)
_FRAME: Final = re.compile(r'File "([^"\n]+)", line (\d+)(?:, in ([^\n]+))?')
_PYTEST_FRAME: Final = re.compile(r"^([\w./\\-]+\.py):(\d+): (?:in (\w+)|\w*)", re.M)
_IPYTHON_FRAME: Final = re.compile(
    r"^([~\w./\\-]+\.pyx?) in ([\w<>.]+)\(|File ([~\w./\\-]+\.py):(\d+), in ([\w.<>]+)", re.M
)
_LINK: Final = re.compile(r"/(?:blob|tree|raw)/[^/\s]+/([\w./-]+\.\w+)(?:#L(\d+))?")
_URL: Final = re.compile(r"https?://[^\s)>\]]+")
_PATH: Final = re.compile(
    r"(?<![\w/.:-])((?:[\w.-]+/)*[\w-]+\.(?:pyx?|js|jsx|ts|tsx|go|java|rs))\b"
)
_DOTTED: Final = re.compile(r"(?<![\w./])([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)")
_TICKED: Final = re.compile(r"(?<!`)`{1,3}([^`\n]{1,200})`")
_CALL: Final = re.compile(r"(?<![\w.])([A-Za-z_]\w{2,})\(")
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_PLAIN: Final = re.compile(r"(?<![\w.])[a-z]{4,}(?![\w.])")
_ERROR: Final = re.compile(
    r"^(?:E[ \t]+)?([A-Za-z_][\w.]*(?:Error|Exception|Warning)): +(\S[^\n]{5,300})", re.M
)
_QUOTED: Final = re.compile(r"\"([^\"\n]{8,160})\"|'([^'\n]{8,160})'")
_FROM: Final = re.compile(r"^[ \t>.]*from[ \t]+([\w.]+)[ \t]+import[ \t]+([^\n#]+)", re.M)
_IMPORT: Final = re.compile(r"^[ \t>.]*import[ \t]+([\w.]+)(?:[ \t]+as[ \t]+(\w+))?", re.M)
_VERSION: Final = re.compile(
    r"^[ \t]*[-*\"]?[ \t]*[\w. -]{1,40}?[ \t]*(?:[:=]+|[ \t])[ \t]*v?\d+(?:\.\d+)+\S*[ \t]*$", re.M
)
_NOISY: Final = re.compile(
    r"(?im)^(?:#+\s*|\*\*)?(?:[\w /]*versions?|environment(?: info)?|your system|system info\w*|"
    r"output of .*|installed (?:packages|versions)|os / environment|additional context|"
    r"checklist|python version|additional dependencies)\b[^\n]*$"
)


@dataclass(frozen=True, slots=True)
class Frame:
    """A line of a traceback, as it was written; `line` is 0 where it was not said."""

    path: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class Fields:
    """A text, taken apart.

    `words`, those of the `title` (its first line) by themselves, and `names` (single identifiers)
    have weights; `spoken` is every word as it is written, in small letters: 1 in the title, less in
    what follows; `dotted` are names with their modules or owners, aliases of imports resolved;
    `frames` come outermost first; `messages` are what errors said, and long quotations.
    """

    title: dict[str, float]
    words: dict[str, float]
    spoken: dict[str, float]
    names: dict[str, float]
    dotted: dict[str, float]
    paths: dict[str, float]
    frames: tuple[Frame, ...]
    messages: tuple[str, ...]


def fields_of(text: str) -> Fields:
    """The fields of an issue, a traceback, a failing test's output, or a sentence."""
    text = _shortened(text.replace("\r\n", "\n"))
    text = _DETAIL.sub(" ", _COMMENT.sub("", text))
    title, _, body = text.strip().partition("\n")
    prose, blocks = _without_code(body)
    prose, noise = _without_noise(prose)
    frames = tuple(_frames(text))
    code = "\n".join(blocks)
    said = _URL.sub(" ", prose)
    return Fields(
        title=weighed({title: 1.0}),
        words=_words(title, said, code, noise),
        spoken=dict.fromkeys(_spoken(body), SPOKEN_BELOW) | dict.fromkeys(_spoken(title), 1.0),
        names=_names(title, said, code),
        dotted=_dotted(title, said, code),
        paths=_paths(title, prose, code),
        frames=frames,
        messages=tuple(_messages(text)),
    )


def _shortened(text: str) -> str:
    half = MOST_CHARACTERS // 2
    return text if len(text) <= MOST_CHARACTERS else f"{text[:half]}\n{text[-half:]}"


def _without_code(body: str) -> tuple[str, list[str]]:
    blocks = [match[1] for match in _FENCE.finditer(body)]
    body = _FENCE.sub("\n", body)
    blocks += [match[0] for match in _INDENTED.finditer(body)]
    return _INDENTED.sub("\n", body), blocks


def _without_noise(prose: str) -> tuple[str, str]:
    """Lists of versions say nothing, and their modules have names of their own."""
    noise = "\n".join(_VERSION.findall(prose) + _NOISY.findall(prose))
    return _NOISY.sub("", _VERSION.sub("", prose)), noise


def _words(title: str, said: str, code: str, noise: str) -> dict[str, float]:
    code = _VERSION.sub("", code)
    texts: dict[str, float] = {}
    for text, weight in ((title, TITLE), (said, PROSE), (code, CODE), (noise, NOISE)):
        texts[text] = texts.get(text, 0.0) + weight
    ticked = "\n".join(_TICKED.findall(said))
    texts[ticked] = texts.get(ticked, 0.0) + PROSE
    return {word: min(weight, 12.0) ** 0.5 for word, weight in weighed(texts).items() if weight}


def _spoken(text: str) -> set[str]:
    return set(map(str.lower, _NAME.findall(text)))


def _names(title: str, said: str, code: str) -> dict[str, float]:
    found: dict[str, float] = {}

    def note(name: str, weight: float) -> None:
        if len(name) > 2 or name[:1].isupper():
            found[name] = max(found.get(name, 0.0), weight)

    for text, weight in ((title, 1.0), (said, 0.8), (code, 0.5)):
        for mark in _TICKED.findall(text):
            for name in _NAME.findall(mark):
                note(name, weight)
        for name in _NAME.findall(text):
            if _looks_like_code(name):
                note(name, weight)
        for name in _CALL.findall(text):
            note(name, weight)
        for dotted in _DOTTED.findall(text):
            for name in dotted.split("."):
                note(name, weight * 0.8)
    for name in _PLAIN.findall(title):
        note(name, 0.35)
    return found


def _looks_like_code(name: str) -> bool:
    return "_" in name.strip("_") or re.search(r"[a-z][A-Z]|[A-Z]{2,}[a-z]", name) is not None


def _dotted(title: str, said: str, code: str) -> dict[str, float]:
    aliases = dict(_aliases(code))
    found: dict[str, float] = {}
    for text, weight in ((title, 1.0), (said, 0.9), (code, 0.6)):
        for dotted in _DOTTED.findall(text):
            head, _, rest = dotted.partition(".")
            full = f"{aliases[head]}.{rest}" if head in aliases else dotted
            found[full] = max(found.get(full, 0.0), weight)
        for name in _CALL.findall(text):
            if name in aliases:
                found[aliases[name]] = max(found.get(aliases[name], 0.0), weight)
    for full in aliases.values():
        found.setdefault(full, 0.3)
    return found


def _aliases(code: str) -> Iterator[tuple[str, str]]:
    """What names mean in the code of a text, by its imports."""
    for module, names in _FROM.findall(code):
        for part in names.strip("() ").split(","):
            words = part.split()
            if words and _NAME.fullmatch(words[0]):
                yield words[-1], f"{module}.{words[0]}"
            elif words == ["*"]:
                yield module, module
    for module, alias in _IMPORT.findall(code):
        yield alias or module, module


def _paths(title: str, prose: str, code: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for text, weight in ((title, 1.0), (prose, 0.9), (code, 0.4)):
        for path, _ in _LINK.findall(text):
            found[path] = 1.0
        for path in _PATH.findall(_URL.sub(" ", text)):
            found[path] = max(found.get(path, 0.0), weight)
    return found


def _frames(text: str) -> Iterator[Frame]:
    for path, line, function in _FRAME.findall(text):
        yield Frame(_slashed(path), int(line), function.strip())
    for path, line, function in _PYTEST_FRAME.findall(text):
        yield Frame(_slashed(path), int(line), function)
    for old, function, path, line, owner in _IPYTHON_FRAME.findall(text):
        yield Frame(_slashed(old or path), int(line or 0), (function or owner).rpartition(".")[2])


def _slashed(path: str) -> str:
    return path.replace("\\", "/")


def _messages(text: str) -> Iterator[str]:
    for _, message in _ERROR.findall(text):
        yield message.strip()
    for double, single in _QUOTED.findall(text):
        if " " in (quoted := (double or single).strip()):
            yield quoted
