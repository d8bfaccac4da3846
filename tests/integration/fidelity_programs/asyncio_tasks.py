import asyncio


async def work(number):
    await asyncio.sleep(0)
    return number * 2


async def main():
    print(await asyncio.gather(*(work(number) for number in range(4))))


asyncio.run(main())
