"""Test code alone tells whether a test can stand apart from its program."""

import subprocess
import sys
from pathlib import Path

import pytest
import separation
from hypothesis import given
from hypothesis import strategies as st

trust = separation.load_trust()

PROGRAM = """
def double(x): return 2 * x
def total(*numbers, start=0): return sum(numbers, start)
def order(xs): xs.sort()
def divide(a, b):
    if b == 0: raise ValueError("zero")
    return a / b
def words(text): return text.split()
def squares(n): return {i: i * i for i in range(n)}
def Average(xs): return total(*xs) / len(xs)
"""

APART = {
    "a call": "assert double(1) == 2",
    "several of the program's functions": "assert double(1) == 2 == divide(4, 2)",
    "keyword and spread arguments": "assert total(*[1, 2], **{'start': 3}) == 6",
    "arguments changed in place": "xs = [3, 1]\norder(xs)\nassert xs == [1, 3]",
    "a function of the test that gets the program's": "def check(f):\n    assert f(1) == 2\ncheck(double)",
    "one that gets the arguments too": "def run(f, *a, want): assert f(*a) == want\nrun(total, 1, 2, want=3)",
    "another name": "f = double\ng = f\nassert g(1) == 2",
    "a choice of functions": "f = double if 1 else divide\nassert f(1) == 2",
    "functions in a list": "for f in (double, total):\n    f(1)",
    "functions in a dict": "fs = {'a': double}\nfor name, f in fs.items():\n    assert f(1) == 2",
    "map": "assert list(map(double, [1, 2])) == [2, 4]",
    "filter": "assert [*filter(double, [0, 1])] == [1]",
    "sorted": "assert sorted([1, 2], key=double) == [1, 2]",
    "min and max": "assert min([1, 2], key=double) == 1 == max(double(0), 1)",
    "reduce": "from functools import reduce\nassert reduce(total, [1, 2, 3]) == 6",
    "partial": "from functools import partial\nassert partial(total, 1)(2) == 3",
    "starmap": "import itertools\nassert sum(itertools.starmap(divide, [(4, 2)])) == 2",
    "list.sort": "xs = [2, 1]\nxs.sort(key=double)\nassert xs == [1, 2]",
    "a lambda around the program": "f = lambda x: double(x)\nassert f(1) == max([2, 3], key=lambda x: -double(x))",
    "a closure": "def make():\n    def inner(x): return double(x)\n    return inner\nassert make()(1) == 2",
    "a decorator of the test's": (
        "def twice(f):\n    def inner(*a): return f(*a), f(*a)\n    return inner\n"
        "@twice\ndef check(x): return double(x)\nassert check(1) == (2, 2)"
    ),
    "a reference in the test": (
        "from functools import lru_cache\n@lru_cache(None)\n"
        "def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)\nassert double(fib(5)) == 10"
    ),
    "a generator of the test's": "def some():\n    yield 1\nassert [double(x) for x in some()] == [2]",
    "methods of what is returned": "assert words('a b')[0].upper().strip() == 'A'",
    "items of what is returned": "assert squares(3)[2] == 4 and list(squares(2).items()) == [(0, 0), (1, 1)]",
    "attributes that plain data has": "assert double(1j).imag == 2",
    "what a function returned, given to it again": "assert double(double(1)) == 4",
    "results put in order": "xs = words('b a')\nxs.sort()\nassert xs == ['a', 'b']",
    "results in a list of the test's": "xs = []\nfor i in range(3):\n    xs.append(double(i))\nassert xs == [0, 2, 4]",
    "results taken apart": "(a, *b), c = words('x y z'), 1\nassert a == 'x' and b == ['y', 'z']",
    "results iterated over": "assert [x for x in words('a b')] == ['a', 'b'] and next(iter(squares(1))) == 0",
    "results as text": "assert f'{double(1)!r:>2}' == ' 2' and '%s' % double(1) == str(double(1))",
    "a comparison within a tolerance": "import math\nassert math.isclose(divide(1, 3), 0.333, rel_tol=0.01)",
    "plain data of the library": "import math, string\nassert divide(math.pi, 1) == math.pi and words(string.digits)",
    "random arguments": (
        "import random\nrng = random.Random(1)\nfor _ in range(9):\n"
        "    x = rng.randint(1, 9)\n    assert double(x) == 2 * x\nassert double(random.choice([1])) == 2"
    ),
    "copies": "import copy\nxs = [2, 1]\nold = copy.deepcopy(xs)\norder(xs)\nassert old == [2, 1]",
    "lists of iterators": "order(list(map(str, [2, 1])))\norder([*zip('a', 'b')])\norder(sorted({1: 2}.items()))",
    "Python's own exceptions": (
        "try:\n    divide(1, 0)\n    assert False\nexcept (ValueError, TypeError) as error:\n"
        "    assert str(error) == 'zero' and type(error) is ValueError"
    ),
    "the type of what is returned": "assert type(double(1)) is int and isinstance(words('a'), (list, tuple))",
    "identity with None": "assert order([]) is None and double(1) is not None",
    "a unittest": (
        "import unittest\nclass Test(unittest.TestCase):\n    def test(self):\n        self.assertEqual(double(1), 2)\n"
        "        with self.assertRaises(ValueError):\n            divide(1, 0)\nTest('test').debug()"
    ),
    "objects of the test's own": (
        "class Case:\n    def __init__(self, x): self.x = x\n    def copy(self): return Case(self.x)\n"
        "case = Case(1)\ncase.want = 2\nassert double(3) == 6"
    ),
    "a capitalised function": "assert Average([1, 2]) == 1.5 and abs(Average([1]) - 1) < 1e-6",
    "typing": "from typing import List\ndef check(f, xs: List[int]) -> None: f(xs)\ncheck(order, [1])",
    "code under another name": "if __name__ == '__main__':\n    pass\nassert double(1) == 2",
    "assignment expressions": "assert any((last := double(i)) > 1 for i in range(3)) and last == 2",
    "a name of a comprehension": "assert [double for double in range(2)] == [0, 1]\nassert double(1) == 2",
    "functions nobody calls": "def never(): return double(double)\nassert double(1) == 2",
    "loops": "n = 0\nwhile double(n) < 4:\n    n += 1\nelse:\n    assert n == 2",
}

TOGETHER = {
    # Names that aren't called.
    "a constant": ("assert MAX == 5", "uses MAX other than by calling it (line 1)"),
    "an item of a constant": ("assert TABLE[0] == 5", "uses TABLE other than by calling it (line 1)"),
    "a condition": ("if DEBUG: pass", "uses DEBUG other than by calling it (line 1)"),
    "a loop over a constant": ("for x in TABLE: pass", "uses TABLE other than by calling it (line 1)"),
    "a constant through names": ("x = [MAX]\ny = MAX\nassert y", "uses MAX other than by calling it (line 3)"),
    "a constant in a function": (
        "def check(x):\n    assert x == 1\ncheck(MAX)",
        "uses MAX other than by calling it (line 2)",
    ),
    "a constant given to Python": ("assert len(TABLE) == 3", "uses TABLE other than by calling it (line 1)"),
    "a module of the program's": ("assert f(1) == math.pi", "uses math other than by calling it (line 1)"),
    "an attribute of a function": ("f(1)\nassert f.calls == 1", "uses f other than by calling it (line 2)"),
    "setting one": ("f.calls = 0", "uses f other than by calling it (line 1)"),
    "a class asked for": ("assert isinstance(f(1), Node)", "uses Node other than by calling it (line 1)"),
    "a type compared": ("assert type(f(1)) == Node", "uses Node other than by calling it (line 1)"),
    "a base class": ("class Mine(Node): pass", "uses Node other than by calling it (line 1)"),
    "an exception": ("try: f(1)\nexcept Failure: pass", "uses Failure other than by calling it (line 2)"),
    "a decorator": ("@f\ndef g(): pass", "uses f other than by calling it (line 1)"),
    "an annotation": ("x: List[int] = []", "uses List other than by calling it (line 1)"),
    "a wrapped function": ("from functools import wraps\nwraps(f)", "uses f other than by calling it (line 2)"),
    "a changed global": ("COUNT += 1", "gives COUNT a meaning after using it (line 1)"),
    "a replaced function": ("r = f(1)\nf = r", "gives f a meaning after using it (line 2)"),
    # Arguments that can't cross.
    "a lambda": ("square(2)\nsquare(lambda: 1)", "passes a lambda to square (line 2)"),
    "a lambda for a parameter": (
        "def check(candidate):\n    candidate(lambda: 1)\ncheck(f)",
        "passes a lambda to f (line 2)",
    ),
    "a lambda under a name": ("g = lambda: 1\nh = g\nf(h)", "passes a lambda to f (line 3)"),
    "a lambda in containers": ("f([{'a': (lambda: 1,)}])", "passes a lambda to f (line 1)"),
    "a lambda put into a list": ("xs = []\nxs.append(lambda: 1)\nf(xs)", "passes a lambda to f (line 3)"),
    "a lambda put into a dict": ("d = {}\nd['a'] = [lambda: 1]\nf(d)", "passes a lambda to f (line 3)"),
    "a lambda by * and **": ("f(*[1], **{'key': lambda: 1})", "passes a lambda to f (line 1)"),
    "a lambda by partial": ("from functools import partial\npartial(f)(lambda: 1)", "passes a lambda to f (line 2)"),
    "a lambda by map": ("list(map(f, [lambda: 1]))", "passes a lambda to f (line 1)"),
    "a lambda given later in a loop": (
        "x = 1\nfor _ in '12':\n    f(x)\n    x = lambda: 1",
        "passes a lambda to f (line 3)",
    ),
    "a lambda in one branch": ("if 1:\n    x = 1\nelse:\n    x = lambda: 1\nf(x)", "passes a lambda to f (line 5)"),
    "a lambda returned": ("def g(x):\n    return lambda: x\nf(g(1))", "passes a lambda to f (line 3)"),
    "a lambda by global": (
        "x = 1\ndef g():\n    global x\n    x = lambda: 1\ng()\nf(x)",
        "passes a lambda to f (line 6)",
    ),
    "a function of the test's": ("def g(): pass\nf(g)", "passes g to f (line 2)"),
    "a function of the program's": ("f(g)", "passes g to f (line 1)"),
    "a class of the test's": ("class Mine: pass\nf(Mine)", "passes Mine of the test's own to f (line 2)"),
    "an object of the test's": ("class Mine: pass\nf([Mine()])", "passes Mine of the test's own to f (line 2)"),
    "a builtin function": ("f(len)", "passes len to f (line 1)"),
    "a builtin class": ("f([1], int)", "passes int to f (line 1)"),
    "a method": ("f(str.upper)", "passes str.upper to f (line 1)"),
    "a type": ("f(type(1))", "passes what type returned to f (line 1)"),
    "an imported function": ("import math\nf(math.sqrt)", "passes math.sqrt to f (line 2)"),
    "one imported by name": ("from operator import add as plus\nf(plus)", "passes operator.add to f (line 2)"),
    "a module": ("import math\nf(math)", "passes math to f (line 2)"),
    "a compiled pattern": ("import re\nf(re.compile('a'))", "passes what re.compile returned to f (line 2)"),
    "an array": ("import numpy as np\nf(np.array([1]))", "passes what numpy.array returned to f (line 2)"),
    "a generator": ("f(x for x in [1])", "passes a generator to f (line 1)"),
    "a generator function's": ("def g():\n    yield 1\nf(g())", "passes a generator to f (line 3)"),
    "an iterator": ("f(iter([1]))", "passes what iter returned to f (line 1)"),
    "a map": ("f(map(str, [1]))", "passes what map returned to f (line 1)"),
    "a zip": ("f(zip([1], [2]))", "passes what zip returned to f (line 1)"),
    "a reversed": ("f(reversed([1]))", "passes what reversed returned to f (line 1)"),
    "a view of a dict": ("f({1: 2}.keys())", "passes what .keys() returned to f (line 1)"),
    "an ellipsis": ("f(...)", "passes ... to f (line 1)"),
    "what is not known": (
        "class Test:\n    def run(self, x): f(x)",
        "passes an argument in Test to f (line 2)",
    ),
    # Results that must be objects.
    "an object given to another function": (
        "root = Node(1)\nheight(root)",
        "passes what Node returned to height (line 2)",
    ),
    "one nested in the call": ("decode(encode('a'))", "passes what encode returned to decode (line 1)"),
    "one by way of a list": ("xs = [f(1)]\ng(xs[0])", "passes what f returned to g (line 2)"),
    "one by way of a loop": (
        "def run():\n    for i in '12':\n        if i == '2': g(last)\n        last = f(i)\nrun()",
        "passes what f returned to g (line 3)",
    ),
    "one by way of a helper": ("def helper(x): return g(x)\nhelper(f(1))", "passes what f returned to g (line 1)"),
    "a tree": ("Node(1, Node(2))", "passes what Node returned to Node (line 1)"),
    "an attribute of a result": ("assert f(1).left is None", "reads .left of what f returned (line 1)"),
    "a method of a result": ("s = Stack()\ns.push(1)", "reads .push of what Stack returned (line 2)"),
    "a method lists have too": ("s = Stack()\nassert s.pop() == 1", "reads .pop of what Stack returned (line 2)"),
    "one that changes a result": ("s = stack()\ns.append(1)", "reads .append of what stack returned (line 2)"),
    "a method that is not called": ("assert f(1).count == 2", "reads .count of what f returned (line 1)"),
    "data that is called": ("assert f(1).real() == 2", "reads .real of what f returned (line 1)"),
    "an attribute of an item": ("assert [p.x for p in f(1)] == [1]", "reads .x of what f returned (line 1)"),
    "an attribute in a key": ("assert sorted(f(1), key=lambda p: p.x)", "reads .x of what f returned (line 1)"),
    "an attribute after a list": ("xs = []\nxs.append(f(1))\nxs[0].left", "reads .left of what f returned (line 3)"),
    "the name of a type": ("type(f(1)).__name__", "reads .__name__ of the type of what f returned (line 1)"),
    "an item of what is returned set": ("m = f(2)\nm[0][0] = 1", "changes what f returned (line 2)"),
    "an item of what is returned deleted": ("m = f(2)\ndel m[0]", "changes what f returned (line 2)"),
    "an item of what a list holds set": ("ms = [f(2)]\nms[0][0] = 1", "changes what f returned (line 2)"),
    "an end of iteration caught": ("try:\n    f(1)\nexcept StopIteration:\n    pass", "catches StopIteration (line 3)"),
    "a type that is not plain": ("import re\nisinstance(f(1), re.Pattern)", "asks for the type re.Pattern (line 2)"),
    "an attribute that is set": ("root = f(1)\nroot.left = 2", "sets .left of what f returned (line 2)"),
    "an attribute by name": ("getattr(f(1), 'left')", "passes what f returned to getattr (line 1)"),
    "a returned function": ("assert f(1)(2) == 3", "calls what f returned (line 1)"),
    "an iterator's next": ("assert next(f(1)) == 3", "passes what f returned to next (line 1)"),
    "a list of an iterator": ("assert list(f(1)) == [3]", "passes what f returned to list (line 1)"),
    "an endless iterator": (
        "from itertools import islice\nislice(f(), 3)",
        "passes what f returned to itertools.islice (line 2)",
    ),
    "a context": ("with f(1): pass", "enters what f returned (line 1)"),
    "a raised result": ("raise f(1)", "raises what f returned (line 1)"),
    "a coroutine": ("async def main(): await f(1)", "uses AsyncFunctionDef (line 1)"),
    "identity": ("xs = []\nassert f(xs) is xs", "asks whether what f returned is the very same object (line 2)"),
    "an object compared": ("assert Point(1) + Point(2) == Point(3)", "computes with what Point returned (line 1)"),
    "an object as text": ("assert str(Point(1)) == '1'", "passes what Point returned to str (line 1)"),
    "an object formatted": ("assert f'{Point(1)}' == '1'", "formats what Point returned (line 1)"),
    "an object's item": ("assert Matrix(1)[0, 0] == 1", "takes an item of what Matrix returned (line 1)"),
    "an object's length": ("assert len(Stack()) == 0", "passes what Stack returned to len (line 1)"),
    "an object's members": ("assert 1 in Bag([1])", "asks what is in what Bag returned (line 1)"),
    "an object iterated over": ("for x in Bag([1]): pass", "iterates over what Bag returned (line 1)"),
    "an object taken apart": ("a, b = Pair(1, 2)", "takes what Pair returned apart (line 1)"),
    "a function returned and compared": ("assert f('sqrt') == abs", "compares what f returned with abs (line 1)"),
    "a result kept in an object": (
        "class Mine: pass\nm = Mine()\nm.x = f(1)",
        "gives what f returned to an object of its own (line 3)",
    ),
    "a result kept in a class": ("class Mine:\n    x = f(1)", "gives what f returned to an object of its own (line 1)"),
    "an object of a unittest": (
        "import unittest\nclass Test(unittest.TestCase):\n    def setUp(self): self.stack = Stack()",
        "gives what Stack returned to an object of its own (line 3)",
    ),
    "an exception's attribute": (
        "try: f(1)\nexcept OSError as e:\n    e.errno",
        "reads .errno of the exception e (line 3)",
    ),
    "an exception's name": (
        "try: f(1)\nexcept Exception as e:\n    type(e).__name__",
        "reads .__name__ of the exception e (line 3)",
    ),
    "an exception of the library": (
        "import json\ntry: f(1)\nexcept json.JSONDecodeError: pass",
        "catches json.JSONDecodeError (line 3)",
    ),
    "one that an assertion waits for": (
        "import pytest, json\nwith pytest.raises(json.JSONDecodeError): f(1)",
        "catches json.JSONDecodeError (line 2)",
    ),
    "an exit": ("try: f(1)\nexcept SystemExit: pass", "uses SystemExit (line 2)"),
    # What a test and its program would have to share.
    "captured output": ("import sys\nsys.stdout = None", "sets .stdout of sys (line 2)"),
    "output": ("import sys\nsys.stdout.getvalue()", "uses sys.stdout (line 2)"),
    "redirected output": ("from contextlib import redirect_stdout", "imports contextlib.redirect_stdout (line 1)"),
    "a mock": ("from unittest.mock import patch", "imports unittest.mock.patch (line 1)"),
    "a mock by its module": ("import unittest\nunittest.mock.patch('f')", "uses unittest.mock (line 2)"),
    "a patched module": ("import random\nrandom.random = 1", "sets .random of random (line 2)"),
    "a seed": ("import random\nrandom.seed(1)", "uses random.seed (line 2)"),
    "a context of decimals": ("import decimal\ndecimal.getcontext().prec = 9", "uses decimal.getcontext (line 2)"),
    "a limit of the interpreter": ("import sys\nsys.setrecursionlimit(9)", "uses sys.setrecursionlimit (line 2)"),
    "a file": ("open('x', 'w').close()\nf('x')", "uses open (line 1)"),
    "threads": ("import threading", "imports threading (line 1)"),
    "the program itself": ("from candidate import f", "imports candidate.f (line 1)"),
    "a relative import": ("from . import f", "imports ..f (line 1)"),
    "all names of a module": ("from math import *", "imports math.* (line 1)"),
    "globals": ("globals()['f'](1)", "uses globals (line 1)"),
    "eval": ("eval('f(1)')", "uses eval (line 1)"),
    "an import by name": ("__import__('math')", "uses __import__ (line 1)"),
    "names that Python has too": ("assert set(sum(1)) == {1}", "may mean the program's own set or sum"),
    # What is not understood.
    "match": ("match f(1):\n    case 1: pass", "uses Match (line 1)"),
    "depth": ("f(1)" + ".real" * 2000, "is nested too deeply to be analysed"),
    "depth that Python refuses": ("-" * 100_000 + "1", "is nested too deeply to be analysed"),
}


@pytest.mark.parametrize("source", APART.values(), ids=APART)
def test_it_stands_apart_and_passes(source: str) -> None:
    analysis = trust.Planner(b"").analyse(source.encode())
    assert analysis.shared_reason == ""
    assert separation.run_together(PROGRAM, source) == ""
    assert separation.run_apart(PROGRAM, (), "", [(source, analysis.stubs)]) == [""]


@pytest.mark.parametrize(("source", "reason"), TOGETHER.values(), ids=TOGETHER)
def test_it_must_share_the_process(source: str, reason: str) -> None:
    assert trust.Planner(b"").analyse(source.encode()).shared_reason == reason


@pytest.mark.parametrize("source", ["f(1", "return 1 +", "f(1)\0", "\ud800", "x = 'a"])
def test_code_that_does_not_compile_is_left_to_fail(source: str) -> None:
    analysis = trust.Planner(b"").analyse(source.encode("utf-8", "surrogatepass"))
    assert (analysis.stubs, analysis.shared_reason) == (frozenset(), "")


def test_a_case_knows_what_the_set_up_made() -> None:
    setup = "import math\ndata = [1, 2]\ndef check(x):\n    assert double(x) == 2 * x\nfirst = words('a')"
    planner = trust.Planner(setup.encode())
    sources = ["check(1)\ntotal(*data, math.ceil(0.5))", "assert double(data) == [1, 2, 1, 2] and first == ['a']"]
    cases = [(source, planner.analyse(source.encode()).stubs) for source in sources]
    assert planner.setup_reason == ""
    assert planner.setup_stubs == {"double", "words"}
    assert separation.run_apart(PROGRAM, planner.setup_stubs, setup, cases) == ["", ""]


def test_what_the_set_up_made_can_keep_a_case_from_standing_apart() -> None:
    planner = trust.Planner(b"key = lambda: 1\nhead = Node(1)\ndef run(x): f(x)")
    assert planner.setup_reason == ""
    reasons = [planner.analyse(source).shared_reason for source in (b"f(1)", b"f(key)", b"f(head)", b"run(len)")]
    assert reasons == [
        "",
        "passes a lambda to f (line 1)",
        "passes what Node returned to f (line 1)",
        "passes len to f (line 3)",
    ]


def test_one_case_changes_nothing_for_the_next() -> None:
    planner = trust.Planner(b"xs = []")
    assert planner.analyse(b"xs.append(len)\nf(xs)").shared_reason
    assert planner.analyse(b"f(xs)").shared_reason == ""


def test_a_set_up_that_needs_live_objects_decides_for_all_cases() -> None:
    planner = trust.Planner(b"root = Node(1)\nroot.left = Node(2)")
    assert planner.setup_reason == "the set-up sets .left of what Node returned (line 2)"
    assert planner.analyse(b"assert f(1) == 2").shared_reason == planner.setup_reason


def test_a_test_of_nothing_else_is_a_test_of_what_python_has_too() -> None:
    program, source = "def sum(a, b): return a + b + 1", "assert sum(10, 15) == 26"
    analysis = trust.Planner(b"").analyse(source.encode())
    assert (analysis.stubs, analysis.shared_reason) == ({"sum"}, "")
    assert separation.run_apart(program, (), "", [(source, analysis.stubs)]) == [""]
    assert trust.Planner(b"").analyse(b"assert f(sum([1])) == 2").stubs == {"f"}


@pytest.mark.parametrize(
    "attribute", ["year", "numerator", "total_seconds()", "quantize(1)", "most_common()", "maxlen"]
)
def test_all_types_that_cross_have_their_attributes(attribute: str) -> None:
    assert trust.Planner(b"").analyse(f"f(1).{attribute}".encode()).shared_reason == ""


def test_the_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    functions = "".join(f"def f{i}(x): return lambda: f{i + 1}(lambda: x)\n" for i in range(60))
    endless = f"{functions}def f60(x): return x\ny = f0(1)\nwhile y:\n    y = y()\n"
    monkeypatch.setattr(sys.modules["trust_names"], "MAXIMUM_STATEMENTS", 1000)
    assert trust.Planner(b"").analyse(endless.encode()).shared_reason == "takes too long to be analysed"
    assert trust.Planner(b"").analyse(b"f(1)\n" * 1000).shared_reason == ""
    assert trust.Planner(b"").analyse(b"f(1)\n" * 1001).shared_reason == "takes too long to be analysed"


@given(
    st.lists(st.sampled_from([*APART.values(), *(source for source, _ in TOGETHER.values())]), max_size=4), st.data()
)
def test_any_code_gets_a_decision(sources: list[str], data: st.DataObject) -> None:
    code = "\n".join(sources).encode()
    start = data.draw(st.integers(0, len(code)))
    end = data.draw(st.integers(start, len(code)))
    analysis = trust.Planner(code[:start]).analyse(code[start:end])
    assert isinstance(analysis.shared_reason, str)
    assert all(name.encode() in code for name in analysis.stubs)


def test_loading_it_takes_few_of_the_library() -> None:
    folder = str(Path(str(trust.__file__)).parent)
    program = f"import sys; sys.path.insert(0, {folder!r}); before = set(sys.modules)\nimport trust\n"
    program += "print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True, capture_output=True, text=True)
    assert [name for name in done.stdout.split() if not name.startswith("trust")] == ["_ast"]
