import os
from pathlib import Path

print(os.getcwd(), Path.cwd(), os.path.abspath("x"), os.environ.get("PWD"))
print(sorted(os.listdir()))
os.mkdir("sub")
os.chdir("sub")
print(os.getcwd(), os.path.relpath(__file__))
