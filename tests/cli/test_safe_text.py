"""Nothing reaches a terminal but SafeText, in which every value is visible: proved by types and by the source."""

import ast
import inspect
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import custmerge.cli
from custmerge.cli import drawing, terminal
from custmerge.cli.language import SafeText, _, json_safe, literal, ngettext, visible
from custmerge.cli.render.text.parts import Cell, Column, Grid, Line, Page, Part, Table

PACKAGE = Path(custmerge.cli.__file__).parent
FILES = {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")}
MAKES_SAFE_TEXT = {"language.py", "words.py"}
WRITES = {"terminal.py", "streams.py", "line_editing.py"}
DRAWS = {"drawing.py", "terminal.py", "progress.py", "markdown.py"}
HOSTILE = "\x1b[31m\u202e\n{x}"
SHOWN = "\\x1b[31m\\u202e\\n{x}"


def nodes(kind):
    """Give every node of a kind with the file that has it."""
    return [(file, node) for file, tree in FILES.items() for node in ast.walk(tree) if isinstance(node, kind)]


def calls(*names):
    return [
        (file, node) for file, node in nodes(ast.Call) if isinstance(node.func, ast.Name) and node.func.id in names
    ]


def test_every_way_to_put_a_value_into_a_safe_text_makes_it_visible():
    class Hostile:
        def __str__(self):
            return HOSTILE

    assert visible(HOSTILE) == SHOWN
    for value in (HOSTILE, Hostile()):
        assert literal("{value}\n{count:>3}").format(value=value, count=7) == f"{SHOWN}\n  7"
        assert literal("{}").format(value) == SHOWN
        assert _("There is no command {name}.").format(name=value).endswith(f"{SHOWN}.")
    assert literal(", ").join([HOSTILE, visible("a\n")]) == f"{SHOWN}, a\\n"
    assert json_safe('"\x7f"') == '"\\u007f"'


def test_what_is_safe_is_not_changed_when_it_is_put_into_another_text():
    lines = literal("a\nb")
    assert literal("{lines}").format(lines=lines) == "a\nb"
    assert literal("\n").join([lines, lines]) == "a\nb\na\nb"


@pytest.mark.parametrize(
    "text",
    [
        literal("{x}").format(x="y"),
        literal(", ").join(["x"]),
        literal("x ").rstrip(),
        _("Name"),
        ngettext("{count} row", "{count} rows", 2),
        visible("ä\n"),
        json_safe("ä"),
    ],
)
def test_every_way_to_make_safe_text_returns_it(text):
    assert type(text) is SafeText


def test_only_one_module_makes_safe_text():
    made = {file for file, node in nodes(ast.Name) if node.id == "SafeText" and is_called(file, node)}
    assert made == MAKES_SAFE_TEXT


def is_called(file, name):
    return any(isinstance(node, ast.Call) and node.func is name for node in ast.walk(FILES[file]))


def test_no_module_gets_around_the_types():
    assert calls("cast") == []
    assert [file for file in FILES if "type: ignore" in (PACKAGE / file).read_text("utf-8")] == []


def test_a_literal_and_a_text_for_translation_stand_in_their_call():
    assert [(file, node.lineno) for file, node in calls("literal") if not is_of_the_program(node.args[0])] == []
    texts = [(file, node.lineno, text) for file, node in calls("_", "N_") for text in node.args[:1]]
    texts += [(file, node.lineno, text) for file, node in calls("ngettext") for text in node.args[:2]]
    # What words.py translates is a value of its tables, a sentence of errors.py, or made visible.
    elsewhere = [(file, line) for file, line, text in texts if file != "words.py" and not is_of_the_program(text)]
    assert elsewhere == []


def is_of_the_program(node):
    """Whether an expression is a string of the source, or an entry of a table of such."""
    match node:
        case ast.Constant(value=str()):
            return True
        case ast.Name(id=name):
            return name.isupper()
        case ast.Subscript(value=table):
            return is_of_the_program(table)
        case ast.Call(func=ast.Name(id="next_step")):
            return True
    return False


def test_only_the_terminal_and_the_writer_of_data_write_to_standard_streams():
    names = [(file, node) for file, node in nodes(ast.Name) if node.id == "print"]
    streams = [(file, node) for file, node in nodes(ast.Attribute) if node.attr in ("stdout", "stderr")]
    assert {file for file, _node in names + streams} == WRITES


def test_only_the_terminal_and_the_bar_use_rich():
    imports = [(file, node.module) for file, node in nodes(ast.ImportFrom)]
    imports += [(file, name.name) for file, node in nodes(ast.Import) for name in node.names]
    assert {file for file, module in imports if module and module.partition(".")[0] == "rich"} == DRAWS


def test_the_terminal_takes_nothing_but_safe_text():
    methods = [method for name, method in inspect.getmembers(terminal.Terminal, inspect.isfunction) if name[0] != "_"]
    hints = {
        (function.__name__, name): hint
        for function in (*methods, terminal.print_line, terminal.print_message, drawing.as_text, drawing.drawn)
        for name, hint in get_type_hints(function, localns={"RenderableType": object, "Console": object}).items()
        if name != "return"
    }
    taken = {key for key, hint in hints.items() if hint is str}
    # The names of options, in an error where nobody can be asked; values and answers, which `format` makes visible.
    assert {name for _function, name in taken} == {"option", "default"}
    assert {name for (_function, name), hint in hints.items() if hint is object} == {"values"}


def test_a_part_is_made_of_safe_text_and_cells_are_made_visible():
    assert set(get_args(Part)) == {SafeText, Line, Table, Grid, Page}
    assert set(get_args(Cell)) == {Line, str, int, type(None)}
    for kind in (Line, Column, Table, Grid, Page):
        assert str not in get_type_hints(kind).values() or kind is Line
    assert get_type_hints(Line)["text"] is SafeText
    table = Table((literal("x"), Column(literal("y"))), [(HOSTILE, Line(visible(HOSTILE))), (1, None)])
    text = drawing.as_text([table, Grid([(HOSTILE,)])])
    assert text.count(SHOWN) == 3
    assert "\x1b" not in text
