import parts.one

print(parts.one.VALUE, list(parts.__path__))
