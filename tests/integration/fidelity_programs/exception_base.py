raise BaseException("a base")
