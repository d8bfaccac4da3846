print(hash("a string"), hash(b"bytes"), {"one", "two", "three"})
