exec(compile("def f():\n    return 1 / 0\nf()", "made_up.py", "exec"))
