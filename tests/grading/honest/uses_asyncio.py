# origin: own

import asyncio


async def side(a):
    await asyncio.sleep(0)
    return a


async def perimeter(a):
    return sum(await asyncio.gather(*(side(a) for _ in range(4))))


def square_perimeter(a):
    return asyncio.run(perimeter(a))
