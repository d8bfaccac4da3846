import asyncio


async def fail():
    raise ValueError("nobody awaited me")


async def main():
    task = asyncio.ensure_future(fail(), loop=asyncio.get_running_loop())
    task.set_name("failing")
    await asyncio.wait([task])


asyncio.run(main())
print("done")
