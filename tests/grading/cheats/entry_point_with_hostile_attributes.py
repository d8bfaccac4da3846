# kind: Stub
# origin: own
# attacks: whatever looks at the entry point before it calls it
# verdicts: FAILED|ERROR


class Function:
    def __call__(self, *arguments):
        return -1

    def __getattribute__(self, name):
        raise SystemExit(0)

    def __eq__(self, other):
        return True

    def __bool__(self):
        raise SystemExit(0)


square_perimeter = Function()
