import os
import tempfile

with tempfile.TemporaryDirectory() as folder:
    print(os.path.dirname(folder), os.path.isdir(folder))
    with open(os.path.join(folder, "f"), "w") as file:
        file.write("x")
print(os.path.exists(folder))
with tempfile.NamedTemporaryFile("w+") as file:
    file.write("text")
    file.seek(0)
    print(file.read())
print(tempfile.gettempdir())
