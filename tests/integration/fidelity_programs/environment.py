import os

print({name: os.environ.get(name) for name in ("PATH", "LANG", "PYTHONHASHSEED", "PYTHONPATH")})
os.environ["ADDED"] = "1"
os.system('echo "$ADDED"')
