"""Tables of short texts: in columns for a terminal, and as HTML for a notebook."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from html import escape


def text_lines(
    rows: Sequence[Sequence[str]],  # as many cells in each; titles are the first row
    *,
    numbers: Collection[int] = (),  # the places of the columns that stand at their right edge
) -> list[str]:
    """Return a line for each row, its cells below those of the row before.

    Examples
    --------
    >>> text_lines([("name", "count"), ("order", "3")])
    ['name   count', 'order  3']
    >>> text_lines([("name", "count"), ("order", "3")], numbers=[1])
    ['name   count', 'order      3']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    pads = [str.rjust if place in numbers else str.ljust for place in range(len(widths))]
    lines = []
    for row in rows:
        cells = [pad(cell, width) for pad, cell, width in zip(pads, row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return lines


def shortened(text: str, width: int) -> str:
    """Return a text in so many characters: of a longer one its beginning and its end.

    Examples
    --------
    >>> shortened("GET /a/very/long/path/to/item", 21)
    'GET /a/ve...h/to/item'
    """
    if len(text) <= width:
        return text
    kept = width - 3
    return f"{text[: (kept + 1) // 2]}...{text[-(kept // 2) :]}"


def html_table(
    titles: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    caption: str = "",
    is_text: bool = False,  # whether cells begin at the left; a notebook puts them to the right
) -> str:
    """Return a table of HTML; what it holds is escaped, and the first cell names its row.

    Examples
    --------
    >>> html_table(["name"], [["<b>"]]).partition("<tbody>")[2]
    "<tr><th scope='row'>&lt;b&gt;</th></tr></tbody></table>"
    """
    head = "".join(f"<th scope='col'>{escape(title)}</th>" for title in titles)
    side = " style='text-align:left'" if is_text else ""
    body = "".join(
        f"<tr><th scope='row'{side}>{escape(first)}</th>"
        + "".join(f"<td{side}>{escape(cell)}</td>" for cell in others)
        + "</tr>"
        for first, *others in rows
    )
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{above}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
