"""Every requirement of RFC 9420 has its code and its test, and every rule of the code stands in the table."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache

from tests.rules.house import ROOT, functions, listing
from tools.rules_table import PAGE, Row, is_must, listed, page, table

CODE, TESTS = ROOT / "src/aparte/mls", ROOT / "tests/unit/mls"
NUMBER = re.compile(r"\d+(\.\d+)+(/[a-z-]+)?")
MENTION = re.compile(r"\brules? ((?:\d+(?:\.\d+)+(?:/[a-z-]+)?(?:, | and )?)+)")

#: How often the word MUST stands in each section of RFC 9420 §§5–13 and 16 (one of them in pseudocode: 12.4.3.3.3).
MUSTS = {
    "5.1.2": 1, "5.3": 1, "5.3.1": 2, "5.3.3": 1,
    "6": 1, "6.1": 7, "6.2": 3, "6.3.1": 8, "6.3.2": 2,
    "7.1": 1, "7.2": 7, "7.3": 2, "7.5": 3, "7.6": 2, "7.8": 1, "7.9.2": 2,
    "8.4": 2, "9.1": 1, "9.2": 2, "10": 8,
    "11": 2, "11.2": 5, "11.3": 6,
    "12.1": 1, "12.1.4": 1, "12.1.8": 3, "12.2": 4, "12.3": 3,
    "12.4": 4, "12.4.1": 5, "12.4.2": 3, "12.4.3": 4, "12.4.3.1": 2, "12.4.3.2": 6, "12.4.3.3": 4,
    "13.2": 1, "13.4": 10, "13.5": 6, "16.3": 1, "16.7": 1,
}  # fmt: skip


# -- the table against the RFC --------------------------------------------------------------------------------------
def miscounted(rules: Mapping[str, Row]) -> dict[str, str]:
    """Sections whose ordinals are not 1, 2, … up to their number of requirements."""
    found: dict[str, list[int]] = {}
    for number in filter(is_must, rules):
        section, _, ordinal = number.rpartition(".")
        found.setdefault(section, []).append(int(ordinal))
    expected = {section: list(range(1, count + 1)) for section, count in MUSTS.items()}
    sections = sorted(found.keys() | expected.keys())
    return {
        section: f"has {found.get(section)}, should have {expected.get(section)}"
        for section in sections
        if sorted(found.get(section, [])) != expected.get(section, [])
    }


def unfounded(rules: Mapping[str, Row]) -> dict[str, str]:
    """Rows that say too much or too little."""
    faults = {}
    for number, row in rules.items():
        words = len(str(row.get("says", "")).split())
        if not 0 < words <= 15:
            faults[number] = f"paraphrased in {words} words, not 1 to 15"
        elif "not_applicable" in row and row.keys() != {"says", "not_applicable"}:
            faults[number] = "not applicable, and yet with code or tests"
        elif "not_applicable" not in row and not (listed(row, "code") and listed(row, "tests")):
            faults[number] = "lacks code or tests"
        elif row.keys() - {"says", "code", "tests", "raises", "not_applicable"}:
            faults[number] = "has a field that means nothing"
    return faults


# -- the table against the code -------------------------------------------------------------------------------------
@cache
def qualified(path: str) -> dict[str, ast.AST]:
    """Qualified name → node of all functions of a file; empty if there is no such file."""
    file = ROOT / path
    return {name: node for name, node, _ in functions(file.read_text(), path)} if file.is_file() else {}


def absent(rules: Mapping[str, Row]) -> dict[str, str]:
    """Rows that name code or tests which do not exist."""
    faults = {}
    for number, row in rules.items():
        places = [(CODE, place) for place in listed(row, "code")] + [(TESTS, place) for place in listed(row, "tests")]
        for folder, place in places:
            path, _, name = place.partition("::")
            if name not in qualified(str((folder / path).relative_to(ROOT))):
                faults[f"{number} {place}"] = "does not exist"
    return faults


def numbers_in(node: ast.AST) -> Iterator[str]:
    """The rule numbers that stand as strings below a node, docstrings not counted: those are longer."""
    for child in ast.walk(node):
        if isinstance(child, ast.Constant) and isinstance(child.value, str) and NUMBER.fullmatch(child.value):
            yield child.value


@cache
def refusing() -> dict[str, set[str]]:
    """Rule number → module::function of each place in the engine that refuses by it."""
    found: dict[str, set[str]] = {}
    for file in sorted(CODE.glob("*.py")):
        for name, node in qualified(str(file.relative_to(ROOT))).items():
            for number in numbers_in(node):
                found.setdefault(number, set()).add(f"{file.name}::{name}")
    return found


def outside_functions() -> list[str]:
    """Rule numbers of the engine that stand in no function, where nothing could be refused by them."""
    lost = []
    for file in sorted(CODE.glob("*.py")):
        inside = Counter(n for node in qualified(str(file.relative_to(ROOT))).values() for n in numbers_in(node))
        lost += [number for number in numbers_in(ast.parse(file.read_text())) if number not in inside]
    return lost


def mismatched(rules: Mapping[str, Row], places: Mapping[str, set[str]]) -> dict[str, str]:
    """Rules of the code that the table does not have, or has elsewhere, and references to no rule."""
    faults = {f"{number}": "is not in the table" for number in places.keys() - rules.keys()}
    for number, row in rules.items():
        missing = places.get(number, set()) - set(listed(row, "code"))
        if missing:
            faults[number] = f"is also refused in {', '.join(sorted(missing))}"
        if not is_must(number) and number not in places:
            faults[number] = "is refused nowhere, and no requirement either"
        for other in listed(row, "raises"):
            if other not in places:
                faults[number] = f"is said to be refused as {other}, which nothing is"
        if number in places and number in listed(row, "raises"):
            faults[number] = "is refused by its own number: no need to say so"
    return faults


def mentioned() -> dict[str, set[str]]:
    """Rule numbers in the engine's comments and docstrings → files."""
    found: dict[str, set[str]] = {}
    for file in sorted(CODE.glob("*.py")):
        for match in MENTION.finditer(file.read_text()):
            for number in NUMBER.finditer(match[1]):
                found.setdefault(number[0], set()).add(file.name)
    return found


# -- the table against the tests ------------------------------------------------------------------------------------
def provoked(place: str) -> set[str]:
    """The rule numbers that a test speaks of: in its body, or in a table of its module that it names."""
    path, _, name = place.partition("::")
    relative = str((TESTS / path).relative_to(ROOT))
    node = qualified(relative).get(name)
    if node is None:
        return set()
    names = {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}
    found = set(numbers_in(node))
    for statement in ast.parse((ROOT / relative).read_text()).body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        if any(isinstance(target, ast.Name) and target.id in names for target in targets):
            found.update(numbers_in(statement))
    return found


def unprovoked(rules: Mapping[str, Row], places: Mapping[str, set[str]]) -> dict[str, str]:
    """Rules that the code refuses by, or is said to, without a test that provokes that number."""
    faults = {}
    for number, row in rules.items():
        numbers = [number] if number in places else listed(row, "raises")
        spoken = set().union(*(provoked(place) for place in listed(row, "tests")))
        lacking = [wanted for wanted in numbers if wanted not in spoken]
        if lacking:
            faults[number] = f"no test of it provokes {', '.join(lacking)}"
    return faults


# -- tests ------------------------------------------------------------------------------------------------------------
def test_every_must_is_in_the_table() -> None:
    assert sum(MUSTS.values()) == 129
    faults = miscounted(table())
    assert not faults, listing(faults)


def test_every_row_is_whole() -> None:
    faults = unfounded(table()) | absent(table())
    assert not faults, listing(faults)


def test_the_code_and_the_table_agree() -> None:
    faults = mismatched(table(), refusing())
    assert not faults, listing(faults)
    assert outside_functions() == []


def test_comments_name_rules_that_there_are() -> None:
    unknown = {number: ", ".join(files) for number, files in mentioned().items() if number not in table()}
    assert mentioned(), "nothing found: is the pattern right?"
    assert not unknown, listing(unknown)


def test_every_refusal_is_provoked_by_a_test() -> None:
    faults = unprovoked(table(), refusing())
    assert not faults, listing(faults)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(table()), "run tools/rules_table.py"


def test_control() -> None:
    rules = dict(table())
    places = {"99.1": {"join.py::join"}}
    one = {"says": "x", "code": ["join.py::join"], "tests": ["negative/test_welcomes.py::test_control"]}
    assert miscounted({number: row for number, row in rules.items() if number != "6.1.3"}).keys() == {"6.1"}
    assert miscounted({**rules, "6.1.8": one}).keys() == {"6.1"}
    assert miscounted({**rules, "99.1": one}).keys() == {"99"}
    faulty = {"1": {"says": "x " * 16}, "2": {"says": "x", "code": ["y"]}, "3": {**one, "other": "z"}}
    assert unfounded({**faulty, "4": one}).keys() == faulty.keys()
    assert unfounded({"1": {**one, "not_applicable": "because"}})
    assert len(absent({"1": {**one, "code": ["join.py::leave"], "tests": ["nowhere.py::test_control"]}})) == 2
    assert mismatched({}, places)
    assert mismatched({"99.1": {**one, "code": ["join.py::leave"]}}, places)
    assert mismatched({"7.3/none": one}, places)
    assert mismatched({"1.1": {**one, "raises": ["99.2"]}}, places)
    assert unprovoked({"99.1": one}, places)
    assert unprovoked({"1.1": {**one, "raises": ["99.1"]}}, places)
    assert provoked("negative/test_proposal_lists.py::test_a_bad_list") >= {"12.2.2/same-leaf"}
    assert "12.2.2/same-leaf" not in provoked("negative/test_proposal_lists.py::test_a_self_remove_by_value")
