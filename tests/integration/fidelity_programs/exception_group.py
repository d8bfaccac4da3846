raise ExceptionGroup("several", [ValueError("one"), ExceptionGroup("inner", [TypeError("two"), OSError(2, "three")])])
