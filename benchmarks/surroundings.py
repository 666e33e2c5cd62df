"""What the part of a repository that a plan reads knows, against the graph of the whole.

    python benchmarks/surroundings.py [NAME=]REPO... [--plans 8] [--seed 7]

Plans of ten steps, each about one function drawn from the commit of HEAD. Printed for each
repository (checked out or bare): the share of tests that the plan's graph finds of those that
reach the function in the graph of all files, by how many calls lie between; the share of what the
function calls; and the CPU time of both. One process, files known to the index beforehand.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time

from selfheal.code_planning.neighbourhood import Subject
from selfheal.code_planning.reading import FileReader
from selfheal.codegraph.graph import LIKELY, CallGraph, Node
from selfheal.codegraph.linking import link
from selfheal.codegraph.tests_impact import TestIndex, is_test_file
from selfheal.index.disk import DiskStore
from selfheal.index.index import Index
from selfheal.index.snapshot import Snapshot
from selfheal.workspace.repository import commit_at

STEPS = 10
NEAR = (1, 2, 3, 99)
"""Calls between a test and the function, at most; the last stands for all."""
SHORTEST_LINES = 5


@dataclass
class Tally:
    """Shares of what was found, one for each function of which there was anything to find."""

    by_distance: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    called: list[float] = field(default_factory=list)
    any_test: list[bool] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("repos", nargs="+", metavar="[NAME=]REPO")
    parser.add_argument("--plans", type=int, default=8)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    print("tests of the whole graph that are found, by calls between; what is called; CPU time")
    print(f"{'':<22}{'<= 1':>7}{'<= 2':>7}{'<= 3':>7}{'all':>7}{'any':>7}{'calls':>8}", end="")
    print(f"{'files':>12}{'a plan, s':>14}{'whole, s':>10}")
    for given in arguments.repos:
        name, _, path = given.rpartition("=")
        _compare(name or Path(path).name, Path(path), plans=arguments.plans, seed=arguments.seed)


def _compare(name: str, repo: Path, *, plans: int, seed: int) -> None:
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="selfheal-bench-") as scratch, ExitStack() as stack:
        store = stack.enter_context(DiskStore(Path(scratch)))
        snapshot = Snapshot.at(*commit_at(repo, "HEAD"))
        Index(store).fill(snapshot)
        reader = FileReader(snapshot, Index(store))
        begun = process_time()
        whole = link(reader.facts(reader.paths), reader.modules)
        seconds = process_time() - begun
        tests = TestIndex(whole)
        for nodes in _drawn(whole, plans=plans, seed=seed):
            part = _plan(nodes, FileReader(snapshot, Index(store)), tally)
            for node in nodes:
                _compare_one(node, part, whole, tests=tests, tally=tally)
    files = sum(node.kind == "module" for node in whole)
    shares = [_mean(tally.by_distance[near]) for near in NEAR]
    print(f"{name[:20]:<22}" + "".join(f"{share:7.2f}" for share in shares), end="")
    print(f"{_mean(tally.any_test):7.2f}{_mean(tally.called):8.2f}", end="")
    print(f"{_mean(tally.files):6.0f}/{files:<5}", end="")
    print(f"{_mean(tally.seconds):7.2f} ({max(tally.seconds):.2f}){seconds:10.1f}")


def _drawn(whole: CallGraph, *, plans: int, seed: int) -> Iterator[list[Node]]:
    drawn = random.Random(seed)
    pool = [node for node in whole if _is_fit(node)]
    for _ in range(plans):
        yield drawn.sample(pool, STEPS)


def _is_fit(node: Node) -> bool:
    is_source = not is_test_file(node.path) and "tests/" not in node.path
    is_long = node.end_line - node.line >= SHORTEST_LINES
    return node.kind in ("function", "method") and is_source and is_long


def _plan(nodes: list[Node], reader: FileReader, tally: Tally) -> CallGraph:
    subjects = [
        Subject((node.path,), (node.fq_name,), frozenset(node.fq_name.split(".")[-2:]))
        for node in nodes
    ]
    begun = process_time()
    part = link(reader.surroundings(subjects), reader.modules)
    tally.seconds.append(process_time() - begun)
    tally.files.append(len({node.path for node in part}))
    return part


def _compare_one(
    node: Node, part: CallGraph, whole: CallGraph, *, tests: TestIndex, tally: Tally
) -> None:
    called, known = _called(whole, node), _called(part, node)
    if called:
        tally.called.append(len(called & known) / len(called))
    found = set(TestIndex(part).reaching([node.fq_name]))
    distances = _distances(whole, node, tests)
    if distances:
        tally.any_test.append(bool(found & distances.keys()))
    for most in NEAR:
        near = {test for test, distance in distances.items() if distance <= most}
        if near:
            tally.by_distance[most].append(len(near & found) / len(near))


def _distances(graph: CallGraph, node: Node, tests: TestIndex) -> dict[str, int]:
    """The tests that reach a node, each with how many calls lie between."""
    distances: dict[str, int] = {}
    frontier = {node.fq_name}
    seen: set[str] = set()
    for distance in range(NEAR[-1]):
        if not frontier:
            break
        seen |= frontier
        for test in tests.run_by(frontier):
            distances.setdefault(test, distance)
        frontier = {
            edge.source
            for name in frontier
            for edge in graph.edges_to(name)
            if edge.confidence >= LIKELY and edge.kind != "imports"
        } - seen
    return distances


def _called(graph: CallGraph, node: Node) -> set[str]:
    return {edge.target for edge in graph.callees_of(node.fq_name) if edge.confidence >= LIKELY}


def _mean(values: list[float] | list[bool] | list[int]) -> float:
    return sum(values) / len(values) if values else float("nan")


if __name__ == "__main__":
    main()
