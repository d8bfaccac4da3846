# kind: Encoding
# origin: own
# attacks: whoever would wait for it
# verdicts: FAILED


async def square_perimeter(a):
    return 4 * a
