import os
import shutil
from pathlib import Path

Path("a/b/c").mkdir(parents=True)
Path("a/b/file").write_text("text")
shutil.copytree("a", "copy")
os.symlink("a/b/file", "link")
print(Path("link").read_text(), sorted(str(path) for path in Path("copy").rglob("*")))
shutil.move("copy", "moved")
shutil.rmtree("a")
print(sorted(os.listdir()), os.path.lexists("link"), os.path.exists("link"))
