import contextvars

variable = contextvars.ContextVar("variable", default=0)


def steps():
    try:
        yield variable.get()
    finally:
        print("closed")


generator = steps()
print(next(generator))
