import traceback


def here():
    return traceback.extract_stack()


for entry in here():
    print(entry.filename, entry.lineno, entry.name, entry.line)
