import builtins

builtins.any = builtins.isinstance = None
raise SystemExit(5)
