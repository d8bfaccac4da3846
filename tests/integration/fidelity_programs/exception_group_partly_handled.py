try:
    raise ExceptionGroup("several", [ValueError("one"), TypeError("two")])
except* ValueError as group:
    print("handled", group.exceptions)
