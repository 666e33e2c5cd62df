"""Diagrams as text: the layout has room for everything, and no text breaks out of its place."""

from itertools import combinations, pairwise
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from selfheal.diagrams.diagram import Arrow, Box, Diagram
from selfheal.diagrams.layout import COLUMN, HEIGHT, WIDTH, layout_of
from selfheal.diagrams.svg import svg_of
from selfheal.diagrams.text import dot_of, mermaid_of

HOSTILE = 'x"];--><script>alert(1)</script>\n#`\\ & \0'


def diagram(size: int, *pairs: tuple[int, int]) -> Diagram:
    boxes = tuple(Box(str(number), f"task {number}") for number in range(size))
    return Diagram("all", boxes, tuple(Arrow(str(a), str(b)) for a, b in pairs))


@st.composite
def diagrams(draw) -> Diagram:
    size = draw(st.integers(1, 12))
    numbers = st.integers(0, size - 1)
    return diagram(size, *draw(st.lists(st.tuples(numbers, numbers), max_size=20)))


@given(diagrams())
@settings(max_examples=150, deadline=None)
def test_no_two_boxes_overlap_and_arrows_lead_to_the_right(drawn):
    layout = layout_of(drawn)

    assert set(layout.middles) == {box.key for box in drawn.boxes}
    for (x0, y0), (x1, y1) in combinations(layout.middles.values(), 2):
        assert abs(x0 - x1) >= WIDTH or abs(y0 - y1) >= HEIGHT - 0.01
    for x, y in layout.middles.values():
        assert WIDTH / 2 <= x <= layout.width - WIDTH / 2
        assert HEIGHT / 2 <= y <= layout.height - HEIGHT / 2
    for _, way in layout.ways:
        assert all(one[0] < other[0] for one, other in pairwise(way))


def test_each_box_stands_right_of_all_that_it_waits_for():
    layout = layout_of(diagram(4, (0, 1), (1, 2), (0, 2), (3, 2)))

    left = {key: x for key, (x, _) in layout.middles.items()}
    assert left["0"] == left["3"] == left["1"] - COLUMN == left["2"] - 2 * COLUMN


def test_a_long_arrow_passes_beside_the_boxes_of_the_columns_between():
    layout = layout_of(diagram(3, (0, 1), (1, 2), (0, 2)))

    ((_, waypoint, _),) = (way for _, way in layout.ways if len(way) == 3)
    assert abs(waypoint[1] - layout.middles["1"][1]) > HEIGHT / 2


def test_a_cycle_is_drawn_without_the_arrow_that_closes_it():
    layout = layout_of(diagram(2, (0, 1), (1, 0)))

    assert [(a.source, a.target) for a, _ in layout.ways] == [("0", "1")]


def test_svg_is_well_formed_whatever_the_text():
    drawn = Diagram(HOSTILE, (Box("a", HOSTILE, HOSTILE, "bad"), Box("b", "b")), (Arrow("a", "b"),))

    root = ElementTree.fromstring(svg_of(drawn))

    assert not root.findall(".//{*}script")
    assert len(root.findall(".//{*}rect")) == 3
    assert len(root.findall(".//{*}path[@marker-end]")) == 1
    assert "alert(1)" in "".join(root.itertext())


def test_mermaid_and_dot_keep_text_in_its_label():
    drawn = Diagram(
        "all", (Box("a", HOSTILE), Box("b", "b", tone="good")), (Arrow("a", "b", faint=True),)
    )

    mermaid, dot = mermaid_of(drawn), dot_of(drawn)

    assert mermaid.splitlines()[1].startswith('  n0["x#quot;];--#gt;#lt;script#gt;')
    assert '  n1["b"]:::good' in mermaid
    assert "  n0 -.-> n1" in mermaid
    assert mermaid.count('"') == 4
    assert '  "a" -> "b" [style=dashed];' in dot
    assert '[label="x\\"];-->' in dot


def test_an_empty_diagram_can_be_drawn():
    empty = Diagram("nothing yet", ())

    assert ElementTree.fromstring(svg_of(empty)) is not None
    assert mermaid_of(empty) == "flowchart LR\n"
