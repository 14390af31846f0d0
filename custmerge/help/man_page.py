"""Makes the man page of pages of the manual, when the package is built or installed."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

# Topic of the manual → its section, which has the name that man(7) has for it.
SECTIONS = {
    "commands": "COMMANDS",
    "rules": "RULES OF A MERGE",
    "exit-codes": "EXIT STATUS",
    "settings": "ENVIRONMENT",
    "files": "FILES",
    "glossary": "GLOSSARY",
}
SYNOPSIS = "`custmerge [OPTION]… COMMAND …`\n\n`custmerge help [TOPIC|COMMAND]`"
SEE_ALSO = "`custmerge help` lists all pages of the manual, `custmerge help COMMAND` shows the options of a command."
_FONTS = {"strong": "B", "em": "I"}
_ESCAPED = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"}
_BULLET, _INDENT = r"\(bu", 4


def man_page(root: Path, *, version: str, description: str) -> str:
    """Return the man page of the source tree at `root` in man(7)'s macros, ASCII alone."""
    pages = root / "custmerge" / "help" / "en"
    introduction = (root / "README.md").read_text("utf-8").split("\n\n")[1]
    lines = [
        f'.TH CUSTMERGE 1 "" "custmerge {escaped(version)}" "custmerge"',
        # An option that is hyphenated can't be copied.
        *(".nh", ".ad l"),
        *(".SH NAME", rf"custmerge \- {escaped(description)}"),
        *(".SH SYNOPSIS", *blocks(SYNOPSIS)),
        *(".SH DESCRIPTION", *blocks(introduction)),
    ]
    for topic, section in SECTIONS.items():
        # Its first line is the heading, in whose place the section's name stands.
        text = (pages / f"{topic}.md").read_text("utf-8").partition("\n")[2]
        lines += [f".SH {section}", *blocks(text)]
    return "\n".join([*lines, ".SH SEE ALSO", *blocks(SEE_ALSO), ""])


def blocks(markdown: str) -> Iterator[str]:
    """Give the lines of man(7) for a Markdown text."""
    tree = SyntaxTreeNode(MarkdownIt().enable("table").parse(markdown))
    for node in tree.children:
        yield from _block(node)


def _block(node: SyntaxTreeNode) -> Iterator[str]:
    match node.type:
        case "heading":
            yield from (f".SS {_text(node)}",)
        case "paragraph":
            yield from (".PP", _line(_text(node)))
        case "fence":
            yield from (".PP", ".RS 4", ".nf", *map(_line, map(escaped, node.content.splitlines())), ".fi", ".RE")
        case "bullet_list" | "ordered_list":
            for number, item in enumerate(node.children, start=1):
                yield from _item(item, _BULLET if node.type == "bullet_list" else f"{number}.")
        case "table":
            yield from _rows(node)
        case other:
            # What no page has so far shall not get lost in silence.
            raise ValueError(f"a man page has nothing for Markdown's {other}")


def _item(item: SyntaxTreeNode, mark: str) -> Iterator[str]:
    for position, node in enumerate(item.children):
        if node.type == "paragraph":
            yield from (f'.IP "{mark if not position else ""}" {_INDENT}', _line(_text(node)))
        else:
            yield from (f".RS {_INDENT}", *_block(node), ".RE")


def _rows(table: SyntaxTreeNode) -> Iterator[str]:
    """Give a tagged paragraph for each row; its third cell and later ones with their columns' heads."""
    head, body = table.children
    heads = [_text(cell) for cell in head.children[0].children]
    for row in body.children:
        first, *others = [_text(cell) for cell in row.children]
        yield from (".TP", _line(first))
        told = [rf"\fI{name}:\fR {cell}" for name, cell in zip(heads[2:], others[1:], strict=True) if cell]
        yield _line("; ".join([others[0], *told]))


def _text(node: SyntaxTreeNode) -> str:
    return "".join(_inline(node.children[0].children)) if node.children else ""


def _inline(nodes: Iterable[SyntaxTreeNode]) -> Iterator[str]:
    for node in nodes:
        match node.type:
            case "text":
                yield escaped(node.content)
            case "softbreak":
                yield " "
            case "code_inline":
                yield rf"\fB{escaped(node.content)}\fR"
            case "strong" | "em":
                yield rf"\f{_FONTS[node.type]}{''.join(_inline(node.children))}\fR"
            case "link":
                target = str(node.attrs["href"])
                yield "".join(_inline(node.children))
                # The words of a link inside the manual say where it leads.
                yield f" <{escaped(target)}>" if ":" in target else ""
            case other:
                raise ValueError(f"a man page has nothing for Markdown's {other}")


def escaped(text: str) -> str:
    """Return a text in which nothing means anything to roff, in ASCII."""
    return "".join(_ESCAPED.get(c) or (c if c.isascii() else f"\\[u{ord(c):04X}]") for c in text)


def _line(text: str) -> str:
    r"""Return a line that isn't taken for a request: `\&` is nothing, before a `.`."""
    return rf"\&{text}" if text.startswith(".") else text
