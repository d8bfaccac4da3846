quit("that is all")
