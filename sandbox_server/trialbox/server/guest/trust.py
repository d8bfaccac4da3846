import ast
import builtins


class Analysis:
    def __init__(self, stubs, shared_reason):
        self.stubs, self.shared_reason = stubs, shared_reason


class Planner:
    def __init__(self, setup):
        self.setup_stubs = frozenset()
        self.setup_reason = "setup" if setup else ""

    def analyse(self, source):
        try:
            tree = ast.parse(source)
        except SyntaxError:
            return Analysis(frozenset(), "")
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        return Analysis(frozenset(n for n in names if not hasattr(builtins, n)), "")
