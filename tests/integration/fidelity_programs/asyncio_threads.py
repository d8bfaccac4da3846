import asyncio


async def main():
    print(await asyncio.to_thread(sum, [1, 2, 3]))
    print(await asyncio.get_running_loop().run_in_executor(None, len, "four"))


asyncio.run(main())
